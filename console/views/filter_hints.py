"""What a filter that is being typed could go on with: names of fields, then their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from core.filters import Fields, Kind, fold

OFFERED: Final = 6
_TERM: Final = re.compile(r"(?P<bang>!?)(?P<name>[A-Za-z_]*)(?P<sign>!=|>=|<=|[:=<>])?(?P<value>.*)", re.DOTALL)


def complete(text: str, fields: Fields, values: Mapping[str, Sequence[str]]) -> tuple[int, tuple[str, ...]]:
    """Where the last term begins (behind its `!`), and what it may be completed to.

    `values` are the known values of text fields. Nothing is offered inside quotes.
    """
    if text.count('"') % 2:
        return len(text), ()
    start = max((at + 1 for at, char in enumerate(text) if char.isspace()), default=0)
    found = _TERM.fullmatch(text[start:])
    if found is None:
        return start, ()
    start += len(found["bang"])
    name, sign, begun = found["name"].lower(), found["sign"], fold(found["value"])
    if sign is None:
        return start, () if begun else tuple(f"{one}{_sign(fields, one)}" for one in fields if one.startswith(name))
    field = fields.get(name)
    if field is None:
        return start, ()
    known = field.choices or values.get(name, ())
    return start, tuple(f"{name}{sign}{one}" for one in known if fold(one).startswith(begun))


def _sign(fields: Fields, name: str) -> str:
    """Ages are never exactly something."""
    return ">" if fields[name].kind in {Kind.DURATION, Kind.SIZE} else ":"


def completed(text: str, fields: Fields, values: Mapping[str, Sequence[str]]) -> str:
    """The text with its last term completed as far as that is certain."""
    start, options = complete(text, fields, values)
    if not options:
        return text
    common = options[0]
    for one in options[1:]:
        common = common[: next((at for at, pair in enumerate(zip(common, one, strict=False)) if pair[0] != pair[1]),
                               min(len(common), len(one)))]  # fmt: skip
    typed = text[start:]
    whole = common if len(common) > len(typed) else options[0]
    return text[:start] + whole + (" " if len(options) == 1 and not whole.endswith((":", ">")) else "")


def offered(text: str, fields: Fields, values: Mapping[str, Sequence[str]]) -> str:
    """`tab: agent: age> actor:`; nothing if nothing fits."""
    _, options = complete(text, fields, values)
    if not options:
        return ""
    more = f" and {len(options) - OFFERED} more" if len(options) > OFFERED else ""
    return f"tab: {'  '.join(options[:OFFERED])}{more}"
