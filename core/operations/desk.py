"""The desk as a whole: its state and the all-stop."""

from __future__ import annotations

from core.db import gate_queries
from core.db.queries import agents as queries
from core.db.queries import figures
from core.durations import stamp, when
from core.json_body import ReasonRequest
from core.operations import answers
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import controls
from core.services.control import emergency, gateway_registry


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


OPERATIONS = (
    read("desk.status", status, Nothing, answers.DeskStatus, Verb.DESK_READ,
         about="What is held, whether mail may leave, which gateways run, what is wrong."),
    act("desk.stop", stop, ReasonRequest, answers.Stopped, Verb.DESK_STOP,
        about="The all-stop: no delivery starts anywhere from now on."),
    act("desk.start", start, ReasonRequest, answers.Started, Verb.DESK_START,
        about="End the all-stop, or vote for it: one governance operator, or two on call."),
)  # fmt: skip
