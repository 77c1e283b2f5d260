"""Find the phrases that make a message commercial: it offers, advertises, or asks a stranger for business.

The law asks what a message is, not what its sender calls it: CASL s. 1(2) ("encourage participation in a commercial
activity"), CAN-SPAM 15 USC 7702(2) ("primary purpose"), PECR reg. 22 and the ePrivacy Directive Art. 13 (direct
marketing). A cue that is conclusive by itself weighs 2; one that also occurs in receipts and replies weighs 1. A
message with a total weight of 2 is commercial. Nothing counts in the message's favour, so padding a pitch with an order
number does not help.

Each cue names key words and needs at least one of them, so a message with none of them costs one pass over its words.
The cues do not understand meaning: a false alarm costs a reviewer seconds.
"""

# ruff: noqa: E501 - a pattern split across lines is unreadable
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from core.rules.classification import letters

ENOUGH: Final = 2
_MOST: Final = 6
"""Maximum number of phrases shown to the reviewer."""
_LONGEST_PHRASE: Final = 120
_WORD: Final = re.compile(r"[a-z]+|%")


class _Cue(NamedTuple):
    weight: int
    pattern: re.Pattern[str]


def _cues(*rows: tuple[str, int, str]) -> Mapping[str, tuple[_Cue, ...]]:
    """Index the cues by each of their key words; `aument*` stands for every word with that prefix."""
    found: dict[str, list[_Cue]] = {}
    for words, weight, pattern in rows:
        cue = _Cue(weight, re.compile(rf"(?<![a-z]){pattern}"))
        for word in words.split():
            found.setdefault(word, []).append(cue)
    return {word: tuple(listed) for word, listed in found.items()}


_GAIN: Final = (
    r"(?:boost|increase|grow|double|triple|improve|maximi[sz]e|accelerate|scale|supercharge|skyrocket)(?:ing)?"
)
_SHRINK: Final = r"(?:cut|cutting|reduc(?:e|ing)|lower(?:ing)?|slash(?:ing)?|sav(?:e|ing)(?: on)?)"
_GOODS: Final = (
    r"(?:revenue|sales|leads?|conversions?(?: rates?)?|roi|traffic|pipeline|productivity|profits?|margins?|growth"
    r"|rankings?|visibility|engagement|bookings|turnover)"
)
_COSTS: Final = r"(?:costs?|spend(?:ing)?|bills?|expenses|overheads?|budget|churn|premiums?|fees|time and money)"
_FIRMS: Final = (
    r"(?:companies|businesses|teams|firms|brands|organi[sz]ations|agencies|shops|stores|clinics|practices|restaurants"
    r"|startups|start-ups|retailers|manufacturers|founders|leaders|owners|professionals|clients|customers)"
)
_OURS: Final = (
    r"(?:we|i|our (?:\w+ ){0,2}(?:company|team|platform|product|software|solutions?|services?|tool|agency|app|technology"
    r"|system|experts?|specialists?))"
)

