"""Portuguese cues."""

# ruff: noqa: E501 - a pattern that is cut at a margin can no longer be read
from __future__ import annotations

from typing import Final

from core.rules.classification.cues import Cues
from core.rules.classification.ordinary.names import (
    ASKS,
    DECLINES,
    IN_GENERAL,
    MUST,
    OTHERS_DECIDE,
    OTHERS_SAY,
    PERHAPS,
    TAKES_PLACE,
    VALID,
)

PORTUGUESE: Final = Cues(
    (VALID, r"<valid[ao]|validade|vence|expira> (?:ate|em|no|por)"),
    (ASKS, r"(?:por <favor>|<favor> \w+r|por <gentileza>|<solicitamos|pedimos|peco|solicita|pede>(?:-se|-lhe)?(?: se)?(?: lhe)? )"),
    (ASKS, r"(?:<agradecemos> que|<agradecia|agradeciamos|queira|lembre>|nao <esqueca>)|(?:^\W*|favor,? |,? )<envie|traga|preencha|devolva|assine|confirme|encaminhe>\b"),
    (MUST, r"(?:<deve|devera|devem|deverao>|<tera|tem> (?:de|que)|<precisa|precisara|precisam>|e <preciso>)\b"),
    (OTHERS_SAY, r"(?:^\W*|[ ,])(?:o|a|os|as|seu|sua|um|uma|nosso|nossa) (?:[\w'-]+ ){1,5}(?:(?:nos|me|lhe|ja) )?<informou|disse|comunicou|prometeu|confirmou|anunciou|garantiu|afirmou|avisou|diz>\b"),
    (OTHERS_SAY, r"(?:tinha|havia|tinham|haviam) (?:[\w'-]+ ){0,2}<dito|informado|prometido|comunicado>"),
    (OTHERS_DECIDE, r"^\W*(?:o|a|os|as|seu|sua) (?:[\w'-]+ ){1,5}<aprovou|decidiu|rejeitou|aceitou|recusou>\b"),
    (OTHERS_SAY, r"(?:^\W*<segundo|conforme> (?:o|a|os|as)|de <acordo> com)"),
    (IN_GENERAL, r"(?:<normalmente|geralmente|habitualmente>|em <geral>|em <regra>|por <norma>|via de <regra>)"),
    (IN_GENERAL, r"<so|somente|apenas> (?:e |sao |sera |serao |se )?(?:possivel|possiveis|valid\w+|pode|podem|aceit\w+|realiz\w+|disponive\w+|aplica\w*|reembols\w+|mediante|quando|se)"),
    (IN_GENERAL, r"ate (?:\w+ ){1,3}<antes>"),
    (IN_GENERAL, r"^\W*(?:todos |todas )?(?:os|as) <reembolsos|cancelamentos|devolucoes|pagamentos|pedidos|bilhetes|ingressos|entregas|descontos|reservas|taxas|clientes|socios|salarios|trocas|faturas|encomendas> "),
    (IN_GENERAL, r"^\W*<todo|toda|cada|qualquer> (?!esta )"),
    (DECLINES, r"(?:<infelizmente|lamentamos>|(?:temos de|temos que|devemos) <recusar|negar>|(?:sem|nenhuma|nao ha|qualquer) <garantia>|nao (?:\w+ )?<podemos|posso|garant\w+>)"),
    (PERHAPS, r"<poderia|poderiamos|poderiam|seria|talvez>\b"),
    (PERHAPS, r"^\W*(?:<se|caso>|<desde> que) "),
    (TAKES_PLACE, r"^\W*(?:o|a|os|as|nosso|nossa|este|esta) (?:[\w'-]+ ){0,7}<realiza|comeca(?:m|ra)?|inicia|abre|abrira|fecha(?:ra)?|dura(?:ra)?|tera|terao|acontece|decorre|retomam|recomecam>\b"),
)  # fmt: skip
