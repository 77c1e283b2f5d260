"""The words of seven languages, one module a language."""

from __future__ import annotations

from typing import Final

from core.rules.classes.kinds import Language
from core.rules.classes.words.de import GERMAN
from core.rules.classes.words.en import ENGLISH
from core.rules.classes.words.es import SPANISH
from core.rules.classes.words.fr import FRENCH
from core.rules.classes.words.it import ITALIAN
from core.rules.classes.words.nl import DUTCH
from core.rules.classes.words.pt import PORTUGUESE

LANGUAGES: Final[tuple[Language, ...]] = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, DUTCH)
