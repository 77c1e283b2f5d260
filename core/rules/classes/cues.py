"""The cues that speak for and against a promise, in seven languages; `weighing` adds up what they weigh.

Words are in lower case and without accents, as `letters.plain` writes them; a star stands for any ending. The lists are
wide on purpose: no word of them makes a promise by itself, and a cue that stands alone weighs too little to hold mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

GRANT: Final = 1 << 0
"""A verb by which the company gives something up, takes something on or fixes something."""
ACT: Final = 1 << 1
"""A verb of doing that binds beside a time, a sum or a recipient: send, bring, call."""
VALUE: Final = 1 << 2
"""A thing of value: a fee, a refund, a slot, a contract."""
FIRST: Final = 1 << 3
WILL: Final = 1 << 4
DONE: Final = 1 << 5
"""Has, have, been: what is done already."""
YOU: Final = 1 << 6
YOUR: Final = 1 << 7
TIME: Final = 1 << 8
MONEY: Final = 1 << 9
FREE: Final = 1 << 10
DEAL: Final = 1 << 11
"""Words that settle a thing by themselves: deal, agreed, prima, fechado."""
GET: Final = 1 << 12
OURS: Final = 1 << 13
"""Somebody who decides or acts for a party: the board, the landlord, our engineer."""
NOT: Final = 1 << 14
IF: Final = 1 << 15
MIGHT: Final = 1 << 16
RULE: Final = 1 << 17
"""What holds for everybody: policy, terms, normally, customers."""
TOLD: Final = 1 << 18
"""What others said: you mentioned, according to, asks."""
POLITE: Final = 1 << 19
"""Courtesy and plain information: thanks, received, attached, newsletter."""
ASK: Final = 1 << 20
"""What the reader is asked to do: please, could you, let me know."""
SELF: Final = 1 << 21
"""A verb form that names its own subject: hacemos, tolgo, faremo."""
NUMBER: Final = 1 << 22
SPARED: Final = 1 << 23
"""What a customer is glad to be spared: to be charged, billed, pursued."""
PART: Final = 1 << 24
"""The form of a participle, whatever the verb."""
SOURCE: Final = 1 << 25
"""according to: speaks against a promise only where a sentence opens with it."""

ENGLISH: Final = {
    SOURCE: ("according under per"),
    SPARED: (
        "charge* charging bill billed billing invoice* pursue* pay paying owe cost costs raise* increase* penal* "
        "fee fees surcharge deduct* return repay chase chased enforce* worry lose extra interest"
    ),
    GRANT: (
        "resolv* decid* vot* upheld uphold* succeed* success* scrap* enforc* cater* treat* lend* taking taken take "
        "supply* supplied personally gladly concede* become becomes host* lay indemnif* welcome adopt* ratif* "
        "endors* sanction* conceding consent* acquiesc* acknowledg* nullif* rescind* quash* dismiss* abandon* "
        "relinquish* refrain* abstain* desist* discontinu* terminat* close closing suspend* defer* delay* stretch* "
        "split prolong* backdat* prorat* recalculat* amend* rectif* correct* rework* rebuild* reprint* repaint* "
        "remake rerun reissu* rebill* replenish* reseat* relocat* transferr* sell selling buy buying purchas* "
        "acquir* lend loan* rent renting invest* fund* subsid* bonus gift* treat comp comped comping chip chipped "
        "deposit* remit* disburs* payout compensat* make good retain* nominat* select* shortlist* offered elect* "
        "contract* engag* onboard* insur* underwrit* bind binding stand stands stick sticking certif* attest* "
        "pass* earmark* ringfenc* set aside blocked blocking assign* dedicat* deploy* free freed unblock* activat* "
        "enabl* unlimited secure vacat* surrender* forego forgo forgone refund* reimburs* repay* repaid waive* "
        "waiving approv* grant* award* accept* agree agreed agreeing authoris* authoriz* extend* renew renewed "
        "renewing confirm* book* reserved reserving reserve schedul* reschedul* rais* increas* restor* undo "
        "reopen* unlock* guarant* promis* pledg* commit commits committed undertak* undertook credited crediting "
        "cancelled cancelling canceled canceling withdraw* withdrew releas* exempt* upgrad* honour* honor* sign "
        "signed signing countersign* settl* secured allocat* appoint* hire hired hiring match matching matched "
        "lock locked locking cap capped freeze frozen freezing lift lifted lifting drop dropped dropping remov* "
        "eras* delet* void* revers* reinstat* replac* repair* redo redone fix fixed fixing swap* exchang* absorb* "
        "eat bear throw thrown throwing knock* shav* reduc* lower* slash* halv* trim* doubl* adjust* cleared "
        "allow* permitt* entitl* promot* enrol* admitted sponsor* donat* licens* written writing hold* held "
        "pencil* squeez* slot* postpon* forgiv* forgav* pay paying stop stopping pursue accommodat* topped topping "
        "bump* prioriti* expedit* top redeliver* resend* reship* underwrote vouch* deduct* discount* spare*"
    ),
    ACT: (
        "pop drive drove fly swing stay stays staying leave leaves run runs running be ready land lands turn turns "
        "place places load loads loaded post posted mail mailed email fax courier print lay paint wash clean "
        "cleaned service serviced inspect replace serve open opens cook cater host teach tutor train translate "
        "write deliver design code migrate test roll rolls rolled attend present speak remain remains continues "
        "stands cost costs pushes puts throws pays covers sends brings gives takes send sending sent ship shipping "
        "ships shipped dispatch* deliver* bring bringing collect* call calling come coming go going goes hand "
        "handing wire wired wiring transfer* issu* put putting move moved moving push pushed pushing get getting "
        "gets make making made finish* complet* install* fill filled start starting starts begin begins join* meet "
        "meeting arriv* have keep keeping kept take taking taken give giving given gave offer offered offering add "
        "added adding include included set setting arrang* sort sorted do doing done supply* continue rais* "
        "increas* provid* appl* pay cover covering cut switch* regard regards pick picking drop visit* submit* "
        "file filing prepar* build launch* return back up love welcome attend*"
    ),
    VALUE: (
        "grant advance team exchange trip mark transcript nursery exclusivity option easement permission spot "
        "print run stall amount funds payout commission royalty royalties licence fee line overtime pay wage wages "
        "stipend tuition pension premium excess policy cover holiday mortgage installment installments arrears "
        "fine late interest apr quote estimate proposal retainer scope milestone parts labour labor copies pieces "
        "pallets boxes litres tonnes kilos barrels seats nights guests hours days tables chairs vehicle car van "
        "truck boat flight train suite cabin villa flat property keys parking garage permit visa exam grade resit "
        "extension scan surgery operation treatment prescription refund* fees deposit price prices rate rent "
        "discount* rebate cashback voucher credit penalty charge charges surcharge invoice invoices balance debt "
        "loan limit overdraft salary bonus raise payment instalment* contract agreement lease offer bid tender "
        "order orders unit units delivery shipment pallet booking reservation table room rooms seat slot "
        "appointment visit engineer warranty replacement repair upgrade subscription license position role job "
        "leave vacation request application claim deadline checkout access copy tickets ticket scholarship bursary "
        "exemption remission settlement terms term months weeks year years notice apartment house compensation "
        "package sum cost costs expenses bill time work place half"
    ),
    FIRST: ("i we im ill id weve ive"),
    WILL: ("will shall ll gonna going ill"),
    DONE: ("has have had ve been was were is are being s"),
    YOU: ("you"),
    YOUR: ("your yours"),
    FREE: (
        "penny cent nothing goodwill boots provided all whole entire every gratis nil courtesy without instead "
        "bonus unconditional unlimited free complimentary waived penalty forgiven obligation zero entirety"
    ),
    DEAL: (
        "yes settled done thing yep yours perfect brilliant agree accepted approved booked bingo yup sealed shake "
        "handshake affirmative green assured fear promise swear vow gladly warmly herewith formally officially "
        "deal agreed ok okay fine sold confirmed congratulations consider count congrats absolutely certainly sure "
        "sorted granted pleased happy delighted hereby formal noted word guarantee worries glad"
    ),
    GET: ("yours get have receive keep use stay may can enjoy expect owe"),
    OURS: (
        "captain foundation trustees association insurer kennel band society federation league ministry embassy "
        "consulate diocese library museum theatre festival editor coach conductor chef baker farmer chair chairman "
        "chairwoman panel jury judge trust client partner vendor contractor plumber electrician mechanic architect "
        "surgeon nurse professor registrar headteacher principal faculty admissions accounts procurement sales "
        "marketing purchasing warehouse office garage workshop shop store hotel airline carrier adjuster "
        "accountant solicitor solicitors attorney lawyer counsel estate agent tenant admin administrator "
        "supervisor commissioner mayor minister authority cto cmo vp head producer label studio gallery farm "
        "bakery caterer brewery landlord board committee team engineer technician manager director owner legal "
        "practice firm company hr finance council court university department supplier bank boss ceo cfo union "
        "seller buyer lender publisher doctor dr mr mrs ms crew driver courier management dean agency underwriter* "
        "hospital school club"
    ),
    NOT: (
        "not t never no cannot nothing nobody none neither nor without unable unfortunately afraid yet hardly regret"
    ),
    IF: ("if whether unless once should"),
    MIGHT: ("could would might may perhaps maybe possibly can should must hope trying try"),
    RULE: (
        "handbook manual guidelines guide regulations rules law contract cancellation opening hours range between "
        "starting from tier basic standard full model comes requires required applies apply subject category "
        "typically usual regular recommended depends depending policy policies normally usually generally "
        "customers members students parents employees tenants each every any conditions either party brochure "
        "section anyone many guests users plan plans always daily premium eligible where calculated residents "
        "visitors applicants terms clause per available includes include version statute faq original method"
    ),
    TOLD: (
        "wants wanted requested requests suggested suggests proposed proposes complained hopes insists wondered "
        "rumour heard thought believes promised complaining quoting quoted mentioned said says asked asks told "
        "wrote claims claimed thinks believe saw noticed understand seems apparently reported states stated wonder "
        "wondering read previous shows received"
    ),
    POLITE: (
        "congratulates hope curious interesting fyi summary agenda notes webinar release released version docs "
        "documentation article blog photos pictures map directions weather traffic maintenance outage delayed "
        "stuck strike tracking shipped reference number code password login username notification alert "
        "confirmation receipt invoice reached thanks thank received attached newsletter reminder minutes welcome "
        "sorry apolog* hello wishes birthday status update feedback review reviewing looking look forwarded passed "
        "patience touch soon possible automated message reset survey enclosed website portal question questions "
        "case log logs detected currently report open closed office find found detail details link"
    ),
    ASK: ("please could let tell choose click reply fill advise wish need needs must prefer want like kindly make"),
}
GERMAN: Final = {
    SOURCE: ("laut gemass nach"),
    SPARED: (
        "berechn* zahl* kost* abbuch* abgebucht rechnung mahn* gebuhr* aufpreis kummern erhoh* belast* verlang* "
        "zins* nachteil* strafe vollstreck* gerichtlich zuruckgeben extra"
    ),
    GRANT: (
        "verzicht* fallen fallenlass* trag* bleibt bleiben halt gehort gehoren beschloss* entschied* entscheid* "
        "sicher verlassen fest nimm ab erteil* verleih* verliehen gewonnen ratifizier* billig* zuerkannt zuerkenn* "
        "anerkannt anerkenn* aufgestockt aufstock* angehoben anheb* hebt gesichert sichert erneuer* umgestellt "
        "wieder* freigestellt freistell* beauftrag* verkauft kaufen kauft gekauft abgenommen abnehm* mitgegeben "
        "eingestellt einstell* stellt angestellt ausgetauscht nachbesser* nachgebessert neu geplant gutgebracht "
        "rabattier* gedeckelt decke deckt einbehalt* freigehalt* blockier* geblockt festgehalt* festgelegt "
        "festgeschrieben zugewiesen zuweis* nachgeliefert annullier* aufgelost auflos* entlass* beendet sperr* "
        "aktivier* zugestanden zugesteh* einverstanden versicher* burg* abgegolten beglich* begleich* getragen "
        "ausgeglichen ausgleich* hinterlegt entfall* erspar* geschehen besetz* aufgenommen aufnehm* verschieb* "
        "umgezogen abgeschrieben erstatt* ruckerstatt* zuruck* vergut* gutgeschr* gutschreib* erlass* storn* "
        "gebucht buche buchen reservier* eingeplant angesetzt terminier* garantier* versprech* versproch* zusag* "
        "zugesagt zusich* verpflicht* gewahr* genehmig* bewillig* verlanger* ubernehm* ubernimmt ubernomm* "
        "unterschr* unterzeichn* gegenzeichn* behoben beheb* ersetz* umgebucht spendier* einraum* eingeraumt "
        "vorgemerkt eingetragen akzeptier* angenommen annehm* nehmen vereinbart zugestimmt stimmt stimmen "
        "gestrichen streich* gekundigt stattgegeben freigegeb* freigeschalt* zugeteilt befordert senk* gesenkt "
        "reduzier* erhoh* halbier* tausch* getauscht austausch* umtausch* repar* verschob* verleg* vorgezogen "
        "zieh* abgezogen nachgelass* lassen lass lasst bereit erklart sanier* schenk* geschenkt zahlt zahlen "
        "bezahl* ubertrag* entfern* geloscht losch* aufgehob* aufheb* bestatig* entschadig* berechn* ausgezahlt "
        "auszahl* uberwies* uberweis* zugelassen angerechnet anrechn* gutgeheissen haft* leg* gestund* stund* "
        "sorge sorgen kummer* durfen darfst darf fixiert steht halten willig* gonn*"
    ),
    ACT: (
        "anzurufen angerufen geliefert geschickt gemacht abgeholt abhol* eingebaut aufgebaut steht stehen liegt "
        "liegen da parat bereit bereitgestellt bereitstell* reserv* zustell* zugestellt bleib* tret* tritt ruckt "
        "druck* mal* streich* wartet reinig* geputzt tauscht wechsel* gewechselt geleistet nachhol* besorg* "
        "organisier* backen koch* hilft helf* kriegst kriegt schick* send* bring* liefer* komm* mach* hol* ruf* "
        "erledig* montier* ubergeb* ubergib* stell* gestellt geb* gib* bekomm* fang* start* beginn* ist sein "
        "leist* meld* verschick* versend* versandt vorleg* vorzuleg* fertig fahr* bau* einbau* install* ubermittl* "
        "buch* setz* verkauf* gehen geht geh tu tun"
    ),
    VALUE: (
        "kitaplatz strompreis klage gerichtskosten entschadigung ubersetzung rechte lizenz vergutung honorar lohn "
        "bonus uberstunden elternzeit teilzeit stipendium note klausur nachklausur wohnung mietvertrag schlussel "
        "stellplatz nebenkosten selbstbehalt police deckung schaden schadens* versicherungs* beitrag darlehens* "
        "zins zinssatz laufzeit rahmen dispo saldo forderung mahnung rate anzahl paletten kisten tonnen liter "
        "exemplare nachte personen gaste wagen auto ticket karten flug hotel suite behandlung op operation rezept "
        "uberweisung summe vorschuss ausstand restbetrag erstattungs* umtausch lieferfrist euro eur gebuhr* "
        "mahngebuhr* kosten preis rabatt nachlass skonto miete kaution anzahlung betrag geld rechnung* gutschrift "
        "termin lieferung auftrag vertrag angebot bestellung kundigung urlaub antrag frist garantie ersatz* platz "
        "tisch zimmer stelle gehalt brutto netto raten zahlung kredit darlehen limit stuck reparatur bad gerat "
        "monteur handwerker kulanz zinsen abbuchung* aufpreis versand* provision stornierung verlangerung buchung "
        "slot laptop zusage prozent tage wochen monate"
    ),
    FIRST: ("ich wir"),
    WILL: ("werde werden wird wirst"),
    DONE: ("habe haben hat wurde wurden worden ist sind bin"),
    YOU: ("sie ihnen du dir euch dich"),
    YOUR: ("ihr ihre ihrer ihren ihrem dein deine deiner deinen deinem euer eure"),
    FREE: (
        "kostenlos honorar zusatzlich aufpreis zuzahlung gutem willen nachsicht entfallt gratis kostenfrei umsonst "
        "unentgeltlich kulanz haus eigene geschenkt unbefristet"
    ),
    DEAL: (
        "klaro perfekt abgesegnet beschlossen beschlossene sache ausgemacht angenommen wunderbar logisch logo "
        "naturlich versichere wort handschlag bestatigt genehmigt gebucht herzlichen erledigt jawohl abgemacht "
        "deal klar einverstanden passt gern gerne prima okay ok zugesagt versprochen gluckwunsch hiermit "
        "selbstverstandlich steht fest verbindlich geht gebongt topp freue freuen"
    ),
    GET: ("bekommen bekommst erhalten erhaltst durfen darfst konnen kannst brauchen behalten"),
    OURS: (
        "sparkasse verein vereinsvorstand stiftung verband kirche gemeinde kita universitat hochschule museum "
        "theater vorsitzende* ausschuss rat stadtrat jury gericht behorde sachbearbeit* rektorat dekan dekanin "
        "professor* schule schulleitung klinik arzt arztin anwalt anwaltin notar steuerberater hausverwaltung "
        "makler bauleiter* polier installateur elektriker maler meister lager buchhaltung einkauf vertrieb "
        "geschaftsleitung personalabteilung betriebsrat hotel airline verlag redaktion galerie auftraggeber* kunde "
        "kundin verkaufer* kaufer* hersteller* vermieter kanzlei techniker monteur kollege kollegin chef "
        "geschaftsfuhrer* leitung vorstand team firma mandant* praxis herr frau eigentumer verwaltung amt bank "
        "versicherung lieferant gesellschaft prufungs* kommission dr werkstatt spedition"
    ),
    NOT: ("nicht kein keine keinen keinem keiner keinerlei leider nie niemals nichts niemand ohne weder noch bisher"),
    IF: ("wenn falls ob sofern sobald bevor"),
    MIGHT: ("konnte konnten mochte mochten vielleicht eventuell sollte mussen muss musste wurden wurde soll sollen"),
    RULE: (
        "satzung ordnung hausordnung vertraglich regelung meist manche viele studierende schuler schulerinnen "
        "eltern patienten gaste nutzer besucher teilnehm* werktags taglich monatlich standard basis voraussetzung "
        "erforderlich notig moglich kann jeweils jeder jede alle kunden mitarbeitende mitarbeiter normalerweise "
        "grundsatzlich generell regel enthalten tarif tarife agb bedingungen richtlinie weist partei mieter "
        "mieters ublich* gilt gelten sofern hangt anspruch jahrlich offnungszeiten"
    ),
    TOLD: ("sagte meinte schrieb* geschrieben sehe gesehen gelesen verstehe behaupt* angeblich gefragt fragt"),
    POLITE: (
        "mitteilung information einladung protokoll tagesordnung wartung storung verspatung verzogerung sendung "
        "sendungsnummer passwort zugangsdaten link formular besten grusse interesse beschwerde ruckmeldung "
        "rucksprache nachricht weiterleiten bearbeitung uberblick aktuell derzeit momentan danke dank vielen "
        "anhang newsletter entschuldig* leid erhalten kurze herzlich erinner* hinweis frage fragen anfrage "
        "eingegangen ubergeben finden weitergeleitet pruf* status geschlossen fehler trat weitergegeben willkommen"
    ),
    ASK: ("bitte konnen kannst mochten wollen hallo gib geben rufen"),
}
FRENCH: Final = {
    SOURCE: ("selon d"),
    SPARED: (
        "factur* pay* debit* preleve* frais penalite* supplement cout* augment* poursui* contentieux interets "
        "reclam* reserve necessaire rendre majoration"
    ),
    GRANT: (
        "vot* decid* oblig* reprend* aid* nomm* soutien* soutenir pris affaire vend* pass* acquis acquise octroi* "
        "libre libres ratif* consenti consent consentons consens conced* admet admettons reconnu reconnai* debloq* "
        "activ* retabli* reintegr* rehauss* relev* doubl* triple divis* etal* echelonn* fractionn* gele gelons "
        "geler gel fige figeons rouvert reouvr* rachet* rachat achet* vend lou* cautionn* garant* pret* finan* "
        "subvention* sponsoris* parrain* don donn* abandonn* cesse cessons cesser suspend* resili* rompu rompre "
        "liber* deli* class* clos cloture regularis* rectifi* corrig* refond* modifi* ajust* arrang* cal* case "
        "inscri* place placons pos* prevu prevoi* retenons retien* met compt* promu promouv* titularis* affect* "
        "design* selectionn* choisi embauch* recevable favorable etabli allong* repouss* avanc* bascul* surclass* "
        "sursi* attest* jur* couvr* couvert support* endoss* solde soldons apur* arret* arrondi* descend* "
        "rembours* recredit* credit* accord* offr* offert* promet* promis engag* annul* reserv* programm* planifi* "
        "valid* approuv* accept* autoris* prolong* report* decal* sign* contresign* renonc* exoner* dispens* fixe "
        "fixee bloqu* indemnis* dedommag* remplac* echang* reduis* reduit* baiss* deduit* deduis* supprim* leve "
        "levee levons effac* retir* rendu* rendons rendr* prenons prend prends prendr* assum* porte portee "
        "augment* confirm* octroy* vers* vire virons certifi* cede cedons laisse laissons attribu* admis* retenu* "
        "recrut* plafonn* maintien* maintenons gard* honor* repar* refair* refais* mis mets mettons ramen* ajout* "
        "inclu* convenu* conclu occupe occupons charge charger regl* pay* paie compens* facilit* facturer "
        "facturerons transmis rouvr* renouvel* etend*"
    ),
    ACT: (
        "ramene ramenons amene dispo disponible debarqu* part partira partent repart arrive arrivera arriverons "
        "recup* cherch* nettoy* peindr* rendre fourni* imprim* traduir* traduis* forme formons assist* intervien* "
        "intervenir travaill* tient tiens tenons reste restera signerez signera effectu* sort sortira assur* "
        "boucl* reprend* attend* redig* relivr* cuisine envoi* envoy* enverr* expedi* livr* appel* rappel* viens "
        "vient viendr* pass* pose* depos* fais fait faisons ferai fera ferons faire mettr* remett* remis termin* "
        "finir* install* recevr* aurez aura serez sera seront donn* commenc* demarr* veut avons reviens apport* "
        "prepar*"
    ),
    VALUE: (
        "aide franchise emplacement roman place creche parution avaloir majoration amende astreinte provision "
        "honoraires prime salaires hebdo charges depot garantie bail taux sinistre assurance police capital "
        "interets avance solde facture factures bon cheque carte licence droits image bourse note rattrapage "
        "examen dossier inscription ordonnance operation irm consultation scanner chantier toiture chaudiere "
        "voiture vehicule velo colis palettes palette kilos tonnes litres exemplaires couverts nuits nuitee suite "
        "villa salon stand billet billets train siege parking cle cles euros euro forfait abonnement reservations "
        "sommes remboursement remise reduction avoir rabais frais penalite agios somme montant acompte caution "
        "loyer prix tarif contrat cdi devis commande rendez rdv livraison reservation table chambre session poste "
        "salaire brut net delai echeance credit pret decouvert plafond creneau article mensualite* appartement "
        "conge conges demande geste mois jours nuit places reparation ascenseur"
    ),
    FIRST: ("je j nous on"),
    WILL: ("vais allons va vont"),
    DONE: ("ai avons a ont est sont ete etes"),
    YOU: ("vous te t tu toi"),
    YOUR: ("votre vos ton ta tes"),
    FREE: (
        "gratuit offert remise grace offre dispense exonere compris franco cadeau bonus geste gratuit* offert* "
        "rien exceptionnel"
    ),
    DEAL: (
        "top tope topez impeccable banco adjuge vendu nickel super genial naturellement certainement assurement "
        "parole engagement acte actee acquis acquise reserve valide validee accepte acceptee marche entendu accord "
        "convenu felicitations parfait bon presente ca roule promis confirme volontiers bravo ok ferme"
    ),
    GET: ("recevrez aurez pouvez gardez garder serez beneficie* pourrez auras"),
    OURS: (
        "association fondation editeur mairie federation ministere creche club theatre musee orchestre paroisse "
        "universite region departement president presidente adjoint prefet prefecture tribunal juge notaire avocat "
        "avocate huissier gestionnaire gerant gerante agence ecole faculte doyen professeur proviseur medecin "
        "clinique hopital veterinaire artisan plombier electricien peintre mecanicien garage atelier magasin "
        "boutique hotel compagnie transporteur fournisseur label galerie mandant mandante locatrice vendeur "
        "vendeuse acheteur acquereur bailleresse copropriete actionnaires associes patronne comptabilite drh rh "
        "service usine traiteur syndic jury maitre proprietaire direction equipe technicien societe cabinet banque "
        "directeur directrice comite conseil client assureur bailleur patron dr commission responsable chef "
        "livreur rectorat"
    ),
    NOT: ("ne n pas aucun aucune jamais malheureusement ni sans helas personne encore"),
    IF: ("si lorsque quand afin"),
    MIGHT: (
        "pourrait pourrions pourriez pourrais devrait devez doit doivent faut souhait* voudrais serait aimeriez peut"
    ),
    RULE: (
        "reglementation convention habituellement souvent usagers adherent visiteurs patients etudiants salarie "
        "obligatoire necessaire possible version annuel mensuel quotidien standard comptez prevoyez minimum "
        "maximum toute toutes etre politique generalement clients adherents chaque tout conditions reglement "
        "locataire* article prevu forfait formule comprend inclut eleves parents salaries horaires jours "
        "normalement abonnes ouvert ouverte disponible"
    ),
    TOLD: ("dit dites disiez ecrit ecrivez indique mentionne comprends demande demandez vu lu parait apparemment"),
    POLITE: (
        "bulletin compte rendu proces verbal ordre suivi colis identifiant mot passe lien formulaire cordialement "
        "bonne journee message question reponse demande transferee service dossier incident maintenance panne "
        "greve actuel merci bonjour recu recue joint jointe ci newsletter rappel desole* excuses regrett* "
        "information infos bienvenue transmis etudi* reviendrons trouverez prochainement numero retard ferme "
        "fermee actuellement"
    ),
    ASK: ("veuillez merci pouvez pourriez dites indiquer cliquez avez souhaitez preferez"),
}
SPANISH: Final = {
    SOURCE: ("segun"),
    SPARED: (
        "cobr* gir* factur* pag* cargo* recargo* coste costes penaliz* subir* recib* interes* reclam* comision "
        "gastos mas suba esperar preocup* cuesta costara"
    ),
    GRANT: (
        "fich* resuelt* resolv* decid* vot* apoy* repon* ayud* cont* respond* libre premi* ofic* oblig* ratific* "
        "consient* consent* reconoc* desbloque* activ* restable* reincorpor* readmit* dobl* divid* fraccion* "
        "aplaz* congel* topa* reabr* reabi* compr* vend* alquil* aval* prest* financ* patrocin* don* ced* desist* "
        "ces* suspend* rescind* liber* archiv* cierr* regulariz* rectific* modific* hueco encaj* anot* apunt* "
        "inscri* bloque* nombr* ascend* promov* selecci* escog* elegi* favor* alarg* retras* trasla* mejor* "
        "certific* jur* afront* salda* liquid* redonde* repuest* rehac* rehar* repinta* pint* reenv* expedi* "
        "obsequi* bonific* invit* sufrag* corr* desestim* renegoci* encarg* ocup* queda quedan quedo reembols* "
        "devuel* devolv* abon* compens* indemniz* conced* aprob* aprueb* acept* autoriz* ampli* prorrog* firm* "
        "garantiz* promet* reserv* program* agend* cancel* anul* condon* perdon* asum* descont* rebaj* baj* reduc* "
        "reduj* sustitu* reemplaz* cambi* repar* arregl* regal* exim* exent* quit* retir* elimin* manten* mantien* "
        "respet* renuev* renov* extend* extiend* acord* pact* cerramos cerrado confirm* adjudic* admit* asign* "
        "otorg* movido mover mueve adelant* cubr* cubierto pag* dejo dejamos dejar quedas quedarte quedar guard* "
        "apart* fij* pon* puesto levant* renunci* ajust* igual* inclu* matricul* giraremos cobr* facilit* sub* "
        "estim*"
    ),
    ACT: (
        "traer* traig* trae acerc* arreg* limpi* imprim* tradu* form* asist* atend* atiend* acud* qued* est* sirv* "
        "servi* constru* prest* regres* vuelv* volver* vuelta deposit* ingres* transfer* transfier* gir* despach* "
        "sac* met* coloc* cocin* cambi* dej* asegur* present* envi* mand* llev* entreg* llam* pas* hag* hac* hare* "
        "hech* dar* doy damos recib* tien* empiez* comienz* lleg* instal* recog* sal* va van voy vamos ven* vien* "
        "termin* tram* ten* monta* prepar*"
    ),
    VALUE: (
        "licencia obra derrama tasa temporada ficha plaza sancion honorarios prima nomina horas extra franquicia "
        "siniestro seguro poliza capital intereses saldo anticipo mensualidad mensualidades cheque tarjeta "
        "derechos nota examen convocatoria expediente inscripcion receta operacion resonancia tejado caldera coche "
        "vehiculo bicicleta bulto palets palet kilos toneladas litros ejemplares unidades cubiertos noches suite "
        "villa salon stand billete billetes tren asiento aparcamiento llaves piso local renta aumento permiso "
        "excedencia baja jornada teletrabajo contratacion trabajo vacante ascenso finca matricula reembolso "
        "devolucion descuento abono importe comision recargo gastos cuota precio alquiler fianza deposito cita "
        "reserva pedido contrato plazo puesto sueldo vacaciones mesa habitacion mesas beca costas transferencia "
        "garantia factura tarifa multa penalizacion credito prestamo hipoteca limite oferta presupuesto recibo "
        "solicitud entrega dinero bono noche terraza cubierto euros"
    ),
    FIRST: ("yo nosotros nos me"),
    WILL: ("voy vamos va van"),
    DONE: ("he hemos ha han sido fue queda quedan esta estan"),
    YOU: ("le les usted ustedes te se os ti"),
    YOUR: ("su sus tu tus vuestra vuestro"),
    FREE: (
        "cero bonificado exento exenta costa invita invitamos invito detalle sin gratis gratuit* recargo incluida "
        "incluido cortesia cuenta nada regalo"
    ),
    DEAL: (
        "hecho hecha vale anotado contad estupendo genial aceptado aceptada aprobado apuntado reservado reservada "
        "garantizado compromiso listos oficialmente formalmente mediante trato dale acuerdo cerrado perfecto "
        "enhorabuena felicidades claro descuide tranquilo listo quedamos conforme prometido palabra confirmado "
        "confirmada presente"
    ),
    GET: (
        "libre tuyo tuya suyo suya podra podras correspond* disfrut* gozar* recibira recibiras tendra tendras "
        "puede puedes quedas quedar dispone quedarse"
    ),
    OURS: (
        "club ayuntamiento fundacion asociacion federacion ministerio guarderia teatro museo parroquia "
        "representada representado compania region presidente presidenta concejal juez notario notaria gestor "
        "gestora agencia escuela universidad profesor profesora medico medica clinica hospital veterinario "
        "fontanero electricista pintor mecanico almacen tienda hotel aerolinea transportista editorial sello "
        "galeria comprador compradora vendedor vendedora arrendadora propiedad socios contabilidad recursos rrhh "
        "servicio fabrica cocina mandante administrador administradora patron duena dueno tribunal comunidad "
        "decana decano casero propietario propietaria director directora comite junta equipo tecnico cliente "
        "empresa banco abogado jefe jefa gerente consejo proveedor arrendador doctora doctor dr aseguradora "
        "direccion rectorado taller"
    ),
    NOT: ("no ni nunca nada ningun ninguna ninguno nadie sin lamentablemente desgraciadamente tampoco todavia aun"),
    IF: ("si cuando caso"),
    MIGHT: ("podria podriamos podrias quizas quiza querria gustaria deberia debe deben tendria habria puede"),
    RULE: (
        "normativa reglamento convenio habitualmente usuarios visitantes pacientes estudiantes trabajadores "
        "obligatorio necesario posible anual mensual diario estandar minimo maximo hasta desde abre apertura "
        "politica normalmente generalmente clientes socios alumnos cada condiciones contempla plan tarifa incluye "
        "horario todos todas cualquier empleados inquilino inquilinos suele suelen version disponible clausula"
    ),
    TOLD: ("dijo dice dicen comento comentaste comentas escribio indica mencion* veo entiendo pregunt* parece"),
    POLITE: (
        "comunicado orden acta seguimiento paquete usuario contrasena enlace formulario atentamente saludo saludos "
        "mensaje pregunta respuesta trasladado incidencia mantenimiento averia huelga feliz gracias recibido "
        "adjunto adjunta adjuntamos boletin recordatorio sentimos disculp* lamentamos bienvenid* consulta "
        "informacion revis* brevedad encontrara ayuda numero cerrado cerrada actualmente hola"
    ),
    ASK: (
        "favor podria puede puedes indique indiqueme diganos digame prefiere quiere necesita necesitamos haga rellen*"
    ),
}
PORTUGUESE: Final = {
    SOURCE: ("segundo conforme"),
    SPARED: (
        "cobr* fatur* pag* custo custos multa juros taxa taxas debit* onus aument* penaliz* reclam* acrescimo "
        "extra encargo encargos preocup*"
    ),
    GRANT: (
        "apoi* decid* vot* obrig* perdo* defer* compr* ajud* premi* segur* fica entrou entra aument* ratific* "
        "consent* reconhec* desbloque* ativ* restabele* readmit* dobr* divid* parcel* congel* reabr* reabert* "
        "vend* alug* arrend* avaliz* emprest* financ* subsidi* patrocin* doa* ced* desist* cess* suspend* rescind* "
        "arquiv* encerr* regulariz* retific* corrig* modific* encaix* anot* inscrev* inscrit* bloque* nome* "
        "promov* selecion* escolh* along* atras* transfer* melhor* certific* jur* arca* liquid* arredond* repo* "
        "refeit* refar* pint* reenvi* expedi* despach* bonific* brind* cobert* corre resolv* negoci* respond* "
        "encarreg* trat* fez mud* reembols* devolv* devolu* estorn* credit* compens* indeniz* indemniz* conced* "
        "aprov* aceit* autoriz* prorrog* estend* assin* garant* promet* reserv* agend* marc* cancel* anul* assum* "
        "descont* baix* reduz* substitu* troc* consert* arranj* isent* zera* tira tiro tiramos tirar retir* "
        "elimin* mant* renov* combin* fech* confirm* adjudic* admit* contrat* atribu* adi* antecip* cobr* pag* "
        "ofere* deix* ficas guard* separ* refaz* repar* liber* deliber* abat* levant* renunci* ajust* iguala* "
        "inclu* acord* remarc* banc* quit* dispens* ressarc* suport*"
    ),
    ACT: (
        "traz* trago busc* limp* imprim* traduz* form* assist* atend* compare* serv* constru* prest* volt* "
        "regress* deposit* ger* coloc* cozinh* deix* sai saem entr* cheg* estao present* subi* sobe desloc* monto "
        "envi* mand* lev* lig* pass* faz* fac* fare* feit* dar* dou damos receb* ter* comec* instal* recolh* sai* "
        "vai vou vamos estar* vem* vir* monta* prepar* fizemos fiz ir* cai poe ponho pomos vist*"
    ),
    VALUE: (
        "quotas licenca emolumentos escritura limite saque vaga berco sinal lugar sancao honorarios premio "
        "salarios horas extras franquia sinistro seguro apolice capital juros saldo adiantamento mensalidade "
        "mensalidades parcela parcelas cheque cartao direitos nota exame prova processo inscricao matricula "
        "receita cirurgia ressonancia obra telhado caldeira carro viatura veiculo bicicleta volume paletes palete "
        "quilos toneladas litros exemplares unidade noites suite moradia salao stand bilhete bilhetes passagem "
        "passagens comboio assento estacionamento chaves apartamento loja aumento teletrabalho trabalho emprego "
        "contratacao diaria diarias vale reembolso devolucao desconto estorno multa taxa anuidade preco aluguel "
        "renda caucao deposito consulta reserva encomenda pedido contrato prazo salario ferias mesa quarto bolsa "
        "propinas isencao garantia fatura tarifa credito emprestimo proposta orcamento entrega dinheiro noite "
        "hotel taxi refeicoes rescisao portes frete agenda unidades"
    ),
    FIRST: ("eu nos gente nossa"),
    WILL: ("vou vamos vai vao"),
    DONE: ("foi foram sido esta estao ja ficou fica tem"),
    YOU: ("voce voces lhe lhes te senhor senhora"),
    YOUR: ("seu sua seus suas teu tua"),
    FREE: (
        "sinal conta zero isento isenta bonificado oferecido oferecida brinde onus encargos gratis graca gratuit* "
        "cortesia oferta"
    ),
    DEAL: (
        "otimo excelente fechada aprovado aprovada aceite aceito apontado reservado garantido compromisso prontos "
        "oficialmente formalmente maravilha show valeu confirmo fechado combinado negocio acordo certo perfeito "
        "parabens claro pode tranquilo pronto fica assente feito prometo palavra confirmado confirmada beleza "
        "topado bora"
    ),
    GET: ("direito podera ganha ganham leva recebe recebera tera pode sai fica dispoe"),
    OURS: (
        "clube assembleia fundacao associacao federacao ministerio creche teatro museu paroquia condominio junta "
        "prefeitura estado presidente vereador juiz notario gestor gestora agencia escola universidade professor "
        "professora medico medica clinica hospital veterinario canalizador encanador eletricista pintor mecanico "
        "armazem loja hotel companhia transportadora editora galeria comprador compradora vendedor vendedora "
        "senhoria proprietaria socios contabilidade rh servico fabrica cozinha mandante administrador "
        "administradora patroa dona dono tribunal financeiro diretoria banca reitor conselho diretor diretora "
        "empresa equipe equipa senhorio proprietario banco tecnico cliente advogado chefe gerente comissao "
        "reitoria camara seguradora doutor doutora dra dr fornecedor juri direcao patrao oficina"
    ),
    NOT: ("nao nem nunca nada nenhum nenhuma ninguem sem infelizmente tampouco ainda"),
    IF: ("se quando caso"),
    MIGHT: ("poderia poderiamos talvez gostaria deveria deve devem teria haveria"),
    RULE: (
        "normativa convencao habitualmente usuarios utentes visitantes pacientes estudantes trabalhadores "
        "obrigatorio necessario possivel anual mensal diario minimo maximo ate aberto abre funciona tarifario "
        "politica normalmente geralmente clientes socios alunos cada condicoes plano planos inclui horario todos "
        "todas qualquer funcionarios inquilino costuma costumam versao disponivel regulamento clausula"
    ),
    TOLD: ("disse diz dizem comentou escreveu indica mencion* vi vejo entendo pergunt* parece"),
    POLITE: (
        "comunicado acompanhamento encomenda senha utilizador usuario link formulario atenciosamente cumprimentos "
        "mensagem pergunta resposta encaminhad* manutencao avaria greve feliz bom obrigado obrigada recebemos "
        "anexo segue newsletter lembrete lamentamos desculp* bem-vindo informacao analis* brevemente breve "
        "encontra ajuda numero fechada encerrad* atualmente ola agradecemos"
    ),
    ASK: ("favor poderia pode podia indique diga prefere quer precisa precisamos preencha"),
}
ITALIAN: Final = {
    SOURCE: ("secondo"),
    SPARED: (
        "addebit* paga* pagh* cost* fattur* spese penale mora interessi aument* commission* maggiorazion* "
        "preoccup* restituire supplement* trattenut*"
    ),
    GRANT: (
        "assum* assegn* decis* decid* vot* vend* pens* canter* obblig* aiut* premi* chiud* ris* intrapres* "
        "ratific* acconsent* riconosc* sblocc* attiv* ripristin* riammess* raddopp* divid* dilazion* rateizz* "
        "congel* riapr* riapert* compr* acquist* affitt* noleggi* prest* finanz* sponsorizz* don* ced* desist* "
        "cess* sospend* sospes* rescind* liber* archivi* regolarizz* rettific* corregg* corrett* modific* infil* "
        "segn* iscri* nomin* promuov* promoss* selezion* scelt* allung* trasfer* miglior* certific* giur* accoll* "
        "sald* liquid* arroton* ritinteg* reinvi* esegu* perdon* copert* tratt* incaric* occup* omaggi* favorevol* "
        "ritir* revoc* dimezz* ridiscut* limat* limiamo praticat* pratichiamo pratico rimbors* restitu* resi resa "
        "reso rend* accredit* riaccredit* indennizz* conced* concess* approv* accett* autorizz* prorog* estend* "
        "esteso firm* garant* promet* promess* impegn* prenot* fiss* annull* cancell* condon* abbuon* rinunc* "
        "scont* abbass* ridott* riduc* ridur* sostitu* cambi* ripar* aggiust* regal* esent* esoner* tolgo togliamo "
        "tolto tolta elimin* blocc* mant* rinnov* concord* conferm* ammess* assun* spost* anticip* posticip* "
        "rinvi* copr* paga* pago offr* offert* lasc* teniamo tengo tenere tenut* accolt* accogl* storn* inclu* "
        "addebit* alz* aument* delibera* rifare rifac* mett* messo messa"
    ),
    ACT: (
        "prend* pulir* stamp* traduc* form* assist* interven* interverr* serv* costru* rest* torn* deposit* "
        "bonific* trasmett* mett* colloc* cucin* lasc* esc* part* present* sal* scend* realizz* recapit* aspett* "
        "venir* vengo veniamo invi* mand* port* riport* consegn* chiam* richiam* pass* facci* faremo faro fatto "
        "fare dar* diamo do ricev* avra avrai inizi* comin* arriv* install* ritir* sped* vad* va andiamo saro "
        "saremo sara verr* vien* finir* mont* prepar* vers* sei potra"
    ),
    VALUE: (
        "alloggio canone domanda trasferimento stagione raccolto danno accredito ingresso merenda sanzione "
        "onorario onorari premio stipendi ore straordinari franchigia sinistro assicurazione polizza capitale "
        "saldo anticipo rata rate assegno carta licenza diritti voto esame appello pratica iscrizione ricetta "
        "operazione risonanza cantiere tetto caldaia auto macchina veicolo bici gommone pacco pallet bancali "
        "bancale chili tonnellate litri copie pezzi coperti notti suite villa salone stand biglietto biglietti "
        "treno volo parcheggio chiavi appartamento locale aumento permesso smart lavoro assunzione part time "
        "fornitura camere rimborso sconto mora penale spese spesa commissione importo prezzo affitto caparra "
        "deposito appuntamento prenotazione ordine contratto proroga posto stipendio netti lordi ferie tavolo "
        "camera borsa tasse garanzia fattura tariffa multa credito mutuo prestito limite offerta preventivo "
        "richiesta consegna denaro buono notte cena trasporto acquisto somma interessi giorni casse bottiglia euro"
    ),
    FIRST: ("io noi ci scrivente"),
    WILL: ("sto stiamo"),
    DONE: ("ho abbiamo ha hanno stato stata stati state e sono viene"),
    YOU: ("le la vi ti lei voi te gliela glielo"),
    YOUR: ("suo sua suoi sue tuo tua tuoi vostro vostra"),
    FREE: (
        "offerta pagato zero esente carico nostre offre compresa compresi omaggio gratis gratuit* compreso regalo "
        "nulla offriamo"
    ),
    DEAL: (
        "ottimo fatta approvato approvata accettato accettata segnato prenotato garantito impegno benvenuta "
        "ufficialmente formalmente magnifico aggiudicata affare accordo ok va dai bene perfetto complimenti certo "
        "volentieri tranquillo promesso parola confermato confermata presente intesi andata aggiudicato d'accordo "
        "congratulazioni"
    ),
    GET: ("spetta spettano potrai puoi tenga tieni ricevera avra avrai puo potra tenere ha"),
    OURS: (
        "agenzia comune fondazione associazione federazione ministero asilo teatro museo parrocchia club societa "
        "regione presidente presidentessa assessore giudice notaio gestore scuola universita docente medico "
        "clinica ospedale veterinario idraulico elettricista imbianchino meccanico magazzino negozio hotel albergo "
        "compagnia corriere editore galleria acquirente venditore venditrice locatore locatrice soci contabilita "
        "amministrazione personale fabbrica cucina mandante padrona direzione condominio tribunale segreteria "
        "preside rettore commissario impresa signora professor professore amministratore proprietario proprietaria "
        "direttore direttrice azienda ditta squadra tecnico cliente avvocato banca comitato commissione consiglio "
        "signor dottor dottoressa padrone fornitore assicurazione capo responsabile giuria officina"
    ),
    NOT: ("non mai nulla niente nessun nessuna nessuno senza purtroppo neanche nemmeno ancora"),
    IF: ("se quando qualora appena"),
    MIGHT: ("potrebbe potremmo potrei forse vorrei vorremmo dovrebbe deve devono dovra puo"),
    RULE: (
        "normativa convenzione abitualmente utenti visitatori pazienti lavoratori obbligatorio necessario "
        "possibile annuale mensile giornaliero minimo massimo fino aperto apre listino politica normalmente "
        "generalmente solitamente clienti soci studenti ogni condizioni piano prevede include comprende orario "
        "tutti tutte qualsiasi dipendenti inquilino regolamento versione disponibile"
    ),
    TOLD: ("detto dice dicono scritto scrive indica menzion* vedo visto notato capisco chied* sembra pare"),
    POLITE: (
        "comunicazione verbale tracciamento pacco utente password link modulo cordiali saluti messaggio domanda "
        "risposta inoltrat* manutenzione guasto sciopero buon auguri grazie ricevuto ricevuta allega* newsletter "
        "promemoria dispiace scus* benvenut* informazioni esamin* presto trova trovera aiuto numero chiuso chiusa "
        "attualmente salve ringraz*"
    ),
    ASK: ("favore puo potrebbe indichi dica preferisce vuole serve servono compili cortesemente"),
}
DUTCH: Final = {
    SOURCE: ("volgens"),
    SPARED: (
        "reken* betaal* betalen kosten kost boete incasso omhoog verhog* rente extra afgeschreven afschrij* "
        "bereken* terug zorgen verschuldigd"
    ),
    GRANT: (
        "verleen* besloot beslist besluit* steun* akkoord betaalt aangenomen opereert opereren toe stem* help* "
        "definitief ratificeer* toegestaan toestaan staan erken* vrijgegeven vrijgeven geactiveerd activeer* "
        "opgehoogd verdubbel* gespreid spreiden opgesplitst bevroren bevriezen heropen* koopt kopen gekocht "
        "verkopen verkocht verhuren leent lenen uitgeleend financier* sponsor* doneer* overgedragen overdragen "
        "gestaakt staken stoppen opgeschort opschort* beeindig* vrijgesteld ontslagen gesloten rechtgezet "
        "gecorrigeerd corrigeer* aangepast passen aanpassen ingeschoven genoteerd noteer* ingeschreven "
        "gereserveerd geblokkeerd benoemd bevorderd gepromoveerd geselecteerd gekozen opgeschoven vervroegd "
        "verbeterd gecertificeerd zweer* draagt dragen gedragen voldaan voldoen afgerond nageleverd naleveren "
        "overgedaan opnieuw overschilderd terugg* gehonoreerd honoreren ingestemd berekend gematigd verzorg* "
        "afgezien zien kwijt scheld* trekken getrokken verzekeren verzeker gunt goedkeurt aanvaard* overeengekomen "
        "toegewezen wijzen terugbeta* terugstort* vergoed* kwijtgesch* kwijtscheld* crediteer* gecrediteerd "
        "ingepland geboekt boek boeken reserveer* garandeer* gegarandeerd beloof* beloven toegezegd toezegg* "
        "verplicht verbind* goedgekeurd verleng* onderteken* tekent tekenen getekend gecompenseerd compenseer* "
        "geannuleerd annuleer* toegekend vastgelegd uitbetaa* uitgekeerd geaccepteerd accepteer* verlaag* "
        "geschrapt schrap* vervang* ruil* geruild verplaatst verzet overgenomen nemen neemt dekken dekt betalen "
        "betaal ontbonden vallen eraf gehaald halen laten kosteloos besloten geven gegeven gunnen gegund mag mogen "
        "houden houd vast vastgezet toegelaten verhoogd verhogen repareer* repareren gerepareerd herstel* schenk* "
        "geschonken verwijder* ingetrokken intrekken opgezegd bevestig* instem* rekenen gerekend staat apart "
        "uitstel afgesproken ingewilligd doorhalen"
    ),
    ACT: (
        "haalt maakt belt bouwt bouwen schilder* reinig* schoonmaken geprint drukken vertaal* opleiden helpen "
        "helpt staat staan ligt liggen blijft blijven betaalt aanwezig langs arriveert vertrekt rijdt rijden "
        "verschijnt kook* serveer* opgeleverd opleveren oplevering inbouwen geplaatst aansluiten ingebouwd "
        "opsturen opgestuurd overmaken overgemaakt maak gestort stuur* sturen bel bellen lever* geleverd kom komt "
        "komen breng* maken gemaakt zet zetten gezet doen doe doet klaar krijgt krijg haal halen regel* geregeld "
        "zorg* ga gaat gaan plaats* verzend* verzonden begin* start* monteer* installeer* ophalen opgehaald "
        "bezorg* lost"
    ),
    VALUE: (
        "vergunning terras overplaatsing reiskosten plek beschoeiing sanctie honorarium premie loon overuren eigen "
        "risico schade verzekering polis kapitaal rente saldo voorschot termijnen cheque kaart licentie rechten "
        "cijfer tentamen examen dossier inschrijving recept operatie scan bouw dak ketel auto wagen voertuig "
        "pakket pallets pallet kilo ton liter exemplaren stuks couverts nachten suite villa zaal stand ticket "
        "tickets kaartjes trein stoel parkeerplaats sleutels woning appartement verhoging verlof thuiswerken "
        "contract contractduur functie aanstelling bollen tulpen bestelling order opdracht huurprijs maanden jaar "
        "terugbetaling korting vergoeding bedrag kosten aanmaningskosten boete tegoed creditnota huur borg prijs "
        "tarief afspraak levering boeking reservering offerte aanvraag hypotheek lening limiet termijn garantie "
        "factuur tafel kamer plaats baan salaris schaal herkansing uitstel restant keer euro uur reparatie "
        "kozijnen ketting rekening geld nacht fiets beurs"
    ),
    FIRST: ("ik wij we"),
    WILL: ("zal zullen gaan ga gaat wordt"),
    DONE: ("heb hebben heeft is zijn werd werden geworden bent"),
    YOU: ("u je jij jullie jou"),
    YOUR: ("uw jouw"),
    FREE: ("nul vrijgesteld bonus   kwijt niets cadeau  gratis kosteloos kado inbegrepen omhoog"),
    DEAL: (
        "perfect uitstekend geweldig jazeker aangenomen goedgekeurd genoteerd geboekt gegarandeerd woord handdruk "
        "officieel super rond beklonken welgefeliciteerd gefeliciteerd deal akkoord afgesproken prima goed oke ok "
        "top geregeld beloofd natuurlijk hierbij vast zeker verkocht staat"
    ),
    GET: ("jullie uwe jouwe recht mag mogen krijgt krijg ontvangt kunt kan houden"),
    OURS: (
        "stichting college waterschap vereniging federatie ministerie opvang theater museum parochie club client "
        "provincie zaak voorzitter wethouder rechter rechtbank notaris makelaar school universiteit docent decaan "
        "arts kliniek ziekenhuis dierenarts loodgieter elektricien schilder magazijn winkel hotel maatschappij "
        "vervoerder uitgever galerie koper verkoper verkoopster verhuurster vennoten boekhouding administratie "
        "personeelszaken fabriek keuken opdrachtgever cliente huisbaas rector jury raad aannemer kantoor afdeling "
        "specialist examencommissie woningcorporatie verhuurder directie directeur monteur team bedrijf klant "
        "advocaat bank gemeente bestuur commissie leverancier mevrouw meneer dr dokter eigenaar verzekeraar chef "
        "baas eigenares werkplaats garage corporatie"
    ),
    NOT: ("niet geen nooit niets niemand helaas zonder noch nog"),
    IF: ("als indien of zodra voordat wanneer"),
    MIGHT: ("zou zouden misschien eventueel moet moeten kunnen"),
    RULE: (
        "reglement regeling cao gewoonlijk gebruikers bezoekers patienten studenten verplicht noodzakelijk "
        "mogelijk jaarlijks maandelijks dagelijks minimaal maximaal standaard geopend open vanaf beleid normaal "
        "meestal doorgaans klanten leden leerlingen elke elk iedere voorwaarden abonnement inclusief "
        "openingstijden alle medewerkers huurder huurders gebruikelijk versie beschikbaar artikel pakket"
    ),
    TOLD: ("zei zegt schreef geschreven zie gezien gelezen begrijp vroeg vraagt blijkbaar gemeld"),
    POLITE: (
        "mededeling notulen agenda zending track wachtwoord gebruikersnaam link formulier groet groeten bericht "
        "antwoord storing onderhoud staking fijne prettige bedankt dank ontvangen bijlage bijgevoegd nieuwsbrief "
        "herinnering excuses sorry spijt welkom vraag vragen informatie bekijken spoedig vindt nummer gesloten "
        "momenteel hallo doorgestuurd"
    ),
    ASK: ("graag kunt kun wilt wil laat vul geef alstublieft"),
}

CUES: Final[Mapping[str, Mapping[int, str]]] = {
    "en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "pt": PORTUGUESE, "it": ITALIAN, "nl": DUTCH,
}  # fmt: skip
