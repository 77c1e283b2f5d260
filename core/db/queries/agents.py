"""Agents and what belongs to each: mailboxes, runs, keys and open problems. Rows only; no gauge, no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal, or_, select

from core.db import directory
from core.db.queries import figures
from core.db.queries.filter_conditions import compares, conditions, is_like
from core.db.tables import (
    AGENT,
    DEAD_HOOK,
    HOOK,
    LANE,
    LOG_ENTRY,
    MAILBOX,
    MESSAGE,
    READER,
    RUN,
    STREAM,
    STREAM_KEY,
    SUPPRESSION,
    WORKER,
)
from core.durations import HOUR
from core.filter_fields import Listing, fields
from core.filters import Compare, Fields, OneOf, Want
from core.ids import spell_id
from core.model import EVERY_CLASS, SILENT, Mode
from core.text.redaction import without_local_parts
from core.views.agents import AgentBasics, KeyRow, MailboxRow, RunRow, SuppressionRow

PAGE: Final = 100
LOG_TAIL: Final = 1_000
"""Newest log entries searched for the end of a gateway."""


def agents(conn: Connection, *, name: str | None = None) -> list[AgentBasics]:
    """Return all agents, or the one of that name. An organisation has hundreds of agents, not millions."""
    query = select(AGENT).order_by(AGENT.c.name)
    if name is not None:
        query = query.where(AGENT.c.name == name)
    rows = conn.execute(query).all()
    mailboxes: dict[int, list[MailboxRow]] = {}
    for mailbox in _mailboxes(conn, [row.id for row in rows]):
        mailboxes.setdefault(mailbox.agent_id, []).append(mailbox)
    return [
        AgentBasics(
            id=row.id, name=row.name, status=row.status, suspended_at=row.suspended_at, suspended_by=row.suspended_by,
            suspend_reason=row.suspend_reason, suspend_figures=row.suspend_figures or {}, guard_since=row.guard_since,
            warned=row.warned or {},
            mailboxes=tuple(sorted(mailboxes.get(row.id, ()), key=lambda one: (-one.mode.rung, one.address))),
        )
        for row in rows
    ]  # fmt: skip


def _mailboxes(conn: Connection, agent_ids: Sequence[int]) -> list[MailboxRow]:
    names = (
        "id", "address", "agent_id", "stream_id", "status", "mode_since", "raised_at", "activated_at", "expires_at",
        "waits_for", "wake_at",
    )  # fmt: skip
    c = MAILBOX.c
    rows = conn.execute(
        select(*(c[name] for name in names), c.mode).where(c.agent_id.in_(agent_ids), c.status == "active")
    )
    return [MailboxRow(**(row._asdict() | {"mode": Mode(row.mode)})) for row in rows]


# --- runs ---------------------------------------------------------------------------------------------------------


def runs(conn: Connection, agent_id: int, *, before: int | None = None, limit: int = 20) -> list[RunRow]:
    """Return a page, newest first; the next starts `before` its last id."""
    c = RUN.c
    names = (
        "id", "key", "implicit", "user", "prompt_version", "tools_version", "opened_at", "closed_at",
        "confirmed_up_to", "confirmed_by",
    )  # fmt: skip
    query = select(*(c[name] for name in names)).where(c.agent_id == agent_id).order_by(c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(c.id < before)
    rows = conn.execute(query).all()
    accepted = figures.depths(conn, "run", [row.id for row in rows], "accepted")
    return [
        RunRow(**(row._asdict() | {"implicit": bool(row.implicit), "accepted": accepted.get(str(row.id), 0)}))
        for row in rows
    ]


# --- suppressions -------------------------------------------------------------------------------------------------


def shown_suppressions() -> Select[Any]:
    """Select the columns of `SuppressionRow`."""
    c = SUPPRESSION.c
    return select(
        c.id, c.address, STREAM.c.domain.label("stream"), c.classes, c.cause, c.source, c.reason, c.message_id,
        c.added_by, c.added_at, c.expires_at, c.removed_at,
    ).select_from(SUPPRESSION.outerjoin(STREAM, STREAM.c.id == c.stream_id))  # fmt: skip


SUPPRESSION_FIELDS: Final[Fields] = fields(Listing.SUPPRESSIONS)
"""`to` means the same as `address`; `stream` is `desk` where a suppression applies to all."""


def filtered_suppressions(wants: Sequence[Want], *, now: int) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter by `SUPPRESSION_FIELDS` on `shown_suppressions`."""
    return conditions(wants, lambda want: _suppression(want, now))


