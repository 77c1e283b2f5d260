"""The log as a screen: pages in both directions, filtered, each line with its severity, its object and its detail.

Severity belongs to the event type, so a filter by severity is a filter by type, which the database can apply. A filter
with few matches would read the whole log for one page, so a page scans a bounded stretch of the log and reports where
to continue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from core.db import audit_log
from core.db.audit_log import Entry
from core.db.queries.filter_conditions import compares, conditions, is_like, is_one_of
from core.db.tables import AGENT, INBOUND_MESSAGE, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT, RUN, STREAM
from core.durations import stamp
from core.events import CATALOGUE, EmailRead, Event
from core.filter_fields import Listing, fields
from core.filters import Compare, Fields, Want, matches
from core.ids import spell_id
from core.views.events import EventPage, EventRow, Severity, WholeEvent

PAGE: Final = 100
STRETCH: Final = 50_000
"""Log entries that one page scans at most."""


_SEVERITY: Final[Mapping[str, Severity]] = {
    **dict.fromkeys(
        ("agent.suspended", "desk.stopped", "email.altered", "email.complained", "policy.refused", "webhook.dead"),
        Severity.ERROR,
    ),
    **dict.fromkeys(
        (
            "email.blocked", "email.rejected", "email.returned", "email.expired", "email.deferred", "email.failed",
            "email.uncertain",
            "email.bounced", "email.approval_undone", "email.suppressed", "mailbox.vetoed", "mailbox.mode_changed",
            "mailbox.limits_changed", "mailbox.expiring", "mailbox.retired", "agent.warned", "run.confirmed",
            "token.revoked", "token.claim_refused", "stream.paused", "lane.paused", "suppression.removed",
            "policy.changed", "operator.disabled", "stream.changed", "stream.warmup_changed", "feedback.unverified",
            "review.hurried", "email.rejection_undone", "review.expiring",
        ),
        Severity.WARN,
    ),
}  # fmt: skip


def severity(kind: str) -> Severity:
    """Return the severity of an event type; unlisted types are information."""
    return _SEVERITY.get(kind, Severity.INFO)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a page shows. `types` are event names, None for all; ids are read through their index."""

    types: tuple[str, ...] | None = None
    agent: int | None = None
    mailbox: int | None = None
    message: int | None = None
    further: tuple[ColumnElement[bool], ...] = ()


FIELDS: Final[Fields] = fields(Listing.EVENTS)
"""Fields that a filter of events may name. Those of a message are of the message that an event is about."""


def filtered(conn: Connection, wants: Sequence[Want], *, now: int = 0) -> EventFilter:
    """Translate a filter by `FIELDS` for the log: first event types, which determine severity, then conditions.

    Ages are measured from `now`.
    """
    of_kind = [want for want in wants if all(one.field in _OF_KIND for one in want.either)]
    others = [want for want in wants if want not in of_kind]
    through: dict[str, int] = {}

    def condition(want: Want) -> ColumnElement[bool]:
        found, ids = _condition(conn, want, now)
        alone = any(want is one for one in others if not one.others)
        if len(ids) == 1 and alone and not want.negated and not through:
            through.update({want.field if want.field != "id" else "message": ids[0]})
        return found

    further = tuple(conditions(others, condition))
    types = tuple(kind for kind in CATALOGUE if matches(_kind_values(kind), of_kind)) if of_kind else None
    return EventFilter(types=types, further=further, **through)


_OF_KIND: Final = frozenset({"type", "event", "sev"})


def _kind_values(kind: str) -> Mapping[str, str]:
    return {"type": kind, "event": kind, "sev": severity(kind).value}


