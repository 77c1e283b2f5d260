"""The desk as a whole: its state, the all-stop, its log, and the story of one message, address or person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

from core import filters
from core.db import gate_queries
from core.db.queries import agents as queries
from core.db.queries import events, figures
from core.db.queries.events import EventRow
from core.durations import stamp, when
from core.ids import read_id
from core.json_body import ReasonRequest, Shape
from core.operations import answers
from core.operations.bodies import Key, Limit, Nothing, Number
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import controls
from core.services.audit import trace as traces
from core.services.control import emergency, gateway_registry
from core.services.control.read_log import Shown, What

# --- state and all-stop -------------------------------------------------------------------------------------------


def status(call: Call, _request: Nothing) -> Json:
    """Figures of one reading: what is held, whether mail may leave, what is wrong."""
    conn, now = call.tx.conn, call.tx.now
    head = figures.head(conn)
    return {
        "running": head.stopped_at is None,
        "stopped_at": when(head.stopped_at),
        "stopped_by": head.stopped_by,
        "stop_reason": head.stop_reason,
        "start_votes": [*gate_queries.desk(call.tx).start_votes],
        "held": head.held,
        "oldest_held_at": when(head.oldest),
        "last_event_at": when(head.last_event_at),
        "seq": head.last_seq,
        "policy_version": head.policy_version,
        "identities_requested": queries.count_requested(conn),
        "gateways": [
            {"id": one.key, "host": one.host, "pid": one.pid, "listen": one.listen}
            for one in gateway_registry.living(conn, now=now)
        ],
        "troubles": [
            {"kind": one.kind, "subject": one.subject, "text": one.text, "since": when(one.since), "fix": one.fix}
            for one in queries.troubles(conn, now=now)
        ],
        "at": stamp(now),
    }


def stop(call: Call, request: ReasonRequest) -> Json:
    return controls.stopped(emergency.stop(call.tx, reason=request.reason, actor=call.actor))


def start(call: Call, request: ReasonRequest) -> Json:
    return controls.started(emergency.start(call.tx, reason=request.reason, actor=call.actor))


# --- the log ------------------------------------------------------------------------------------------------------


class EventsRequest(Shape):
    """A page of the log: the newest, the one `before` a seq, or the one `after` it.

    `filter` is a filter of the console's Events screen, such as `sev>=warn agent:quote-bot`.
    """

    before: Number | None = None
    after: Number | None = None
    limit: Limit = events.PAGE
    filter: Annotated[str, StringConstraints(max_length=500)] = ""


def list_events(call: Call, request: EventsRequest) -> Json:
    wants = filters.parse(request.filter, events.FIELDS)
    page = events.page(
        call.tx.conn, events.filtered(call.tx.conn, wants), before=request.before, after=request.after,
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
    return traces.trace(call.tx.conn, request.key, call.resources.keyring, now=call.tx.now).as_json()


def _traced(_request: TraceRequest, answer: Mapping[str, object]) -> Shown | None:
    """A trace that found nothing has shown nothing."""
    messages = answer["messages"]
    assert isinstance(messages, list)
    return Shown(What.TRACE, messages=tuple(read_id("m", one) or 0 for one in messages)) if answer["steps"] else None


OPERATIONS = (
    read("desk.status", status, Nothing, answers.DeskStatus, Verb.DESK_READ,
         about="What is held, whether mail may leave, which gateways run, what is wrong."),
    act("desk.stop", stop, ReasonRequest, answers.Stopped, Verb.DESK_STOP,
        about="The all-stop: no delivery starts anywhere from now on."),
    act("desk.start", start, ReasonRequest, answers.Started, Verb.DESK_START,
        about="End the all-stop, or vote for it: one governance operator, or two on call."),
    read("event.list", list_events, EventsRequest, answers.Events, Verb.AUDIT_READ,
         about="A page of the log as a screen shows it, filtered.",
         shown=lambda _request, _answer: Shown(What.LOG)),
    read("trace.show", trace, TraceRequest, answers.Story, Verb.TRACE_READ,
         about="Everything known of a message, a recipient, a run, an agent or a person, in time order.",
         shown=_traced),
)  # fmt: skip
