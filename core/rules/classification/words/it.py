"""Italian words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

ITALIAN: Final = k.Language(
    name="it",
    words={
        k.GRANT: (
            "rimbors* restitu* resi resa reso rend* rifond* accredit* riaccredit* indennizz* risarc* conced* concess* "
            "approv* accett* accolt* accogl* autorizz* prorog* estend* esteso estesa firm* controfirm* garant* "
            "promet* promess* impegn* prenot* fiss* annull* cancell* condon* abbuon* rinunc* scont* abbass* ridott* "
            "riduc* ridurr* sostitu* cambi* ripar* aggiust* regal* esent* esoner* tolgo togliamo tolto tolta togli* "
            "elimin* blocc* mant* manteng* manterr* rinnov* concord* conferm* ammess* ammett* assun* assum* spost* "
            "anticip* posticip* rinvi* copr* copert* paga* pago pagh* offr* offert* lasc* tenut* tengo teniamo storn* "
            "inclu* addebit* alz* aument* delibera* rifar* rifac* metto mettiamo messo messa metter* riserv* "
            "riservat* assegn* vend* compr* acquist* affitt* noleggi* prest* finanz* sponsorizz* don* donat* ced* "
            "desist* sospend* sospes* rescind* liber* rettific* corregg* corrett* modific* iscri* nomin* promoss* "
            "promuov* selezion* trasfer* certific* giur* accoll* sald* liquid* arroton* reintegr* ripristin* sblocc* "
            "attiv* riammess* raddopp* dilazion* rateizz* congel* riapr* riapert* riconosc* responsab* ratific* "
            "acconsent* consent* perdon* archivi* revoc* ritir* dimezz* omaggi* favorevol* pratich* stral* cancellat* "
            "applic* evad* accord* programm* pianific* calendariz* infil* inser* fisso prolung* offro copro compens* "
            "ribass* firmo sottoscriv* conserv* rispett* rilasci* dispost* dispong* evas* esaud* accolg* stacco "
            "segnat* segno disdett* saldo assicurat* assicur*"
        ),
        k.DO: (
            "invi* mand* port* riport* consegn* chiam* richiam* pass* facci* facciamo faremo faro fatto fare fara "
            "dar* diamo do dato daremo daro avra avrai inizi* comin* arriv* install* sped* vad* va andiamo "
            "saro saremo sara verr* vien* vengo veniamo venire finir* finisc* mont* prepar* vers* prend* pulir* "
            "stamp* traduc* form* assist* interven* interverr* serv* costru* rest* torn* deposit* bonific* trasmett* "
            "colloc* cucin* esc* part* present* sal* scend* realizz* recapit* aspett* complet* risolv* provved* "
            "emett* emess* redig* occup* occupo occupiamo gestisc* aggiung* sistem* pens* dipin* mettere sbrig* "
            "chiud* apr* apriamo distribu* taglia* lav* asciug* imball* scaric* caric* accompagn* aliment* colleg* "
            "rifar* prest* segno segnamo mando invio porto aggiunt* rimand* ordin* organizz* termin* progett* "
            "svilupp* pulisc* piant* guid* verra verranno verremo rappresent* difend* insegn* forn* lascio effettuat* "
            "riceve partir*"
        ),
        k.SOFT: (
            "guard* verific* controll* esamin* studi* chied* domand* parl* parliamo discut* inoltr* gir* passo cred* "
            "pens* sper* desider* vorre* ringrazi* scus* dispiac* sappiamo so cap* comprend* trov* lett* legg* sent* "
            "ricevut* bisogn* vogli* prov* cerch* informo inform* ricord* segnal* spieg* consigli* raccomand* propon* "
            "propost* suggeris* aspett* lavor* impar* osserv* misur* analizz* raccogl* cerc* us* utilizz* contatt* "
            "not* annot* vist* ved* vediamo dic* dubit* suppon* consider* valut* ascolt* alleg* confront* incontr* "
            "inoltrat* sapere interess* piac* riferisc* approfond* fare riflett* poss* possiamo preghiamo prego "
            "chiediamo chiedo"
        ),
        k.STATE: (
            "ricevut* inviat* modificat* registrat* apert* chius* installat* effettuat* terminat* creat* consegnat* "
            "trovat* misurat* generat* pubblicat* elaborat* utilizzat* previst* aggiornat* riavviat* spedit* caricat* "
            "allegat* salvat* calcolat* inoltrat* andat* lavorazione rilevat* girat* concluso conclusa"
        ),
        k.SAY: (
            "prometto promettiamo garantisco garantiamo accetto accettiamo assicuro assicuriamo impegno impegniamo "
            "confermo confermiamo rinuncio rinunciamo autorizzo autorizziamo concedo concediamo riconosco "
            "riconosciamo giuro ammetto ammettiamo acconsento acconsentiamo"
        ),
        k.SELF: (
            "ho abbiamo sto stiamo siamo posso possiamo provvedo saro saremo avro avremo mando invio chiamo prenoto "
            "offro rimborso annullo passo lascio metto faccio do cambio abbasso tolgo rinnovo riparo pago copro tengo "
            "regalo includo segno firmo chiudo consegno porto mantengo sconto estendo blocco sposto fisso sostituisco "
            "riconosco restituisco presto concedo giro"
        ),
        k.LINK: "bene volentieri lieto lieti lieta deciso presente felice felici gia pronti pronto",
        k.FIRST: "io noi",
        k.OURS: (
            "agenzia comune fondazione associazione federazione ministero asilo teatro museo parrocchia club societa "
            "regione presidente assessore giudice notaio gestore scuola universita docente medico clinica ospedale "
            "veterinario idraulico elettricista imbianchino meccanico magazzino negozio hotel albergo compagnia "
            "corriere editore galleria acquirente venditore venditrice locatore locatrice soci contabilita "
            "amministrazione personale fabbrica cucina mandante padrona direzione condominio tribunale segreteria "
            "preside rettore commissario impresa signora professor professore professoressa amministratore "
            "amministratrice proprietario proprietaria direttore direttrice azienda ditta squadra tecnico cliente "
            "avvocato avvocata banca comitato commissione consiglio signor dottor dottoressa padrone fornitore "
            "assicurazione capo responsabile giuria officina autista collega perito geometra fabbro dentista "
            "parrucchiere falegname muratore giardiniere traslocatori postino panettiere fioraio traduttore "
            "interprete allenatore maestro pilota capitano fisioterapista infermiera fotografo sarto"
        ),
        k.THEIRS: (
            "lui egli essa loro vicino vicina vicini altri qualcuno concorrenti concorrenza inquilino controparte"
        ),
        k.YOU: "le vi ti lei voi te gliela glielo glieli le-la",
        k.YOUR: "suo sua suoi sue tuo tua tuoi tue vostro vostra vostri vostre",
        k.WILL: "sara saranno avra avranno verra verranno arriva sto stiamo sta stanno",
        k.HAVE: "ho abbiamo ha hanno avro avremo",
        k.BE: "stato stata stati state e sono viene sara saranno verra verranno era erano sia",
        k.MIGHT: (
            "potrebbe potremmo potrei potrebbero forse vorrei vorremmo dovrebbe dovremmo deve devono sarebbe avrebbe "
            "possa debba sembra"
        ),
        k.IF: "se quando qualora appena",
        k.NOT: (
            "non mai nulla niente nessun nessuna nessuno senza purtroppo neanche nemmeno ancora ne rifiutato "
            "rifiutata rifiuta respinto respinta negato"
        ),
        k.DEAL: (
            "ottimo fatta approvato approvata accettato accettata accolta segnato prenotato garantito impegno "
            "ufficialmente formalmente magnifico aggiudicata affare accordo ok va dai bene perfetto complimenti certo "
            "volentieri tranquillo tranquilla promesso parola confermato confermata presente intesi andata "
            "aggiudicato congratulazioni lieti concesso concessa d'accordo si felici inteso subito"
        ),
        k.SUM: (
            "rimborso* sconto* accredito buono risarcimento denaro soldi importo commissione commissioni spese spesa "
            "costo costi credito riduzione tariffa* penale caparra indennizzo prezzo* affitto deposito fattura* mora "
            "interessi multa stipendio premio bonus assegno rata rate saldo anticipo mutuo prestito somma canone "
            "borsa tasse tassa onorari* polizza franchigia aumento straordinari sanzione cauzione bolletta differenza "
            "bonifico quota trasferta euro contributo fido indennita supplemento"
        ),
        k.SLOT: (
            "appuntamento riunione consegna prenotazione tavolo sala camera posto suite biglietto biglietti treno "
            "sedile volo parcheggio chiavi appartamento visita tecnico sostituzione riparazione hotel notte notti "
            "auto veicolo bici stand corso stage bancale bancali copie apparecchio modello pezzo pezzi caldaia turno "
            "locale installazione ritiro intervento incontro chiamata villa box furgone"
        ),
        k.PACT: (
            "contratto* locazione preventivo richiesta offerta proposta ferie congedo permesso trasferimento termine* "
            "scadenza garanzia candidatura licenza autorizzazione causa reclamo ricorso responsabilita colpa errore "
            "accordo clausola disdetta recesso iscrizione smart promozione esclusiva opzione mesi giorni anni "
            "settimana sinistro guasto domanda proroga assunzione part abbonamento condizioni prova disagio"
        ),
        k.SYSTEM: (
            "password utente pacco numero server copia newsletter webinar ticket link portale app versione file "
            "cartella messaggio mail treno autobus linea strada stampante router programma sistema pagina modulo "
            "sondaggio rapporto lettura sito aggiornamento tracciamento backup cookie volo ordine"
        ),
        k.TIME: (
            "lunedi martedi mercoledi giovedi venerdi sabato domenica gennaio febbraio marzo aprile maggio giugno "
            "luglio agosto settembre ottobre novembre dicembre ora ore mattina mattino pomeriggio mezzogiorno sera "
            "stasera notte settimana giorni giorno mese mesi anno anni oggi trimestre minuti weekend"
        ),
        k.AHEAD: (
            "domani domattina dopodomani entro prossimo prossima prossimi partire subito immediatamente fino quanto- "
            "prima dal dalla questo questa fine stasera massimo"
        ),
        k.BEFORE: (
            "ieri scorso scorsa ultimo ultima precedente fa allora gia vecchio aveva avevano avevamo avevo avevate"
        ),
        k.FREE: (
            "gratis gratuit* omaggio regalo totalmente integralmente zero esente cortesia aggiuntivo offerto"
        ),
        k.GET: (
            "tenga tieni ricevera avra avrai otterra potra potrai ha spetta spettano puo tiene puoi hai riceverai"
        ),
        k.SPARED: (
            "addebit* paga* pagh* cost* fattur* spese penale mora interessi aument* commission* maggiorazion* "
            "preoccup* supplement* trattenut* chied* pretend* dov* devi deve cambi*"
        ),
        k.RULE: (
            "normativa convenzione abitualmente normalmente generalmente solitamente utenti visitatori pazienti "
            "lavoratori dipendenti soci clienti studenti alunni obbligatorio necessario possibile annuale mensile "
            "giornaliero minimo massimo aperto apre chiude listino politica ogni piano prevede include comprende "
            "orario qualsiasi versione disponibile regolamento clausola articolo legge vale ufficio possono chiuso "
            "valido valida valide dipende dipendono bisogna"
        ),
        k.TOLD: (
            "detto dice dicono scritto scrive indica menziona afferma sostiene secondo chiede chiesto pretende vuole "
            "sembra pare racconta aveva avevano avevate"
        ),
        k.POLITE: (
            "grazie ricevuto ricevuta allega* newsletter promemoria dispiace scus* benvenut* informazioni presto "
            "trova trovera aiuto attualmente salve ringraz* cordiali saluti buongiorno buonasera auguri gentile "
            "comunicazione verbale manutenzione guasto sciopero messaggio avviso sondaggio compleanno segnalazione"
        ),
        k.ASK: (
            "favore puo potrebbe indichi dica preferisce vuole serve servono compili cortesemente mi quando come dove "
            "chi quale quanto perche ha clicchi prema scelga invii ricordi confermi hai"
        ),
        k.AWAY: (
            "informata informato aggiornata aggiornato corrente fuori ufficio assente chiuso chiusa ferie "
            "manutenzione chiusi chiusura newsletter sapere"
        ),
        k.YOUDO: "avete aveva hai avevate ha",
        k.NUMBER: (
            "due tre quattro cinque sei sette otto nove dieci undici dodici quindici venti trenta cento mille mila"
        ),
        k.YOUSUBJECT: "lei tu voi",
        k.STAYS: "resta restano vale valgono rimane valida valido bloccato invariato ferma fermo",
        k.COSTS: (
            "costa costano richiede dura pesa misura contiene include prevede salite salita salito scese sceso scesa "
            "comincia inizia finisce apre chiude parte scade dice stabilisce ammontano ammonta rinnova rinnovano "
            "porta copre scaduta scaduto vale"
        ),
        k.COMMON: (
            "nuovo nuova alle oltre solo stesso sulla sul tempo ogni cosi il lo la i gli le di del della dei delle un "
            "una uno e in nel nella per che con da dal al alla si non su nostro nostra nostri ci mi mio mia ma o se "
            "questo questa anche piu come gia l dell all d un' c"
        ),
        k.MUST: "dovra deve dovrai devi",
    },
    idioms=(
        "e assunto", "e assunta", "sei assunto", "sei dei nostri", "benvenuto in squadra", "benvenuta in squadra",
        "non verra addebitato", "non verra addebitata", "non sara addebitato", "non sara addebitata",
        "non le addebiteremo", "non paghera nulla", "non paga nulla", "non paga niente", "non deve pagare",
        "non dovra pagare", "non devi pagare", "a nostro carico", "a nostre spese", "a mio carico", "a mie spese",
        "ha la mia parola", "ha la nostra parola", "parola mia", "do la mia parola", "affare fatto", "puo contare su",
        "puo contarci", "conti su di noi", "conti pure su", "senza costi per lei", "senza costi aggiuntivi",
        "senza alcun costo", "senza spese", "senza penale", "senza sovrapprezzo", "senza supplemento",
        "siamo d'accordo per", "siamo d'accordo su", "offre la casa", "lo paghiamo noi", "la paghiamo noi",
        "li paghiamo noi", "ci pensiamo noi", "ci penso io", "pago io", "paghiamo noi", "e suo", "e sua", "e tuo",
        "e tua", "colpa nostra", "errore nostro", "nostro errore", "nostra responsabilita",
        "ci assumiamo la responsabilita", "a suo favore", "come risarcimento", "a titolo di cortesia", "mi impegno a",
        "ci impegniamo a", "non le costa", "non le costera", "non ti costa", "tutto a posto per", "e deciso",
        "da parte nostra", "resta annullato", "e tutto sistemato", "ce la mettiamo noi", "lo mettiamo noi",
        "parola d'onore", "e per lei", "e per te", "si alla", "si al",
        "a carico nostro", "tutto sistemato", "a suo nome", "me ne occupo io", "mi occupo io",
        "ce ne occupiamo noi", "la mia parola", "rispondo io", "d'accordo con le sue condizioni",
        "di tasca nostra",
    ),
    participle=r".{2,}[aiu]t[oaie]|.{2,}(?:esso|esse|essa|essi|erto|erta|olto|olta|unto|iuso|eso|esa|osto|osta|itto|atto)",
    selves=("iamo", "emo", "ero", "iro", "aro", "rro"),
    surely=("iamo", "remo"),
    futures=(
        "era", "ira", "ara", "rra", "dra", "eranno", "iranno",
        "aranno", "rranno", "ero", "iro", "aro", "rro", "dro", "remo",
    ),
    plurals=(("i", "o"), ("i", "e"), ("e", "a"), ("i", "a"), ("che", "ca"), ("chi", "co")),
)  # fmt: skip