def _condition(  # noqa: PLR0911 - one return for each kind of field
    conn: Connection, want: Want, now: int
) -> tuple[ColumnElement[bool], list[int]]:
    """Return the condition of one term without its `!`, never NULL; and the ids it names if they have an index."""
    c, test = LOG_ENTRY.c, want.test
    match want.field:
        case "id":
            assert isinstance(test, Compare), test
            return func.coalesce(c.message, -1) == test.number, [test.number]
        case "agent":
            ids = _ids(conn, AGENT.c.id, is_like(AGENT.c.name, test))
            mailboxes = _ids(conn, MAILBOX.c.id, MAILBOX.c.agent_id.in_(ids))
            return or_(func.coalesce(c.agent, -1).in_(ids), func.coalesce(c.mailbox, -1).in_(mailboxes)), ids
        case "mailbox":
            ids = _ids(conn, MAILBOX.c.id, is_like(MAILBOX.c.address, test))
            return func.coalesce(c.mailbox, -1).in_(ids), ids
        case "stream":
            ids = _ids(conn, STREAM.c.id, is_like(STREAM.c.domain, test))
            mailboxes = _ids(conn, MAILBOX.c.id, MAILBOX.c.stream_id.in_(ids))
            return or_(func.coalesce(c.stream, -1).in_(ids), func.coalesce(c.mailbox, -1).in_(mailboxes)), []
        case "actor":
            return or_(is_like(c.actor, test), is_like(c.actor, test, before="agent:")), []
        case "age":
            return compares(now - c.at, test), []
        case "type" | "event" | "sev":
            plain = replace(want, negated=False, others=())
            return c.type.in_([kind for kind in CATALOGUE if matches(_kind_values(kind), [plain])]), []
        case "":  # a bare word: in what a line shows
            kinds = [kind for kind in CATALOGUE if matches({"type": kind}, [replace(want, negated=False, others=())])]
            named = [_condition(conn, replace(want, field=name), now)[0] for name in ("actor", "agent", "mailbox")]
            return or_(c.type.in_(kinds), *named), []
        case field:
            return _of_message(field, want), []


def _of_message(field: str, want: Want) -> ColumnElement[bool]:
    """Return the condition on the message that an event is about."""
    c, test, m = LOG_ENTRY.c, want.test, MESSAGE.c
    addressed = exists().where(RECIPIENT.c.message_id == c.message)
    sent, of_run = exists().where(m.id == c.message), exists().where(RUN.c.id == c.run)
    match field:
        case "to":
            return addressed.where(is_like(RECIPIENT.c.address, test))
        case "domain":
            return addressed.where(is_like(RECIPIENT.c.address, test, before="%@"))
        case "subject":
            received = exists().where(INBOUND_MESSAGE.c.id == c.message, is_like(INBOUND_MESSAGE.c.subject, test))
            return or_(sent.where(is_like(m.subject, test)), received)
        case "class":
            return sent.where(is_one_of(m.content_class, test))
        case "size":
            return sent.where(compares(m.size, test))
        case "rcpt":
            return sent.where(compares(m.recipients, test))
        case "run" | "user":
            column = RUN.c.key if field == "run" else RUN.c.user
            through = exists().where(m.id == c.message, RUN.c.id == m.run_id, is_like(column, test))
            return or_(of_run.where(is_like(column, test)), through)
        case _:
            raise AssertionError(field)


def _ids(conn: Connection, column: Any, which: ColumnElement[bool]) -> list[int]:
    return [int(one) for one in conn.execute(select(column).where(which)).scalars()]


def count(conn: Connection, filters: EventFilter, *, most: int) -> int:
    """Count the entries that match among the newest `STRETCH`, or through an index; at most about `most`."""
    head, _ = audit_log.head(conn)
    floor = 0 if filters.message is not None or _by_index(filters) else head - STRETCH
    found = 0
    for source in _sources(conn, filters):
        some = source.with_only_columns(LOG_ENTRY.c.seq).where(LOG_ENTRY.c.seq > floor, *_matching(filters))
        found += int(conn.execute(select(func.count()).select_from(some.limit(most).subquery())).scalar_one())
    return found


def page(
    conn: Connection,
    shown: EventFilter | None = None,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE,
) -> EventPage:
    """Return the newest page, or the one `before` a seq, or `after` it. A live tail continues from its own `newer`."""
    filters = shown or EventFilter()
    head, _ = audit_log.head(conn)
    if after is not None:
        return _forward(conn, filters, after=after, head=head, limit=limit)
    top = head + 1 if before is None else before
    found, reached = _backward(conn, filters, before=top, limit=limit)
    rows = _rows(conn, reversed(found))
    older = (found[-1].seq if len(found) == limit else reached) if found or reached else None
    return EventPage(rows, older if older and older > 1 else None, top - 1 if top <= head else head)


