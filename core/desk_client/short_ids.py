"""Enough of an id, as people type it, as the whole one: for every command that takes an id, and for the console."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from core.desk_client.names import OperationName
from core.errors import Conflict, Invalid
from core.ids import read_item, spell_id

_SHORT: Final = re.compile(r"[ma][0-9a-hjkmnp-tv-z]{1,12}", re.IGNORECASE)
_SUBJECT: Final = 40
"""Characters of a subject by which messages are told apart."""


class Asked(Protocol):
    """What the resolver needs of a desk."""

    def call(self, operation: OperationName, /, **members: Any) -> dict[str, Any]: ...


def looks_short(text: str) -> bool:
    """Whether this may be the letter of an id and the first or last of its characters."""
    return _SHORT.fullmatch(text) is not None


def whole(desk: Asked, text: str) -> str:
    """The id that this text means; a whole one costs no request.

    Raises `Invalid`: it is no id. `NotFound`: nothing has such an id. `Conflict`: several have, with their agents and
    subjects. So an act that follows is on the one item that was meant, or on none.
    """
    if read_item(text) is not None:
        return text
    if not looks_short(text):
        raise Invalid(
            f"{text[:40]!r} is not an id",
            fix=f"ids look like {spell_id('m', 0)}: postroom queue pending lists them",
        )
    found = desk.call("message.find", key=text)
    if found["id"] is None:
        named = "; ".join(_named(one) for one in found["candidates"])
        others = "; and others" if found["more"] else ""
        raise Conflict(f"{text} is ambiguous: {named}{others}", error="ambiguous_id", fix="give more of the id")
    return str(found["id"])


def _named(one: Mapping[str, Any]) -> str:
    about = " ".join(str(one["about"]).split())
    shown = about if len(about) <= _SUBJECT else about[: _SUBJECT - 1] + "…"
    return f"""{one["id"]} ({one["agent"]}, "{shown}")"""
