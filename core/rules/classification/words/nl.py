"""Dutch words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

DUTCH: Final = k.Language(
    name="nl",
    words={
        k.GRANT: (
            "terugbeta* terugstort* teruggestort teruggev* teruggegeven vergoed* kwijtscheld* kwijtgesch* scheld* "
            "kwijt crediteer* gecrediteerd tegoed* toeken* toegekend verlen* verleen* goedkeur* goedgekeurd keuren "
            "keurt accepteer* accepteren geaccepteerd aanvaard* akkoord instem* ingestemd stem stemmen toestaan "
            "toegestaan verlengen verlengd verleng onderteken* tekent tekenen teken getekend garandeer* garanderen "
            "gegarandeerd beloof* beloven toezegg* toegezegd verbind* verplicht* boek* geboekt omboek* omgeboekt "
            "reserveer* reserveren gereserveerd inplan* ingepland plannen plan gepland vastleg* vastgelegd vastzet* "
            "vastgezet inschrijv* ingeschreven annuleer* annuleren geannuleerd schrap* geschrapt vervang* vervangen "
            "ruil* geruild omruil* omgeruild verlag* verlaag* verlaagd verhog* verhoog* verhoogd halveer* verdubbel* "
            "herstel* hersteld repareer* repareren gerepareerd opheff* opgeheven ontbind* ontbonden ontheff* ontheven "
            "vrijstell* vrijgesteld ontsla* kwijtgescholden uitbeta* uitbetaal* uitgekeerd uitkeren keren overmak* "
            "overgemaakt overneem* overnem* overgenomen neem nemen dekken dekt gedekt draag* dragen gedragen betalen "
            "betaal betaalt betaald voldoen voldaan compenseer* compenseren gecompenseerd inwillig* ingewilligd "
            "honoreer* gehonoreerd erken* erkend erkennen aansprakelijk uitstel* uitgesteld opschort* opgeschort "
            "bevries* bevriezen bevroren houden houd gehouden vasthoud* matig* gematigd kort korting toewijz* "
            "toegewezen aanstell* aangesteld aannem* aangenomen benoem* bevorder* gunnen gun gegund afzien afgezien "
            "zien trekken intrek* ingetrokken verwijder* haal* halen gehaald eraf verreken* verrekend verplaats* "
            "verzet verzett* vervroeg* verschuiv* verschoven wijzig* aanpass* aangepast passen heropen* deblokkeer* "
            "activeer* geactiveerd doneer* sponsor* schenk* geschonken verkop* verkocht kopen gekocht afnem* "
            "afgenomen overdrag* overgedragen beeindig* opzeg* opgezegd ontheft bevestig* verzeker* verzekerd regel "
            "regelen geregeld bestell* besteld oplever* opgeleverd nalever* corrigeer* gecorrigeerd rechtzet* "
            "rechtgezet vrijgev* vrijgegeven toelat* toegelaten bijschrijv* bijgeschreven tegemoet* upgrade* "
            "geupgraded zorg* gezorgd trek trekt hou koop verkoop wis gewist zweer keur bewaar behoud respecteer* "
            "hanteer* hef kent keert afgeboek* afboek* verholpen verhelp* financier* stopgezet stopzet* verhuur*"
        ),
        k.DO: (
            "stuur* sturen gestuurd opstur* opgestuurd zend* verzend* verzonden bel bellen belt lever* leveren "
            "geleverd kom komt komen breng* brengen gebracht maak* maken gemaakt zet zetten gezet doe doen doet "
            "gedaan klaar haal regel* ga gaat gaan gegaan plaats* geplaatst begin* start* monteer* installeer* "
            "installeren geinstalleerd ophal* opgehaald bezorg* lost los oplossen opgelost geef geven gegeven geeft "
            "bied* bieden aangeboden leg leggen gelegd sta staat staan ligt liggen zit mail mailen afmak* afgemaakt "
            "afrond* rond bouw* gebouwd schilder* reinig* druk* vertaal* vertalen help* terug weg langs af mee open* "
            "klaarleg* klaargelegd klaarzet* klaargezet lever storten stort gestort pas pak pakken verwerk* indien* "
            "ingediend bereid* verzorg* laat laten krijg* maakt schrijf* overhandig* uitvoer* uitgevoerd voer voeren "
            "voeg* toevoeg* toegevoegd vul* aanvul* verdeel* boor* plant* snij* maai* was* droog* strijk* inpak* "
            "laad* begeleid* voed* kook* sleep* sluit aansluit* leen lenen verstuur* bestel* besteld organiseer* "
            "voorberei* voltooi* druk ontwerp* ontwikkel* rijd* langskom* vertegenwoordig* verdedig* dien dienen "
            "factureer* voorzie* voldoe* dek test* geregeld ontvangt"
        ),
        k.SOFT: (
            "kijk* kijken bekijk* bekeken gekeken controleer* gecontroleerd check* vraag vragen gevraagd nagevraagd "
            "navraag bespreek* bespreken besproken praat* praten spreek* spreken doorstur* doorgestuurd doorgev* "
            "denk* denken gedacht geloof* hoop hopen gehoopt wens* dank* bedank* excus* spijt* betreur* weet weten "
            "wist begrijp* begrepen vind* vinden gevonden lees lezen gelezen hoor* gehoord ontvang* ontvangen nodig "
            "wil willen wilde probeer* proberen laat informeer* herinner* meld* gemeld leg uitleg* uitgelegd "
            "adviseer* raden raad stel stellen voorstel* onderzoek* verzamel* zoek* gezocht gebruik* werk* werken "
            "leer* wacht* wachten verwacht* noteer* genoteerd contact zag gezien zie meet* gemeten analyseer* "
            "overleg* nadenk* verheug* twijfel* vergelijk* waardeer* uitzoek* uitgezocht bel mis missen vermoed* "
            "interess* verzoeken verzoek"
        ),
        k.STATE: (
            "ontvangen verzonden verstuurd gewijzigd bijgewerkt geregistreerd geopend gesloten gestart herstart "
            "geinstalleerd uitgevoerd afgerond aangemaakt bezorgd gevonden gemeten gegenereerd gepubliceerd verwerkt "
            "gebruikt verwacht vertraagd opgeslagen berekend doorgestuurd gelezen verlopen onderweg geleverd "
            "gedetecteerd"
        ),
        k.SAY: (
            "beloof beloven garandeer garanderen accepteer accepteren verzeker verzekeren bevestig bevestigen erken "
            "erkennen aanvaard aanvaarden verklaar verbind zeg zeggen"
        ),
        k.LINK: "graag hierbij bereid besloten uiteraard natuurlijk blij akkoord inmiddels alvast",
        k.FIRST: "ik wij we",
        k.OURS: (
            "stichting college waterschap vereniging federatie ministerie opvang theater museum parochie club client "
            "provincie voorzitter wethouder rechter rechtbank notaris makelaar school universiteit docent decaan arts "
            "kliniek ziekenhuis dierenarts loodgieter elektricien schilder magazijn winkel hotel maatschappij "
            "vervoerder uitgever galerie koper verkoper verkoopster verhuurster vennoten boekhouding administratie "
            "personeelszaken hr fabriek keuken opdrachtgever cliente huisbaas rector jury raad aannemer kantoor "
            "afdeling specialist examencommissie woningcorporatie verhuurder directie directeur monteur team bedrijf "
            "klant advocaat bank gemeente bestuur commissie leverancier mevrouw meneer dr dokter eigenaar verzekeraar "
            "chef baas eigenares werkplaats garage corporatie chauffeur collega koerier installateur leiding "
            "faculteit zorgverzekeraar reisorganisatie tandarts gynaecoloog kapper timmerman metselaar hovenier "
            "verhuizers postbode drukker bakker bloemist vertaler tolk trainer leraar piloot kapitein fysiotherapeut "
            "verpleegkundige fotograaf kleermaker verzekering belasting bezorger"
        ),
        k.THEIRS: (
            "hij zij ze hem haar hun buurman buurvrouw buren anderen iemand mensen concurrent huurder tegenpartij"
        ),
        k.YOU: "u je jij jullie jou",
        k.YOUR: "uw jouw je jullie",
        k.WILL: "zal zullen gaan ga gaat zul",
        k.HAVE: "heb hebben heeft",
        k.BE: "is zijn werd werden geworden bent wordt worden was waren blijft staat",
        k.MIGHT: "zou zouden misschien eventueel moet moeten mogelijk waarschijnlijk wellicht",
        k.IF: "als indien of zodra voordat wanneer mits",
        k.NOT: "niet geen nooit niets niemand helaas noch nog afgewezen geweigerd weigert wijst",
        k.DEAL: (
            "perfect uitstekend geweldig jazeker aangenomen goedgekeurd genoteerd geboekt gegarandeerd woord handdruk "
            "officieel super rond beklonken welgefeliciteerd gefeliciteerd deal akkoord afgesproken prima goed oke ok "
            "top geregeld beloofd natuurlijk hierbij zeker verkocht ja uiteraard graag blij komt voor-elkaar elkaar "
            "orde"
        ),
        k.SUM: (
            "terugbetaling korting* vergoeding* geld bedrag* kosten tegoed creditnota compensatie verzendkosten "
            "boete* waardebon teruggave prijs prijzen aanbetaling borg tarief schadevergoeding rekening huur salaris "
            "loon bonus toeslag premie rente lening limiet termijn factuur hypotheek beurs honorarium voorschot "
            "subsidie aanmaningskosten eigen risico opslag abonnementskosten fooi saldo restant reiskosten onkosten "
            "huurprijs schade verschil contributie collegegeld"
        ),
        k.SLOT: (
            "afspraak levering boeking reservering tafel kamer zaal vergaderzaal plaats plek suite ticket* kaartje* "
            "stoel trein vlucht parkeerplaats sleutel* woning appartement bezoek bezichtiging monteur vervanging "
            "reparatie hotel nacht nachten auto fiets stand cursus stage pallet* exemplaren apparaat model onderdeel "
            "ketel consult dienst installatie huisje gesprek bestelbus operatie"
        ),
        k.PACT: (
            "contract* huurcontract overeenkomst offerte aanvraag voorstel aanbod bod verlof vakantie overplaatsing "
            "deadline opzegtermijn garantie sollicitatie vergunning vrijstelling klacht bezwaar aansprakelijkheid "
            "fout schuld akkoord clausule opzegging inschrijving thuiswerken promotie exclusiviteit optie maand "
            "maanden dagen jaar weken schade claim polis uitstel functie baan abonnement voorwaarden verlenging "
            "ongemak"
        ),
        k.SYSTEM: (
            "wachtwoord pakket pakje nummer server backup nieuwsbrief webinar ticket link portaal app versie bestand "
            "map bericht mail trein bus lijn weg printer router software systeem pagina formulier enquete rapport "
            "meterstand machine site website update track trace vlucht cookies spoor bestelling"
        ),
        k.TIME: (
            "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag januari februari maart april mei juni juli "
            "augustus september oktober november december uur ochtend middag avond week weken dag dagen maand maanden "
            "jaar vandaag vanavond weekend minuten vanmiddag kwartaal werkdagen nacht"
        ),
        k.AHEAD: (
            "morgen overmorgen uiterlijk binnen voor volgende komende vanaf direct meteen onmiddellijk tot ingang "
            "straks deze eind vanavond vanmiddag vandaag"
        ),
        k.BEFORE: "gisteren vorige afgelopen laatste sinds eerder geleden vroeger had hadden vannacht",
        k.FREE: "gratis kosteloos kado cadeau inbegrepen vrijgesteld nul volledige coulance tegemoetkoming",
        k.GET: (
            "hou houdt krijgt krijg ontvangt ontvang mag mogen kunt hoeft heeft hebt recht behoudt houd"
        ),
        k.SPARED: (
            "reken* betaal* betalen kosten kost boete incasso verhog* rente extra afgeschreven afschrij* bereken* "
            "zorgen verschuldigd rekening factuur eis* vorder* aanklag* voldoen terugbeta* bij verander* stijg*"
        ),
        k.RULE: (
            "reglement regeling cao gewoonlijk gebruikers bezoekers patienten studenten verplicht noodzakelijk "
            "mogelijk jaarlijks maandelijks dagelijks minimaal maximaal standaard geopend beleid normaal meestal "
            "doorgaans klanten leden leerlingen elke elk iedere inclusief openingstijden medewerkers huurders "
            "gebruikelijk versie beschikbaar artikel wet dekt werknemers vertrekt begint eindigt geldig geldt hangt "
            "afhankelijk"
        ),
        k.TOLD: (
            "zei zegt schreef beweert vroeg vraagt blijkbaar gemeld volgens eist wil wilde vindt vertelde had hadden"
        ),
        k.POLITE: (
            "bedankt dank ontvangen bijlage bijgevoegd bijgaand nieuwsbrief herinnering excuses sorry spijt welkom "
            "vraag vragen informatie spoedig vindt momenteel hallo doorgestuurd groet groeten mededeling notulen "
            "agenda storing onderhoud staking fijne prettige beste geachte hartelijk enquete verjaardag"
        ),
        k.ASK: (
            "kunt kun wilt wil laat vul geef alstublieft aub graag heeft heb is wanneer hoe waar wie wat waarom welke "
            "klik kies druk stuur bel zou mag vergeet controleer"
        ),
        k.AWAY: (
            "hoogte geinformeerd afwezig kantoor gesloten vakantie onderhoud buiten bereikbaar nieuwsbrief weten"
        ),
        k.YOUDO: "hebt had schreef zei heeft",
        k.NUMBER: (
            "twee drie vier vijf zes zeven acht negen tien elf twaalf vijftien twintig dertig honderd duizend"
        ),
        k.STAYS: "blijft blijven geldt gelden vast staat ongewijzigd geldig",
        k.COSTS: (
            "kost kosten duurt weegt meet bevat omvat voorziet steeg daalde begint eindigt opent sluit vertrekt loopt "
            "verloopt bedraagt zegt stelt bedragen verlengd draagt dekt duren verlopen vervalt"
        ),
        k.COMMON: (
            "nieuwe nieuw zich tegen weer meer achter per toe eerste ander de het een en van in op te dat die met "
            "voor er aan om ook als bij ons onze mij me mijn maar dan nog al zo naar uit over door tot wel niet deze "
            "dit was hier hem"
        ),
        k.MUST: "hoeft hoef moet",
    },
    idioms=(
        "van jou", "bent aangenomen", "welkom in het team", "welkom bij het team", "is de uwe", "niet in rekening",
        "wij regelen het", "voor onze rekening", "voor mijn rekening", "op onze kosten", "op kosten van ons",
        "u heeft mijn woord", "u hebt mijn woord", "je hebt mijn woord", "u kunt rekenen op", "u kunt op ons rekenen",
        "kunt u op rekenen", "reken maar op", "afgesproken voor", "zonder kosten voor u", "zonder extra kosten",
        "zonder meerkosten", "gaan akkoord met", "ga akkoord met", "staat vast voor", "kosteloos voor u",
        "hoeft niet te betalen", "hoeft niets te betalen", "hoeft u niet te betalen", "betaalt niets", "kost u niets",
        "kost je niets", "is voor ons", "van het huis", "uit coulance", "komt voor elkaar", "komt in orde",
        "onze fout", "fout van ons", "onze schuld", "onze verantwoordelijkheid", "is van u", "is voor u",
        "is akkoord", "zijn akkoord", "in uw voordeel", "als compensatie", "als tegemoetkoming", "als goedmaker",
        "verplichten ons", "verbinden ons", "daar mag u op", "neem ik voor mijn", "nemen we voor onze",
        "van onze kant", "van onze zijde", "is geregeld", "komt te vervallen", "vervalt voor u", "erewoord",
        "is voor jou", "ja op de", "ja op uw",
        "mijn woord erop", "zijn voor ons", "alles geregeld", "op uw naam gereserveerd", "sta ik voor in",
        "sta ik persoonlijk voor in", "staan wij voor in", "regel ik vandaag", "regel ik voor u",
        "zorg ik voor", "wij trakteren", "uit eigen zak", "akkoord met uw",
    ),
    participle=r"(?:[a-z]{2,6})?ge[a-z]{3,}(?:d|t|en)|(?:be|ver|her|ont|er)[a-z]{3,}(?:d|t|en)",
    verb_last=True,
    plurals=(("s", ""), ("en", ""), ("n", "")),
)  # fmt: skip
