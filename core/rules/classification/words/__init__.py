"""The vocabularies of seven languages, one module per language."""

from __future__ import annotations

from typing import Final

from core.rules.classification.kinds import Language
from core.rules.classification.words.de import GERMAN
from core.rules.classification.words.en import ENGLISH
from core.rules.classification.words.es import SPANISH
from core.rules.classification.words.fr import FRENCH
from core.rules.classification.words.it import ITALIAN
from core.rules.classification.words.nl import DUTCH
from core.rules.classification.words.pt import PORTUGUESE

LANGUAGES: Final[tuple[Language, ...]] = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, DUTCH)