def _suppression(want: Want, now: int) -> ColumnElement[bool]:
    c, test = SUPPRESSION.c, want.test
    texts = {
        "address": c.address, "to": c.address, "cause": c.cause, "by": c.added_by,
        "stream": func.coalesce(STREAM.c.domain, "desk"),
    }  # fmt: skip
    match test:
        case Compare():
            return compares(now - c.added_at, test)
        case OneOf():
            # a record holds `*`, or the classes it blocks side by side
            listed = literal(",") + c.classes + ","
            named = [listed.contains(f",{one},", autoescape=True) for one in sorted(test.values)]
            return or_(c.classes == EVERY_CLASS, *named)
    if want.field == "domain":
        return is_like(c.address, test, before="%@")
    return or_(*(is_like(column, test) for column in ([texts[want.field]] if want.field else texts.values())))


def suppressions(
    conn: Connection,
    *,
    now: int,
    wants: Sequence[Want] = (),
    past: bool = False,
    before: int | None = None,
    limit: int = PAGE,
) -> list[SuppressionRow]:
    """Return a page, newest first; the next starts `before` its last id. `past` includes those no longer in force.

    `wants` is a filter by `SUPPRESSION_FIELDS`.
    """
    c = SUPPRESSION.c
    query = shown_suppressions().order_by(c.id.desc()).limit(limit)
    query = query.where(*filtered_suppressions(wants, now=now))
    if not past:
        query = query.where(c.removed_at.is_(None), or_(c.expires_at.is_(None), c.expires_at > now))
    if before is not None:
        query = query.where(c.id < before)
    return [SuppressionRow(**row._asdict()) for row in conn.execute(query)]


def count_suppressions(conn: Connection, wants: Sequence[Want], *, now: int, most: int) -> int:
    """Count the suppressions in force that match, up to `most`."""
    c = SUPPRESSION.c
    in_force = c.removed_at.is_(None) & or_(c.expires_at.is_(None), c.expires_at > now)
    some = shown_suppressions().with_only_columns(c.id).where(in_force, *filtered_suppressions(wants, now=now))
    return int(conn.execute(select(func.count()).select_from(some.limit(most).subquery())).scalar_one())


# --- streams and their keys ---------------------------------------------------------------------------------------


