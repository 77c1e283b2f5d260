"""Held mail by template: one line for the messages of an agent that differ only in what belongs to their recipient."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from core.db.queries import templates
from core.errors import NotFound
from core.filter_fields import Listing
from core.ids import spell_id
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.bodies import FilterText, ItemRequest, item_number, wanted
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb
from core.services.control.read_log import Shown, What


class GroupsRequest(Shape):
    """The largest groups, those that fail checks first; `filter` is a filter of the queue."""

    filter: FilterText = ""
    limit: Annotated[int, Field(ge=1, le=200)] = templates.PAGE


class Groups(Answer):
    """Groups, each with two samples; `more`: there are others. `without`: held items that have no text to compare."""

    groups: list[dict[str, Any]]
    more: bool
    without: int


class Group(Answer):
    """The items of one group, the longest waiting first; `seen` of them the caller has opened."""

    items: list[str]
    count: int
    agent: str
    failing: int
    seen: int


def list_groups(call: Call, request: GroupsRequest) -> Json:
    found = templates.templates(
        call.tx.conn, wanted(request.filter, Listing.QUEUE), now=call.tx.now, operator=call.actor.name,
        limit=request.limit,
    )  # fmt: skip
    return {"groups": [one.as_json() for one in found.groups], "more": found.more, "without": found.without}


def show(call: Call, request: ItemRequest) -> Json:
    number = item_number(request.id)
    found = templates.group(call.tx.conn, number, operator=call.actor.name)
    if found is None:
        raise NotFound(
            f"nothing like {spell_id('m', number)} is pending", fix="postroom queue pending --group lists the groups"
        )
    return {
        "items": list(found.items), "count": len(found.items), "agent": found.agent, "failing": found.failing,
        "seen": found.seen,
    }  # fmt: skip


OPERATIONS = (
    read("queue.groups", list_groups, GroupsRequest, Groups, Verb.MESSAGE_READ,
         about="Held mail by template: how many, to which domains, which checks fail, two samples.",
         shown=lambda _request, _answer: Shown(What.PENDING)),
    read("queue.group", show, ItemRequest, Group, Verb.MESSAGE_READ,
         about="The items that are like this one, and how many of them the caller has opened."),
)  # fmt: skip
