"""The desk as a whole: its state and the all-stop."""

from __future__ import annotations

from core.db import gate_queries, sqlite_file
from core.db.queries import agents as queries
from core.db.queries import figures
from core.durations import stamp, when
from core.json_body import ReasonRequest
from core.operations.answers import Answer
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import controls
from core.services.control import emergency, gateway_registry, readiness


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


def ready(call: Call, _request: Nothing) -> Json:
    """Whether mail can be accepted, claimed and delivered."""
    file = sqlite_file.of(call.resources.settings.database_url)
    faults = [
        *(readiness.disk(file.parent) if file is not None else ()),
        *readiness.delivery(call.tx.conn, now=call.tx.now),
    ]
    return {
        "ready": not faults,
        "faults": [{"what": one.what, "reason": one.reason, "fix": one.fix} for one in faults],
    }


def stop(call: Call, request: ReasonRequest) -> Json:
    return controls.stopped(emergency.stop(call.tx, reason=request.reason, actor=call.actor))


def start(call: Call, request: ReasonRequest) -> Json:
    return controls.started(emergency.start(call.tx, reason=request.reason, actor=call.actor))


# --- answers ----------------------------------------------------------------------------------------------------------


class Trouble(Answer):
    """A problem, since when, and the command that solves it, if there is one."""

    kind: str
    subject: str
    text: str
    since: str | None
    fix: str


class Gateway(Answer):
    """A gateway that runs."""

    id: str
    host: str
    pid: int
    listen: str


class DeskStatus(Answer):
    """Figures of one reading. `seq` is the last entry of the log that they include."""

    running: bool
    stopped_at: str | None
    stopped_by: str | None
    stop_reason: str | None
    start_votes: list[str]
    held: int
    oldest_held_at: str | None
    last_event_at: str | None
    seq: int
    policy_version: int
    identities_requested: int
    gateways: list[Gateway]
    troubles: list[Trouble]
    at: str


class Fault(Answer):
    """What the desk cannot do (accept, claim or deliver), why, and what to do."""

    what: str
    reason: str
    fix: str


class Ready(Answer):
    """Whether the desk can accept, claim and deliver."""

    ready: bool
    faults: list[Fault]


class Stopped(Answer):
    """The all-stop, and how many deliveries had started before it."""

    running: bool
    stopped: bool
    in_flight: int


class Started(Answer):
    """Whether the desk runs again, and who has voted so far."""

    running: bool
    by: list[str]


OPERATIONS = (
    read("desk.status", status, Nothing, DeskStatus, Verb.DESK_READ,
         about="What is held, whether mail may leave, which gateways run, what is wrong."),
    read("desk.ready", ready, Nothing, Ready, Verb.DESK_READ,
         about="Whether the desk can accept, claim and deliver mail; `postroom doctor`, on its host, checks more."),
    act("desk.stop", stop, ReasonRequest, Stopped, Verb.DESK_STOP,
        about="The all-stop: no delivery starts anywhere from now on."),
    act("desk.start", start, ReasonRequest, Started, Verb.DESK_START,
        about="End the all-stop, or vote for it: one governance operator, or two on call."),
)  # fmt: skip
