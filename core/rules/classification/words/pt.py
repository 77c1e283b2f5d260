"""Portuguese words by kind, for Portugal and Brazil."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

PORTUGUESE: Final = k.Language(
    name="pt",
    words={
        k.GRANT: (
            "reembols* devolv* restitu* estorn* ressarc* indeniz* indemniz* compens* credit* abat* conced* outorg* "
            "aprov* aceit* acolh* autoriz* ampli* prorrog* prolong* estend* assin* garant* promet* compromet* "
            "assegur* reserv* agend* marc* remarc* cancel* anul* perdo* isent* dispens* assum* descont* baix* "
            "bonific* reduz* substitu* trocar* troca troco trocamos repor* repost* consert* arranj* repar* oferec* "
            "oferecid* ofert* presente* retir* remov* elimin* tirar* tiramos tirei mantemos manter* mantenho mantido "
            "respeit* renov* acord* combin* fech* confirm* adjudic* admit* atribu* guard* separ* fix* bloque* levant* "
            "renunci* desist* ajust* igual* inclu* matricul* inscrev* contrat* nome* promov* selecion* readmit* "
            "restabelec* desbloque* ativ* liber* congel* dobr* parcel* adi* antecip* mov* transfer* cobr* cobrimos "
            "cubr* suport* liquid* sald* pag* rescind* ced* doar* patrocin* financ* emprest* alug* arrend* vend* "
            "compr* encomend* rectific* retific* corrig* modific* reconhec* responsabil* ratific* consent* suspend* "
            "arquiv* exoner* certific* deferid* defer* efetiv* favoravel honr* cortes* remaneja* encaix* revert* "
            "recu* invest* cumpr* concord* segur* quit* anulo tiro apag* abaix* subo aument* abon* cubro prometo "
            "conserv* transferi obrig* limitad* alarg* decidi* leva levamos"
        ),
        k.DO: (
            "envi* mand* lev* entreg* ligar* ligo liga ligamos pass* faz* faco fazemos fara farao farei faremos feito "
            "fiz fizemos dar* dou damos dado darei daremos demos comec* cheg* instal* recolh* sai* sair* vai vao vou "
            "vamos venh* vem vir* vira virao viremos termin* tratar* trato tratamos ter* tera tem mont* prepar* traz* "
            "trag* trar* limp* imprim* traduz* form* assist* atend* ficar* fica fico estar* esta serv* constru* volt* "
            "deposit* process* remet* despach* met* coloc* cozinh* deix* apresent* ir ira irao iremos resolv* conclu* "
            "complet* oferec* pint* redig* emit* emiti trat* subir* ponh* poremos pomos por serei ser sera acab* "
            "abrir* abr* busc* dar-* disponibil* soluc* entra* acrescent* adicion* distribu* sold* plant* cort* lav* "
            "embal* descarreg* carreg* armazen* acompanh* aliment* cuid* reboc* junt* arranj* empresto envio mando "
            "levo trago passo movo peco organiz* elabor* redij* alter* ponho pus colo* testo represent* defend* "
            "ensin* fornec* deixo providenci* marco anoto programo irei entra entram entro devolv* ficou ficam sobe "
            "pedi escrev*"
        ),
        k.SOFT: (
            "olhar* olho ver ver* vejo verific* analis* consult* pergunt* fal* falar coment* encaminh* reencaminh* "
            "passei ach* cre* pens* esper* dese* gostar* gost* agradec* lament* sint* sentimos desculp* sei entend* "
            "compreend* encontr* le* li ler ouv* receb* precis* quer* queremos tent* inform* lembr* avis* explic* "
            "recomend* aconselh* propor* propus sugir* suger* estud* investig* observ* medi* trabalh* aprend* procur* "
            "us* utiliz* contact* not* anot* registr* regist* digo dir* diz* duvid* sup* consider* escut* anex* "
            "compar* verifica* aval* confer* convid* alegr* interess* pod* conseguimos consigo apur* reflet* discut* "
            "pedimos peco pede rogamos saber sabe sabemos"
        ),
        k.STATE: (
            "recebid* enviad* modificad* registad* registrad* abert* fechad* encerrad* instalad* realizad* terminad* "
            "criad* entregue* encontrad* medid* gerad* publicad* processad* utilizad* previst* atrasad* atualizad* "
            "reiniciad* expedid* saido carregad* anexad* guardad* calculad* encaminhad* alterad* detectad* detetad*"
        ),
        k.SAY: (
            "prometo prometemos garanto garantimos aceito aceitamos asseguro asseguramos comprometo comprometemos "
            "confirmo confirmamos autorizo autorizamos concedo concedemos reconheco reconhecemos assumo assumimos "
            "juro admito admitimos abdico renuncio prescindimos"
        ),
        k.SELF: (
            "vou vamos tenho temos irei iremos estou estamos acabei acabamos posso podemos fico ficamos mando envio "
            "ligo reservo ofereco devolvo anulo cancelo passo deixo ponho faco dou troco baixo tiro retiro renovo "
            "pago cubro guardo incluo anoto assino fecho entrego levo trago mantenho desconto amplio perdoo fiz dei "
            "pus coloco empresto junto"
        ),
        k.LINK: "bem prazer decidiu decidimos acordado presente mediante ja disposto dispostos",
        k.FIRST: "eu nos gente",
        k.OURS: (
            "clube assembleia fundacao associacao federacao ministerio creche teatro museu paroquia condominio junta "
            "prefeitura estado presidente vereador juiz juiza notario gestor gestora agencia escola universidade "
            "professor professora medico medica clinica hospital veterinario canalizador encanador eletricista pintor "
            "mecanico armazem loja hotel companhia transportadora editora galeria comprador compradora vendedor "
            "vendedora senhoria proprietaria socios contabilidade rh servico fabrica cozinha administrador "
            "administradora dona dono tribunal financeiro diretoria banca reitor conselho diretor diretora empresa "
            "equipe equipa senhorio proprietario banco tecnico cliente advogado advogada chefe gerente comissao "
            "reitoria camara seguradora doutor doutora dra dr fornecedor juri direcao patrao oficina motorista "
            "entregador colega administracao imobiliaria dentista cabeleireiro carpinteiro pedreiro jardineiro "
            "carteiro padeiro florista tradutor interprete treinador piloto capitao fisioterapeuta enfermeira "
            "fotografo alfaiate estafeta"
        ),
        k.THEIRS: (
            "ele ela eles elas vizinho vizinha vizinhos outros alguem concorrente concorrencia inquilino contraria"
        ),
        k.YOU: "voce voces lhe lhes te ti senhor senhora vos consigo",
        k.YOUR: "seu sua seus suas teu tua teus tuas vosso vossa",
        k.WILL: "sera serao estara estarao tera terao chega vou vamos vai vao irei iremos ira",
        k.HAVE: "tenho temos acabei acabamos ja tem",
        k.BE: "foi foram sido sera serao esta estao ficou fica ficam ficara e sao seja",
        k.MIGHT: (
            "poderia poderiamos talvez gostaria deveria deve devem teria haveria seria possa possam parece quisesse"
        ),
        k.IF: "se quando caso assim",
        k.NOT: (
            "nao nem nunca nada nenhum nenhuma ninguem sem infelizmente tampouco ainda jamais recusou recusado "
            "recusada recusa negou negado"
        ),
        k.DEAL: (
            "otimo excelente fechada fechado aprovado aprovada aceite aceito apontado reservado garantido compromisso "
            "oficialmente formalmente maravilha show confirmo combinado combinada negocio acordo certo perfeito "
            "parabens claro tranquilo tranquila pronto feito prometo palavra confirmado confirmada beleza topado bora "
            "assente descansado descansada sim prazer felizes ok presente fica"
        ),
        k.SUM: (
            "reembolso* devolucao desconto* credito* compensacao dinheiro valor* taxa* custo* indenizacao "
            "indemnizacao abatimento multa* portes frete preco* estorno caucao tarifa* despesa* anuidade aluguel "
            "aluguer renda deposito salario* bolsa propinas isencao fatura* emprestimo* premio bonus bonificacao "
            "juros honorarios comissao mensalidade* prestacao prestacoes saldo cheque diferenca aumento franquia "
            "euros reais montante quantia parcela* pagamento* conta sinal ajuda subsidio coima limite"
        ),
        k.SLOT: (
            "consulta reuniao entrega reserva mesa quarto sala vaga lugar* bilhete* ingresso* assento* voo "
            "estacionamento chave* apartamento casa visita tecnico substituicao reparacao reparo conserto hotel "
            "noite* carro veiculo bicicleta stand curso estagio paletes exemplares aparelho modelo peca caldeira "
            "turno horario instalacao recolha unidades camiao caminhao posto agenda chale camarote"
        ),
        k.PACT: (
            "contrato* arrendamento orcamento pedido* solicitacao oferta contraproposta proposta ferias licenca "
            "transferencia prazo* vencimento garantia candidatura autorizacao processo reclamacao recurso "
            "responsabilidade culpa erro falha acordo clausula rescisao inscricao teletrabalho promocao exclusividade "
            "opcao mes meses dias anos semana sinistro avaria apolice prorrogacao assinatura condicoes horario "
            "transtorno"
        ),
        k.SYSTEM: (
            "senha utilizador usuario encomenda numero servidor copia newsletter webinar ticket link portal aplicacao "
            "aplicativo versao ficheiro arquivo pasta mensagem email comboio trem autocarro onibus linha estrada "
            "impressora router programa sistema pagina formulario inquerito relatorio leitura site atualizacao "
            "rastreio voo backup cookies"
        ),
        k.TIME: (
            "segunda terca quarta quinta sexta sabado domingo janeiro fevereiro marco abril maio junho julho agosto "
            "setembro outubro novembro dezembro hora horas h manha tarde meio-dia noite semana dias dia mes meses ano "
            "anos hoje trimestre minutos feira uteis"
        ),
        k.AHEAD: (
            "amanha ate proximo proxima proximos partir dentro prazo imediato imediatamente ja logo antes este esta "
            "neste nesta desde fim final vem"
        ),
        k.BEFORE: (
            "ontem passado passada ultimo ultima anterior ha antigo desde entao anteontem tinha tinham tinhamos havia "
            "haviam"
        ),
        k.FREE: (
            "gratis graca gratuit* cortesia oferta bonificado isento isenta integralmente adicional brinde zero onus "
            "oferecido oferecida"
        ),
        k.GET: (
            "fique fica guarde recebera receberao tera tem pode podera recebe ganha ganham leva terao podes recebes"
        ),
        k.SPARED: (
            "cobr* fatur* pag* cargo* taxa* custo* custa* multa* juros reclam* preocup* process* exig* aument* debit* "
            "desembols* encargos mud*"
        ),
        k.RULE: (
            "normativa convencao habitualmente normalmente geralmente usuarios utentes visitantes pacientes "
            "estudantes trabalhadores funcionarios socios clientes alunos obrigatorio necessario possivel anual "
            "mensal diario minimo maximo aberto abre fecha funciona politica cada plano planos inclui horario "
            "qualquer versao disponivel regulamento clausula artigo lei costuma costumam cobre apenas inscricoes "
            "encerram valido valida validos depende dependem"
        ),
        k.TOLD: (
            "disse diz dizem comentou escreveu indica menciona afirma alega sustenta segundo pergunta pediu pede "
            "reclama exige quer parece conta contaram prometeram havia tinha tinham"
        ),
        k.POLITE: (
            "obrigado obrigada recebemos anexo segue newsletter lembrete lamentamos desculp* bem-vindo informacao "
            "brevemente breve encontra ajuda atualmente ola agradecemos cumprimentos atenciosamente feliz bom boa "
            "caro cara comunicado manutencao avaria greve mensagem ata aviso inquerito aniversario"
        ),
        k.ASK: (
            "favor poderia pode podia podes indique diga prefere quer precisa precisamos preencha quando como onde "
            "quem qual quanto por que porque tem clique escolha envie lembre confirme carregue prima ja"
        ),
        k.AWAY: (
            "informado informada corrente fora escritorio ausente fechado fechada ferias manutencao encerrado "
            "encerrados newsletter boletim aviso avisarei digo"
        ),
        k.YOUDO: "disse pediu assinou pagou enviou escreveu tem",
        k.NUMBER: "dois duas tres quatro cinco seis sete oito nove dez onze doze quinze vinte trinta cem mil",
        k.YOUSUBJECT: "voce voces senhor senhora tu",
        k.STAYS: "mantem mantem-se fica vale valem garantido valido mantido inalterado",
        k.COSTS: (
            "custa custam demora dura pesa mede contem inclui preve subiram subiu desceu cairam comeca termina abre "
            "fecha sai vence diz estabelece encerra somam soma renova renovam leva cobre venceu acabou expirou"
        ),
        k.COMMON: (
            "novo nova outra outro todo pra pro durante sobre entre depois tudo o a os as de do da dos das um uma e "
            "em no na nos nas para que com por ao aos se mais nosso nossa nossos me meu minha mas ou este esta isso "
            "ja muito como foi pelo pela so esse essa sao ate seu sua tambem mesmo sem"
        ),
        k.MUST: "tera tem precisa deve",
    },
    idioms=(
        "esta contratado", "esta contratada", "bem-vindo a equipa", "bem-vindo ao time", "bem-vinda ao time",
        "nao sera cobrada", "nao sera cobrado", "nao lhe cobraremos", "nao cobraremos", "nao vai pagar",
        "nao paga nada", "nao pagara nada", "nao tem de pagar", "nao precisa pagar", "nao precisa de pagar",
        "por nossa conta", "por minha conta", "a nosso cargo", "tem a minha palavra", "dou a minha palavra",
        "dou minha palavra", "negocio fechado", "pode contar com", "podem contar com", "contem conosco",
        "conte conosco", "conte connosco", "combinado para", "sem custo para", "sem custos para",
        "sem qualquer custo", "sem custo adicional", "sem custos adicionais", "sem encargos", "sem multa", "sem taxa",
        "fica por conta", "oferta da casa", "cortesia da casa", "nao lhe vai custar", "e seu", "e sua", "e teu",
        "culpa nossa", "erro nosso", "nosso erro", "falha nossa", "nossa culpa", "assumimos a responsabilidade",
        "a seu favor", "como compensacao", "comprometo-me", "comprometemo-nos", "nos comprometemos", "me comprometo",
        "pode ficar descansado", "pode ficar tranquilo", "pode ficar descansada", "pode deixar",
        "ficamos com o prejuizo", "da nossa parte", "fica anulado", "fica anulada", "fica sem efeito", "fica assente",
        "fica combinado", "palavra de honra", "palavra minha", "e para si", "e para voce", "sim a semana", "sim ao",
        "sim a sua",
        "fico responsavel", "minha palavra", "em seu nome", "abrimos mao", "abro mao", "do nosso bolso",
        "conte comigo", "as nossas custas",
    ),
    participle=r".{2,}[ai]d[oa]s?|.{2,}(?:eito|ito|ita)s?",
    selves=("mos", "rei", "ei"),
    surely=("amos", "emos"),
    futures=("ara", "era", "ira", "arao", "erao", "irao", "arei", "erei", "irei", "remos"),
    plurals=(("s", ""), ("es", ""), ("oes", "ao"), ("ns", "m"), ("is", "l")),
)  # fmt: skip
