"""Find the phrases that make a message commercial: it offers, advertises, or asks a stranger for business.

The law asks what a message is, not what its sender calls it: CASL s. 1(2) ("encourage participation in a commercial
activity"), CAN-SPAM 15 USC 7702(2) ("primary purpose"), PECR reg. 22 and the ePrivacy Directive Art. 13 (direct
marketing). A cue that is conclusive by itself weighs 2; one that also occurs in receipts and replies weighs 1. A
message with a total weight of 2 is commercial. Nothing counts in the message's favour, so padding a pitch with an order
number does not help.

The cues do not understand meaning: a false alarm costs a reviewer seconds.
"""

# ruff: noqa: E501 - a pattern split across lines is unreadable
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from core.rules.classification import letters
from core.rules.classification.cues import Cue, Cues

ENOUGH: Final = 2
_MOST: Final = 6
"""Maximum number of phrases shown to the reviewer."""
_LONGEST_PHRASE: Final = 120
_WORD: Final = re.compile(r"[a-z]+|%")

_GAIN: Final = (
    r"(?:boost|increase|grow|double|triple|improve|maximi[sz]e|accelerate|scale|supercharge|skyrocket)(?:ing)?"
)
_SHRINK: Final = r"(?:cut|cutting|reduc(?:e|ing)|lower(?:ing)?|slash(?:ing)?|sav(?:e|ing)(?: on)?)"
_GOODS: Final = (
    r"(?:<revenue|sales|leads?|roi|traffic|pipeline|productivity|profits?|margins?|growth|rankings?|visibility"
    r"|engagement|bookings|turnover>|<conversions?>(?: rates?)?)"
)
_COSTS: Final = r"(?:<costs?|spend(?:ing)?|bills?|expenses|overheads?|budget|churn|premiums?|fees>|time and <money>)"
_FIRMS: Final = (
    r"(?:companies|businesses|teams|firms|brands|organi[sz]ations|agencies|shops|stores|clinics|practices|restaurants"
    r"|startups|start-ups|retailers|manufacturers|founders|leaders|owners|professionals|clients|customers)"
)
_OURS: Final = (
    r"(?:we|i|our (?:\w+ ){0,2}(?:company|team|platform|product|software|solutions?|services?|tool|agency|app|technology"
    r"|system|experts?|specialists?))"
)

