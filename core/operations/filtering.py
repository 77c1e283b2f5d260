"""What a filter would show, while it is typed: how many rows, and which values a field has."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import StringConstraints

from core.db.queries import filter_counts
from core.errors import Invalid
from core.filter_fields import Listing
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.bodies import FilterText, Required, wanted
from core.operations.operation import Call, Json, read
from core.rules import roles
from core.rules.roles import Verb

_NEEDS: Final = {
    Listing.QUEUE: Verb.MESSAGE_READ,
    Listing.EVENTS: Verb.AUDIT_READ,
    Listing.AGENTS: Verb.DESK_READ,
    Listing.LANES: Verb.DESK_READ,
    Listing.SUPPRESSIONS: Verb.MESSAGE_READ,
    Listing.IDENTITIES: Verb.DESK_READ,
    Listing.INBOX: Verb.MESSAGE_READ,
}
"""What the list itself needs: a count answers whether something is there."""


class CountRequest(Shape):
    """A list, and a filter of it."""

    list: Listing
    filter: FilterText = ""


class Counted(Answer):
    """How many rows match. `more`: at least so many, there was no time to count further."""

    count: int
    more: bool


class ValuesRequest(Shape):
    """A list, one of its fields, and how the value begins."""

    list: Listing
    field: Required
    begin: Annotated[str, StringConstraints(max_length=100)] = ""


class Values(Answer):
    """Values that rows may have, at most twenty; none where they cannot be listed."""

    values: list[str]


def count(call: Call, request: CountRequest) -> Json:
    roles.check(call.actor, _NEEDS[request.list])
    wants = wanted(request.filter, request.list)
    found = filter_counts.count(call.tx.conn, request.list, wants, now=call.tx.now, viewer=call.actor.name)
    return {"count": found.count, "more": found.more}


def values(call: Call, request: ValuesRequest) -> Json:
    roles.check(call.actor, _NEEDS[request.list])
    known = filter_counts.values(call.tx.conn, request.list, request.field.lower(), request.begin)
    if known is None:
        raise Invalid(
            f"unknown field {request.field[:40]}", fix=f"use {', '.join(filter_counts.names(request.list))}",
            problems=(("field", "is not a field of this list"),),
        )  # fmt: skip
    return {"values": list(known)}


OPERATIONS = (
    read("filter.count", count, CountRequest, Counted, Verb.DESK_READ,
         about="How many rows of a list a filter matches."),
    read("filter.values", values, ValuesRequest, Values, Verb.DESK_READ,
         about="Values that a field of a filter may have, for completion."),
)  # fmt: skip