def _backward(conn: Connection, filters: EventFilter, *, before: int, limit: int) -> tuple[list[Row[Any]], int]:
    """Return (rows, newest first; the lowest seq scanned)."""
    floor = 0 if filters.message is not None or _by_index(filters) else max(0, before - 1 - STRETCH)
    kinds = _matching(filters)
    found: list[Row[Any]] = []
    for source in _sources(conn, filters):
        statement = source.where(LOG_ENTRY.c.seq < before, LOG_ENTRY.c.seq > floor, *kinds)
        found += conn.execute(statement.order_by(LOG_ENTRY.c.seq.desc()).limit(limit)).all()
    return sorted(found, key=lambda row: -row.seq)[:limit], floor + 1


def _forward(conn: Connection, filters: EventFilter, *, after: int, head: int, limit: int) -> EventPage:
    ceiling = head if filters.message is not None or _by_index(filters) else min(head, after + STRETCH)
    found: list[Row[Any]] = []
    for source in _sources(conn, filters):
        statement = source.where(LOG_ENTRY.c.seq > after, LOG_ENTRY.c.seq <= ceiling, *_matching(filters))
        found += conn.execute(statement.order_by(LOG_ENTRY.c.seq).limit(limit)).all()
    shown = sorted(found, key=lambda row: row.seq)[:limit]
    reached = shown[-1].seq if len(shown) == limit else ceiling
    return EventPage(_rows(conn, shown), after + 1 if after > 0 else None, max(after, reached))


def _by_index(filters: EventFilter) -> bool:
    return filters.agent is not None or filters.mailbox is not None


def _sources(conn: Connection, filters: EventFilter) -> list[Select[Any]]:
    """The log through the best index: for an agent, entries that name only it, and entries of its mailboxes."""
    c, whole = LOG_ENTRY.c, select(LOG_ENTRY)
    if filters.message is not None:
        return [whole.where(c.message == filters.message)]
    if filters.mailbox is not None:
        return [whole.where(c.mailbox == filters.mailbox)]
    if filters.agent is None:
        return [whole]
    mailboxes = conn.execute(select(MAILBOX.c.id).where(MAILBOX.c.agent_id == filters.agent)).scalars()
    agent_only = whole.where(c.agent == filters.agent, c.message.is_(None), c.mailbox.is_(None))
    return [agent_only, *(whole.where(c.mailbox == mailbox) for mailbox in mailboxes)]


def _matching(filters: EventFilter) -> list[Any]:
    terms = [*filters.further]
    if filters.types is not None:
        terms.append(LOG_ENTRY.c.type.in_(filters.types))
    return [and_(*terms)] if terms else []


CAUSES: Final = 20
"""Events shown as the cause of another."""
_CAUSED_BY: Final[Mapping[str, str]] = {"complaints": "email.complained", "bounces": "email.bounced"}


def whole(conn: Connection, seq: int) -> WholeEvent | None:
    """Return one entry; of a guard's suspension or warning with the complaints or bounces before it, newest first."""
    row = conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq == seq)).first()
    if row is None:
        return None
    (shown,) = _rows(conn, [row])
    kind = _CAUSED_BY.get(str(shown.data.get("guard") or ""))
    if shown.agent is None or kind is None or shown.type not in {"agent.suspended", "agent.warned"}:
        return WholeEvent(shown)
    found: list[Row[Any]] = []
    for source in _sources(conn, EventFilter(agent=shown.agent)):
        before = source.where(LOG_ENTRY.c.seq < seq, LOG_ENTRY.c.seq > seq - STRETCH, LOG_ENTRY.c.type == kind)
        found += conn.execute(before.order_by(LOG_ENTRY.c.seq.desc()).limit(CAUSES)).all()
    latest = sorted(found, key=lambda one: -one.seq)[:CAUSES]
    return WholeEvent(shown, _rows(conn, latest))


# --- lines --------------------------------------------------------------------------------------------------------


def latest(conn: Connection, agents: Mapping[int, Collection[int]]) -> dict[int, EventRow]:
    """Return the last event of each agent, given its mailboxes: one index seek each, in two statements.

    A read of its mail does not count as an agent's last event.
    """
    seqs: dict[int, int] = {}
    owner = {mailbox: agent for agent, mailboxes in agents.items() for mailbox in mailboxes}
    c, newest = LOG_ENTRY.c, select(func.max(LOG_ENTRY.c.seq)).where(LOG_ENTRY.c.type != EmailRead.type)
    of_agent = newest.where(c.agent == AGENT.c.id, c.message.is_(None)).scalar_subquery()
    of_mailbox = newest.where(c.mailbox == MAILBOX.c.id).scalar_subquery()
    found = [*_latest(conn, AGENT.c.id, of_agent, agents)]
    found += [(owner[mailbox], seq) for mailbox, seq in _latest(conn, MAILBOX.c.id, of_mailbox, owner)]
    for agent, seq in found:
        seqs[agent] = max(seqs.get(agent, 0), seq)
    rows = {
        row.seq: row
        for row in _rows(conn, conn.execute(select(LOG_ENTRY).where(LOG_ENTRY.c.seq.in_(list(seqs.values())))))
    }
    return {agent: rows[seq] for agent, seq in seqs.items()}