_CUES: Final = _cues(
    # English: asking for a sales meeting
    ("demo demos", 2, r"(?:book|schedule|request|see|get|arrange|give you|show you|for|watch|have)\W+(?:an? |our |the |your )?(?:\w+ ){0,2}demos?\b"),
    ("discovery intro introductory exploratory consultation strategy call chat meeting session", 2, r"(?:discovery|intro(?:ductory)?|exploratory|strategy|free|complimentary) (?:call|chat|meeting|session|consultation)"),
    ("call chat meeting conversation talk connect meet", 2, r"(?:quick|brief|short|15|20|30|ten|fifteen|twenty|thirty)[ -](?:min(?:ute)?s?[ -])?(?:intro(?:ductory)? )?(?:call|chat|meeting|conversation|talk) (?:next|this|tomorrow|to (?:discuss how|show|explore|see if|walk|introduce)|about how|on how we)"),
    ("min mins minute minutes", 2, r"(?:15|20|30|10|ten|fifteen|twenty|thirty)[ -]min(?:ute)?s?\b[^.!?\n]{0,50}(?:to (?:show|walk|explore|introduce|share|see)|our |demo|of your time|this week|next week|on \w+day\?)"),
    ("min mins minute minutes", 1, r"(?:do you have|spare|got|have) (?:a few|five|ten|\d+|fifteen|twenty) min(?:ute)?s?\b"),
    ("open interested keen", 2, r"(?:would|will|could|are|if) (?:you|your (?:team|company))(?:'d| would| be| are)* (?:open|interested|keen)(?: to| in|\?)"),
    ("interested interest", 2, r"(?:interested|interest) in (?:learning|hearing|seeing|exploring|finding out|trying|discussing)"),
    ("interested interest interests", 2, r"let (?:me|us) know (?:if|whether) (?:you(?:'re| are)?|this|that|it)[^.!?\n]{0,25} interest(?:ed|s you)?\b"),
    ("worth", 2, r"worth (?:an?|your)? ?(?:\w+ ){0,2}(?:chat|call|conversation|look|discussion|minutes?)\b"),
    ("brain", 2, r"pick your brain"),
    # English: explaining an unsolicited message
    ("came noticed saw stumbled found looking across", 2, r"(?:i|we)(?:'ve| have| was| were| recently| just)* (?:came across|come across|noticed|saw|stumbled (?:up)?on|found|looking (?:at|through)) (?:that )?(?:your|you(?:'re| are)?) (?:\w+ ){0,2}(?:company|website|site|profile|team|linkedin|business|store|shop|work|post|hiring|page|brand|app|listing|growing|expanding)"),
    ("reaching reach out", 1, r"reach(?:ing|ed)? out\b"),
    ("reaching reach out", 1, r"reach(?:ing|ed)? out (?:because|to (?:see|introduce|share|explore|offer|discuss how)|as (?:we|i))"),
    ("person who contact point team", 2, r"(?:right|best|appropriate|correct) (?:person|contact|team|point of contact)[^.!?\n]{0,20}(?:to (?:talk|speak|discuss|contact|reach|ask)|for|about|regarding|at|when it comes)"),
    ("who", 2, r"who (?:is|handles|manages|leads|oversees|looks after|would be|takes care|is responsible|is in charge)[^.!?\n]{0,50}(?:at|in|for|within) (?:your|the) (?:company|team|organi[sz]ation|business|firm|side)"),
    ("introduce introducing", 1, r"introduc(?:e|ing) (?:myself|ourselves|you to)"),
    ("introduce introducing", 2, r"introduc(?:e|ing) (?:our|my|the|a|an) (?:\w+ ){0,3}(?:company|services?|products?|platform|solutions?|agency|team|software|range|collection|line|app|firm|offer\w*)"),
    ("love like delighted glad happy", 2, r"(?:i|we)(?:'d| would) (?:love|like|be happy|be glad|be delighted)(?: the (?:chance|opportunity))? to (?:show (?:you|your)|introduce|tell you (?:about|more about) (?:our|how)|share how|discuss how|explore|demo|offer you|partner|connect with you|work with you|learn more about your|send you (?:a |some |our )?(?:samples?|quote|proposal|brochure|catalog\w*|pricing))"),
    ("opportunity proposal opportunities", 2, r"(?:business|partnership|collaboration|investment|sponsorship|exciting|exclusive|unique|great|career|job) (?:opportunit(?:y|ies)|proposal)"),
    ("opportunities roles role challenge challenges opportunity position positions", 2, r"(?:open to|considering|looking for) (?:a )?new (?:opportunit(?:y|ies)|roles?|positions?|challenges?)"),
    ("looking need", 2, r"(?:are you|if you(?:'re| are)?|still) (?:currently )?(?:looking for|in need of|need) an? (?:\w+ ){0,3}(?:supplier|vendor|partner|agency|provider|developer|contractor|solution|manufacturer|consultant)"),
    ("unsubscribe opt hearing hear receive", 1, r"(?:unsubscribe|opt[ -]out|(?:rather|prefer|wish) (?:to )?not (?:to )?(?:hear|receive)|no longer (?:wish|want) to (?:receive|hear))"),
    ("relevant interested fit interest you", 1, r"if (?:this|it)(?:'s| is|n't| isn't)?(?: not)? (?:relevant|for you|of interest|a fit)"),
    # English: what it offers
    ("help helps enable enables empower empowers let lets allows works work partner allow helped partnered worked", 2, _OURS + r" (?:have |also |currently |specifically )?(?:help(?:ed|s)?|enables?|empowers?|allows?|lets?|work(?:ed)? with|partner(?:ed)? with) (?:\w+ ){0,4}" + _FIRMS),
    ("help helps helped", 2, r"(?:can|could|will|to) help (?:you|your (?:\w+ )?(?:team|company|business|store|firm|clients|brand))(?: to)? (?:\w+ ){0,2}(?:" + _GAIN + "|" + _SHRINK + r"|win|attract|generate|sell|rank|reach more|get more)"),
    ("like similar such", 2, _FIRMS + r" (?:like|similar to|such as) (?:you|yours|your own)\b"),
    ("specialise specialize specialised specialized leading specialises specialising specializes specializing", 1, r"(?:we|i|company|agency|team|firm) (?:are an? )?(?:special(?:i[sz]e[ds]?|i[sz]ing) in|(?:are )?(?:a |the )?leading (?:provider|supplier|manufacturer|agency))"),
    ("revenue sales lead leads conversion conversions roi traffic pipeline productivity profit profits margin margins growth ranking rankings visibility engagement bookings turnover", 2, _GAIN + r" (?:your |you )?(?:\w+ ){0,3}" + _GOODS + r"\b"),
    ("cost costs spend spending bill bills expenses overhead overheads churn premium premiums fees money budget", 2, _SHRINK + r" (?:your|you|on|up to|\d+ ?%)(?: \w+){0,4} " + _COSTS + r"\b"),
    ("off cheaper less discount", 2, r"\d+ ?(?:%|percent|per cent) (?:off|cheaper|less than|discount on (?:all|your (?:first|next)|our|every|any))"),
    ("save", 2, r"save (?:up to |over )?(?:\d+ ?(?:%|percent)|[$\u20ac\u00a3] ?\d|(?:eur|usd|gbp|cad) ?\d|big\b|hundreds|thousands|now\b|today\b)"),
    ("discount discounts offer offers deal deals price prices pricing rate rates promotion sale savings promotions", 2, r"(?:special|exclusive|limited(?:[ -]time)?|introductory|promotional|unbeatable|launch|flash|early[ -]bird|black friday|cyber monday|seasonal|summer|winter|spring|holiday|clearance|best|lowest|members?[- ]only|once[- ]in[- ]a[- ]lifetime|incredible|amazing)(?: \w+)? (?:offers?|deals?|prices?|pricing|rates?|promotions?|sale|discounts?|savings)\b"),
    ("discount promo promotion", 1, r"(?:discount|promo(?:tion)?)\b"),
    ("chance", 2, r"(?:last|final|only|your) chance (?:to|for) (?:save|buy|get|grab|join|your (?:discount|offer)|claim|order|a discount)"),
    ("code coupon voucher", 2, r"(?:use|enter|with|apply) (?:the |your |our |promo |discount |coupon )*(?:code|coupon|voucher)\b[^.!?\n]{0,40}(?:off|discount|save|checkout|free)|(?:promo|coupon|voucher) code"),
    ("buy shop order browse grab", 2, r"(?:buy|shop|browse|order yours?|order|grab yours?) (?:now|online|today|our|the (?:new|full|latest)|while|one (?:today|now))(?: |\b)(?!number|is|has|was)"),
    ("sign subscribe upgrade register enroll enrol join", 2, r"(?:sign up|subscribe|upgrade|enrol?l|register|join)(?: \w+){0,3} (?:now|today|for free|and (?:save|get|receive|win))\b"),
    ("try", 2, r"try (?:it|us|our|\w+)(?: \w+){0,3} (?:for )?free\b"),
    ("trial quote audit assessment estimate sample samples ebook webinar whitepaper evaluation valuation checklist book", 2, r"(?:free|complimentary|no[- ]cost|no[- ]obligation) (?:\w+ ){0,2}(?:trial|quote|audit|assessment|estimate|samples?|ebook|e-book|webinar|whitepaper|evaluation|valuation|checklist)\b"),
    ("obligation strings risk guarantee card", 2, r"(?:no (?:obligation|strings attached|credit card (?:required|needed))|risk[- ]free|money[- ]back guarantee|without (?:any )?obligation)"),
    ("supplies stocks stock last ends expires miss spots seats limited places runs valid", 2, r"(?:while (?:supplies|stocks?) lasts?|(?:offer|deal|sale|promotion) (?:ends|expires|is valid|valid|runs) |don'?t miss (?:out|this|our|your)|limited (?:spots|seats|availability|stock|number of)|only \d+ (?:spots|seats|places) (?:left|remaining))"),
    ("act hurry", 2, r"(?:act (?:now|fast|today)|hurry[,! ])"),
    ("collection catalog catalogue range arrivals products lineup product", 2, r"(?:our |the )?(?:new|latest|spring|summer|autumn|fall|winter|full|complete|exclusive) (?:\w+ )?(?:collection|catalog(?:ue)?|product range|product line|range of|arrivals|lineup)\b"),
    ("excited thrilled pleased proud delighted happy", 2, r"(?:we|i)(?:'re| are|'m| am) (?:so |very |really )?(?:excited|thrilled|pleased|proud|delighted|happy) to (?:announce|introduce|launch|offer|present|unveil|bring you) (?:our|the|a|an|you|new)"),
    ("trusted", 2, r"trusted by (?:\w+ ){0,3}(?:\d|thousands|hundreds|leading|companies|businesses|teams|brands|over|more)"),
    ("case pricing packages portfolio brochure plans price attached rates send", 1, r"(?:case stud(?:y|ies)|our (?:\w+ )?(?:pricing|packages|portfolio|brochure|plans|price list|rates)|(?:attached|send you) (?:is |you )?(?:our|a) (?:brochure|catalog\w*|price list|portfolio))"),
    ("guest backlink backlinks seo sponsored link links rank ranking", 2, r"(?:guest (?:post|blog|article)|backlinks?|seo (?:services?|audit|agency|experts?|packages?|strategy)|sponsored (?:post|article|content)|link (?:exchange|building|insertion|placement)|rank(?:ing)? (?:higher|number one|#1|on (?:the )?(?:first|1st) page))"),
    ("generation qualified", 2, r"(?:lead|demand) generation|qualified (?:leads|prospects|meetings|appointments)"),
    ("donate donation donations gift", 2, r"(?:donate (?:now|today|here)|make a (?:\w+ )?donation|your (?:\w+ )?(?:donation|gift) (?:will|can|could|helps))"),
    ("webinar event workshop masterclass conference summit seat spot booth place show", 2, r"(?:(?:join|attend|register for|invite you to|invited to) (?:us |our |the |a |an )*(?:\w+ ){0,4}(?:webinar|workshop|masterclass|summit|launch event|conference|trade show)|(?:save|reserve|claim|secure|grab) your (?:\w+ )?(?:spot|seat|place)|visit (?:us at )?(?:our )?booth)"),
    ("started get", 1, r"get started (?:today|now|for free|in minutes)"),
    ("bulk wholesale factory", 2, r"(?:wholesale|factory|bulk) (?:prices?|pricing|orders?|discounts?|rates?)"),
    ("offer offers", 2, r"(?:we|i|our \w+)(?:'d (?:like|love) to| would (?:like|love) to| can| are able to| want to| also)? offer (?:you )?(?:a |an |our |the )?(?:wide|full|free|range|competitive|affordable|high[- ]quality|discount|\d+ ?%|special|complete|custom|premium|great|attractive)"),
    ("offer offers", 1, r"(?:an? |our |this |my )(?:\w+ )?offer\b"),
    ("affordable competitive", 1, r"(?:affordable|competitive) (?:prices?|rates?|pricing|cost|services?)"),
    ("product products service services platform solution software app tool solutions", 1, r"our (?:\w+ )?(?:products?|services?|platform|solutions?|software|app|tool)\b"),
    ("question", 1, r"quick question (?:about|regarding|for|on)"),
    ("name", 1, r"my name is \w+(?: \w+)?,? (?:and )?(?:i(?:'m| am)|from|i work|i run|i represent|ceo|founder|head)"),
    ("cheap lender loan loans credit casino crypto bitcoin approved guaranteed interest preapproved", 2, r"(?:pre-?approved (?:for|loan|credit)|(?:business|personal|instant) loans? (?:from|at|up to|available)|low(?:est)? interest rates?|casino bonus|crypto (?:investment|signals)|guaranteed returns?)"),
    # German
    ("angebot angebote rabatt prozent sonderangebot aktion gunstiger nachlass rabatt* sparen", 2, r"(?:exklusiv\w*|unverbindlich\w*|kostenlos\w*|besonder\w*|einmalig\w*|unschlagbar\w*|limitiert\w*|attraktiv\w*|unser\w*) (?:\w+ )?(?:angebote?|rabatte?|aktion)\b|sonderangebot|\d+ ?(?:%|prozent) (?:rabatt|sparen|gunstiger|nachlass)"),
    ("rabatt rabattcode rabattaktion", 1, r"rabatt(?:code|aktion)?\b"),
    ("kostenlos kostenlose kostenloses kostenlosen gratis unverbindlich unverbindliche unverbindliches gratis* kostenlos* unverbindlich*", 2, r"(?:kostenlos|gratis|unverbindlich)\w* (?:\w+ )?(?:test\w*|demo|beratung\w*|erstgesprach|webinar|probe\w*|termin|gesprach|kennenlern\w*|muster|angebot)"),
    ("helfen unterstutzen helfe hilft unterstutzt", 2, r"(?:wir|ich|unsere? \w+) (?:helfen|helfe|hilft|unterstutzen|unterstutzt) (?:\w+ ){0,4}(?:unternehmen|firmen|teams|betrieben?|kunden|agenturen|praxen|handlern?)"),
    ("interesse interessiert interessieren", 2, r"(?:haben sie|hatten sie|besteht|hast du|bei) (?:\w+ ){0,2}interesse|(?:waren|sind) sie (?:\w+ )?interessiert|wenn (?:sie|es) (?:\w+ )?(?:interessiert|interesse)"),
    ("aufmerksam gestossen webseite website", 2, r"(?:auf (?:ihr|ihre|ihren|sie|euch|eure) (?:\w+ ){0,3}(?:aufmerksam|gestossen))"),
    ("ansprechpartner zustandig ansprechpartner* passende* richtige* wer", 2, r"(?:richtige|passende)\w* (?:ansprechpartner\w*|person|kontakt)|wer (?:ist )?(?:bei ihnen|in ihrem (?:haus|unternehmen))"),
    ("umsatz kosten verkaufe leads ausgaben gewinn", 2, r"(?:steiger\w*|erhoh\w*|verdoppel\w*|senk\w*|spar\w*|reduzier\w*) (?:sie |wir )?(?:ihren?|ihre|ihr|bis zu|den|die)? ?(?:\w+ ){0,2}(?:umsatz|kosten|verkaufe|leads|gewinn|ausgaben)|(?:umsatz|kosten|ausgaben) (?:\w+ ){0,3}(?:steigern|senken|sparen|reduzieren|erhohen|verdoppeln)"),
    ("vorstellen prasentieren zeigen", 2, r"(?:unser\w*|ihnen|kurz) (?:\w+ ){0,4}(?:losung|software|produkt\w*|plattform|dienstleistung\w*|leistungen|agentur|firma)?\s?(?:vorstellen|prasentieren)"),
    ("jetzt", 2, r"jetzt (?:\w+ ){0,2}(?:kaufen|bestellen|sichern|testen|sparen|zugreifen|buchen|shoppen)"),
    ("minuten termin telefonat gesprach austausch minutigen minutiges", 2, r"(?:15|20|30|kurzes|kurzen|fur ein|fur einen) ?(?:-?minuten|minutiges|minutigen|telefonat|gesprach|austausch)[^.!?\n]{0,60}(?:zeigen|vorstellen|sprechen|nachste|diese|\?)"),
    # French
    ("offre offres promotion remise reduction reductions soldes code profitez rabais", 2, r"(?:offre (?:speciale|exclusive|limitee|promotionnelle|de lancement|commerciale)|nos offres|code promo|\d+ ?% (?:de )?(?:remise|reduction|rabais)|remise (?:exceptionnelle|speciale)|profitez (?:de|d'))"),
    ("profitez decouvrez beneficiez", 2, r"(?:profitez|decouvrez|beneficiez) (?:de |des |d'|notre|nos|la|le|les|vite)"),
    ("demonstration demo essai devis gratuit gratuite audit consultation diagnostic echantillon offert sans", 2, r"(?:demonstration|demo|essai|devis|audit|consultation|diagnostic|echantillon) (?:\w+ )?(?:gratuit|offert|sans engagement)\w*|sans engagement"),
    ("aidons aide accompagnons accompagne", 2, r"(?:nous|notre \w+|je) (?:aid(?:ons|e)|accompagn(?:ons|e)) (?:\w+ ){0,3}(?:entreprises|equipes|societes|marques|clients|pme|commerces|professionnels)"),
    ("interesse interesses interessee interesserait interessant interess*", 2, r"(?:seriez|etes)[- ]vous (?:\w+ )?interess\w+|(?:cela|ca) vous interesse(?:rait)?|si (?:cela|vous) (?:\w+ )?interess\w+"),
    ("presenter", 2, r"vous presenter (?:\w+ )?(?:nos|notre|la|le|les|une?) "),
    ("chiffre couts ventes depenses augment* boost* doubl* economis* redui*", 2, r"(?:augment\w+|doubl\w+|boost\w+|redui\w+|economis\w+) (?:votre|vos|jusqu)"),
    ("tombe decouvert tombee", 2, r"(?:tombee? sur|decouvert) (?:votre|vos) (?:site|entreprise|profil|societe|page)"),
    ("personne interlocuteur", 2, r"(?:bonne personne|bon interlocuteur|personne (?:en charge|responsable))"),
    ("achetez commandez inscrivez essayez", 2, r"(?:achetez|commandez|essayez|inscrivez-vous) (?:\w+ ){0,2}(?:maintenant|des maintenant|aujourd|gratuitement|vite)"),
    # Spanish
    ("oferta ofertas descuento descuentos promocion promocional", 2, r"(?:oferta (?:especial|exclusiva|limitada|de lanzamiento)|nuestras? ofertas?|\d+ ?% (?:de )?descuento|descuento (?:especial|exclusivo|del?)|promocion (?:especial|exclusiva|valida|limitada)|codigo (?:promocional|de descuento))"),
    ("demo demostracion prueba consulta presupuesto gratis gratuita gratuito compromiso", 2, r"(?:demo(?:stracion)?|prueba|consulta|asesoria|auditoria|presupuesto|muestra) (?:\w+ )?(?:gratis|gratuit[ao]|sin compromiso)|sin compromiso"),
    ("ayudamos ayuda permite", 2, r"(?:ayudamos|ayuda|permite) a (?:\w+ ){0,2}(?:empresas|equipos|negocios|marcas|clientes|pymes|companias|profesionales)"),
    ("interesado interesada interesados interesaria interesadas", 2, r"(?:estaria|esta|estarian|estas) (?:usted )?interesad[oa]s?|(?:le|te|les) interesaria\b"),
    ("aumentar aumente reducir reduzca ahorre ahorrar duplique ahorr* aument* dupliqu* mejor* reduc*", 2, r"(?:aument\w+|reduc\w+|reduzca|ahorr\w+|dupliqu\w+|mejor\w+) (?:sus?|tus?|hasta|en sus?) (?:\w+ ){0,2}(?:ventas|costes|costos|ingresos|gastos|clientes|\d)"),
    ("presentarle presentarles presentarte presentarme presentarnos", 2, r"presentar(?:le|les|te|nos|me)\b"),
    ("persona", 2, r"persona (?:adecuada|indicada|correcta|encargada|responsable)"),
    ("encontre vi descubri", 2, r"(?:encontre|vi|descubri) (?:su|tu) (?:web|sitio|empresa|perfil|pagina|negocio)"),
    ("compre aproveche aprovecha compra pida pide registrese", 2, r"(?:compre|compra|aproveche|aprovecha|pida|pide|registrese) (?:\w+ ){0,2}(?:ahora|hoy|ya|esta|nuestra|la oferta)"),
    # Portuguese
    ("oferta ofertas desconto descontos promocao cupom", 2, r"(?:oferta (?:especial|exclusiva|imperdivel|limitada)|\d+ ?% (?:de )?desconto|desconto (?:especial|exclusivo)|promocao (?:especial|exclusiva|valida)|nossas ofertas|cupom)"),
    ("ajudamos ajuda", 2, r"(?:ajudamos|ajuda) (?:\w+ ){0,2}(?:empresas|equipes|equipas|negocios|marcas|clientes|profissionais)"),
    ("demonstracao teste orcamento gratis gratuita gratuito compromisso", 2, r"(?:demonstracao|teste|orcamento|consultoria|amostra) (?:\w+ )?(?:gratis|gratuit[ao]|sem compromisso)|sem compromisso"),
    ("interesse interessado interessada interessados interessadas", 2, r"(?:teria|tem|haveria) (?:\w+ )?interesse|(?:estaria|esta) interessad[oa]s?"),
    ("aumente aumentar reduza reduzir economize aument* economiz* redu*", 2, r"(?:aument\w+|redu[zc]\w+|economiz\w+) (?:as |os |o |a )?(?:suas?|seus?|ate)"),
    ("apresentar", 2, r"apresentar (?:\w+ )?(?:a |o |os |as )?(?:noss[ao]s?|solucao|empresa|servicos)"),
    ("compre aproveite garanta", 2, r"(?:compre|aproveite|garanta) (?:\w+ ){0,2}(?:agora|hoje|ja|esta|nossa|a oferta)"),
    # Italian
    ("offerta offerte sconto sconti promozione codice", 2, r"(?:offerta (?:speciale|esclusiva|limitata|imperdibile)|le nostre offerte|sconto (?:speciale|esclusivo|del|di)|\d+ ?% di sconto|promozione (?:speciale|esclusiva|valida)|codice (?:sconto|promo\w*))"),
    ("aiutiamo aiuta", 2, r"(?:aiutiamo|aiuta) (?:\w+ ){0,2}(?:aziende|imprese|team|clienti|marchi|pmi|professionisti)"),
    ("demo dimostrazione prova consulenza preventivo gratuita gratuito campione senza", 2, r"(?:demo|dimostrazione|prova|consulenza|preventivo|campione) (?:\w+ )?(?:gratis|gratuit[ao]|senza impegno)|senza impegno"),
    ("interessato interessata interessati interesserebbe interessa interessate", 2, r"(?:sarebbe|siete|sei|e) interessat[oaie]|(?:le|ti|vi) interess(?:a|erebbe)\b"),
    ("aumenta aumentare riduci ridurre risparmia risparmiare aument* raddoppi* ridu* risparmi*", 2, r"(?:aument\w+|ridu\w+|risparmi\w+|raddoppi\w+) (?:il |i |le |la )?(?:su[oaie]i?|tu[oaie]i?|vostr[oaie]|fino)"),
    ("presentarle presentarvi presentarti presentarci", 2, r"presentar(?:le|vi|ti|ci)\b"),
    ("acquista approfitta scopri ordina", 2, r"(?:acquista|approfitta|scopri|ordina) (?:\w+ ){0,2}(?:ora|subito|oggi|dell|la nostra|le nostre|i nostri|il nostro)"),
    # Dutch
    ("aanbieding aanbiedingen korting kortingen actie kortingscode offerte", 2, r"(?:(?:speciale|exclusieve|tijdelijke|unieke|vrijblijvende?|onze) (?:\w+ )?(?:aanbieding(?:en)?|korting(?:en)?|actie|offerte)|\d+ ?% korting|korting (?:op|van)|kortingscode)"),
    ("helpen helpt", 2, r"(?:wij|we|onze \w+) help(?:en|t) (?:\w+ ){0,3}(?:bedrijven|teams|ondernemers|organisaties|merken|klanten|mkb)"),
    ("gratis vrijblijvend vrijblijvende demo proefperiode", 2, r"(?:gratis|vrijblijvende?) (?:\w+ )?(?:demo|proef\w*|gesprek|offerte|advies|kennismaking|scan|webinar)"),
    ("interesse geinteresseerd", 2, r"(?:heeft u|heb je|mocht u|hebt u) (?:\w+ ){0,2}interesse|(?:bent u|ben je) (?:\w+ )?geinteresseerd"),
    ("omzet kosten uitgaven winst", 2, r"(?:verhoog|verdubbel|bespaar|verlaag|vergroot)\w* (?:\w+ ){0,3}(?:omzet|kosten|winst|uitgaven)|(?:omzet|kosten) (?:\w+ ){0,3}(?:verhogen|verlagen|besparen|verdubbelen)"),
    ("juiste", 2, r"juiste (?:persoon|contactpersoon)"),
    ("bestel koop profiteer ontdek", 2, r"(?:bestel|koop|profiteer|ontdek) (?:\w+ ){0,2}(?:nu|vandaag|direct|onze|van)\b"),
)  # fmt: skip
_STEMS: Final = {word[:-1]: cues for word, cues in _CUES.items() if word.endswith("*")}
_LENGTHS: Final = tuple(sorted({len(stem) for stem in _STEMS}))
_TELLING: Final = frozenset(word for word in _CUES if len(word) > 3 and not word.endswith("*"))


