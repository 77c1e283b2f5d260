"""Find what speaks against a promise in a whole sentence: who is asked, who is quoted, what holds for everybody.

The findings of `frames` look at one clause; these look at turns of speech that the rest of the sentence cannot undo: a
request puts the obligation on the reader, reported speech on somebody else, general terms on nobody in particular.
Each is a bit, and `weights` says what it weighs. A pattern is looked for only if one of its words is in the sentence.
"""

# ruff: noqa: E501 - a pattern that is cut at a margin can no longer be read
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from core.rules.classification import kinds as k

NAMES: Final = (
    "asks reader", "reader must", "others say", "in general", "declines", "only perhaps", "takes place",
    "nobody named", "others alone", "reader's people", "others of nobody", "hands you", "hands you dated",
    "others decide", "only asks", "to us", "valid until", "reader's people decide", "public body", "promises beside",
)  # fmt: skip
(
    ASKS, MUST, OTHERS_SAY, IN_GENERAL, DECLINES, PERHAPS, TAKES_PLACE, NOBODY, OTHERS_ALONE, READERS_PEOPLE,
    OTHERS_OF_NOBODY, HANDS_YOU, HANDS_YOU_DATED, OTHERS_DECIDE, ONLY_ASKS, TO_US, VALID, READERS_DECIDE, PUBLIC_BODY, BESIDE,
) = (1 << n for n in range(len(NAMES)))  # fmt: skip

_SPEAKERS: Final = r"(?:\w+ ){1,4}"
"""Up to four words for who speaks: "your former landlord"."""


def _cues(*rows: tuple[int, str, str]) -> Mapping[str, tuple[tuple[int, re.Pattern[str]], ...]]:
    """By each word that it needs, the finding and its pattern."""
    found: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
    for finding, words, pattern in rows:
        cue = (finding, re.compile(rf"(?<![a-z]){pattern}"))
        for word in words.split():
            found.setdefault(word, []).append(cue)
    return {word: tuple(listed) for word, listed in found.items()}


