"""The log: pages of it, and the story of one message, address or person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.db.queries import events
from core.desk_client.short_ids import looks_short
from core.durations import stamp
from core.errors import NotFound
from core.filter_fields import Listing
from core.ids import read_id, spell_id
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.bodies import FilterText, Key, Limit, Number, wanted
from core.operations.operation import Call, Json, read
from core.operations.short_ids import matching
from core.rules.roles import Verb
from core.services.audit import trace as traces
from core.services.control.read_log import Shown, What
from core.views.events import EventRow
from core.views.folding import Folded, fold
from core.views.trace import Story as TraceStory

# --- the log ------------------------------------------------------------------------------------------------------


class EventsRequest(Shape):
    """A page of the log: the newest, the one `before` a seq, or the one `after` it.

    `filter` is a filter of the console's Events screen, such as `sev>=warn agent:quote-bot`. `fold` shows repeats of an
    event within the page as one line, with their number.
    """

    before: Number | None = None
    after: Number | None = None
    limit: Limit = events.PAGE
    filter: FilterText = ""
    fold: bool = False


def list_events(call: Call, request: EventsRequest) -> Json:
    wants = wanted(request.filter, Listing.EVENTS)
    page = events.page(
        call.tx.conn, events.filtered(call.tx.conn, wants, now=call.tx.now), before=request.before, after=request.after,
        limit=request.limit,
    )  # fmt: skip
    lines = fold(page.rows) if request.fold else [Folded(one, one.at, (one.seq,)) for one in reversed(page.rows)]
    return {"events": [_line(one) for one in reversed(lines)], "older": page.older, "newer": page.newer}


class EventRequest(Shape):
    """One entry of the log, by its seq."""

    seq: Number


def show_event(call: Call, request: EventRequest) -> Json:
    found = events.whole(call.tx.conn, request.seq)
    if found is None:
        raise NotFound(f"the log has no entry {request.seq}")
    return {"event": _event(found.row), "causes": [_event(one) for one in found.causes]}


def _line(one: Folded) -> Json:
    return _event(one.row) | {"count": one.count, "since": stamp(one.since)}


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
    """A message (by enough of its id), Message-ID, return path, provider's id, recipient, run, agent or person."""

    key: Key


def traced(call: Call, key: str) -> TraceStory:
    """The story of a key; of enough of a message's id too, where nothing has that name and one message is meant."""
    conn, keys, now = call.tx.conn, call.resources.keys(), call.tx.now
    story = traces.trace(conn, key, keys, now=now)
    short = key.strip().lower()
    if story.steps or story.ours is not None or not looks_short(short):
        return story
    numbers = matching(call, short[0], short)
    return traces.trace(conn, spell_id(short[0], numbers.pop()), keys, now=now) if len(numbers) == 1 else story


def trace(call: Call, request: TraceRequest) -> Json:
    return traced(call, request.key).as_json()


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


class Line(Event):
    """One event, or several of a kind: the newest of `count`, the first of them at `since`."""

    count: int
    since: str


class WholeEvent(Answer):
    """One entry. `causes`: the complaints or bounces, or the reports, that led to a suspension or a warning."""

    event: Event
    causes: list[Event]


class Events(Answer):
    """Lines in log order. Continue with `older` (as `before`) or `newer` (as `after`); null: no more that way."""

    events: list[Line]
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
    read("event.show", show_event, EventRequest, WholeEvent, Verb.AUDIT_READ,
         about="One entry of the log in full; of a suspension, the messages that caused it.",
         shown=lambda _request, _answer: Shown(What.LOG)),
    read("trace.show", trace, TraceRequest, Story, Verb.TRACE_READ,
         about="Everything known of a message, a recipient, a run, an agent or a person, in time order.",
         shown=_traced),
)  # fmt: skip