def pitches(text: str) -> tuple[str, ...]:
    """Return the phrases that make this text commercial, normalised; empty if the text is not commercial."""
    read, _ = letters.undisguised(letters.plain(text), telling=_TELLING.__contains__)
    found: dict[str, int] = {}
    for sentence in _SENTENCE.split(read.lower()):
        found.update(_found(sentence) if len(sentence) <= _REMEMBERED else _look(sentence))
    return tuple(_shown(found)) if sum(found.values()) >= ENOUGH else ()


def _look(sentence: str) -> Mapping[str, int]:
    """Weights of the cues found in one sentence, by matched phrase."""
    read = " ".join(sentence.split())
    cues: dict[_Cue, None] = {}
    for word in set(_WORD.findall(read)):
        cues.update(dict.fromkeys(_looked_at(word)))
    found: dict[str, int] = {}
    for cue in cues:
        hit = cue.pattern.search(read)
        if hit is not None:
            phrase = hit[0].strip()[:_LONGEST_PHRASE]
            found[phrase] = max(cue.weight, found.get(phrase, 0))
    return found


@lru_cache(maxsize=4096)
def _looked_at(word: str) -> tuple[_Cue, ...]:
    """The cues indexed under a word or one of its prefixes."""
    stems = (_STEMS.get(word[:length], ()) for length in _LENGTHS if length <= len(word))
    return (*_CUES.get(word, ()), *(cue for cues in stems for cue in cues))


_SENTENCE: Final = re.compile(r"[.!?\n](?:(?<=[.!?])(?=\s)|(?<=\n)\s*\n)")
_REMEMBERED: Final = 400
_found = lru_cache(maxsize=4096)(_look)
"""Cached, because agents repeat the same sentences."""


def _shown(found: Mapping[str, int]) -> Iterable[str]:
    """The phrases with the highest weight first."""
    return sorted(found, key=lambda phrase: (-found[phrase], phrase))[:_MOST]
