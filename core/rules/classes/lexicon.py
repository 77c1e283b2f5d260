"""The words that promises are made of, in seven languages.

Each language sorts its words into kinds; `grammar` knows which kinds together make a promise. Words are in lower case
and without accents, as `letters.plain` writes them; a star stands for any ending. A word of two kinds is listed twice.
Nothing here is a translation of anything else: each list holds what people of that language write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final


class Kind:
    """What a word does in a promise, a bit each. No enum: each of its operators costs a microsecond."""

    FIRST: Final = 1 << 0
    """Who promises: I, we."""
    AUX: Final = 1 << 1
    """Turns a verb into something to be done or done: will, have, going to, am happy to."""
    ACT: Final = 1 << 2
    """A verb that binds whoever does it: refund, waive, guarantee."""
    MILD: Final = 1 << 3
    """A verb that binds if it is about the reader, money, a date: move, cover, accept."""
    LOOSE: Final = 1 << 20
    """The same for verbs of many meanings, which bind only beside money, a date or a time: put, set, keep."""
    SELF: Final = 1 << 4
    """A form of such a verb that holds its own subject: garantizamos, prometo."""
    SAY: Final = 1 << 5
    """A verb that promises by being said, with its subject: I promise, nous acceptons."""
    CONFIRM: Final = 1 << 6
    GIVE: Final = 1 << 7
    """Turns money into a promise: issue, offer, approve."""
    MONEY: Final = 1 << 8
    DATE: Final = 1 << 9
    """A thing that is fixed for a time: appointment, delivery, booking."""
    BE: Final = 1 << 10
    """Makes a passive: is, wurde, a ete."""
    DONE: Final = 1 << 11
    """A participle that binds: refunded, genehmigt."""
    WHEN: Final = 1 << 12
    """A time by which: tomorrow, Friday, within."""
    DO: Final = 1 << 13
    """A verb that is a promise once a time stands beside it: send, call, deliver."""
    YOU: Final = 1 << 14
    GET: Final = 1 << 15
    NOT: Final = 1 << 16
    SUPPOSED: Final = 1 << 17
    """if, whether, before; could, might."""
    SOMEBODY: Final = 1 << 18
    """Somebody of ours who will do it: the technician, our team."""


BITS: Final = 21
"""Room for one language's kinds."""

