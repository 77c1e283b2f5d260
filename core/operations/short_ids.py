"""Messages by enough of their id: the beginning of it, or the letter and last characters that the console shows."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from core.db.queries import short_ids
from core.errors import Conflict, Invalid, NotFound
from core.ids import id_range, read_id, spell_id
from core.json_body import Shape
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb

SHOWN: Final = 5
"""How many of several are named."""
ID_LENGTH: Final = 13
BITS: Final = 5
SUFFIX: Final = 5
"""Characters of an id's end that identify a held message: what the console shows (`mk3v9q`)."""


class FindRequest(Shape):
    key: str = Field(min_length=2, max_length=14, description="`m` and the first characters of an id, or its last five")


class Found(BaseModel):
    """The one message that was meant."""

    id: str


def find(call: Call, request: FindRequest) -> Json:
    """Raises `Invalid`, `NotFound`, and `Conflict` if several match."""
    key = request.key.lower()
    if read_id("m", key) is not None:
        return {"id": key}
    between, end = id_range("m", key), read_id("m", "m" + key[1:].rjust(ID_LENGTH, "0"))
    if end is None:
        raise Invalid(f"{request.key!r} is not an id of a message", fix="such as m0k4v7, or its whole id")
    numbers = set[int]() if between is None else short_ids.between(call.tx.conn, *between, most=SHOWN + 1)
    if len(key) == 1 + SUFFIX:
        numbers |= short_ids.held_ending(call.tx.conn, end, bits=BITS * SUFFIX, most=SHOWN + 1)
    if not numbers:
        raise NotFound(f"no message has an id like {key}", fix="check it, or trace its recipient")
    if len(numbers) > 1:
        named = ", ".join(spell_id("m", one) for one in sorted(numbers)[:SHOWN])
        more = " and others" if len(numbers) > SHOWN else ""
        raise Conflict(
            f"{key} is ambiguous: {named}{more}", error="ambiguous_id", fix="give more of the id"
        )  # fmt: skip
    return {"id": spell_id("m", numbers.pop())}


OPERATIONS: Final = (
    read("message.find", find, FindRequest, Found, Verb.MESSAGE_READ,
         about="The message with an id that begins like this, or a held one whose id ends so; several are refused."),
)  # fmt: skip