_ENGLISH: Final = _cues(
    (VALID, "valid expires expire", r"(?:valid|expires?) (?:until|till|through|on|for|in)"),
    (ASKS, "please kindly", r"(?:please|kindly) (?!note|find|be |rest|accept|consider)(?:\w+ly )?[a-z]{2,}"),
    (ASKS, "ask asks request invite", r"(?:we|i)(?:'d| would| must| do)?(?: like to| have to)? (?:kindly )?(?:ask|request|invite) (?:that )?(?:you|all|everyone|\w+s) "),
    (ASKS, "grateful appreciate", r"(?:would be grateful|would appreciate|be grateful|appreciate it) (?:if|for)"),
    (ASKS, "sure remember forget", r"(?:(?<!will )(?<!ll )(?<!personally )make sure|be sure to|remember to|don't forget|do not forget)"),
    (MUST, "need must required supposed should", r"(?:you|customers|guests|applicants|candidates|participants|tenants|students|visitors|passengers|members|employees|parents)(?:'ll| will| do| may| are| also)* (?:need to|need|must|required to|supposed to|should) "),
    (MUST, "have has", r"(?:you|customers|guests|applicants|candidates|participants|tenants|students|visitors|members|parents)(?:'ll| will| would| do)? (?:have|has) to "),
    (MUST, "must", r"(?:forms?|documents?|payments?|claims?|applications?|invoices?|returns?|items?|keys?|requests?|reports?|proofs?) must "),
    (OTHERS_SAY, "said says told informed announced stated reported mentioned confirmed promised assured claimed claims wrote explained warned", r"(?:the|your|their|his|her|a|an|this|that|mr|mrs|ms|dr|he|she|they)(?: [\w'-]+){0,4} (?:has |have |had |also |just |already )*(?:said|says|told|informed|announced|stated|reported|mentioned|confirmed|promised|assured|claimed|claims|wrote|explained|warned) (?:us |me |you |that |to |in |it |he |she |they |the )"),
    (OTHERS_SAY, "according", r"according to "),
    (OTHERS_DECIDE, "approved voted adopted rejected decided passed ruled agreed accepted", r"^\W*(?:the|a|his|her|their|your|\w+'s) (?:[\w'-]+ ){1,4}(?:has |have )?(?<!is )(?<!was )(?<!are )(?<!been )(?:approved|voted|adopted|rejected|decided|passed|ruled|agreed|accepted) "),
    (IN_GENERAL, "only", r"(?:is|are|can be|may be) only (?:possible|available|valid|refundable|granted|offered|issued|accepted|made|given|paid|due)"),
    (IN_GENERAL, "normally usually generally typically ordinarily customarily", r"(?:normally|usually|generally|typically|ordinarily|customarily)"),
    (IN_GENERAL, "up", r"(?:free of charge |free )?up to (?:\d+|[a-z]+) (?:hours|days|weeks|months)(?: before| prior|,? (?:free|cancellations?))"),
    (IN_GENERAL, "refunds cancellations returns payments orders deposits claims tickets fees reservations bookings deliveries discounts changes applications invoices exchanges salaries members customers guests", r"^\W*(?:(?:all|most|any|late|online|full|partial|standard|free|some|new) )?(?:refunds|cancellations|returns|payments|orders|deposits|claims|tickets|fees|reservations|bookings|deliveries|discounts|changes|applications|invoices|exchanges|salaries|members|customers|guests)(?: [\w'-]+){0,5} (?:are|can|take|must|may|receive|get|have|require|apply|take|will be|pay)\b"),
    (IN_GENERAL, "any each every whoever anyone everyone", r"^\W*(?:any|each|every|whoever|anyone|everyone)\b"),
    (DECLINES, "decline refuse unable cannot can't regret afraid", r"(?:have to|must|had to|will have to|are going to|need to|i|we) (?:regretfully |respectfully )?(?:decline|refuse|turn down|reject)|(?:unable to|cannot|can't|regret|afraid)"),
    (DECLINES, "guarantee guarantees assurance promise certainty guaranteed", r"(?:no|not|without|never|cannot|can't|nor)(?: \w+){0,3} (?:guarantees?|guaranteed|assurance|promises?|certainty)"),
    (PERHAPS, "could might would may", r"(?:we|i|it|there|they|he|she|you|discount|fee|price|refund|that|this)(?:'d)? (?:could|might|would|may) (?!like|happily)(?:\w+ )"),
    (PERHAPS, "if provided unless", r"^\W*(?:if|provided|unless|should) "),
    (TAKES_PLACE, "takes place begins starts resumes reopens closes opens resume reopen start begin held close last consist consists contain contains cover meets run", r"^\W*(?:the|our|this|next|all|classes|lessons|\w+'s|\w+) (?:[\w'-]+ ){0,5}(?:(?:will|shall) (?:take place|be held|begin|start|resume|reopen|close|open|last|consist|contain|cover|meet|run)|takes? place|begins?|starts?|resumes?|reopens?|closes?|opens?|is held|are held|consists?|contains?|lasts?|meets)"),
)  # fmt: skip
_GERMAN: Final = _cues(
    (VALID, "gultig gilt", r"(?:gultig|gilt) (?:noch )?(?:bis|fur|am|im)"),
    (ASKS, "bitte", r"bitte (?!beacht|find)"),
    (ASKS, "bitten bitte ersuchen ersuche", r"(?:wir|ich) (?:bitten?|ersuchen?) (?:sie|dich|euch|um|alle|daher|deshalb)|(?:bitten|ersuchen) wir "),
    (ASKS, "gebeten", r"(?:werden|wird|sind) (?:\w+ ){0,12}gebeten"),
    (ASKS, "dankbar denken vergessen", r"(?:waeren|waren|ware) (?:\w+ ){0,4}dankbar|denken sie|vergessen sie|denk an|vergiss nicht"),
    (MUST, "mussen musst sollten benotigen brauchen haben", r"(?:mussen|musst|sollten|benotigen|brauchen) (?:sie|du|ihr|\w+)\b|(?:sie|du|ihr) (?:\w+ ){0,2}(?:mussen|musst|sollten|benotigen)|haben sie (?:\w+ ){0,6}zu \w+en"),
    (MUST, "mitzubringen vorzulegen einzureichen abzugeben zuruckzugeben nachzuweisen zu", r"(?:ist|sind) (?:\w+ ){1,8}(?:mitzubringen|vorzulegen|einzureichen|abzugeben|zuruckzugeben|nachzuweisen|zu \w+en)\b"),
    (OTHERS_SAY, "mitgeteilt gesagt angekundigt gemeldet zugesagt versprochen berichtet erklart informiert bestatigt", r"(?:der|die|das|ihr|ihre|sein|seine|herr|frau|dr|er|laut) " + _SPEAKERS + r"?(?:hat|hatte|haben|hatten) (?:[\w'-]+ ){0,8}(?:mitgeteilt|gesagt|angekundigt|gemeldet|zugesagt|versprochen|berichtet|erklart|informiert|bestatigt)"),
    (OTHERS_SAY, "teilte teilt kundigte kundigt meldet meldete sagte sagt schrieb schreibt versprach erklarte erklart berichtet", r"(?:der|die|das|ihr|ihre|herr|frau|dr|er|\w+) (?:[\w'-]+ ){0,4}(?:teilte|teilt|kundigte|kundigt|meldet|meldete|sagte|sagt|schrieb|schreibt|versprach|erklarte|erklart|berichtet)\b"),
    (OTHERS_SAY, "laut zufolge", r"laut \w+|zufolge"),
    (OTHERS_DECIDE, "beschlossen genehmigt verabschiedet gebilligt abgelehnt", r"^\W*(?:der|die|das) (?:\w+ ){1,3}(?:hat|haben) (?:[\w'-]+ ){0,10}(?:beschlossen|genehmigt|verabschiedet|gebilligt|abgelehnt)"),
    (IN_GENERAL, "regel normalerweise ublicherweise grundsatzlich gewohnlich generell meist", r"(?:in der regel|normalerweise|ublicherweise|grundsatzlich|gewohnlich|generell|meist)"),
    (IN_GENERAL, "nur", r"(?:ist|sind|kann|konnen|wird|werden) (?:[\w'-]+ ){0,5}nur (?:[\w'-]+ ){0,6}(?:moglich|gultig|wenn|bei|gegen|nach|innerhalb|mit)|nur (?:moglich|gultig)"),
    (IN_GENERAL, "vor", r"bis (?:zu )?(?:\w+ ){1,3}vor (?:der |dem |ihrer )?(?:anreise|abreise|abflug|beginn|kursbeginn|veranstaltung\w*|termin|antritt|reisebeginn|fahrt\w*)"),
    (IN_GENERAL, "stornierungen erstattungen ruckzahlungen umbuchungen lieferungen bestellungen gutscheine anderungen antrage rechnungen gehalter ruckgaben ruckerstattungen kunden mitglieder gaste kundigungen reklamationen buchungen zahlungen", r"^\W*(?:alle |samtliche )?(?:stornierungen|erstattungen|ruckzahlungen|umbuchungen|lieferungen|bestellungen|gutscheine|anderungen|antrage|rechnungen|gehalter|ruckgaben|ruckerstattungen|kunden|mitglieder|gaste|kundigungen|reklamationen|buchungen|zahlungen) "),
    (DECLINES, "leider ablehnen absagen keine kein garantie gewahr bedauern bedaure garantieren zusagen", r"(?:leider|(?:mussen|muss) (?:[\w'-]+ ){0,12}(?:ablehnen|absagen)|keine?n? (?:garantie|gewahr|zusage)|bedauern|bedaure|nicht (?:garantieren|zusagen|versprechen))"),
    (PERHAPS, "konnte konnten wurde wurden ware waren", r"(?:konnten?|wurden?|ware|waren) (?:wir|ich|es|sich|ihnen|ein|eine|der|die|man|er)\b|(?:wir|ich|es|man) (?:konnten?|wurden?)\b"),
    (PERHAPS, "wenn falls sofern sollte sollten", r"^\W*(?:wenn|falls|sofern|sollten?) "),
    (TAKES_PLACE, "statt beginnt beginnen endet dauert umfasst offnet schliesst enthalt tagt startet lauft fallt", r"^\W*(?:der|die|das|unser|unsere|am|im|\w+) (?:[\w.'-]+ ){0,6}(?:findet|finden|beginnt|beginnen|endet|dauert|umfasst|offnet|schliesst|enthalt|tagt|startet|lauft|fallt)\b"),
)  # fmt: skip
_FRENCH: Final = _cues(
    (VALID, "valable valide expire", r"(?<!reste )(?:valable|valide|expire)\w* (?:jusqu|le|du|pour|en)"),
    (ASKS, "merci", r"merci (?:de|d'|d )(?: ?(?:bien vouloir|ne pas|nous|me|lui|leur|l'|le|la|les|y))* ?\w+(?:er|ir|re|oir)\b"),
    (ASKS, "veuillez priere prions prie", r"(?:veuillez (?!trouver|noter|agreer|recevoir)|priere de|(?:nous vous|je vous|vous etes) (?:prions|prie|pries?) (?:de|d'|instamment)|etes prie)"),
    (ASKS, "demandons demande invitons saurais saurions", r"(?:nous|je) vous (?:demandons?|demande|invitons?|invite|saurais|saurions) "),
    (ASKS, "pensez oubliez envoyez renvoyez apportez retournez", r"(?:pensez|n'oubliez|oubliez|envoyez|renvoyez|apportez|retournez|transmettez|adressez|signez|reglez)"),
    (MUST, "devez devrez faudra faut doivent doit devront", r"(?:vous|tu|clients|locataires|participants|candidats|parents|il|demande|dossier|formulaire|documents?) (?:ne )?(?:devez|devrez|dois|doivent|doit|devront|devra|faudra|faut)\b"),
    (OTHERS_SAY, "dit annonce informe indique promis affirme explique precise confirme assure declare ecrit prevenu", r"(?:le|la|les|l|votre|vos|son|sa|leur|un|une|notre|m|mme|il|elle|ils|elles)[ '](?:[\w'-]+ ){0,4}(?:(?:nous |vous |m'|l'|lui )*(?:a|ont|avait|avaient) (?:bien |deja |egalement )?)(?:dit|annonce|informe|indique|promis|affirme|explique|precise|confirme|assure|declare|ecrit|prevenu)\b"),
    (OTHERS_DECIDE, "decide vote approuve adopte accepte rejete refuse", r"^\W*(?:le|la|les|l|votre|vos|son|sa|leur|un|une|m|mme)[ '](?:[\w'-]+ ){1,4}(?:a|ont|avait) (?:deja )?(?:decide|vote|approuve|adopte|accepte|rejete|refuse)\b"),
    (OTHERS_SAY, "selon apres", r"(?:selon|d'apres) (?:le|la|les|l'|votre|son|sa|leur)"),
    (IN_GENERAL, "general generalement normalement habituellement habitude regle", r"(?:en general|en regle|d'habitude|generalement|normalement|habituellement)"),
    (IN_GENERAL, "possible possibles que qu valable valables", r"(?:n'est|ne sont|ne peut|ne peuvent|n'est|uniquement) (?:[\w'-]+ ){0,4}(?:que|qu'|possibles?|valables?)"),
    (IN_GENERAL, "avant", r"jusqu'a \w+ (?:heures|jours|semaines|mois) avant"),
    (IN_GENERAL, "remboursements annulations retours paiements commandes billets livraisons remises demandes reservations frais clients adherents salaires virements echanges factures", r"^\W*(?:tous |toutes )?(?:les |vos )?(?:remboursements|annulations|retours|paiements|commandes|billets|livraisons|remises|demandes|reservations|frais|clients|adherents|salaires|virements|echanges|factures) "),
    (IN_GENERAL, "tout toute chaque", r"^\W*(?:tout|toute|chaque) (?!est |sera )"),
    (DECLINES, "malheureusement refuser decliner regret garantie garantir aucune impossible pouvons regrettons", r"(?:malheureusement|(?:devons|dois|contraints?|contraint) (?:\w+ ){0,3}(?:refuser|decliner)|regret|aucune garantie|pas (?:garantir|de garantie|garanti)|impossible|ne pouvons|ne peux|rien ne garantit)"),
    (PERHAPS, "pourrait pourrions pourrais pourraient serait serions serais", r"(?:pourrait|pourrions|pourrais|pourraient|serait|serions|serais)\b"),
    (PERHAPS, "si sous", r"^\W*(?:si |s'|sous reserve|sous condition)"),
    (TAKES_PLACE, "lieu debute debutera commence commenceront reprend reprendront reprendra rouvre rouvrira ferme fermera ouvrira dure durera comporte comportera tiendra debuteront commencera fermeront ouvrent", r"^\W*(?:le|la|les|l|notre|nos|ce|cette|un|une)[ '](?:[\w'-]+ ){0,7}(?:(?:aura|auront|a) lieu|debute\w*|commence\w*|reprend\w*|rouvr\w*|fermer?\w*|ouvr\w*|durer?\w*|comporter?\w*|se tien\w*)"),
)  # fmt: skip
_SPANISH: Final = _cues(
    (VALID, "valida valido validez caduca vence", r"(?:valid[ao]|validez|caduca|vence) (?:hasta|el|en|por)"),
    (ASKS, "favor ruega rogamos ruego", r"(?:por favor|se ruega|(?:le|les|te|os) (?:rogamos|ruego)|rogamos)"),
    (ASKS, "pedimos pido solicitamos agradeceriamos agradeceria agradecemos solicita", r"(?:le|les|te|os|se)? ?(?:pedimos|pido|solicitamos|agradeceriamos|agradeceria|agradecemos|solicita) (?:que|nos|a|el|la|su)"),
    (ASKS, "recuerde envie envienos traiga rellene remita devuelva haga sirvase recuerda complete olvide adjunte confirme firme", r"(?:^\W*|favor,? |antes |,? )(?:recuerde|envie|envienos|traiga|rellene|remita|devuelva|haga|sirvase|recuerda|complete|no olvide|adjunte|confirme|firme)\b"),
    (MUST, "debe debera deben deberan tendra tiene tendran hay necesita necesitara", r"(?:debe|debera|deben|deberan|tendra que|tiene que|tendran que|hay que|necesita|necesitara)\b"),
    (OTHERS_SAY, "dicho informado comunicado prometido confirmado anunciado asegurado indicado avisado", r"(?:el|la|los|las|su|sus|un|una|nuestro|nuestra|don|senor|senora) (?:[\w'-]+ ){1,5}(?:ha|han|habia|habian) (?:[\w'-]+ ){0,2}(?:dicho|informado|comunicado|prometido|confirmado|anunciado|asegurado|indicado|avisado)"),
    (OTHERS_SAY, "dijo informo comunico prometio confirmo anuncio aseguro indico aviso dice afirma", r"(?:el|la|los|las|su|sus|un|una|nuestro|nuestra|don|senor|senora) (?:[\w'-]+ ){1,5}(?:dijo|informo|comunico|prometio|confirmo|anuncio|aseguro|indico|aviso|dice|afirma)\b"),
    (OTHERS_DECIDE, "aprobado decidido rechazado aprobo decidio rechazo acepto aceptado acordo", r"^\W*(?:el|la|los|las|su|sus|un|una) (?:[\w'-]+ ){1,4}(?:(?:ha|han) (?:aprobado|decidido|rechazado|aceptado)|aprobo|decidio|rechazo|acepto|acordo)\b"),
    (OTHERS_SAY, "segun", r"segun (?:el|la|los|las|su|nos)"),
    (IN_GENERAL, "normalmente generalmente habitualmente general habitual norma", r"(?:normalmente|generalmente|habitualmente|por lo general|en general|por norma|lo habitual)"),
    (IN_GENERAL, "solo unicamente", r"(?:solo|unicamente) (?:se |es |son |sera |seran |estan? )?(?:posibles?|validos?|puede|pueden|admit\w+|realiz\w+|acept\w+|disponibles?|aplica\w*|devuelv\w+|reembols\w+|si|cuando|en caso)"),
    (IN_GENERAL, "antes", r"hasta (?:\w+ ){1,3}antes"),
    (IN_GENERAL, "reembolsos cancelaciones devoluciones pagos pedidos entradas envios descuentos solicitudes reservas gastos clientes socios nominas cambios facturas billetes", r"^\W*(?:todos |todas )?(?:los|las) (?:reembolsos|cancelaciones|devoluciones|pagos|pedidos|entradas|envios|descuentos|solicitudes|reservas|gastos|clientes|socios|nominas|cambios|facturas|billetes) "),
    (IN_GENERAL, "todo toda cada cualquier", r"^\W*(?:todo|toda|cada|cualquier) (?!esta |arregl)"),
    (DECLINES, "lamentablemente lamentamos desgraciadamente rechazar denegar garantia garantizar podemos puedo sentimos siento", r"(?:lamentablemente|lamentamos|desgraciadamente|(?:debemos|tenemos que|vemos obligados a) (?:rechazar|denegar)|(?:sin|ninguna|no hay) (?:\w+ )?garantia|no (?:\w+ )?(?:podemos|puedo)|sentimos|siento)"),
    (PERHAPS, "podria podriamos podrian seria quiza quizas tal", r"(?:podria|podriamos|podrian|seria|quizas?|tal vez)\b"),
    (PERHAPS, "si siempre", r"^\W*(?:si|siempre que) "),
    (TAKES_PLACE, "celebrara celebra lugar comienza comenzara empieza empezara abre abrira cierra cerrara dura durara consta constara reanudan reanudaran tendra comienzan empiezan cortara", r"^\W*(?:el|la|los|las|nuestro|nuestra|este|esta) (?:[\w'-]+ ){0,7}(?:se celebra\w*|tendran? lugar|tiene lugar|comienz\w+|comenzara\w*|empie\w+|empezar\w+|abr\w+|cierra\w*|cerrar\w+|dura\w*|consta\w*|se reanud\w+|tendran?|cortara\w*)\b"),
)  # fmt: skip
_PORTUGUESE: Final = _cues(
    (VALID, "valido valida validade vence expira", r"(?:valid[ao]|validade|vence|expira) (?:ate|em|no|por)"),
    (ASKS, "favor gentileza solicitamos pedimos peco solicita pede", r"(?:por favor|favor \w+r|por gentileza|(?:solicitamos|pedimos|peco|solicita|pede)(?:-se|-lhe)?(?: se)?(?: lhe)? )"),
    (ASKS, "agradecemos agradecia agradeciamos queira lembre envie traga preencha devolva assine confirme esqueca encaminhe", r"(?:agradecemos que|agradecia|agradeciamos|queira|lembre|nao esqueca)|(?:^\W*|favor,? |,? )(?:envie|traga|preencha|devolva|assine|confirme|encaminhe)\b"),
    (MUST, "deve devera devem deverao tera precisa precisara precisam preciso", r"(?:deve|devera|devem|deverao|tera (?:de|que)|tem (?:de|que)|precisa|precisara|precisam|e preciso)\b"),
    (OTHERS_SAY, "informou disse comunicou prometeu confirmou anunciou garantiu afirmou avisou diz", r"(?:^\W*|[ ,])(?:o|a|os|as|seu|sua|um|uma|nosso|nossa) (?:[\w'-]+ ){1,5}(?:(?:nos|me|lhe|ja) )?(?:informou|disse|comunicou|prometeu|confirmou|anunciou|garantiu|afirmou|avisou|diz)\b"),
    (OTHERS_SAY, "dito informado prometido comunicado", r"(?:tinha|havia|tinham|haviam) (?:[\w'-]+ ){0,2}(?:dito|informado|prometido|comunicado)"),
    (OTHERS_DECIDE, "aprovou decidiu rejeitou aceitou recusou", r"^\W*(?:o|a|os|as|seu|sua) (?:[\w'-]+ ){1,5}(?:aprovou|decidiu|rejeitou|aceitou|recusou)\b"),
    (OTHERS_SAY, "segundo acordo conforme", r"(?:^\W*(?:segundo|conforme) (?:o|a|os|as)|de acordo com)"),
    (IN_GENERAL, "normalmente geralmente habitualmente geral regra norma", r"(?:normalmente|geralmente|habitualmente|em geral|em regra|por norma|via de regra)"),
    (IN_GENERAL, "so somente apenas", r"(?:so|somente|apenas) (?:e |sao |sera |serao |se )?(?:possivel|possiveis|valid\w+|pode|podem|aceit\w+|realiz\w+|disponive\w+|aplica\w*|reembols\w+|mediante|quando|se)"),
    (IN_GENERAL, "antes", r"ate (?:\w+ ){1,3}antes"),
    (IN_GENERAL, "reembolsos cancelamentos devolucoes pagamentos pedidos bilhetes ingressos entregas descontos reservas taxas clientes socios salarios trocas faturas encomendas", r"^\W*(?:todos |todas )?(?:os|as) (?:reembolsos|cancelamentos|devolucoes|pagamentos|pedidos|bilhetes|ingressos|entregas|descontos|reservas|taxas|clientes|socios|salarios|trocas|faturas|encomendas) "),
    (IN_GENERAL, "todo toda cada qualquer", r"^\W*(?:todo|toda|cada|qualquer) (?!esta )"),
    (DECLINES, "infelizmente lamentamos recusar negar garantia garantir podemos posso", r"(?:infelizmente|lamentamos|(?:temos de|temos que|devemos) (?:recusar|negar)|(?:sem|nenhuma|nao ha|qualquer) garantia|nao (?:\w+ )?(?:podemos|posso|garant\w+))"),
    (PERHAPS, "poderia poderiamos poderiam seria talvez", r"(?:poderia|poderiamos|poderiam|seria|talvez)\b"),
    (PERHAPS, "se caso desde", r"^\W*(?:se|caso|desde que) "),
    (TAKES_PLACE, "realiza comeca comecam comecara inicia abre abrira fecha fechara dura durara tera acontece decorre retomam recomecam terao lugar havera", r"^\W*(?:o|a|os|as|nosso|nossa|este|esta) (?:[\w'-]+ ){0,7}(?:realiza\w*|comec\w+|inicia\w*|abr\w+|fech\w+|dura\w*|tera|terao|acontec\w+|decorre\w*|retoma\w*|recomec\w+)\b"),
)  # fmt: skip
_ITALIAN: Final = _cues(
    (VALID, "valido valida scade", r"(?:valid[ao]|scade) (?:fino|il|in|per|a)"),
    (ASKS, "prega preghiamo prego pregano", r"(?:si prega|(?:la|vi|ti|i|le) (?:preghiamo|prego)|si pregano|sono pregati|e pregat)"),
    (ASKS, "chiediamo chiedo invitiamo invito favore cortesia cortesemente gentilmente", r"(?:(?:le|vi|ti|la) (?:chiediamo|chiedo|invitiamo|invito) (?:di|a|cortesemente|gentilmente)|per favore|per cortesia|cortesemente|gentilmente)"),
    (ASKS, "invii ricordi porti compili restituisca consegni firmi dimentichi inviate portate ricordate mandi confermi provveda", r"(?:^\W*|,? )(?:invii|ricordi|porti|compili|restituisca|consegni|firmi|non dimentichi|inviate|portate|ricordate|mandi|confermi|provveda)\b"),
    (MUST, "deve dovra devono dovranno devi occorre bisogna necessario tenuto tenuti", r"(?:deve|dovra|devono|dovranno|devi|dovrai|occorre|bisogna|e necessario|e tenuto|sono tenuti)\b"),
    (OTHERS_SAY, "detto informato comunicato promesso confermato annunciato assicurato riferito avvisato scritto", r"(?:il|la|lo|i|gli|le|l|suo|sua|un|una|nostro|nostra|signor|signora)[ '](?:[\w'-]+ ){1,5}(?:ha|hanno|aveva|avevano) (?:[\w'-]+ ){0,2}(?:detto|informato|comunicato|promesso|confermato|annunciato|assicurato|riferito|avvisato|scritto)"),
    (OTHERS_DECIDE, "approvato deciso deliberato accettato respinto rifiutato", r"^\W*(?:il|la|lo|i|gli|le|l|suo|sua)[ '](?:[\w'-]+ ){1,5}(?:ha|hanno) (?:approvato|deciso|deliberato|accettato|respinto|rifiutato)\b"),
    (OTHERS_SAY, "secondo dice sostiene afferma", r"(?:secondo (?:il|la|lo|l'|i|le)|(?:il|la|suo|sua) (?:[\w'-]+ ){1,4}(?:dice|sostiene|afferma))"),
    (IN_GENERAL, "norma normalmente generalmente solito solitamente genere regola abitualmente", r"(?:di norma|normalmente|generalmente|di solito|solitamente|in genere|di regola|abitualmente)"),
    (IN_GENERAL, "solo soltanto esclusivamente", r"(?:e|sono|viene|vengono|puo|possono) (?:[\w'-]+ ){0,4}(?:solo|soltanto|esclusivamente)|(?:solo|soltanto) (?:se|con|entro|previa|dopo|in caso)"),
    (IN_GENERAL, "prima", r"fino a (?:\w+ ){1,3}prima"),
    (IN_GENERAL, "rimborsi cancellazioni resi pagamenti ordini biglietti spedizioni sconti prenotazioni spese clienti soci stipendi cambi fatture consegne disdette richieste", r"^\W*(?:tutti |tutte )?(?:i|le|gli) (?:rimborsi|cancellazioni|resi|pagamenti|ordini|biglietti|spedizioni|sconti|prenotazioni|spese|clienti|soci|stipendi|cambi|fatture|consegne|disdette|richieste) "),
    (IN_GENERAL, "ogni ciascun qualsiasi chiunque", r"^\W*(?:ogni|ciascun\w*|qualsiasi|chiunque) "),
    (DECLINES, "purtroppo rifiutare respingere declinare garanzia garantire possiamo posso spiace dispiace", r"(?:purtroppo|(?:dobbiamo|devo|costretti a) (?:\w+ ){0,2}(?:rifiutare|respingere|declinare)|(?:nessuna|senza|non c'e|alcuna) (?:alcuna )?garanzia|non (?:\w+ )?(?:possiamo|posso|garant\w+)|spiace|dispiace)"),
    (PERHAPS, "potrebbe potremmo potrei potrebbero sarebbe forse", r"(?:potrebbe|potremmo|potrei|potrebbero|sarebbe|forse)\b"),
    (PERHAPS, "se qualora purche", r"^\W*(?:se|qualora|purche) "),
    (TAKES_PLACE, "terra svolge svolgera inizia iniziano iniziera apre aprira chiude chiudera dura durera comincia cominciano riprendono riprende riprenderanno prevede luogo consiste riapre riaprira", r"^\W*(?:il|la|lo|i|gli|le|l|nostro|nostra|questo|questa)[ '](?:[\w'-]+ ){0,7}(?:si terra\w*|si svolge\w*|inizi\w+|apr\w+|chiud\w+|dura\w*|durer\w+|cominci\w+|riprend\w+|prevede\w*|avra luogo|ha luogo|consist\w+|riapr\w+)\b"),
)  # fmt: skip
_DUTCH: Final = _cues(
    (VALID, "geldig verloopt", r"(?:geldig|verloopt) (?:tot|op|voor|in)"),
    (ASKS, "verzoeken verzoek gelieve verzocht vragen", r"(?:(?:wij|we|ik) (?:verzoeken|verzoek|vragen|vraag) (?:u|je|jullie|iedereen|alle|om)|gelieve|(?:wordt|worden|bent) (?:[\w'-]+ ){0,4}verzocht|verzoeken wij|vragen (?:wij|we) (?:u|je))"),
    (ASKS, "alstublieft alsjeblieft svp a.u.b graag vriendelijk", r"(?:alstublieft|alsjeblieft|svp|graag (?:\w+ ){0,6}(?:uiterlijk|voor|terug)|vriendelijk)"),
    (ASKS, "stuur lever vergeet vul neem breng betaal bevestig onderteken denk zorg", r"^\W*(?:stuur|lever|vergeet|vul|neem|breng|betaal|bevestig|onderteken|denk|zorg) (?!ik|wij|we)"),
    (MUST, "moet moeten dient dienen hoort", r"(?:u|je|jij|jullie|klanten|huurders|deelnemers|leden|aanvragen|documenten|\w+) (?:moet|moeten|dient|dienen)\b|(?:moet|dient) (?:u|je)"),
    (OTHERS_SAY, "gezegd laten meegedeeld beloofd bevestigd aangekondigd gemeld verzekerd toegezegd", r"(?:de|het|uw|je|zijn|haar|een|onze|meneer|mevrouw) (?:[\w'-]+ ){1,4}(?:heeft|hebben|had|hadden) (?:[\w'-]+ ){0,8}(?:gezegd|laten weten|meegedeeld|beloofd|bevestigd|aangekondigd|gemeld|verzekerd|toegezegd)"),
    (OTHERS_DECIDE, "goedgekeurd besloten afgewezen aangenomen", r"^\W*(?:de|het|uw|je|zijn|haar|een) (?:[\w'-]+ ){1,4}(?:heeft|hebben) (?:[\w'-]+ ){0,8}(?:goedgekeurd|besloten|afgewezen|aangenomen)\b"),
    (OTHERS_SAY, "zei zegt meldt meldde liet beloofde schrijft schreef verklaarde volgens", r"(?:de|het|uw|je|een|onze|meneer|mevrouw) (?:[\w'-]+ ){1,4}(?:zei|zegt|meldt|meldde|liet|beloofde|schrijft|schreef|verklaarde)\b|volgens (?:de|het|uw|onze)"),
    (IN_GENERAL, "normaal doorgaans meestal gewoonlijk algemeen regel", r"(?:normaal gesproken|normaliter|doorgaans|meestal|gewoonlijk|in het algemeen|in de regel|als regel)"),
    (IN_GENERAL, "alleen slechts uitsluitend", r"(?:is|zijn|kan|kunnen|wordt|worden) (?:[\w'-]+ ){0,4}(?:alleen|slechts|uitsluitend)|(?:alleen|uitsluitend) (?:mogelijk|geldig|indien|als|bij|na)"),
    (IN_GENERAL, "voor", r"tot (?:\w+ ){1,3}voor (?:aankomst|vertrek|aanvang|aankomstdatum|de)"),
    (IN_GENERAL, "terugbetalingen annuleringen retouren betalingen bestellingen tickets kaarten leveringen kortingen aanvragen reserveringen kosten klanten leden salarissen facturen wijzigingen restituties", r"^\W*(?:alle )?(?:de )?(?:terugbetalingen|annuleringen|retouren|betalingen|bestellingen|tickets|kaarten|leveringen|kortingen|aanvragen|reserveringen|kosten|klanten|leden|salarissen|facturen|wijzigingen|restituties) "),
    (IN_GENERAL, "elke elk iedere ieder", r"^\W*(?:elke?|iedere?) "),
    (DECLINES, "helaas afwijzen weigeren garantie garanderen kunnen kan spijt", r"(?:helaas|(?:moeten|moet) (?:[\w'-]+ ){0,10}(?:afwijzen|weigeren)|geen (?:enkele )?garantie|niet (?:garanderen|toezeggen|beloven)|(?:kunnen|kan) (?:\w+ ){0,6}(?:niet|geen)|spijt)"),
    (PERHAPS, "zou zouden misschien", r"(?:zouden?|misschien)\b"),
    (PERHAPS, "als indien mits", r"^\W*(?:als|indien|mits) "),
    (TAKES_PLACE, "plaats begint beginnen start starten opent sluit duurt hervat vindt vinden bevat bestaat gehouden heropent", r"^\W*(?:de|het|onze|dit|deze|\w+) (?:[\w'-]+ ){0,6}(?:vindt|vinden|begint|beginnen|start|starten|opent|sluit|duurt|hervat|bevat|bestaat|heropent|wordt (?:[\w'-]+ ){0,5}gehouden)\b"),
)  # fmt: skip
_CUES: Final = (_ENGLISH, _GERMAN, _FRENCH, _SPANISH, _PORTUGUESE, _ITALIAN, _DUTCH)
"""In the order of `LANGUAGES`."""
_LONGEST: Final = 600
_UNDONE: Final = ASKS | MUST | OTHERS_SAY | OTHERS_DECIDE | IN_GENERAL | DECLINES | TAKES_PLACE
"""What a promise in another part of the sentence undoes."""
_CLOUDED: Final = k.NOT | k.IF | k.MIGHT | k.TOLD
_PARTING: Final = frozenset(
    {
        ",", ";", ":", "\u2013", "\u2014", "but", "so", "and", "aber", "und", "deshalb", "daher", "mais", "donc", "et",
        "pero", "y", "mas", "e", "ma", "quindi", "maar", "en", "dus",
    }
)  # fmt: skip
_REPORTED: Final = frozenset({"dass", "dat", "that", "que", "qu", "che", "um", "om"})
_US: Final = frozenset({"us", "uns", "nos", "ci", "ons", "nous", "me", "mir", "mij"})
_OUR: Final = frozenset(
    {
        "us", "our", "unser", "unsere", "unserer", "notre", "nuestra", "nuestro", "nosso", "nossa", "nostro", "nostra",
        "onze",
    }
)  # fmt: skip
_PUBLIC: Final = frozenset(
    {
        "city", "council", "ministry", "government", "municipality", "police", "parliament", "railway", "airline",
        "state", "library", "stadt", "stadtwerke", "gemeinde", "gemeinderat", "stadtrat", "ministerium", "regierung",
        "polizei", "bahn", "fluggesellschaft", "bibliothek", "mairie", "ville", "commune", "ministere", "gouvernement",
        "prefecture", "region", "compagnie", "mediatheque", "ayuntamiento", "ciudad", "ministerio", "gobierno",
        "policia", "aerolinea", "compania", "biblioteca", "camara", "prefeitura", "cidade", "governo", "companhia",
        "comune", "citta", "ministero", "polizia", "compagnia", "gemeente", "gemeenteraad", "stad", "ministerie",
        "regering", "politie", "waterbedrijf", "luchtvaartmaatschappij", "bibliotheek", "museum", "musee", "museo",
        "museu",
    }
)  # fmt: skip
"""Bodies whose plans are news for everybody when the reader is not named."""
_PERSONS: Final = k.FIRST | k.SELF | k.YOU | k.YOUR
_OPENING: Final = 5
_IN_O: Final = 3
"""A shorter word in -o is no verb ("no", "do")."""
_HANDED: Final = k.GRANT | k.DO | k.SOFT | k.SAY
_DATES: Final = k.TIME | k.AHEAD


