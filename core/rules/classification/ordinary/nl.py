"""Dutch cues."""

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

DUTCH: Final = Cues(
    (VALID, r"<geldig|verloopt> (?:tot|op|voor|in)"),
    (ASKS, r"(?:(?:wij|we|ik) <verzoeken|verzoek|vragen|vraag> (?:u|je|jullie|iedereen|alle|om)|<gelieve>|(?:wordt|worden|bent) (?:[\w'-]+ ){0,4}<verzocht>|<verzoeken> wij|<vragen> (?:wij|we) (?:u|je))"),
    (ASKS, r"(?:<alstublieft|alsjeblieft|svp>|<graag> (?:\w+ ){0,6}(?:uiterlijk|voor|terug)|<vriendelijk>)"),
    (ASKS, r"^\W*<stuur|lever|vergeet|vul|neem|breng|betaal|bevestig|onderteken|denk|zorg> (?!ik|wij|we)"),
    (MUST, r"(?:u|je|jij|jullie|klanten|huurders|deelnemers|leden|aanvragen|documenten|\w+) <moet|moeten|dient|dienen>\b|<moet|dient> (?:u|je)"),
    (OTHERS_SAY, r"(?:de|het|uw|je|zijn|haar|een|onze|meneer|mevrouw) (?:[\w'-]+ ){1,4}(?:heeft|hebben|had|hadden) (?:[\w'-]+ ){0,8}(?:<gezegd>|<laten> weten|<meegedeeld|beloofd|bevestigd|aangekondigd|gemeld|verzekerd|toegezegd>)"),
    (OTHERS_DECIDE, r"^\W*(?:de|het|uw|je|zijn|haar|een) (?:[\w'-]+ ){1,4}(?:heeft|hebben) (?:[\w'-]+ ){0,8}<goedgekeurd|besloten|afgewezen|aangenomen>\b"),
    (OTHERS_SAY, r"(?:de|het|uw|je|een|onze|meneer|mevrouw) (?:[\w'-]+ ){1,4}<zei|zegt|meldt|meldde|liet|beloofde|schrijft|schreef|verklaarde>\b|<volgens> (?:de|het|uw|onze)"),
    (IN_GENERAL, r"(?:<normaal> gesproken|<normaliter|doorgaans|meestal|gewoonlijk>|in het <algemeen>|in de <regel>|als <regel>)"),
    (IN_GENERAL, r"(?:is|zijn|kan|kunnen|wordt|worden) (?:[\w'-]+ ){0,4}<alleen|slechts|uitsluitend>|<alleen|uitsluitend> (?:mogelijk|geldig|indien|als|bij|na)"),
    (IN_GENERAL, r"tot (?:\w+ ){1,3}<voor> (?:aankomst|vertrek|aanvang|aankomstdatum|de)"),
    (IN_GENERAL, r"^\W*(?:alle )?(?:de )?<terugbetalingen|annuleringen|retouren|betalingen|bestellingen|tickets|kaarten|leveringen|kortingen|aanvragen|reserveringen|kosten|klanten|leden|salarissen|facturen|wijzigingen|restituties> "),
    (IN_GENERAL, r"^\W*<elke?|iedere?> "),
    (DECLINES, r"(?:<helaas>|(?:moeten|moet) (?:[\w'-]+ ){0,10}<afwijzen|weigeren>|geen (?:enkele )?<garantie>|niet <garanderen|toezeggen|beloven>|<kunnen|kan> (?:\w+ ){0,6}(?:niet|geen)|<spijt>)"),
    (PERHAPS, r"<zou(?:den)?|misschien>\b"),
    (PERHAPS, r"^\W*<als|indien|mits> "),
    (TAKES_PLACE, r"^\W*(?:de|het|onze|dit|deze|\w+) (?:[\w'-]+ ){0,6}(?:<vindt|vinden|begint|beginnen|start|starten|opent|sluit|duurt|hervat|bevat|bestaat|heropent>|wordt (?:[\w'-]+ ){0,5}<gehouden>)\b"),
)  # fmt: skip
