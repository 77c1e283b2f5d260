"""What is typed after `/`, such as `agent:quote-bot !to:*@acme.example check:!`, and whether a line matches it."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """One `field:value`; `negated` for `!field:value`. A bare word has an empty field: any text will do."""

    field: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'!' if self.negated else ''}{self.field + ':' if self.field else ''}{self.value}"


def parse(text: str) -> tuple[Want, ...]:
    """The terms of a filter, in order. Quotes keep words together; an open quote is taken as it is."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return tuple(_want(word) for word in words)


def _want(word: str) -> Want:
    negated = word.startswith("!") and len(word) > 1
    name, colon, value = word.removeprefix("!" if negated else "").partition(":")
    if not colon or not value or not name.replace("_", "").isalpha():
        return Want("", word[1:] if negated else word, negated)
    return Want(name.lower(), value, negated)


def spelled(wants: Sequence[Want]) -> str:
    return " ".join(str(want) for want in wants)


def matches(fields: Mapping[str, str], wants: Sequence[Want]) -> bool:
    """Whether a line with these fields passes; an unknown field matches nothing, so it shows at once."""
    return all(_one(fields, want) is not want.negated for want in wants)


def _one(fields: Mapping[str, str], want: Want) -> bool:
    value = want.value.lower()
    if not want.field:
        return any(value in text.lower() for text in fields.values())
    text = fields.get(want.field)
    if text is None:
        return False
    return fnmatch.fnmatchcase(text.lower(), value) if "*" in value else value in text.lower()


def unknown(wants: Sequence[Want], fields: Sequence[str]) -> str | None:
    """What to say to a filter by a field there is not, or None."""
    wrong = next((want.field for want in wants if want.field and want.field not in fields), None)
    return None if wrong is None else f"nothing is filtered by {wrong}: fields are {', '.join(sorted(fields))}"