def _latest(conn: Connection, key: Any, newest: Any, ids: Collection[int]) -> Iterator[tuple[int, int]]:
    for row in conn.execute(select(key, newest).where(key.in_(list(ids)))):
        if row[1] is not None:
            yield row[0], row[1]


def rows_of(conn: Connection, entries: Sequence[Entry]) -> tuple[EventRow, ...]:
    """Return the lines of entries that were already read from the log."""
    names = _Names(conn, [entry.event for entry in entries])
    return tuple(_line(entry, names) for entry in entries)


def _rows(conn: Connection, rows: Iterable[Row[Any]]) -> tuple[EventRow, ...]:
    return rows_of(conn, [audit_log.entry(row) for row in rows])


class _Names:
    """Names of the mailboxes, agents and streams on a page, in three reads."""

    def __init__(self, conn: Connection, events: Sequence[Event]) -> None:
        self.mailboxes = _names(conn, MAILBOX.c.id, MAILBOX.c.address, {event.mailbox for event in events})
        self.agents = _names(conn, AGENT.c.id, AGENT.c.name, {event.agent for event in events})
        self.streams = _names(conn, STREAM.c.id, STREAM.c.domain, {event.stream for event in events})


def _names(conn: Connection, key: Any, name: Any, ids: set[int | None]) -> dict[int | None, str]:
    filters = [one for one in ids if one is not None]
    if not filters:
        return {}
    return {row[0]: row[1] for row in conn.execute(select(key, name).where(key.in_(filters)))}


def _line(entry: Entry, names: _Names) -> EventRow:
    event = entry.event
    data = event.data()
    return EventRow(
        seq=entry.seq, at=entry.at, severity=severity(event.type), type=event.type, actor=event.actor,
        target=_target(event, names), detail=detail(data), message=event.message, mailbox=event.mailbox,
        agent=event.agent, run=event.run, stream=event.stream, data=data, hash=entry.hash.hex(),
    )  # fmt: skip


def _target(event: Event, names: _Names) -> str:
    if event.message is not None:
        return spell_id("m", event.message)
    if event.type.startswith(("agent.", "run.", "token.")) and event.agent in names.agents:
        return names.agents[event.agent]
    found = names.mailboxes.get(event.mailbox) or names.agents.get(event.agent) or names.streams.get(event.stream)
    return found or "desk"


_TIMES: Final = frozenset({"due", "until"})
"""Members that are times, besides all that end in `_at`."""
_QUIET: Final = frozenset({"digest", "signature", "head", "key", "token", "policy", "item"})


def detail(data: Mapping[str, Any]) -> str:
    """Format an event's members on one line, its reason first and once; digests and row ids are omitted."""
    reason = str(data["reason"]) if data.get("reason") else ""
    parts = [reason] if reason else []
    if "old" in data and "new" in data:
        parts.insert(0, f"{_spelled('old', data['old'])} → {_spelled('new', data['new'])}")
    for name, value in data.items():
        if name in _QUIET or name in {"reason", "old", "new"} or value in (None, False, "", [], {}):
            continue
        spelled = "" if value is True else _spelled(name, value)
        if spelled == reason != "":
            continue  # a guard's figures spell the sentence that is the reason
        parts.append(f"{name.replace('_', ' ')} {spelled}".rstrip())
    return " · ".join(parts)


def _spelled(name: str, value: Any) -> str:
    if (name in _TIMES or name.endswith("_at")) and isinstance(value, int):
        return stamp(value)
    if name in {"record_digest", "shown_digest"}:
        return str(value)[:12]
    if isinstance(value, dict):
        return str(value.get("sentence") or ", ".join(f"{key} {_spelled(key, one)}" for key, one in value.items()))
    if isinstance(value, list):
        return ", ".join(_spelled("", one) for one in value)
    return str(value)