def findings(sentence: str, tokens: list[str], masks: list[int], every: int, *, language: int) -> int:
    """What speaks against a promise, and the giving of something to the reader, as bits in the order of `NAMES`."""
    cues = _CUES[language]
    found = _matching(cues, tokens, " ".join(sentence[:_LONGEST].split()) if not cues.keys().isdisjoint(tokens) else "")
    if (found & _UNDONE or masks[0] & k.NOT) and _promises_beside(cues, tokens, masks):
        found = found & ~_UNDONE | BESIDE
    found = _around(found, tokens, masks, every)
    return found | _persons(masks, every) | _handed(tokens, masks, every)


def _matching(cues: Mapping[str, tuple[tuple[int, re.Pattern[str]], ...]], tokens: list[str], text: str) -> int:
    found = 0
    for token in tokens if text else ():
        for finding, pattern in cues.get(token, ()):
            if not found & finding and pattern.search(text):
                found |= finding
    return found


def _promises_beside(
    cues: Mapping[str, tuple[tuple[int, re.Pattern[str]], ...]], tokens: list[str], masks: list[int]
) -> bool:
    """Whether a part of its own says what the writer does: "unfortunately it is gone, but we will refund you"."""
    start = 0
    for n in range(len(tokens) + 1):
        if n < len(tokens) and tokens[n] not in _PARTING:
            continue
        part = 0
        for mask in masks[start:n]:
            part |= mask
        acts = part & (k.FIRST | k.SELF) and part & (k.GRANT | k.DO | k.SAY)
        if not acts or part & _CLOUDED or tokens[start] in _REPORTED:
            pass
        elif not _matching(cues, tokens[start:n], " ".join(tokens[start:n])) & _UNDONE:
            return True
        start = n + 1
    return False


