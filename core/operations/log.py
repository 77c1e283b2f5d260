"""The log: pages of it, and the story of one message, address or person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.db.queries import events
from core.durations import stamp
from core.filter_fields import Listing
from core.ids import read_id
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.bodies import FilterText, Key, Limit, Number, wanted
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb
from core.services.audit import trace as traces
from core.services.control.read_log import Shown, What
from core.views.events import EventRow

# --- the log ------------------------------------------------------------------------------------------------------


class EventsRequest(Shape):
    """A page of the log: the newest, the one `before` a seq, or the one `after` it.

    `filter` is a filter of the console's Events screen, such as `sev>=warn agent:quote-bot`.
    """

    before: Number | None = None
    after: Number | None = None
    limit: Limit = events.PAGE
    filter: FilterText = ""


def list_events(call: Call, request: EventsRequest) -> Json:
    wants = wanted(request.filter, Listing.EVENTS)
    page = events.page(
        call.tx.conn, events.filtered(call.tx.conn, wants, now=call.tx.now), before=request.before, after=request.after,
        limit=request.limit,
    )  # fmt: skip
    return {"events": [_event(one) for one in page.rows], "older": page.older, "newer": page.newer}


def _event(one: EventRow) -> Json:
    return {
        "seq": one.seq,
        "at": stamp(one.at),
        "severity": one.severity.value,
        "type": one.type,
        "actor": one.actor,
        "target": one.target,
        "detail": one.detail,
        "data": one.data,
        "hash": one.hash,
    }


# --- trace --------------------------------------------------------------------------------------------------------


class TraceRequest(Shape):
    """A message, Message-ID, return path, provider's id, recipient, run, agent or person."""

    key: Key


def trace(call: Call, request: TraceRequest) -> Json:
    return traces.trace(call.tx.conn, request.key, call.resources.keys(), now=call.tx.now).as_json()


def _traced(_request: TraceRequest, answer: Mapping[str, object]) -> Shown | None:
    """A trace that found nothing has shown nothing."""
    messages = answer["messages"]
    assert isinstance(messages, list)
    return Shown(What.TRACE, messages=tuple(read_id("m", one) or 0 for one in messages)) if answer["steps"] else None


# --- answers ----------------------------------------------------------------------------------------------------------


class Event(Answer):
    """One line of the log; `target` is what it is about, as an operator would look it up."""

    seq: int
    at: str
    severity: str
    type: str
    actor: str
    target: str
    detail: str
    data: dict[str, Any]
    hash: str


class Events(Answer):
    """Lines in log order. Continue with `older` (as `before`) or `newer` (as `after`); null: no more that way."""

    events: list[Event]
    older: int | None
    newer: int | None


class Step(Answer):
    """One thing that happened."""

    at: str
    kind: str
    actor: str
    text: str
    message: str | None
    seq: int | None
    data: dict[str, Any]


class Story(Answer):
    """What is known about a key. `ours`: this desk's mail, mail that imitates it (false), or unknown (null)."""

    key: str
    kind: str
    ours: bool | None
    verdict: str
    messages: list[str]
    notes: list[str]
    truncated: bool
    steps: list[Step]


OPERATIONS = (
    read("event.list", list_events, EventsRequest, Events, Verb.AUDIT_READ,
         about="A page of the log as a screen shows it, filtered.",
         shown=lambda _request, _answer: Shown(What.LOG)),
    read("trace.show", trace, TraceRequest, Story, Verb.TRACE_READ,
         about="Everything known of a message, a recipient, a run, an agent or a person, in time order.",
         shown=_traced),
)  # fmt: skip
