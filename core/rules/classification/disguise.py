"""Detect words worth disguising, and phrases hidden in letter-spaced text."""

from __future__ import annotations

import re
from typing import Final

from core.rules.classification import kinds as k
from core.rules.classification.reading import looked_up

_BINDING: Final = k.GRANT | k.SAY | k.SUM
_SHORTEST: Final = 4
_LONGEST: Final = 40
_RUNS: Final = re.compile(r"[^\W\d_]{9,60}")
_HIDDEN: Final = re.compile(
    r"refund|reimburs|guarant|schedul|discount|waive|erstatt|rembours|reembols|rimbors|terugbetal"
)
_SUBJECT: Final = re.compile(r"(?:i|we|your|ich|wir|je|nous)(?:will|have|ve|ll|re|are)?")


def binds(word: str) -> bool:
    """Whether a single word indicates a promise, so that an agent may want to disguise it."""
    return _SHORTEST <= len(word) <= _LONGEST and any(kinds & _BINDING for kinds in looked_up(word)[1:])


def run_together(text: str) -> str | None:
    """Find a promise in joined spaced letters (`wewillrefundyou`); no word begins so. `text` is in lower case."""
    for found in _RUNS.finditer(text):
        inside = _HIDDEN.search(found[0])
        if inside and inside.start() >= len("we") and _SUBJECT.match(found[0]) and not binds(found[0]):
            return found[0]
    return None
