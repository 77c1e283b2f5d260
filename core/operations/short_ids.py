"""Messages by enough of their id: the beginning of it, or the letter and last characters that the console shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from core.db.queries import short_ids
from core.errors import Invalid, NotFound
from core.ids import id_range, read_id, spell_id
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb
from core.services.control.read_log import Shown, What

SHOWN: Final = 5
"""How many of several are named."""
ID_LENGTH: Final = 13
BITS: Final = 5
SHORTEST: Final = 4
"""Characters behind the letter that may name an item. Of an end with three, among a thousand held items, a slip of the
finger names another in 3 % of cases; and where one item alone is held, a beginning of any length would do. The console
shows five of an end (`mk3v9q`).
"""


class FindRequest(Shape):
    key: str = Field(
        min_length=2,
        max_length=14,
        description="`m` (of a held read or tag: `a`) and four or more of an id's first or last characters",
    )


class Candidate(Answer):
    """An item that was meant, perhaps; `about` is its subject, or what a held read or tag is about."""

    id: str
    agent: str
    about: str


class Found(Answer):
    """The one item that was meant; or `id` is null, and `candidates` are several that match. `more`: there are more."""

    id: str | None
    candidates: list[Candidate]
    more: bool


def find(call: Call, request: FindRequest) -> Json:
    """Raises `Invalid`, `NotFound`."""
    key = request.key.lower()
    letter = key[0]
    if letter not in {"m", "a"} or read_id(letter, letter + key[1:].rjust(ID_LENGTH, "0")) is None:
        raise Invalid(f"{request.key!r} is not an id of a message", fix="such as m0k4v7, or its whole id")
    if len(key) < 1 + SHORTEST:
        raise Invalid(f"{request.key} is too short for an id", fix=f"give the letter and {SHORTEST} characters or more")
    if len(key) == 1 + ID_LENGTH:
        return {"id": key, "candidates": [], "more": False}
    numbers = matching(call, letter, key)
    if not numbers:
        raise NotFound(f"no {_NOUNS[letter]} has an id like {key}", fix="check it, or trace its recipient")
    if len(numbers) == 1:
        return {"id": spell_id(letter, numbers.pop()), "candidates": [], "more": False}
    several = short_ids.candidates(call.tx.conn, sorted(numbers)[:SHOWN])
    return {
        "id": None,
        "candidates": [
            {"id": spell_id(letter, one.number), "agent": one.agent, "about": one.about} for one in several
        ],
        "more": len(numbers) > SHOWN,
    }  # fmt: skip


_NOUNS: Final = {"m": "message", "a": "held read or tag"}


def matching(call: Call, letter: str, key: str) -> set[int]:
    """The items with an id that begins like this, and the held ones whose id ends so; none if this is too short."""
    if len(key) < 1 + SHORTEST:
        return set()
    conn, most = call.tx.conn, SHOWN + 1
    search = short_ids.messages_between if letter == "m" else short_ids.actions_between
    between = id_range(letter, key)
    numbers = set[int]() if between is None else search(conn, *between, most=most)
    end = read_id(letter, letter + key[1:].rjust(ID_LENGTH, "0"))
    if end is not None:
        bits = BITS * (len(key) - 1)
        numbers |= short_ids.held_ending(conn, end, bits=bits, actions=letter == "a", most=most)
    return numbers


def _several_shown(_request: FindRequest, answer: Mapping[str, object]) -> Shown | None:
    """Several are told apart by their subjects; of a single one nothing but its id is answered."""
    candidates = answer["candidates"]
    assert isinstance(candidates, list)
    if not candidates:
        return None
    mail = tuple(number for one in candidates if (number := read_id("m", one["id"])) is not None)
    return Shown(What.MESSAGES, messages=mail) if mail else Shown(What.PENDING)


OPERATIONS: Final = (
    read("message.find", find, FindRequest, Found, Verb.MESSAGE_READ, shown=_several_shown,
         about="The message with an id that begins like this, or a held one whose id ends so; "
               "of several their agents and subjects."),
)  # fmt: skip
