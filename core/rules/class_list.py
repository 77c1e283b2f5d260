"""Content classes as people write them: `notification, reply`; in records also `*` for every class."""

from __future__ import annotations

from collections.abc import Collection

from core.errors import Invalid
from core.model import EVERY_CLASS, ContentClass


def parse(names: Collection[str]) -> tuple[ContentClass, ...]:
    """The classes of these names, in their order, without duplicates. Raises `Invalid`."""
    unknown = sorted({*names} - {*ContentClass})
    if unknown:
        raise Invalid(f"{unknown[0]!r} is not a content class", fix=f"the classes are {', '.join(ContentClass)}")
    return tuple(dict.fromkeys(ContentClass(name) for name in names))


def scope(text: str) -> str:
    """The classes that a record applies to, as the tables keep them: sorted and comma-separated, or `*`."""
    named = [part.strip() for part in text.split(",") if part.strip()]
    if not named or EVERY_CLASS in named:
        return EVERY_CLASS
    return ",".join(sorted(parse(named)))
