"""German words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

GERMAN: Final = k.Language(
    name="de",
    words={
        k.GRANT: (
            "erstatt* ruckerstatt* zuruckerstatt* zuruckzahl* zuruckgezahlt ruckuberw* zuruckuberw* zuruckbuch* "
            "zuruckgebucht vergut* gutschreib* gutgeschr* gutgebracht erlass* erlassen erliess* storn* verzicht* "
            "schenk* geschenkt spendier* genehmig* bewillig* gewahr* erteil* verleih* zusag* zugesagt zusich* "
            "zugesichert garantier* versprech* versproch* verspricht verburg* burg* haft* verpflicht* akzeptier* "
            "annehm* angenommen anerkenn* anerkannt einraum* eingeraumt raumen raume verlanger* ubernehm* ubernimm* "
            "ubernomm* unterschr* unterzeichn* gegenzeichn* buche buchen gebucht umbuch* umgebucht einbuch* "
            "reservier* vormerk* vorgemerkt einplan* eingeplant terminier* ansetz* angesetzt eintrag* eingetragen "
            "festhalt* festgehalten festschreib* festgeschrieben zuteil* zugeteilt zuweis* zugewiesen zustimm* "
            "zugestimmt stattgeb* stattgegeben stattgibt freigeb* freigegeb* freischalt* freigeschalt* freistell* "
            "freigestellt befordert beforder* ernenn* ernannt einstell* eingestellt anstell* angestellt stellen senk* "
            "gesenkt reduzier* halbier* erhoh* aufstock* aufgestockt anheb* angehoben hochstuf* hochgestuft ersetz* "
            "austausch* ausgetauscht tausch* getauscht umtausch* umgetauscht nachbesser* nachgebessert nachliefer* "
            "nachgeliefert beheb* behoben reparier* repariert instandsetz* streich* gestrichen loschen losche "
            "geloscht aufheb* aufgehoben aufhob wiederherstell* wiederhergestellt erneuer* auszahl* ausgezahlt "
            "anweis* angewiesen uberweis* uberwies* begleich* beglichen bezahl* ausgleich* ausgeglichen entschadig* "
            "kompensier* regulier* anrechn* angerechnet abzieh* abgezogen abzug nachlass* nachgelassen rabattier* "
            "stund* gestundet aufschieb* aufgeschoben verschieb* verschob* verleg* vorzieh* vorgezogen zuruckzieh* "
            "zuruckgezogen zuruckzog einraeum* sicher* gesichert zuruckleg* zuruckgelegt blockier* geblockt freihalt* "
            "freigehalten freihalten aufnehm* aufgenommen zulass* zugelassen einig* geeinigt vereinbar* beauftrag* "
            "verkauf* abnehm* abgenommen kaufen kaufe gekauft erwerb* ubereign* ubertrag* uberlass* abtret* "
            "abgetreten kundig* gekundigt aufloesen auflos* aufgelost entlass* beend* verlang* nicht-durchsetz* "
            "kulant gonn* erspar* entfall* entfallt abschreib* abgeschrieben einlos* einsteh* gradesteh* geradesteh* "
            "aufkomm* trag* tragen tragt getragen deck* versicher* zugestand* zugestehen zugestanden einwillig* "
            "eingewilligt ratifizier* billig* abgesegnet durchgewunken entsperr* entsperrt aktivier* upgrade* "
            "bestatig* deckeln gedeckelt einfrier* eingefroren fixier* angepasst anpass* ausricht* gutgeheissen "
            "gutheiss* verrechn* umgestellt umstell* verdoppel* zuruckkauf* zurucknehm* zuruckgenommen korrigier* "
            "berichtig* abander* nachhol* ausstell* ausgestellt wechsel* gewechselt bekennen einbuchen umschreib* "
            "umgeschrieben hinterleg* unterschrieben entbind* entbunden mitgeb* leist* geleistet sorg* gesorgt "
            "befrei* abgeschlossen abschliess* raumt raumten spendet drauflegen draufgelegt zahlt zahlen zahle zahlst "
            "gestatt* erlaub* schutz* verschon* bewahr* zuruckgetreten sage gebe geben abgemacht ausgemacht "
            "festgelegt verdopple beschleunig* bevorzug* priorisier* besiegelt ausbuch* ausgebucht zuerkannt "
            "zugesprochen ausgesetzt vergeben vergibt wiedergutmach* einhalt* eingehalten erfullt schwore"
        ),
        k.DO: (
            "schick* verschick* geschickt send* versend* gesendet bring* gebracht liefer* geliefert auslief* "
            "ausgelief* zustell* zugestellt abhol* abgeholt hol* geholt komm* gekommen vorbei* mach* gemacht mach "
            "erledig* montier* ubergeb* ubergib* geb* gib* gibt gebe gegeben gebn fang* start* beginn* meld* install* "
            "einbau* eingebaut aufbau* aufgebaut baue bauen fertig* abschick* abgeschickt bearbeit* nachreich* "
            "vorleg* vorgelegt einreich* eingereicht mitbring* fahr* fahren uberarbeit* ubermittel* ubermittl* "
            "bereitstell* bereitgestellt bereit leg* gelegt nehm* nimm* nahm genommen zieh* gezogen lass* lasst halt* "
            "halten hebt mal* streich* reinig* putz* stell* gestellt setz* gesetzt zahl* zahlen zahlt gezahlt besorg* "
            "besorgt organisier* ander* geandert andern druck* gedruckt ruf* anruf* angerufen zuruckruf* pack* "
            "gepackt wart* liegt liegen steht stehen sitzt bleib* bleibt bekomm* kriegen kriegt kriegst veranlass* "
            "veranlasst einricht* eingerichtet eroffn* behalt* fix* geh* geht gehen ab ein zuruck weg raus rein drauf "
            "rechn* schreib* schreiben gutmach* klar* vertret* verteidig* bestell* bestellt anbiet* biet* bieten "
            "biete anfertig* angefertigt les* erstell* erstellt entfern* entfernt schliess* offn* rechne abwick* "
            "kummer* tu tun tue mitnehm* rausnehm* ausbau* einlad* lade laden beschaff* probier* verkurz* tret* ruckt "
            "rucken deponier* gultig ausbesser* hinzufug* erganz* einsetz* mitliefer* verteil* nachfull* auffull* "
            "entsorg* umbau* anbring* aufhang* anschliess* tapezier* fliesen* bohr* pflanz* schneid* wisch* wasch* "
            "bugel* packen auspack* ablad* einlager* begleit* schul* betreu* versorg* futter* koch* back* grill* "
            "servier* einkauf* zuruckbring* abschlepp* fug* leih* teile senden zusende* anmelde* angemeldet "
            "aushandig* ausgehandigt losgeschickt rausgeschickt ubersetz* entwerf* gestalt* programmier* richte "
            "empfang* besichtig* besuche besuchen aktualisier* reiche teste erfolgt"
        ),
        k.SOFT: (
            "schau* anschau* anseh* angesehen seh* gesehen sah pruf* gepruft uberpruf* nachschau* nachgeschaut "
            "nachseh* nachfrag* nachgefragt frag* gefragt erkund* erkundig* klar* abklar* abgeklart besprech* "
            "besprochen redet reden rede sprech* sprich* spreche gesprochen diskutier* weiterleit* weitergeleit* "
            "leite leiten weitergeb* weitergegeben glaub* denk* gedacht hoff* gehofft freu* gefreut wunsch* bitt* "
            "gebeten dank* bedank* entschuldig* bedauer* wiss* weiss wusst* kenn* versteh* verstanden find* gefunden "
            "les* gelesen hor* gehort erhalt* empfing empfangen brauch* benotig* mocht* wollt* will versuch* probier* "
            "uberleg* melde* notier* erinner* hinweis* hingewiesen weise teil* mitteil* mitgeteilt inform* bericht* "
            "erklar* empfehl* empfohlen schlag* vorschlag* rat* geraten vermiss* erwart* warte* arbeit* lern* "
            "beobacht* messen gemess* untersuch* analysier* beantrag* sammel* such* gesucht schatz* lieb* mag "
            "kontaktier* gemerkt bemerk* nutz* verwend* treff* uberfragt interess* plan* nachdenk* ruckmeld* "
            "durchgeh* vergleich* bezweifel* zweifel* unterstutz* vermut* meint meinen meine liess lese stelle bitten "
            "bitte"
        ),
        k.STATE: (
            "eingegangen erhalten versandt versendet verschickt ubergeben geandert aktualisiert registriert geoffnet "
            "geschlossen gestartet neugestartet abgeschlossen installiert durchgefuhrt zugestellt erstellt "
            "gespeichert gefunden gemessen gebaut gedruckt bearbeitet weitergeleitet verspatet gesperrt unterbrochen "
            "festgestellt hochgeladen verarbeitet verwendet genutzt gestellt gesendet ausgefallen geliefert"
        ),
        k.SAY: (
            "garantiere garantieren verspreche versprechen verpflichte verpflichten akzeptiere akzeptieren bestatige "
            "bestatigen versichere versichern zusichern sichere sichern verzichte verzichten erklare burge hafte "
            "haften gewahre gewahren bewillige bewilligen genehmige genehmigen willige zugebe einwilligen erkenne "
            "erkennen nehme nehmen stimme stimmen"
        ),
        k.LINK: (
            "bereit gerne gern natuerlich naturlich selbstverstandlich hiermit beschlossen entschieden erklart ihnen"
        ),
        k.FIRST: "ich wir man",
        k.OURS: (
            "sparkasse verein vereinsvorstand vorstand stiftung verband kirche gemeinde kita universitat hochschule "
            "uni museum theater vorsitzende* ausschuss stadtrat jury gericht behorde sachbearbeit* dekan* professor* "
            "schule schulleitung klinik arzt arztin anwalt anwaltin notar steuerberater hausverwaltung verwaltung "
            "makler bauleiter* polier installateur elektriker maler meister lager buchhaltung einkauf vertrieb "
            "geschaftsleitung personalabteilung betriebsrat hotel airline verlag redaktion galerie auftraggeber* "
            "kundin verkaufer* kaufer* hersteller vermieter vermieterin kanzlei techniker monteur kollege kollegin "
            "chef chefin geschaftsfuhrer* leitung team firma mandant* praxis frau herr eigentumer* amt bank "
            "versicherung versicherer lieferant gesellschaft kommission dr werkstatt spedition fahrer klempner "
            "hausmeister gerust* direktor* trager bauamt prufungsamt krankenkasse kasse kreditabteilung abteilung "
            "direktion zahnarzt zahnarztin musem friseur friseurin tischler schreiner maurer gartner umzugsfirma bote "
            "drucker backer florist dolmetscher ubersetzer trainer lehrer fuhrer pilot kapitan therapeut "
            "physiotherapeut hebamme kurier"
        ),
        k.THEIRS: (
            "er nachbar* andere jemand leute konkurrenz gegner* gegenseite studie forscher presse ihm ihn besucher"
        ),
        k.YOU: "sie ihnen du dir euch dich ihr",
        k.YOUR: "ihr ihre ihrer ihren ihrem ihres dein deine deiner deinen deinem euer eure euren eurem",
        k.WILL: "werde werden wird wirst werd",
        k.HAVE: "habe haben hat hab",
        k.BE: "wurde wurden worden ist sind bin wird werden sein war waren seid gilt",
        k.MIGHT: (
            "konnte konnten mochte mochten vielleicht eventuell sollte sollten musste mussten durfte durften soll "
            "sollen hatte hatten ware waren moglicherweise voraussichtlich wohl muss mussen"
        ),
        k.IF: "wenn falls ob sofern sobald bevor wann",
        k.NOT: (
            "nicht kein keine keinen keinem keiner keinerlei leider nie niemals nichts niemand weder noch kaum "
            "bedaure abgelehnt ablehnen ablehnt abgewiesen verweigert lehnen lehnt"
        ),
        k.DEAL: (
            "klaro perfekt abgesegnet beschlossen beschlossene sache ausgemacht angenommen wunderbar logisch "
            "naturlich wort handschlag bestatigt genehmigt gebucht erledigt jawohl abgemacht deal klar einverstanden "
            "passt prima okay ok zugesagt versprochen gluckwunsch hiermit selbstverstandlich fest verbindlich geht "
            "gebongt topp gemacht entschieden notiert akzeptiert super sicher gut ordnung freue gern gerne "
            "erfolgreich"
        ),
        k.SUM: (
            "gebuhr gebuhren preis preise zinsen zuschlage beitrage pauschalen gebuhr* kosten preis* rabatt* nachlass "
            "skonto miete kaution anzahlung betrag geld rechnung* gutschrift gehalt bonus lohn zuschlag pauschale "
            "pramie rate raten zahlung kredit darlehen limit zins* entschadigung* erstattung schadenersatz "
            "schadensersatz honorar provision vergutung stipendium beitrag nebenkosten selbstbehalt forderung mahn* "
            "abschlag guthaben gutschein bussgeld strafe strompreis aufpreis* differenz spesen auslagen ausfall* "
            "summe rest* vorschuss zuschuss abfindung fahrtkosten portokosten versandkosten verzugs* "
            "bearbeitungsgebuhr* servicepauschale sonderzahlung prozent tarif stundensatz"
        ),
        k.SLOT: (
            "termin* platz platze tisch zimmer suite stelle reservierung buchung slot besichtigung lieferung "
            "techniker monteur stuck wohnung stellplatz kitaplatz hotel flug ticket karten sitz* wagen auto laptop "
            "gerat ersatz* leihwagen schlussel kurs seminar* halle saal raum box stand boot kabine praktikum* "
            "gesprach reparatur einbau behandlung op paletten kisten schicht nacht nachte fahrrad schrank bett "
            "werkstatt*"
        ),
        k.PACT: (
            "vertrag* mietvertrag angebot* auftrag* kundigung* urlaub antrag* frist* garantie zusage klage "
            "versicherung* mitgliedschaft abo vereinbarung verlangerung stornierung bewerbung elternzeit teilzeit "
            "homeoffice versetzung forderung beschwerde widerspruch einspruch schuld haftung verantwortung fehler "
            "laufzeit probezeit lizenz genehmigung erlaubnis aufenthalt* umzug wettbewerbs* klausel option "
            "gewahrleistung lieferfrist abnahme anspruch* bestellung* schaden* konditionen"
        ),
        k.SYSTEM: (
            "passwort paket* sendung* bestellnummer server backup newsletter webinar ticket link portal app version "
            "datei ordner nachricht email mail anmeldung zug bahn bus strasse drucker router software system seite "
            "formular umfrage bericht zahlerstand linie gleis anlage website internet update profil postfach wlan "
            "bestellung bestellungen"
        ),
        k.TIME: (
            "montag* dienstag* mittwoch* donnerstag* freitag* samstag* sonntag* januar februar marz april mai juni "
            "juli august september oktober november dezember uhr heute abend vormittag nachmittag mittag woche wochen "
            "tag tage tagen monat monate monaten stunden stunde jahr jahre wochenende minuten frist nacht quartal "
            "weihnachten ostern pfingsten herbst fruhjahr sommer winter feierabend"
        ),
        k.AHEAD: (
            "morgen ubermorgen bis spatestens binnen innerhalb ab nachste* kommende* sofort umgehend gleich "
            "unverzuglich demnachst kunftig ende diese* heute"
        ),
        k.BEFORE: (
            "gestern vorgestern letzte* vergangene* seit bisher vorige* vorhin damals fruher bereits hatte hatten "
            "hattest hatt"
        ),
        k.FREE: (
            "kostenlos kostenfrei gratis umsonst unentgeltlich kulanz* zuzahlung entfallt geschenkt gebuhrenfrei "
            "zusatzlich null zinsfrei beitragsfrei"
        ),
        k.GET: (
            "bekommen bekommst erhalten erhaltst durfen darfst darf brauchen behalten haben hast bekommt kriegst "
            "kriegen erhalt bekomm sparen sicher gehort gehoren zusteht zustehen"
        ),
        k.SPARED: (
            "berechn* zahl* kost* abbuch* abgebucht rechnung mahn* gebuhr* aufpreis kummern erhoh* belast* verlang* "
            "zins* nachteil* strafe vollstreck* gerichtlich zuruckgeben extra verklag* durchsetz* pfand* beanspruch* "
            "bezahl* zuzahl* geltend nachzahl* sorgen ander* steig* erhoht"
        ),
        k.RULE: (
            "satzung ordnung hausordnung vertraglich regelung meist manche viele studierende schuler* eltern "
            "patienten gaste nutzer besucher teilnehm* werktags taglich monatlich standard basis voraussetzung "
            "erforderlich notig moglich jeweils jeder jede jedes kunden mitarbeitende mitarbeiter* normalerweise "
            "grundsatzlich generell regel enthalten tarife agb bedingungen richtlinie partei mieter ublich* hangt "
            "jahrlich offnungszeiten geoffnet personen katalog betragt beginnt endet paragraf artikel gesetz* "
            "beschaftigte bewerber* gultig gultige abhangig"
        ),
        k.TOLD: (
            "sagt* meint* schrieb* behaupt* angeblich gefragt fragt laut gemass nach berichtet erzahlt* will mochte "
            "fordert verlangt wollte wunscht hatten hatte zufolge"
        ),
        k.POLITE: (
            "mitteilung information einladung protokoll tagesordnung wartung storung verspatung verzogerung grusse "
            "interesse ruckmeldung rucksprache danke dank vielen anhang newsletter entschuldig* leid kurze herzlich "
            "herzliches hinweis frage fragen anfrage eingegangen weitergeleitet geschlossen willkommen hallo guten "
            "schonen bitte anbei beigefugt beilieg* umfrage mitzubringen"
        ),
        k.ASK: (
            "bitte konnen konnten kannst konntest mochten mochtest wollen geben gib rufen haben hast sind ist war "
            "waren wann wo wie was wer warum welche* wieviel drucken klicken wahlen nutzen beachten senden schicken "
            "teilen darf durfen ware prufen nennen"
        ),
        k.AWAY: (
            "laufenden bescheid informiert abwesend urlaub buro geschlossen wartung* abwesenheit unterwegs offline "
            "wartungsarbeiten betriebsferien erreichbar newsletter wissen ausgebucht programm ausgabe"
        ),
        k.YOUDO: "hast habt hatten willst wolltest sagten schrieben schriebst",
        k.NUMBER: (
            "zwei drei vier funf sechs sieben acht neun zehn elf zwolf zwanzig dreissig hundert tausend"
        ),
        k.STAYS: "bleibt bleiben gilt gelten steht fest unverandert garantiert gehalten",
        k.COSTS: (
            "kostet kosten dauert betragt wiegt misst besteht enthalt sieht umfasst stieg gestiegen gesunken sank "
            "fiel lauft endet endete beginnt liegt sinkt steigt betrug verlangert betragen belaufen belauft gezogen "
            "tragt lauten lautet dauern abgelaufen"
        ),
        k.COMMON: (
            "zwischen alles mehr neue neuen neues dazu dafur darum pro sowie kann ganz sehr der die das und zu den "
            "dem des ein eine einen einem einer eines mit auf fur von im am an ist es auch als aus bei uns mich mir "
            "unser unsere unserem unseren wie so dass oder aber noch nur um uber wieder schon dann da hier vom zum "
            "zur sich war mein meine dieser durch vor nach hat"
        ),
        k.MUST: "mussen muss brauchen brauchst musst",
    },
    idioms=(
        "hast den job", "haben die stelle", "haben den job", "willkommen im team", "ist ihrer", "zahlen nur",
        "zahlst nur", "pro monat weniger", "nicht berechnet", "geht klar", "konnen auf uns zahlen", "wird erledigt",
        "auf unsere kosten", "zu unseren lasten", "geht auf uns", "gehen auf uns", "geht aufs haus",
        "gehen aufs haus", "aus kulanz", "verbindlich zu", "kostenlos fur sie", "sie haben mein wort",
        "mein wort darauf", "mein wort drauf", "abgemacht", "fest zugesagt", "fest eingeplant", "darauf verlassen",
        "sich verlassen", "geld zuruck", "auf unsere rechnung", "zu unsern lasten", "auf meine kappe",
        "auf unsere kappe", "geht auf mich", "mussen sie nicht zahlen", "brauchen sie nicht zu zahlen",
        "mussen nichts zahlen", "zahlen nichts", "zahlst nichts", "kostet sie nichts", "kostet dich nichts",
        "ohne mehrkosten", "ohne aufpreis", "gehort ihnen", "gehort dir", "ist ihnen sicher", "haben sie sicher",
        "in voller hohe", "in unserer verantwortung", "unser fehler", "unser verschulden", "geht in ordnung",
        "ist ausgemacht", "ist versprochen", "steht ihnen zu", "wie gewunscht genehmigt",
        "auf unserer seite erledigt", "von unserer seite", "unsererseits", "ist gebongt", "gilt als genehmigt",
        "mein ehrenwort", "vom tisch", "ist fur sie", "ist fur dich", "ja zu ihrem", "ja zu ihrer", "ist durch",
        "stehe ich gerade", "stehe ich personlich gerade", "stehen wir gerade", "auf ihren namen reserviert",
        "alles geregelt", "hand ins feuer", "mussen sie nicht aufkommen", "mit ihren bedingungen einverstanden",
        "kommen wir auf", "komme ich auf", "wird stattgegeben",
    ),
    participle=r"(?:[a-z]{2,4})?ge[a-z]{3,}(?:t|en)|.{3,}iert|(?:be|ver|er|ent|zer|uber|unter)[a-z]{3,}(?:t|en)",
    verb_last=True,
    plurals=(("en", ""), ("e", ""), ("n", ""), ("er", ""), ("s", ""), ("innen", "in")),
)  # fmt: skip