def keys(conn: Connection) -> list[KeyRow]:
    """Return every key that is still published, by stream."""
    k = STREAM_KEY.c
    rows = conn.execute(
        select(
            STREAM.c.domain.label("stream"), k.slot, k.algorithm, k.selector, k.created_at, k.retired_at,
            STREAM.c.active_slot,
        )
        .join(STREAM, STREAM.c.id == k.stream_id)
        .order_by(STREAM.c.domain, k.slot, k.algorithm, k.id)
    )  # fmt: skip
    return [
        KeyRow(
            row.stream, row.slot, row.algorithm, row.selector, row.created_at, row.retired_at,
            signs=row.slot == row.active_slot and row.retired_at is None,
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem: its `kind`, what it is about, since when, and its text as a row stores it.

    `fix` is the command that solves it, if there is one.
    """

    kind: str
    subject: str
    text: str
    since: int | None
    fix: str = ""


def troubles(conn: Connection, *, now: int) -> list[Trouble]:
    """Return streams, webhooks and workers in trouble, and reviewers who did not read; one read each."""
    return [*_altered(conn), *_streams(conn, now), *_hooks(conn), *_workers(conn, now), *_readers(conn, now)]


def _altered(conn: Connection) -> list[Trouble]:
    """Messages that were altered in the database, until they are final."""
    c = MESSAGE.c
    rows = conn.execute(select(c.id, c.altered_at).where(c.altered_at.is_not(None), c.open > 0).order_by(c.altered_at))
    text = "its bytes or recipients were changed in the database: reject it, and find out who wrote there"
    return [Trouble("altered", spell_id("m", row.id), text, row.altered_at) for row in rows]


def _streams(conn: Connection, now: int) -> list[Trouble]:
    """A route that was down when last tried is in trouble while anything waits for it, retried or not.

    A pause hides neither the trouble nor its text: otherwise nobody could tell that resuming will not help.
    """
    c = STREAM.c
    down = or_(c.backoff_until > now, c.route_failures > 0)
    rows = conn.execute(select(STREAM).where(or_(c.paused_at.is_not(None), down)).order_by(c.domain)).all()
    found = []
    for row in rows:
        if row.paused_at is not None:
            paused = f"paused by {row.paused_by}: {row.pause_reason}"
            found.append(Trouble("stream_paused", row.domain, paused, row.paused_at))
        if row.backoff_until > now or (row.route_failures and _anything_waits(conn, row.id)):
            reply = without_local_parts(row.last_reply or "")  # every role sees this
            found.append(Trouble("route_down", row.domain, f"the relay is not answering: {reply}", None))
    return found


def _anything_waits(conn: Connection, stream_id: int) -> bool:
    waiting = (
        select(LANE.c.id)
        .join(MAILBOX, MAILBOX.c.id == LANE.c.mailbox_id)
        .where(MAILBOX.c.stream_id == stream_id, LANE.c.depth > 0)
        .limit(1)
    )
    return conn.execute(waiting).first() is not None


def _hooks(conn: Connection) -> list[Trouble]:
    failing = conn.execute(
        select(MAILBOX.c.address, HOOK.c.first_failed_at, HOOK.c.last_error)
        .join(MAILBOX, MAILBOX.c.id == HOOK.c.mailbox_id)
        .where(HOOK.c.first_failed_at.is_not(None))
    )
    dead = conn.execute(
        select(DEAD_HOOK.c.at, DEAD_HOOK.c.error).where(DEAD_HOOK.c.replayed_at.is_(None)).limit(1)
    ).first()
    found = [
        Trouble("webhook_failing", row.address, f"webhook fails: {row.last_error}", row.first_failed_at)
        for row in failing
    ]
    if dead is not None:
        found.append(Trouble("webhook_dead", "webhooks", f"events were given up: {dead.error}", dead.at))
    return found


def _workers(conn: Connection, now: int) -> list[Trouble]:
    """A worker whose heartbeat has stopped has crashed; no worker at all means that no gateway is running.

    A gateway that stopped in order deleted its row: the log has the time.
    """
    last: Row[Any] | None = conn.execute(select(WORKER.c.beat_at).order_by(WORKER.c.beat_at.desc()).limit(1)).first()
    if last is not None and last.beat_at > now - SILENT:
        return []
    since = _last_stop(conn) if last is None else last.beat_at
    return [Trouble("no_worker", "gateway", "gateway is not running", since, "postroom serve")]


def _last_stop(conn: Connection) -> int | None:
    """Find when the latest gateway ended, among the newest log entries: the log has no index on types."""
    c = LOG_ENTRY.c
    newest = select(func.max(c.seq)).scalar_subquery()
    ended = select(c.at).where(c.seq > newest - LOG_TAIL, c.type.in_(("gateway.stopped", "gateway.lost")))
    at: int | None = conn.execute(ended.order_by(c.seq.desc()).limit(1)).scalar()
    return at


def _readers(conn: Connection, now: int) -> list[Trouble]:
    """Reviewers who approved faster than anyone can read, shown for an hour.

    What they approved may still be undone or watched.
    """
    c = READER.c
    rows = conn.execute(select(c.name, c.hurry, c.hurried_at).where(c.hurried_at > now - HOUR).order_by(c.hurried_at))
    return [Trouble("hurried", row.name, row.hurry, row.hurried_at) for row in rows]


def count_requested(conn: Connection) -> int:
    """Count the mailboxes that wait for signatures, for themselves or for more."""
    return _count(conn, or_(MAILBOX.c.status == "requested", directory.asks_for_more()))


def count_expiring(conn: Connection, *, by: int) -> int:
    """Count the active mailboxes that expire by then."""
    return _count(conn, MAILBOX.c.status == "active", MAILBOX.c.expires_at <= by)


def _count(conn: Connection, *where: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).select_from(MAILBOX).where(*where)).scalar_one())


@dataclass(frozen=True, slots=True)
class DrillRow:
    """An agent that may send, and its last revocation drill.

    `active_since`: the earliest activation among its active mailboxes.
    """

    agent: str
    active_since: int
    drilled_at: int | None
    failures: tuple[str, ...]
    unreached: tuple[str, ...]


def drills(conn: Connection) -> list[DrillRow]:
    """Return rows by agent; one that is suspended, or has no active mailbox, has no revocation to exercise."""
    a = AGENT.c
    since = func.min(MAILBOX.c.activated_at).label("since")
    active_mailboxes = (
        select(a.id, since)
        .join(MAILBOX, MAILBOX.c.agent_id == a.id)
        .where(MAILBOX.c.status == "active", a.status == "active")
        .group_by(a.id)
        .subquery()
    )
    rows = conn.execute(
        select(a.name, active_mailboxes.c.since, a.drilled_at, a.drill_failures, a.drill_unreached)
        .join(active_mailboxes, active_mailboxes.c.id == a.id)
        .order_by(a.name)
    )
    return [
        DrillRow(
            row.name, row.since or 0, row.drilled_at, tuple(row.drill_failures or ()), tuple(row.drill_unreached or ())
        )
        for row in rows
    ]  # fmt: skip