_ENGLISH: Final = {
    Kind.FIRST: "i we",
    Kind.AUX: (
        "prepared willing ready able will shall have has had am are going gonna can happy glad pleased delighted "
        "gladly hereby just already now ll ve went ahead decided agreed let"
    ),
    Kind.ACT: (
        "refund* reimburs* repay* repaid compensat* schedul* reschedul* rebook* book booked booking reserv* waiv* "
        "guarant* promis* pledg* commit commits committed committing countersign* undertake undertook indemnif* "
        "honour* honor* prepay* pencil*"
    ),
    Kind.MILD: (
        "accept accepted accepting approve approved approving authoris* authoriz* extend extended extending "
        "cancel cancelled canceled cancelling canceling cover covered covering absorb* match matched matching "
        "replac* upgrad* exchang* credit credited crediting deduct* reverse reversed reversing grant granted "
        "granting enrol* enroll*"
    ),
    Kind.LOOSE: (
        "putting slotted slotting squeez* changed booked agree agreed agreeing discount* order ordered ordering "
        "arrang* lock locked locking hold holding held knock knocked throw thrown return returned returning "
        "remove removed removing lower lowered lowering reduc* sign signed signing pay paid paying wire wired "
        "wiring transfer transferred purchas* block blocked blocking moved move moving put set settl* deliver "
        "delivered delivering add added adding apply applied applying take fix make bear assume offer offered "
        "offering shave cut dropped drop hire* donat* sponsor* save saving keep bring placed place placing"
    ),
    Kind.SAY: "promise guarantee pledge undertake accept vow swear assure commit agree insure",
    Kind.CONFIRM: "confirm confirms confirming confirmed",
    Kind.GIVE: (
        "issue issued issuing give gave given giving grant granted granting offer offered offering apply applied "
        "applying approve approved approving process processed processing send sent add added adding provide "
        "provided put take took knock do make made accept accepted authoris* authoriz* release* credit credited "
        "return returned returning transfer* wire* waive* remov* initiat*"
    ),
    Kind.MONEY: (
        "cost costs extension exception upgrade waiver bucks dollars euros pounds expenses refund refunds "
        "refunded reimbursement compensation credit discount discounts rebate voucher fee fees charge charges "
        "deposit money payment cashback claim surcharge reduction price % percent off $ free funds bonus payout"
    ),
    Kind.DATE: (
        "appointment meeting call delivery booking reservation slot demo visit session installation interview "
        "table room seat seats flight contract agreement deal nda quote order subscription replacement inspection "
        "viewing invitation conference pickup collection consultation trial deadline renewal"
    ),
    Kind.BE: "is are was were be been being gets",
    Kind.DONE: (
        "waived refunded reimbursed compensated guaranteed promised credited rescheduled scheduled booked "
        "reserved extended countersigned signed"
    ),
    Kind.WHEN: (
        "may tomorrow today tonight monday tuesday wednesday thursday friday saturday sunday within deadline eow "
        "holidays hours hour minutes days end pm january february march april june july august september october "
        "november december noon midnight eod cob morning afternoon evening weekend"
    ),
    Kind.DO: (
        "send call ship deliver get have fix finish complete resolve join visit bring come provide submit return "
        "pay hand prepare draft do reply respond answer release publish install repair replace email mail forward "
        "meet attend deploy write file start finalize finalise back arrive arrives arriving sending calling "
        "joining delivering shipping paying there ready live done ring drop pick see follow upload share wire go "
        "present update"
    ),
    Kind.YOU: "you your yours",
    Kind.GET: "get receive have got receiving",
    Kind.NOT: "not never no cannot nothing nobody none neither nor without unable unfortunately afraid un hardly",
    Kind.SUPPOSED: (
        "if whether unless once could might may would should perhaps maybe possibly try hope asked asks wonder "
        "wondering when before like want wants prefer"
    ),
    Kind.SOMEBODY: (
        "technician engineer colleague team courier driver electrician installer replacement plumber refund "
        "credit manager director payment crew repair fix"
    ),
}
_GERMAN: Final = {
    Kind.FIRST: "ich wir",
    Kind.AUX: "habe haben werde werden kann konnen hiermit gerne gern durfen wird",
    Kind.ACT: (
        "eingeschrieben schenke schenken erstatt* ruckerstatt* zuruckerstatt* zuruckzahl* zuruckgezahlt "
        "zuruckgebucht zuruckbuch* zuruckuberweis* ruckvergut* vergut* gutschreib* gutgeschrieben erlass* "
        "stornier* gebucht buche buchen reservier* angesetzt ansetz* eingeplant einplan* terminier* garantier* "
        "versprech* versprochen verspreche zusag* zugesagt zusich* zugesichert verpflicht* gewahr* genehmig* "
        "verlanger* ubernehm* ubernomm* unterschreib* unterschrieben unterzeichn* gegenzeichn* entschadig* "
        "kompensier* verzicht* beheb* behoben ersetz* umgebucht umbuch* spendier* einraum* eingeraumt bewillig* "
        "vormerk* vorgemerkt eingetragen reserviert festgemacht"
    ),
    Kind.MILD: (
        "akzeptier* annehm* angenommen nehme nehmen vereinbar* gekundigt kundige kundigen storno bestellt "
        "bestelle bestellen bezahl* zahle zahlen zahlt liefer* geliefert tausche tauschen ausgetausch* umtausch* "
        "verschoben verschiebe verschieben uberweis* uberwiesen senke senken gesenkt reduzier* streiche streichen "
        "gestrichen abziehen abgezogen sichere sichern sage sagen trage tragen schenke schenken schreibe "
        "schreiben mache machen halte halten geplant plane planen beauftrag* verkauf* aufgehob* aufheb* erhoh* "
        "kummern kummere leg* stelle freigegeb* freigeb*"
    ),
    Kind.SAY: (
        "verspreche versprechen garantiere garantieren akzeptiere akzeptieren gelobe burge burgen verburge "
        "versichere versichern"
    ),
    Kind.CONFIRM: "bestatig*",
    Kind.GIVE: (
        "gebe geben gewahr* biete bieten angeboten erhalten erhalt bekommen bekommst genehmig* veranlass* "
        "schreibe schreiben einraum* eingeraumt raumen anbieten uberweis* uberwiesen zahlen zahle bewillig* "
        "erlass* ziehen angewiesen freigegeben schenken"
    ),
    Kind.MONEY: (
        "gratis kostenlos kostenfrei umsonst erstattung ruckerstattung gutschrift rabatt nachlass preisnachlass "
        "geld betrag kaufpreis entschadigung gebuhr gebuhren kosten prozent skonto anzahlung kaution ruckzahlung "
        "gutschein versandkosten mahngebuhr preis kulanz schadenersatz schadensersatz zuruck"
    ),
    Kind.DATE: (
        "termin treffen liefertermin lieferung buchung reservierung vertrag angebot auftrag bestellung abonnement "
        "abo besprechung vereinbarung meeting anruf tisch zimmer platz beratung techniker montage kundigung frist"
    ),
    Kind.BE: "wird wurde wurden worden ist sind werden ward",
    Kind.DONE: (
        "erstattet ruckerstattet zuruckerstattet zuruckgezahlt genehmigt bewilligt erlassen gutgeschrieben "
        "storniert veranlasst unterschrieben unterzeichnet garantiert zugesagt zugesichert reserviert gebucht "
        "verlangert ubernommen angewiesen zuruckgebucht freigegeben bestatigt vorgemerkt angesetzt fixiert"
    ),
    Kind.WHEN: (
        "morgen heute montag dienstag mittwoch donnerstag freitag samstag sonntag innerhalb binnen spatestens "
        "nachste nachsten ubermorgen mittag abend woche monatsende uhr januar februar marz april mai juni juli "
        "august september oktober november dezember tagen stunden fruh"
    ),
    Kind.DO: (
        "schick* sende senden sendet zusend* zuschick* rufe anrufen ruf liefer* komme kommt kommen melde melden "
        "antwort* erledige erledigen bring* fertig repariere reparieren treffe treffen mache machen ubersend* "
        "besuch* bezahle uberweise uberweisen leite liege erhalten bekommen losen lose trage reiche einreichen "
        "stelle bereite vorbei nachreich* hole holen ubergebe kummere"
    ),
    Kind.YOU: "sie ihnen ihr ihre ihren ihrem ihrer dir dich dein deine deinen deinem euch",
    Kind.GET: "erhalten bekommen erhaltst bekommst kriegen kriegst",
    Kind.NOT: "nicht kein keine keinen keinem keiner keinerlei leider nie niemals nichts niemand ohne weder",
    Kind.SUPPOSED: (
        "wenn falls ob sofern sobald bevor konnte konnten mochte mochten vielleicht eventuell gegebenenfalls "
        "versuch* soll sollen sollte hoffe hoffen"
    ),
    Kind.SOMEBODY: (
        "techniker kollege kollegin mitarbeiter team monteur fahrer kurier geld betrag ersatz leiter geschaftsfuhrer"
    ),
}
_FRENCH: Final = {
    Kind.FIRST: "je j nous",
    Kind.AUX: "ai avons vais allons viens venons peux pouvons suis sommes",
    Kind.ACT: (
        "rembours* reserve reserver reserverai reserverons reservons programm* planifi* garanti* promets "
        "promettons promis engage engageons engag* accord* credit* annul* offrons offre offert dedommag* "
        "indemnis* prolong* reporte reporter signer signe signerai signerons signons contresign* renonc* exoner* "
        "fixe fixer bloque bloquer approuv*"
    ),
    Kind.MILD: (
        "accept* livr* remplac* commande commander commandons paie paierons payer payons paye reglerons regler "
        "prenons prends prendrons prendre deduis* deduir* dedui* echang* supprim* baiss* reduis* reduit reduir* "
        "appliqu* confirm* verser* versons vire virons virerons assum* ferons fais faisons convenu convenons "
        "inscri* note organis* decal* deplac* maintien* maintenons maintiendrons gard* octroy* retir*"
    ),
    Kind.SAY: "promets promettons garantis garantissons acceptons accepte engage engageons assure assurons jure jurons",
    Kind.CONFIRM: "confirm*",
    Kind.GIVE: (
        "accord* offr* offert fais faisons ferons faire consen* applique* appliqu* verse* emis emettons approuv* "
        "accept* credit* recevr* valid* octroy* propos* prenons prends prendre prendrons"
    ),
    Kind.MONEY: (
        "remboursement remise reduction avoir rabais ristourne geste indemnisation indemnite frais argent somme "
        "montant dedommagement acompte caution bon euros cout couts prix charge gratuit gratuitement"
    ),
    Kind.DATE: (
        "rendez reunion rdv livraison reservation commande contrat devis abonnement creneau visite table chambre "
        "salle offre appel accord proposition vol intervention"
    ),
    Kind.BE: "est sera seront sont ete serez etre sommes",
    Kind.DONE: (
        "inscrit inscrite rembours* approuve approuvee accepte acceptee accorde accordee valide validee credite "
        "creditee annule annulee garanti garantie signe signee reserve reservee offert offerte programme "
        "programmee fixe fixee effectue effectuee confirme confirmee applique appliquee prolonge prolongee "
        "indemnise dedommage verse versee"
    ),
    Kind.WHEN: (
        "demain aujourd lundi mardi mercredi jeudi vendredi samedi dimanche soir matin midi janvier fevrier mars "
        "avril mai juin juillet aout septembre octobre novembre decembre heures jours semaine"
    ),
    Kind.DO: (
        "envoie envoi envoy* enverr* appel* rappel* livr* repond* reponse fini* termin* transmett* viendr* viens "
        "passer* serai serons ferai ferons repar* regler* paier* recontact* contacter* remett* remettr* resoudr* "
        "aurez recevrez expedi* install* rejoindr* interviendr*"
    ),
    Kind.YOU: "vous votre vos te t toi ton ta tes tu",
    Kind.GET: "recevrez aurez recevras auras",
    Kind.NOT: "ne n pas aucun aucune rien jamais malheureusement ni sans helas personne",
    Kind.SUPPOSED: (
        "si lorsque quand pourrions pourrais voudrais voudrions aimerais aimerions souhait* serait eventuellement "
        "essaierons essaie tenterons"
    ),
    Kind.SOMEBODY: "technicien equipe collegue directeur livreur remboursement argent responsable",
}
_SPANISH: Final = {
    Kind.FIRST: "yo nosotros nosotras",
    Kind.AUX: "he hemos voy vamos puedo podemos acabo acabamos queda quedan",
    Kind.ACT: (
        "inscrito tramitado procesado reembols* reservado reservar programado programar agendado agendar "
        "garantiz* prometo prometemos prometido comprometo comprometemos cancelado cancelar cancelarle eliminado "
        "eliminar anulado anular aprobado aprobar abonado abonar abonarle devolver* devuelto compensar* "
        "compensado indemniz* ampliado ampliar prorrogado firmado firmar concedido conceder* acordado pactado "
        "descontado descontar* condonado condonar asumido asumir extendido extender acreditado acreditar apartado "
        "confirmado fijado"
    ),
    Kind.MILD: (
        "aceptado aceptar pagado pagar entregado entregar sustitu* reemplaz* cambiado cambiar aplicado aplicar "
        "rebajado rebajar contratado pedido encargado encargar hacer hacerle dar darle ofrecer ofrecerle mantener"
    ),
    Kind.SELF: (
        "reembolsamos reembolsaremos reembolsare devolvemos devolveremos devolvere garantizo garantizamos "
        "garantizaremos prometo prometemos comprometo comprometemos acepto aceptamos aceptaremos asumo asumimos "
        "asumiremos concedemos concedo concederemos cancelaremos cancelamos reservamos reservaremos programamos "
        "programaremos abonamos abonaremos abonare pagaremos pagare cubrimos cubriremos entregaremos entregare "
        "firmaremos firmare firmamos ampliamos ampliaremos descontamos descontaremos anulamos anularemos "
        "compensaremos indemnizaremos sustituiremos reemplazaremos aprobamos igualamos igualaremos mantendremos "
        "condonamos renunciamos extenderemos prorrogamos eliminaremos agendamos agendaremos aseguro aseguramos "
        "regalamos regalaremos obsequiamos"
    ),
    Kind.CONFIRM: "confirmo confirmamos confirmado confirmada confirmados",
    Kind.GIVE: (
        "ofrezco ofrecemos ofreceremos haremos hare hacemos hago damos daremos dare concedemos concederemos "
        "aplicaremos aplicamos aplicare regalamos emitido emitiremos recibira aprobad* concedid* aplicado hemos "
        "vamos"
    ),
    Kind.MONEY: (
        "reembolso devolucion descuento abono compensacion dinero importe comision cargo gastos credito rebaja "
        "indemnizacion bonificacion precio gratis coste costes tarifa fianza vale cupon"
    ),
    Kind.DATE: (
        "cita reunion entrega reserva contrato pedido oferta suscripcion acuerdo visita mesa sala habitacion "
        "llamada plazo presupuesto instalacion vuelo"
    ),
    Kind.BE: "sido sera seran queda quedan fue fueron esta estan se",
    Kind.DONE: (
        "inscrit* anulad* cancelad* reembolsado reembolsada aprobado aprobada aceptado aceptada concedido "
        "concedida garantizado garantizada devuelto devuelta devolvera abonado abonada abonara reembolsara "
        "firmado firmada reservado reservada confirmado confirmada programado programada condonado acreditado "
        "aplicado prorrogado ampliado compensara indemnizara"
    ),
    Kind.WHEN: (
        "manana hoy lunes martes miercoles jueves viernes sabado domingo plazo horas dias semana tarde mediodia "
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre tardar"
    ),
    Kind.DO: (
        "pasara vendra envio enviar* enviaremos enviare llamar* llamaremos llamare entreg* mandar* mandaremos "
        "mandare respondere responderemos contestar* terminar* terminaremos resolver* estare estaremos tendra "
        "recibira ira pasare pasaremos repararemos repararse hare haremos pagare pagaremos tendremos "
        "contactaremos visitara"
    ),
    Kind.YOU: "le les usted ustedes su sus te tu tus os",
    Kind.GET: "recibira recibiran tendra obtendra recibiras tendras",
    Kind.NOT: "no ni nunca nada ningun ninguna ninguno nadie sin lamentablemente desgraciadamente tampoco",
    Kind.SUPPOSED: "si cuando cuanto podria podriamos quizas quiza querria gustaria quiere desea intentaremos apenas",
    Kind.SOMEBODY: "tecnico equipo companero companera director reembolso dinero repartidor mensajero",
}
_PORTUGUESE: Final = {
    Kind.FIRST: "eu nos",
    Kind.AUX: "vou vamos iremos irei tenho temos posso podemos acabei acabamos fica ficam",
    Kind.ACT: (
        "reembols* devolver* devolvid* reservar reservado agendar agendado agendamos garantir garantido cancelar "
        "cancelado isentar isent* aprovar aprovado prorrog* estender* estendido conceder* concedido compensar* "
        "indeniz* indemniz* assinar assinado creditar* creditado marcar marcado anular anulado perdoar abater "
        "comprometer* ressarc*"
    ),
    Kind.MILD: (
        "aceitar pagar pago entregar substituir trocar aplicar reduzir cobrir confirmar oferecer dar fazer "
        "assumir manter"
    ),
    Kind.SELF: (
        "agendei agendaremos marquei marcamos marcaremos reservei reservamos reservaremos garanto garantimos "
        "garantiremos prometo prometemos comprometo comprometemos aceito aceitamos aceitei aceitaremos assumo "
        "assumimos assumiremos concedo concedemos concederemos cancelei cancelamos cancelaremos aprovei aprovamos "
        "reembolsamos reembolsaremos reembolsarei reembolsei devolvemos devolveremos devolverei assinei assinamos "
        "assinaremos pagaremos pagarei cobrimos cobriremos entregaremos isentamos isentei creditamos creditaremos "
        "creditei estendemos estendi prorrogamos substituiremos igualamos asseguro asseguramos descontamos "
        "descontaremos trocaremos indenizaremos compensaremos comprei encomendei removi removemos retiramos"
    ),
    Kind.CONFIRM: "confirmo confirmamos confirmada confirmado",
    Kind.GIVE: (
        "processei emiti solicitei ofereco oferecemos oferece ofereceremos concedemos concedo damos daremos dou "
        "darei faremos farei aplicamos aplicaremos emitimos emitiremos recebera aprovad* concedid* fazemos vamos "
        "apliquei demos"
    ),
    Kind.MONEY: (
        "reembolso devolucao desconto credito compensacao dinheiro valor taxa custos custo indenizacao "
        "indemnizacao abatimento multa portes frete preco gratis gratuito gratuitamente estorno caucao tarifa "
        "despesas"
    ),
    Kind.DATE: (
        "consulta reuniao entrega reserva contrato pedido proposta assinatura acordo visita mesa sala quarto "
        "chamada prazo orcamento instalacao voo compromisso"
    ),
    Kind.BE: "foi foram sera serao sido esta estao fica ficam",
    Kind.DONE: (
        "cancelad* inscrit* reembolsad* aprovad* aceite aceito concedid* garantid* devolvid* creditad* estornad* "
        "assinad* reservad* confirmad* agendad* marcad* isent* prorrogad* perdoad* aplicad*"
    ),
    Kind.WHEN: (
        "amanha hoje segunda terca quarta quinta sexta sabado domingo prazo horas dias semana tarde janeiro "
        "fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro"
    ),
    Kind.DO: (
        "passara envio enviar* enviarei enviaremos ligar* ligo ligarei ligaremos entreg* mando mandar* responder* "
        "respondo terminar* resolver* estarei estaremos tera recebera passar* concluir* entro retorn* ira vira "
        "farei faremos contactar* visitar*"
    ),
    Kind.YOU: "voce voces lhe lhes te seu sua seus suas teu tua vos senhor senhora",
    Kind.GET: "recebera receberao tera obtera recebe",
    Kind.NOT: "nao nem nunca nada nenhum nenhuma ninguem sem infelizmente tampouco",
    Kind.SUPPOSED: "se quando caso poderia poderiamos talvez gostaria quer quiser deseja tentaremos",
    Kind.SOMEBODY: "tecnico equipe equipa colega diretor reembolso dinheiro entregador",
}
_ITALIAN: Final = {
    Kind.FIRST: "io noi",
    Kind.AUX: "provvederemo ho abbiamo posso possiamo sto stiamo provvedo provvediamo provvedero",
    Kind.ACT: (
        "riservato iscritto rimbors* prenotato prenotare prenotando fissato fissare programmato programmare "
        "pianificato garantito garantire promesso annullato annullare concesso concedere accreditato accreditare "
        "approvato approvare firmato firmare controfirmat* prorogato prorogare esteso risarci* rinunciat* "
        "abbuonat* scontat* impegnat* stornat* restituit* restituire bloccato"
    ),
    Kind.MILD: (
        "accettato accettare pagato pagare consegnat* sostituit* sostituire cambiato ordinato ordinare applicato "
        "applicare ridotto tolto coperto confermato offerto offrire spostato"
    ),
    Kind.SELF: (
        "rimborsiamo rimborseremo rimborsero restituiremo restituiro restituiamo garantisco garantiamo "
        "garantiremo prometto promettiamo impegno impegniamo accetto accettiamo accetteremo concedo concediamo "
        "concederemo annulliamo annulleremo prenotiamo prenoteremo prenotero accrediteremo accreditero "
        "accreditiamo pagheremo paghero copriremo copriamo consegneremo firmeremo firmero firmiamo prorogheremo "
        "sconteremo risarciremo sostituiremo sostituiamo approviamo assicuro assicuriamo estendiamo estenderemo "
        "rinunciamo regaliamo storneremo ripareremo rispetteremo manterremo"
    ),
    Kind.CONFIRM: "confermo confermiamo confermato confermata",
    Kind.GIVE: (
        "offro offriamo offriremo concediamo concedo facciamo faremo faro diamo daremo daro applichiamo "
        "applicheremo emettiamo emetteremo emesso ricevera approvat* concess* riconosciamo riconosceremo abbiamo"
    ),
    Kind.MONEY: (
        "rimborso sconto accredito buono risarcimento denaro soldi importo commissione spese costo costi credito "
        "riduzione tariffa penale caparra indennizzo gratis gratuitamente prezzo"
    ),
    Kind.DATE: (
        "appuntamento riunione consegna prenotazione contratto ordine offerta proposta abbonamento accordo visita "
        "tavolo sala camera chiamata preventivo volo intervento incontro"
    ),
    Kind.BE: "stato stata sara saranno viene verra verranno stati state e",
    Kind.DONE: (
        "annullat* iscritt* rimborsat* approvat* accettat* concess* garantit* accreditat* firmat* prenotat* "
        "confermat* fissat* restituit* stornat* prorogat* applicat* abbuonat*"
    ),
    Kind.WHEN: (
        "domani oggi lunedi martedi mercoledi giovedi venerdi sabato domenica entro ore giorni settimana gennaio "
        "febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
    ),
    Kind.DO: (
        "passera invio invier* inviero invieremo mando mandero manderemo chiamo chiamero chiameremo richiam* "
        "consegn* rispond* rispondero risponderemo finiremo completer* risolver* saro saremo passero verro "
        "verremo avra ricevera arrivera spediremo spediro ricontatter* faremo faro visitera"
    ),
    Kind.YOU: "le vi lei voi ti suo sua suoi sue vostro vostra tuo tua",
    Kind.GET: "ricevera avra otterra riceverete avrete riceverai avrai",
    Kind.NOT: "non mai nulla niente nessun nessuna nessuno senza purtroppo neanche nemmeno",
    Kind.SUPPOSED: "se quando qualora appena potrebbe potremmo potrei forse vorrei vorremmo vuole desidera cercheremo",
    Kind.SOMEBODY: "tecnico squadra team collega direttore rimborso corriere",
}
_DUTCH: Final = {
    Kind.FIRST: "ik wij we",
    Kind.AUX: "heb hebben zal zullen ga gaan kan kunnen hierbij graag",
    Kind.ACT: (
        "ingeschreven kwijt terugbetal* terugbetaald terugstort* teruggestort vergoed* kwijtgescholden "
        "kwijtscheld* crediteer* gecrediteerd ingepland inplannen geboekt boek boeken gereserveerd reserveer "
        "reserveren garandeer* gegarandeerd beloof beloven beloofd toegezegd toezegg* verbind goedgekeurd "
        "goedkeur* verleng* verlengd onderteken* ondertekend compenseer* gecompenseerd geannuleerd annuleer "
        "annuleren toegekend toekennen vastgelegd uitbetaal* uitgekeerd"
    ),
    Kind.MILD: (
        "accepteer* geaccepteerd gepland plan plannen bestel* besteld betaal betalen betaald lever leveren "
        "geleverd vervang* ruil* ruilen neem nemen genomen dek dekken verlaag verlagen verlaagd schrap* geschrapt "
        "stort storten gestort afgesproken akkoord verplaats* verzet geef geven gegeven regel regelen geregeld "
        "opgezegd zeg hou houd houden"
    ),
    Kind.SAY: "beloof beloven garandeer garanderen accepteer accepteren verzeker verzekeren",
    Kind.CONFIRM: "bevestig bevestigen bevestigd",
    Kind.GIVE: (
        "geef geven bied bieden aangeboden krijgt krijg ontvangt toegekend verlen* verleen goedgekeurd schenk* "
        "scheld* keren passen toegepast betaal betalen nemen neem stort storten maken"
    ),
    Kind.MONEY: (
        "terugbetaling korting vergoeding geld bedrag kosten tegoed creditnota compensatie verzendkosten boete "
        "waardebon teruggave gratis prijs aanbetaling borg tarief schadevergoeding rekening terug"
    ),
    Kind.DATE: (
        "afspraak vergadering levering boeking reservering contract bestelling voorstel aanbod abonnement bezoek "
        "tafel zaal kamer overeenkomst offerte gesprek installatie vlucht monteur"
    ),
    Kind.BE: "is wordt werd worden zijn zal staat",
    Kind.DONE: (
        "goedgekeurd terugbetaald teruggestort vergoed kwijtgescholden toegekend gegarandeerd ondertekend "
        "gereserveerd geboekt bevestigd ingepland verlengd gecrediteerd uitbetaald vast toegezegd vastgelegd"
    ),
    Kind.WHEN: (
        "morgen vandaag maandag dinsdag woensdag donderdag vrijdag zaterdag zondag uiterlijk binnen uur dagen "
        "week weekend middag avond januari februari maart april mei juni juli augustus september oktober november "
        "december"
    ),
    Kind.DO: (
        "stuur sturen bel bellen lever leveren kom komt komen antwoord* reageer* mail mailen breng brengen maak "
        "maken repareer* los lossen zorg bezorg* verstuur versturen ontvangt krijgt rond regel regelen neem terug"
    ),
    Kind.YOU: "u uw je jouw jij jullie jou",
    Kind.GET: "krijgt ontvangt krijg ontvang",
    Kind.NOT: "niet geen nooit niets niemand helaas zonder noch",
    Kind.SUPPOSED: (
        "als indien of zodra voordat wanneer zou zouden misschien eventueel wilt willen probeer proberen mogelijk"
    ),
    Kind.SOMEBODY: "monteur collega team koerier bezorger geld directeur medewerker",
}

