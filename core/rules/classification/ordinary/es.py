"""Spanish cues."""

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

SPANISH: Final = Cues(
    (VALID, r"<valid[ao]|validez|caduca|vence> (?:hasta|el|en|por)"),
    (ASKS, r"(?:por <favor>|se <ruega>|(?:le|les|te|os) <rogamos|ruego>|<rogamos>)"),
    (ASKS, r"(?:le|les|te|os|se)? ?<pedimos|pido|solicitamos|agradeceriamos|agradeceria|agradecemos|solicita> (?:que|nos|a|el|la|su)"),
    (ASKS, r"(?:^\W*|favor,? |antes |,? )(?:<recuerde|envie|envienos|traiga|rellene|remita|devuelva|haga|sirvase|recuerda|complete>|no <olvide>|<adjunte|confirme|firme>)\b"),
    (MUST, r"(?:<debe|debera|deben|deberan>|<tendra> que|<tiene> que|<tendran> que|<hay> que|<necesita|necesitara>)\b"),
    (OTHERS_SAY, r"(?:el|la|los|las|su|sus|un|una|nuestro|nuestra|don|senor|senora) (?:[\w'-]+ ){1,5}(?:ha|han|habia|habian) (?:[\w'-]+ ){0,2}<dicho|informado|comunicado|prometido|confirmado|anunciado|asegurado|indicado|avisado>"),
    (OTHERS_SAY, r"(?:el|la|los|las|su|sus|un|una|nuestro|nuestra|don|senor|senora) (?:[\w'-]+ ){1,5}<dijo|informo|comunico|prometio|confirmo|anuncio|aseguro|indico|aviso|dice|afirma>\b"),
    (OTHERS_DECIDE, r"^\W*(?:el|la|los|las|su|sus|un|una) (?:[\w'-]+ ){1,4}(?:(?:ha|han) <aprobado|decidido|rechazado|aceptado>|<aprobo|decidio|rechazo|acepto|acordo>)\b"),
    (OTHERS_SAY, r"<segun> (?:el|la|los|las|su|nos)"),
    (IN_GENERAL, r"(?:<normalmente|generalmente|habitualmente>|por lo <general>|en <general>|por <norma>|lo <habitual>)"),
    (IN_GENERAL, r"<solo|unicamente> (?:se |es |son |sera |seran |estan? )?(?:posibles?|validos?|puede|pueden|admit\w+|realiz\w+|acept\w+|disponibles?|aplica\w*|devuelv\w+|reembols\w+|si|cuando|en caso)"),
    (IN_GENERAL, r"hasta (?:\w+ ){1,3}<antes>"),
    (IN_GENERAL, r"^\W*(?:todos |todas )?(?:los|las) <reembolsos|cancelaciones|devoluciones|pagos|pedidos|entradas|envios|descuentos|solicitudes|reservas|gastos|clientes|socios|nominas|cambios|facturas|billetes> "),
    (IN_GENERAL, r"^\W*<todo|toda|cada|cualquier> (?!esta |arregl)"),
    (DECLINES, r"(?:<lamentablemente|lamentamos|desgraciadamente>|(?:debemos|tenemos que|vemos obligados a) <rechazar|denegar>|(?:sin|ninguna|no hay) (?:\w+ )?<garantia>|no (?:\w+ )?<podemos|puedo>|<sentimos|siento>)"),
    (PERHAPS, r"(?:<podria|podriamos|podrian|seria|quizas?>|<tal> vez)\b"),
    (PERHAPS, r"^\W*(?:<si>|<siempre> que) "),
    (TAKES_PLACE, r"^\W*(?:el|la|los|las|nuestro|nuestra|este|esta) (?:[\w'-]+ ){0,7}(?:se <celebra(?:ra)?>|tendran? <lugar>|tiene <lugar>|<comienzan?|comenzara|empiezan?|empezara|abre|abrira|cierra|cerrara|dura(?:ra)?|consta(?:ra)?>|se <reanuda(?:n|ran)>|<tendra|cortara>)\b"),
)  # fmt: skip