def _around(found: int, tokens: list[str], masks: list[int], every: int) -> int:
    """What the rest of the sentence makes of the turns of speech in it."""
    if found & MUST and every & k.NOT and every & k.SPARED:
        found &= ~MUST  # "you will not have to pay"
    if found & IN_GENERAL and not _OUR.isdisjoint(tokens):
        found &= ~IN_GENERAL  # "the fees are on our side"
    if found & ASKS and not every & (k.FIRST | k.SELF):
        found |= ONLY_ASKS
    if tokens[0] not in _US and not _US.isdisjoint(tokens):
        found |= TO_US
    if found & (OTHERS_DECIDE | OTHERS_SAY) and any(mask & k.YOUR for mask in masks[:2]):
        found |= READERS_DECIDE
    if not every & (k.YOU | k.YOUR | k.FIRST) and not _PUBLIC.isdisjoint(tokens[:_OPENING]):
        found |= PUBLIC_BODY
    return found


def _persons(masks: list[int], every: int) -> int:
    """Whether anybody but others is in the sentence at all."""
    found = 0
    if not every & _PERSONS:
        found |= NOBODY
        if every & (k.OURS | k.THEIRS):
            found |= OTHERS_OF_NOBODY
    elif not every & (k.FIRST | k.SELF) and any(mask & (k.OURS | k.THEIRS) for mask in masks[:_OPENING]):
        found |= OTHERS_ALONE
    for n, mask in enumerate(masks[:_OPENING]):
        if mask & k.YOUR and any(one & k.OURS for one in masks[n + 1 : n + 3]):
            found |= READERS_PEOPLE  # "your colleague agreed"
            break
    return found


def _handed(tokens: list[str], masks: list[int], every: int) -> int:
    """Whether the writer gives the reader something in the present tense: "ti giro", "ik stuur u", "wir zahlen Ihnen"."""
    if every & (k.IF | k.MIGHT | k.TOLD) or not every & k.YOU:
        return 0
    for n, mask in enumerate(masks[:-1]):
        after = masks[n + 1]
        in_o = mask & k.YOU and after & _HANDED and len(tokens[n + 1]) > _IN_O and tokens[n + 1].endswith("o")
        verb_between = mask & k.FIRST and after & (k.GRANT | k.DO) and any(one & k.YOU for one in masks[n + 2 : n + 3])
        you_between = mask & k.FIRST and after & k.YOU and any(one & (k.GRANT | k.DO) for one in masks[n + 2 : n + 3])
        if in_o or verb_between or you_between:
            return HANDS_YOU | (HANDS_YOU_DATED if every & _DATES else 0)
    return 0
