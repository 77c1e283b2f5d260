"""Find what speaks against a promise in a whole sentence: who is asked, who is quoted, what holds for everybody.

The findings of `frames` look at one clause; these look at turns of speech that the rest of the sentence cannot undo: a
request puts the obligation on the reader, reported speech on somebody else, general terms on nobody in particular.
Each is a bit (`names`), and `weights` says what it weighs. Their cues are in one module per language.
"""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification.cues import Cues
from core.rules.classification.ordinary.de import GERMAN
from core.rules.classification.ordinary.en import ENGLISH
from core.rules.classification.ordinary.es import SPANISH
from core.rules.classification.ordinary.fr import FRENCH
from core.rules.classification.ordinary.it import ITALIAN
from core.rules.classification.ordinary.names import (
    ASKS,
    BESIDE,
    DECLINES,
    IN_GENERAL,
    MUST,
    NAMES,
    NOBODY,
    ONLY_ASKS,
    OTHERS_ALONE,
    OTHERS_DECIDE,
    OTHERS_OF_NOBODY,
    OTHERS_SAY,
    PUBLIC_BODY,
    READERS_DECIDE,
    READERS_PEOPLE,
    TAKES_PLACE,
    TO_US,
)
from core.rules.classification.ordinary.nl import DUTCH
from core.rules.classification.ordinary.pt import PORTUGUESE

__all__ = ["BESIDE", "NAMES", "findings"]

_CUES: Final = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, DUTCH)
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


def findings(sentence: str, tokens: list[str], masks: list[int], every: int, *, language: int) -> int:
    """What speaks against a promise, as bits in the order of `NAMES`."""
    cues = _CUES[language]
    found = _matching(cues, tokens, sentence[:_LONGEST])
    if (found & _UNDONE or masks[0] & k.NOT) and _promises_beside(cues, tokens, masks):
        found = found & ~_UNDONE | BESIDE
    found = _around(found, tokens, masks, every)
    return found | _persons(masks, every)


def _matching(cues: Cues, tokens: list[str], text: str) -> int:
    found, spaced = 0, ""
    for token in dict.fromkeys(tokens):  # a pattern that fails once fails at each repetition of its word
        for finding, pattern in cues.of(token):
            spaced = spaced or " ".join(text.split())
            if not found & finding and pattern.search(spaced):
                found |= finding
    return found


def _promises_beside(cues: Cues, tokens: list[str], masks: list[int]) -> bool:
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