LANGUAGES: Final[Mapping[str, Mapping[int, str]]] = {
    "en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH, "pt": _PORTUGUESE, "it": _ITALIAN, "nl": _DUTCH,
}  # fmt: skip

IDIOMS: Final = (
    # English
    "my word on it", "have my word", "have our word", "you my word", "you our word", "it's a deal", "its a deal",
    "it is a deal", "call it a deal", "we have a deal", "you can count on", "you can rely on", "consider it done",
    "consider it booked", "consider it settled", "at our expense", "at our cost", "on us this time", "is on us",
    "are on us", "at no cost to you", "at no extra cost to you", "at no charge to you", "free of charge for",
    "rest assured", "no charge for this", "you will not be charged", "you won't be charged", "won't cost you",
    "will not cost you", "you're all set for", "you are all set for", "put you down for", "money back guarantee for",
    "you're booked", "you are booked", "take care of the cost", "cover the cost", "foot the bill", "on the house",
    "make it right", "make this right", "make it up to you", "stand by our price", "owe you a refund",
    "in your calendar for", "on the calendar for", "pencilled you in", "penciled you in", "i'm in for", "see you on",
    "see you tomorrow", "deal, ", "we're good to go on", "as a gesture of goodwill", "as a goodwill gesture",
    "on your behalf", "not be charged", "never be charged", "not be billed", "won't be billed", "all arranged",
    "see to it that", "gone ahead and", "went ahead and", "took the liberty", "we'll take care of",
    "we will take care of", "i'll take care of", "i will take care of", "count me in", "works for me", "works for us",
    "see you then", "got you covered", "our word on", "no extra cost for you", "keep my promise", "keep our promise",
    "make good on",
    # German
    "nicht berechnet", "geht klar", "wir sehen uns", "sie konnen auf uns zahlen", "passt mir gut", "wird erledigt",
    "auf unsere kosten", "zu unseren lasten", "geht auf uns", "gehen auf uns", "aus kulanz", "verbindlich zu",
    "kostenlos fur sie", "sie haben mein wort", "mein wort darauf", "abgemacht", "gerne konnen wir ihnen",
    "fest zugesagt", "fest eingeplant", "wir sehen uns am", "konnen sich darauf verlassen", "geld zuruck",
    # French
    "pris en charge", "prise en charge", "prises en charge", "ne sera pas facture", "ne serez pas facture",
    "ne vous facturerons", "ne paierez rien", "vous attends", "a notre charge", "a nos frais", "vous avez ma parole",
    "marche conclu", "vous pouvez compter sur", "sans frais pour vous", "c'est note pour", "c'est convenu",
    "gratuitement pour vous", "affaire conclue", "geste commercial",
    # Spanish
    "no se le cobrara", "no le cobraremos", "no se le facturara", "no pagara nada", "corre por nuestra cuenta",
    "corren por nuestra cuenta", "a nuestro cargo", "tiene mi palabra", "trato hecho", "puede contar con",
    "cuente con ello", "sin coste para usted", "sin costo para usted", "por nuestra cuenta",
    # Portuguese
    "nao sera cobrada", "nao sera cobrado", "nao lhe cobraremos", "nao cobraremos", "por nossa conta",
    "a nosso cargo", "tem a minha palavra", "negocio fechado", "pode contar com", "combinado para", "sem custo para",
    "sem custos para",
    # Italian
    "non verra addebitata", "non verra addebitato", "non sara addebitato", "non le addebiteremo", "non paghera nulla",
    "a nostro carico", "a nostre spese", "ha la mia parola", "affare fatto", "puo contare su", "senza costi per lei",
    "siamo d'accordo per",
    # Dutch
    "niet in rekening", "wij regelen het", "voor onze rekening", "op onze kosten", "u heeft mijn woord",
    "u kunt rekenen op", "afgesproken voor", "zonder kosten voor u", "gaan akkoord met", "ga akkoord met",
    "staat vast voor", "kosteloos voor u",
)  # fmt: skip
"""Promises that no grammar finds, in lower case and as `letters.plain` writes them."""


def _entries() -> Iterator[tuple[str, int]]:
    for place, kinds in enumerate(LANGUAGES.values()):
        for kind, words in kinds.items():
            for word in words.split():
                yield word, kind << (place * BITS)


_EXACT: Final[dict[str, int]] = {}
_BEGUN: Final[dict[str, int]] = {}
for _word, _mask in _entries():
    _table, _key = (_BEGUN, _word[:-1]) if _word.endswith("*") else (_EXACT, _word)
    _table[_key] = _table.get(_key, 0) | _mask
_LONGEST: Final = max(map(len, _BEGUN))


@lru_cache(maxsize=1 << 15)
def kinds_of(word: str) -> int:
    """What a word is in each language: `Kind` bits of the first language, then of the second, and so on."""
    found = _EXACT.get(word, 0)
    for size in range(2, min(len(word), _LONGEST) + 1):
        found |= _BEGUN.get(word[:size], 0)
    return found


def everywhere(kind: int) -> int:
    """The bits of a kind in all languages."""
    return sum(kind << (place * BITS) for place in range(len(LANGUAGES)))