_CUES: Final = Cues(
    # English: asking for a sales meeting
    (2, r"(?:book|schedule|request|see|get|arrange|give you|show you|for|watch|have)\W+(?:an? |our |the |your )?(?:\w+ ){0,2}<demos?>\b"),
    (2, r"(?:<discovery|intro(?:ductory)?|exploratory|strategy>|free|complimentary) <call|chat|meeting|session|consultation>"),
    (2, r"(?:quick|brief|short|15|20|30|ten|fifteen|twenty|thirty)[ -](?:min(?:ute)?s?[ -])?(?:intro(?:ductory)? )?<call|chat|meeting|conversation|talk> (?:next|this|tomorrow|to (?:discuss how|show|explore|see if|walk|introduce)|about how|on how we)"),
    (2, r"(?:15|20|30|10|ten|fifteen|twenty|thirty)[ -]<min(?:ute)?s?>\b[^.!?\n]{0,50}(?:to (?:show|walk|explore|introduce|share|see)|our |demo|of your time|this week|next week|on \w+day\?)"),
    (1, r"(?:do you have|spare|got|have) (?:a few|five|ten|\d+|fifteen|twenty) <min(?:ute)?s?>\b"),
    (2, r"(?:would|will|could|are|if) (?:you|your (?:team|company))(?:'d| would| be| are)* <open|interested|keen>(?: to| in|\?)"),
    (2, r"<interested|interest> in (?:learning|hearing|seeing|exploring|finding out|trying|discussing)"),
    (2, r"let (?:me|us) know (?:if|whether) (?:you(?:'re| are)?|this|that|it)[^.!?\n]{0,25} (?:<interest(?:ed)?>|<interests> you)\b"),
    (2, r"<worth> (?:an?|your)? ?(?:\w+ ){0,2}(?:chat|call|conversation|look|discussion|minutes?)\b"),
    (2, r"pick your <brain>"),
    # English: explaining an unsolicited message
    (2, r"(?:i|we)(?:'ve| have| was| were| recently| just)* (?:<came> <across>|come <across>|<noticed|saw>|<stumbled> (?:up)?on|<found>|<looking> (?:at|through)) (?:that )?(?:your|you(?:'re| are)?) (?:\w+ ){0,2}(?:company|website|site|profile|team|linkedin|business|store|shop|work|post|hiring|page|brand|app|listing|growing|expanding)"),
    (1, r"<reach(?:ing|ed)?> out\b"),
    (1, r"<reach(?:ing|ed)?> out (?:because|to (?:see|introduce|share|explore|offer|discuss how)|as (?:we|i))"),
    (2, r"(?:right|best|appropriate|correct) (?:<person|contact|team>|<point> of <contact>)[^.!?\n]{0,20}(?:to (?:talk|speak|discuss|contact|reach|ask)|for|about|regarding|at|when it comes)"),
    (2, r"<who> (?:is|handles|manages|leads|oversees|looks after|would be|takes care|is responsible|is in charge)[^.!?\n]{0,50}(?:at|in|for|within) (?:your|the) (?:company|team|organi[sz]ation|business|firm|side)"),
    (1, r"<introduc(?:e|ing)> (?:myself|ourselves|you to)"),
    (2, r"<introduc(?:e|ing)> (?:our|my|the|a|an) (?:\w+ ){0,3}(?:company|services?|products?|platform|solutions?|agency|team|software|range|collection|line|app|firm|offer\w*)"),
    (2, r"(?:i|we)(?:'d| would) (?:<love|like>|be <happy>|be <glad>|be <delighted>)(?: the (?:chance|opportunity))? to (?:show (?:you|your)|introduce|tell you (?:about|more about) (?:our|how)|share how|discuss how|explore|demo|offer you|partner|connect with you|work with you|learn more about your|send you (?:a |some |our )?(?:samples?|quote|proposal|brochure|catalog\w*|pricing))"),
    (2, r"(?:business|partnership|collaboration|investment|sponsorship|exciting|exclusive|unique|great|career|job) <opportunit(?:y|ies)|proposal>"),
    (2, r"(?:open to|considering|looking for) (?:a )?new <opportunit(?:y|ies)|roles?|positions?|challenges?>"),
    (2, r"(?:are you|if you(?:'re| are)?|still) (?:currently )?(?:<looking> for|in <need> of|<need>) an? (?:\w+ ){0,3}(?:supplier|vendor|partner|agency|provider|developer|contractor|solution|manufacturer|consultant)"),
    (1, r"(?:<unsubscribe>|<opt>[ -]out|(?:rather|prefer|wish) (?:to )?not (?:to )?<hear|receive>|no longer (?:wish|want) to <receive|hear>)"),
    (1, r"if (?:this|it)(?:'s| is|n't| isn't)?(?: not)? (?:<relevant>|for <you>|of <interest>|a <fit>)"),
    # English: what it offers
    (2, _OURS + r" (?:have |also |currently |specifically )?(?:<help(?:ed|s)?|enables?|empowers?|allows?|lets?>|<work(?:ed)?> with|<partner(?:ed)?> with) (?:\w+ ){0,4}" + _FIRMS),
    (2, r"(?:can|could|will|to) <help> (?:you|your (?:\w+ )?(?:team|company|business|store|firm|clients|brand))(?: to)? (?:\w+ ){0,2}(?:" + _GAIN + "|" + _SHRINK + r"|win|attract|generate|sell|rank|reach more|get more)"),
    (2, _FIRMS + r" (?:<like>|<similar> to|<such> as) (?:you|yours|your own)\b"),
    (1, r"(?:we|i|company|agency|team|firm) (?:are an? )?(?:<special(?:i[sz]e[ds]?|i[sz]ing)> in|(?:are )?(?:a |the )?<leading> (?:provider|supplier|manufacturer|agency))"),
    (2, _GAIN + r" (?:your |you )?(?:\w+ ){0,3}" + _GOODS + r"\b"),
    (2, _SHRINK + r" (?:your|you|on|up to|\d+ ?%)(?: \w+){0,4} " + _COSTS + r"\b"),
    (2, r"\d+ ?(?:%|percent|per cent) (?:<off|cheaper>|<less> than|<discount> on (?:all|your (?:first|next)|our|every|any))"),
    (2, r"<save> (?:up to |over )?(?:\d+ ?(?:%|percent)|[$\u20ac\u00a3] ?\d|(?:eur|usd|gbp|cad) ?\d|big\b|hundreds|thousands|now\b|today\b)"),
    (2, r"(?:special|exclusive|limited(?:[ -]time)?|introductory|promotional|unbeatable|launch|flash|early[ -]bird|black friday|cyber monday|seasonal|summer|winter|spring|holiday|clearance|best|lowest|members?[- ]only|once[- ]in[- ]a[- ]lifetime|incredible|amazing)(?: \w+)? <offers?|deals?|prices?|pricing|rates?|promotions?|sale|discounts?|savings>\b"),
    (1, r"<discount|promo(?:tion)?>\b"),
    (2, r"(?:last|final|only|your) <chance> (?:to|for) (?:save|buy|get|grab|join|your (?:discount|offer)|claim|order|a discount)"),
    (2, r"(?:use|enter|with|apply) (?:the |your |our |promo |discount |coupon )*<code|coupon|voucher>\b[^.!?\n]{0,40}(?:off|discount|save|checkout|free)|(?:promo|coupon|voucher) <code>"),
    (2, r"(?:<buy|shop|browse>|<order> yours?|<order>|<grab> yours?) (?:now|online|today|our|the (?:new|full|latest)|while|one (?:today|now))(?: |\b)(?!number|is|has|was)"),
    (2, r"(?:<sign> up|<subscribe|upgrade|enrol?l|register|join>)(?: \w+){0,3} (?:now|today|for free|and (?:save|get|receive|win))\b"),
    (2, r"<try> (?:it|us|our|\w+)(?: \w+){0,3} (?:for )?free\b"),
    (2, r"(?:free|complimentary|no[- ]cost|no[- ]obligation) (?:\w+ ){0,2}(?:<trial|quote|audit|assessment|estimate|samples?|ebook>|e-<book>|<webinar|whitepaper|evaluation|valuation|checklist>)\b"),
    (2, r"(?:no (?:<obligation>|<strings> attached|credit <card> (?:required|needed))|<risk>[- ]free|money[- ]back <guarantee>|without (?:any )?<obligation>)"),
    (2, r"(?:while <supplies|stocks?> <lasts?>|(?:offer|deal|sale|promotion) (?:<ends|expires>|is <valid>|<valid|runs>) |don'?t <miss> (?:out|this|our|your)|<limited> (?:<spots|seats>|availability|<stock>|number of)|only \d+ <spots|seats|places> (?:left|remaining))"),
    (2, r"(?:<act> (?:now|fast|today)|<hurry>[,! ])"),
    (2, r"(?:our |the )?(?:new|latest|spring|summer|autumn|fall|winter|full|complete|exclusive) (?:\w+ )?(?:<collection>|<catalog(?:ue)?>|<product> range|<product> line|<range> of|<arrivals|lineup>)\b"),
    (2, r"(?:we|i)(?:'re| are|'m| am) (?:so |very |really )?<excited|thrilled|pleased|proud|delighted|happy> to (?:announce|introduce|launch|offer|present|unveil|bring you) (?:our|the|a|an|you|new)"),
    (2, r"<trusted> by (?:\w+ ){0,3}(?:\d|thousands|hundreds|leading|companies|businesses|teams|brands|over|more)"),
    (1, r"(?:<case> stud(?:y|ies)|our (?:\w+ )?(?:<pricing|packages|portfolio|brochure|plans>|<price> list|<rates>)|(?:<attached>|<send> you) (?:is |you )?(?:our|a) (?:brochure|catalog\w*|price list|portfolio))"),
    (2, r"(?:<guest> (?:post|blog|article)|<backlinks?>|<seo> (?:services?|audit|agency|experts?|packages?|strategy)|<sponsored> (?:post|article|content)|<link> (?:exchange|building|insertion|placement)|<rank(?:ing)?> (?:higher|number one|#1|on (?:the )?(?:first|1st) page))"),
    (2, r"(?:lead|demand) <generation>|<qualified> (?:leads|prospects|meetings|appointments)"),
    (2, r"(?:<donate> (?:now|today|here)|make a (?:\w+ )?<donation>|your (?:\w+ )?<donation|gift> (?:will|can|could|helps))"),
    (2, r"(?:(?:join|attend|register for|invite you to|invited to) (?:us |our |the |a |an )*(?:\w+ ){0,4}(?:<webinar|workshop|masterclass|summit>|launch <event>|<conference>|trade <show>)|(?:save|reserve|claim|secure|grab) your (?:\w+ )?<spot|seat|place>|visit (?:us at )?(?:our )?<booth>)"),
    (1, r"get <started> (?:today|now|for free|in minutes)"),
    (2, r"<wholesale|factory|bulk> (?:prices?|pricing|orders?|discounts?|rates?)"),
    (2, r"(?:we|i|our \w+)(?:'d (?:like|love) to| would (?:like|love) to| can| are able to| want to| also)? <offer> (?:you )?(?:a |an |our |the )?(?:wide|full|free|range|competitive|affordable|high[- ]quality|discount|\d+ ?%|special|complete|custom|premium|great|attractive)"),
    (1, r"(?:an? |our |this |my )(?:\w+ )?<offer>\b"),
    (1, r"<affordable|competitive> (?:prices?|rates?|pricing|cost|services?)"),
    (1, r"our (?:\w+ )?<products?|services?|platform|solutions?|software|app|tool>\b"),
    (1, r"quick <question> (?:about|regarding|for|on)"),
    (1, r"my <name> is \w+(?: \w+)?,? (?:and )?(?:i(?:'m| am)|from|i work|i run|i represent|ceo|founder|head)"),
    (2, r"(?:(?:pre-<approved>|<preapproved>) (?:for|<loan|credit>)|(?:business|personal|instant) <loans?> (?:from|at|up to|available)|low(?:est)? <interest> rates?|<casino> bonus|<crypto> (?:investment|signals)|<guaranteed> returns?)"),
    # German
    (2, r"(?:exklusiv\w*|unverbindlich\w*|kostenlos\w*|besonder\w*|einmalig\w*|unschlagbar\w*|limitiert\w*|attraktiv\w*|unser\w*) (?:\w+ )?<angebote?|rabatte?|aktion>\b|<sonderangebot>|\d+ ?(?:%|<prozent>) <rabatt|sparen|gunstiger|nachlass>"),
    (1, r"<rabatt(?:code|aktion)?>\b"),
    (2, r"<(?:kostenlos|gratis|unverbindlich)\w*> (?:\w+ )?(?:test\w*|demo|beratung\w*|erstgesprach|webinar|probe\w*|termin|gesprach|kennenlern\w*|muster|angebot)"),
    (2, r"(?:wir|ich|unsere? \w+) <helfen|helfe|hilft|unterstutzen|unterstutzt> (?:\w+ ){0,4}(?:unternehmen|firmen|teams|betrieben?|kunden|agenturen|praxen|handlern?)"),
    (2, r"(?:haben sie|hatten sie|besteht|hast du|bei) (?:\w+ ){0,2}<interesse>|(?:waren|sind) sie (?:\w+ )?<interessiert>|wenn (?:sie|es) (?:\w+ )?<interessiert|interesse>"),
    (2, r"(?:auf (?:ihr|ihre|ihren|sie|euch|eure) (?:\w+ ){0,3}<aufmerksam|gestossen>)"),
    (2, r"<(?:richtige|passende)\w*> (?:ansprechpartner\w*|person|kontakt)|<wer> (?:ist )?(?:bei ihnen|in ihrem (?:haus|unternehmen))"),
    (2, r"(?:steiger\w*|erhoh\w*|verdoppel\w*|senk\w*|spar\w*|reduzier\w*) (?:sie |wir )?(?:ihren?|ihre|ihr|bis zu|den|die)? ?(?:\w+ ){0,2}<umsatz|kosten|verkaufe|leads|gewinn|ausgaben>|<umsatz|kosten|ausgaben> (?:\w+ ){0,3}(?:steigern|senken|sparen|reduzieren|erhohen|verdoppeln)"),
    (2, r"(?:unser\w*|ihnen|kurz) (?:\w+ ){0,4}(?:losung|software|produkt\w*|plattform|dienstleistung\w*|leistungen|agentur|firma)?\s?<vorstellen|prasentieren>"),
    (2, r"<jetzt> (?:\w+ ){0,2}(?:kaufen|bestellen|sichern|testen|sparen|zugreifen|buchen|shoppen)"),
    (2, r"(?:15|20|30|kurzes|kurzen|fur ein|fur einen) ?(?:-?<minuten>|<minutiges|minutigen|telefonat|gesprach|austausch>)[^.!?\n]{0,60}(?:zeigen|vorstellen|sprechen|nachste|diese|\?)"),
    # French
    (2, r"(?:<offre> (?:speciale|exclusive|limitee|promotionnelle|de lancement|commerciale)|nos <offres>|<code> promo|\d+ ?% (?:de )?<remise|reduction|rabais>|<remise> (?:exceptionnelle|speciale)|<profitez> (?:de|d'))"),
    (2, r"<profitez|decouvrez|beneficiez> (?:de |des |d'|notre|nos|la|le|les|vite)"),
    (2, r"<demonstration|demo|essai|devis|audit|consultation|diagnostic|echantillon> (?:\w+ )?(?:<(?:gratuit|offert)\w*>|<sans> engagement\w*)|<sans> engagement"),
    (2, r"(?:nous|notre \w+|je) <aid(?:ons|e)|accompagn(?:ons|e)> (?:\w+ ){0,3}(?:entreprises|equipes|societes|marques|clients|pme|commerces|professionnels)"),
    (2, r"(?:seriez|etes)[- ]vous (?:\w+ )?<interess\w+>|(?:cela|ca) vous <interesse(?:rait)?>|si (?:cela|vous) (?:\w+ )?<interess\w+>"),
    (2, r"vous <presenter> (?:\w+ )?(?:nos|notre|la|le|les|une?) "),
    (2, r"<augment\w+|doubl\w+|boost\w+|redui\w+|economis\w+> (?:votre|vos|jusqu)"),
    (2, r"(?:<tombee?> sur|<decouvert>) (?:votre|vos) (?:site|entreprise|profil|societe|page)"),
    (2, r"(?:bonne <personne>|bon <interlocuteur>|<personne> (?:en charge|responsable))"),
    (2, r"(?:<achetez|commandez|essayez>|<inscrivez>-vous) (?:\w+ ){0,2}(?:maintenant|des maintenant|aujourd|gratuitement|vite)"),
    # Spanish
    (2, r"(?:<oferta> (?:especial|exclusiva|limitada|de lanzamiento)|nuestras? <ofertas?>|\d+ ?% (?:de )?<descuento>|<descuento> (?:especial|exclusivo|del?)|<promocion> (?:especial|exclusiva|valida|limitada)|codigo (?:<promocional>|de <descuento>))"),
    (2, r"(?:<demo(?:stracion)?|prueba|consulta>|asesoria|auditoria|<presupuesto>|muestra) (?:\w+ )?(?:<gratis|gratuit[ao]>|sin <compromiso>)|sin <compromiso>"),
    (2, r"<ayudamos|ayuda|permite> a (?:\w+ ){0,2}(?:empresas|equipos|negocios|marcas|clientes|pymes|companias|profesionales)"),
    (2, r"(?:estaria|esta|estarian|estas) (?:usted )?<interesad[oa]s?>|(?:le|te|les) <interesaria>\b"),
    (2, r"<aument\w+|reduc\w+|reduzca|ahorr\w+|dupliqu\w+|mejor\w+> (?:sus?|tus?|hasta|en sus?) (?:\w+ ){0,2}(?:ventas|costes|costos|ingresos|gastos|clientes|\d)"),
    (2, r"<presentar(?:le|les|te|nos|me)>\b"),
    (2, r"<persona> (?:adecuada|indicada|correcta|encargada|responsable)"),
    (2, r"<encontre|vi|descubri> (?:su|tu) (?:web|sitio|empresa|perfil|pagina|negocio)"),
    (2, r"<compre|compra|aproveche|aprovecha|pida|pide|registrese> (?:\w+ ){0,2}(?:ahora|hoy|ya|esta|nuestra|la oferta)"),
    # Portuguese
    (2, r"(?:<oferta> (?:especial|exclusiva|imperdivel|limitada)|\d+ ?% (?:de )?<desconto>|<desconto> (?:especial|exclusivo)|<promocao> (?:especial|exclusiva|valida)|nossas <ofertas>|<cupom>)"),
    (2, r"<ajudamos|ajuda> (?:\w+ ){0,2}(?:empresas|equipes|equipas|negocios|marcas|clientes|profissionais)"),
    (2, r"(?:<demonstracao|teste|orcamento>|consultoria|amostra) (?:\w+ )?(?:<gratis|gratuit[ao]>|sem <compromisso>)|sem <compromisso>"),
    (2, r"(?:teria|tem|haveria) (?:\w+ )?<interesse>|(?:estaria|esta) <interessad[oa]s?>"),
    (2, r"<aument\w+|redu[zc]\w+|economiz\w+> (?:as |os |o |a )?(?:suas?|seus?|ate)"),
    (2, r"<apresentar> (?:\w+ )?(?:a |o |os |as )?(?:noss[ao]s?|solucao|empresa|servicos)"),
    (2, r"<compre|aproveite|garanta> (?:\w+ ){0,2}(?:agora|hoje|ja|esta|nossa|a oferta)"),
    # Italian
    (2, r"(?:<offerta> (?:speciale|esclusiva|limitata|imperdibile)|le nostre <offerte>|<sconto> (?:speciale|esclusivo|del|di)|\d+ ?% di <sconto>|<promozione> (?:speciale|esclusiva|valida)|<codice> (?:sconto|promo\w*))"),
    (2, r"<aiutiamo|aiuta> (?:\w+ ){0,2}(?:aziende|imprese|team|clienti|marchi|pmi|professionisti)"),
    (2, r"<demo|dimostrazione|prova|consulenza|preventivo|campione> (?:\w+ )?(?:gratis|gratuit[ao]|senza impegno)|<senza> impegno"),
    (2, r"(?:sarebbe|siete|sei|e) <interessat[oaie]>|(?:le|ti|vi) <interess(?:a|erebbe)>\b"),
    (2, r"<aument\w+|ridu\w+|risparmi\w+|raddoppi\w+> (?:il |i |le |la )?(?:su[oaie]i?|tu[oaie]i?|vostr[oaie]|fino)"),
    (2, r"<presentar(?:le|vi|ti|ci)>\b"),
    (2, r"<acquista|approfitta|scopri|ordina> (?:\w+ ){0,2}(?:ora|subito|oggi|dell|la nostra|le nostre|i nostri|il nostro)"),
    # Dutch
    (2, r"(?:(?:speciale|exclusieve|tijdelijke|unieke|vrijblijvende?|onze) (?:\w+ )?<aanbieding(?:en)?|korting(?:en)?|actie|offerte>|\d+ ?% <korting>|<korting> (?:op|van)|<kortingscode>)"),
    (2, r"(?:wij|we|onze \w+) <help(?:en|t)> (?:\w+ ){0,3}(?:bedrijven|teams|ondernemers|organisaties|merken|klanten|mkb)"),
    (2, r"<gratis|vrijblijvende?> (?:\w+ )?(?:demo|proef\w*|gesprek|offerte|advies|kennismaking|scan|webinar)"),
    (2, r"(?:heeft u|heb je|mocht u|hebt u) (?:\w+ ){0,2}<interesse>|(?:bent u|ben je) (?:\w+ )?<geinteresseerd>"),
    (2, r"(?:verhoog|verdubbel|bespaar|verlaag|vergroot)\w* (?:\w+ ){0,3}<omzet|kosten|winst|uitgaven>|<omzet|kosten> (?:\w+ ){0,3}(?:verhogen|verlagen|besparen|verdubbelen)"),
    (2, r"<juiste> (?:persoon|contactpersoon)"),
    (2, r"<bestel|koop|profiteer|ontdek> (?:\w+ ){0,2}(?:nu|vandaag|direct|onze|van)\b"),
)  # fmt: skip


