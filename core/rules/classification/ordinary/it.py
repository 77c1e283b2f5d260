"""Italian cues."""

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

ITALIAN: Final = Cues(
    (VALID, r"<valid[ao]|scade> (?:fino|il|in|per|a)"),
    (ASKS, r"(?:si <prega>|(?:la|vi|ti|i|le) <preghiamo|prego>|si <pregano>|sono <pregat[ie]>|e <pregat[oa]>)"),
    (ASKS, r"(?:(?:le|vi|ti|la) <chiediamo|chiedo|invitiamo|invito> (?:di|a|<cortesemente|gentilmente>)|per <favore>|per <cortesia>|<cortesemente|gentilmente>)"),
    (ASKS, r"(?:^\W*|,? )(?:<invii|ricordi|porti|compili|restituisca|consegni|firmi>|non <dimentichi>|<inviate|portate|ricordate|mandi|confermi|provveda>)\b"),
    (MUST, r"(?:<deve|dovra|devono|dovranno|devi|dovrai|occorre|bisogna>|e <necessario>|e <tenuto>|sono <tenuti>)\b"),
    (OTHERS_SAY, r"(?:il|la|lo|i|gli|le|l|suo|sua|un|una|nostro|nostra|signor|signora)[ '](?:[\w'-]+ ){1,5}(?:ha|hanno|aveva|avevano) (?:[\w'-]+ ){0,2}<detto|informato|comunicato|promesso|confermato|annunciato|assicurato|riferito|avvisato|scritto>"),
    (OTHERS_DECIDE, r"^\W*(?:il|la|lo|i|gli|le|l|suo|sua)[ '](?:[\w'-]+ ){1,5}(?:ha|hanno) <approvato|deciso|deliberato|accettato|respinto|rifiutato>\b"),
    (OTHERS_SAY, r"(?:<secondo> (?:il|la|lo|l'|i|le)|(?:il|la|suo|sua) (?:[\w'-]+ ){1,4}<dice|sostiene|afferma>)"),
    (IN_GENERAL, r"(?:di <norma>|<normalmente|generalmente>|di <solito>|<solitamente>|in <genere>|di <regola>|<abitualmente>)"),
    (IN_GENERAL, r"(?:e|sono|viene|vengono|puo|possono) (?:[\w'-]+ ){0,4}<solo|soltanto|esclusivamente>|<solo|soltanto> (?:se|con|entro|previa|dopo|in caso)"),
    (IN_GENERAL, r"fino a (?:\w+ ){1,3}<prima>"),
    (IN_GENERAL, r"^\W*(?:tutti |tutte )?(?:i|le|gli) <rimborsi|cancellazioni|resi|pagamenti|ordini|biglietti|spedizioni|sconti|prenotazioni|spese|clienti|soci|stipendi|cambi|fatture|consegne|disdette|richieste> "),
    (IN_GENERAL, r"^\W*<ogni|ciascun\w*|qualsiasi|chiunque> "),
    (DECLINES, r"(?:<purtroppo>|(?:dobbiamo|devo|costretti a) (?:\w+ ){0,2}<rifiutare|respingere|declinare>|(?:nessuna|senza|non c'e|alcuna) (?:alcuna )?<garanzia>|non (?:\w+ )?<possiamo|posso|garant\w+>|<spiace|dispiace>)"),
    (PERHAPS, r"<potrebbe|potremmo|potrei|potrebbero|sarebbe|forse>\b"),
    (PERHAPS, r"^\W*<se|qualora|purche> "),
    (TAKES_PLACE, r"^\W*(?:il|la|lo|i|gli|le|l|nostro|nostra|questo|questa)[ '](?:[\w'-]+ ){0,7}(?:si <terra>|si <svolge(?:ra)?>|<inizia(?:no)?|iniziera|apre|aprira|chiude(?:ra)?|dura|durera|comincia(?:no)?|riprend(?:e|ono|eranno)|prevede>|avra <luogo>|ha <luogo>|<consiste|riapre|riaprira>)\b"),
)  # fmt: skip