def pitches(text: str) -> tuple[str, ...]:
    """Return the phrases that make this text commercial, normalised; empty if the text is not commercial."""
    read, _ = letters.undisguised(letters.plain(text), telling=_telling)
    found: dict[str, int] = {}
    for sentence in _SENTENCE.split(read.lower()):
        found.update(_found(sentence) if len(sentence) <= _REMEMBERED else _look(sentence))
    return tuple(_shown(found)) if sum(found.values()) >= ENOUGH else ()


def _telling(word: str) -> bool:
    return len(word) > 3 and bool(_CUES.of(word))


def _look(sentence: str) -> Mapping[str, int]:
    """Weights of the cues found in one sentence, by matched phrase."""
    read = " ".join(sentence.split())
    cues: dict[Cue, None] = {}
    for word in set(_WORD.findall(read)):
        cues.update(dict.fromkeys(_CUES.of(word)))
    found: dict[str, int] = {}
    for cue in cues:
        hit = cue.pattern.search(read)
        if hit is not None:
            phrase = hit[0].strip()[:_LONGEST_PHRASE]
            found[phrase] = max(cue.means, found.get(phrase, 0))
    return found


_SENTENCE: Final = re.compile(r"[.!?\n](?:(?<=[.!?])(?=\s)|(?<=\n)\s*\n)")
_REMEMBERED: Final = 400
_found = lru_cache(maxsize=4096)(_look)
"""Cached, because agents repeat the same sentences."""


def _shown(found: Mapping[str, int]) -> Iterable[str]:
    """The phrases with the highest weight first."""
    return sorted(found, key=lambda phrase: (-found[phrase], phrase))[:_MOST]
