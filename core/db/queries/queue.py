"""Held mail: all ids at once, or a few rows by id. Pages for the API are in `pending.py`.

The queue screen holds 100,000 ids in an array and fetches only the rows it draws, so ids and rows are queried
separately.
"""

from __future__ import annotations

import array
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)

from core.db.queries.claims import claimed_by_others, claims, readers
from core.db.queries.filter_conditions import compares, conditions, has_code_like, is_like, is_one_of
from core.db.tables import (
    AGENT,
    BODY,
    CLAIM,
    INBOUND_ADDRESS,
    INBOUND_CONTENT,
    INBOUND_MESSAGE,
    MAILBOX,
    MESSAGE,
    RECIPIENT,
    REVIEW,
    RUN,
    STREAM,
)
from core.filter_fields import Listing, fields
from core.filters import Fields, Test, Text, Want
from core.model import RECEIVE, Reason
from core.views.queue import ALIKE_COUNTED, ClaimView, HeldRow, Order, Presence, To

BATCH_SIZE: Final = 500
"""Ids in one IN: databases limit the parameters of a statement."""
# --- all of it ----------------------------------------------------------------------------------------------------


def pending_ids(
    conn: Connection,
    wants: Sequence[Want] = (),
    order: Order = Order.WORST,
    *,
    now: int = 0,
    limit: int | None = None,
    viewer: str | None = None,
) -> array.array[int]:
    """Return ids of pending items that match a filter by `FIELDS`, in order, at most `limit`.

    Ages are measured from `now`. In the order `WORST`, what others than the viewer have claimed comes last.
    """
    query = select(REVIEW.c.id).where(REVIEW.c.status == "pending", *filtered(wants, now=now, viewer=viewer))
    match order:
        case Order.WORST:
            query = query.order_by(REVIEW.c.failed_checks.desc(), REVIEW.c.cautions.desc(), REVIEW.c.id)
        case Order.OLDEST:
            query = query.order_by(REVIEW.c.id)
        case Order.NEWEST:
            query = query.order_by(REVIEW.c.id.desc())
        case Order.EXPIRING:
            query = query.order_by(REVIEW.c.due_at, REVIEW.c.id)
    taken = claimed_by_others(conn, viewer, now=now)[:BATCH_SIZE] if order is Order.WORST else []
    if not taken:
        return _ids(conn, query.limit(limit))
    # Two queries in the order of the index, rather than one that would sort a million rows by their claims.
    found = _ids(conn, query.where(REVIEW.c.id.not_in(taken)).limit(limit))
    if limit is None or len(found) < limit:
        found += _ids(conn, query.where(REVIEW.c.id.in_(taken)))
    return found if limit is None else found[:limit]


def _ids(conn: Connection, query: Select[Any]) -> array.array[int]:
    # bypass SQLAlchemy's row objects: they are half the cost of a hundred thousand ids
    cursor = conn.execute(query).cursor
    assert cursor is not None
    # one row at a time: what a list of them takes is not given back to the system
    rows: Iterator[tuple[int]] = iter(cursor)  # type: ignore[call-overload]  # PEP 249 leaves it open; our drivers can
    return array.array("q", itertools.chain.from_iterable(rows))


FAILING_COUNTED: Final = 1_000


def count_failing(conn: Connection) -> int:
    """Count pending items that fail a check, by its index and at most to one more than `FAILING_COUNTED`."""
    some = select(REVIEW.c.id).where(REVIEW.c.status == "pending", REVIEW.c.failed_checks > 0)
    limited = some.limit(FAILING_COUNTED + 1).subquery()
    return int(conn.execute(select(func.count()).select_from(limited)).scalar_one())


LOOKED_AT: Final = 500
"""The newest held items, in which runs at their cap are looked for: reasons have no index."""


@dataclass(frozen=True, slots=True)
class RunAtCap:
    """A run whose cap holds mail: how many items among the newest, and since when."""

    agent: str
    key: str
    held: int
    since: int


def runs_at_cap(conn: Connection) -> list[RunAtCap]:
    """Return the runs that wait to be confirmed, the longest waiting first, as far as the newest items show."""
    c = REVIEW.c
    some = select(c.id).where(c.status == "pending").order_by(c.id.desc()).limit(LOOKED_AT).subquery()
    since = func.min(c.submitted_at)
    rows = conn.execute(
        select(AGENT.c.name, RUN.c.key, func.count().label("n"), since.label("since"))
        .join(some, some.c.id == c.id)
        .join(MESSAGE, MESSAGE.c.id == c.message_id)
        .join(RUN, RUN.c.id == MESSAGE.c.run_id)
        .join(AGENT, AGENT.c.id == c.agent_id)
        .where(has_code_like(c.reasons, Text(("run_cap",), exact=True)))
        .group_by(AGENT.c.name, RUN.c.key)
        .order_by(since)
    )
    return [RunAtCap(row.name, row.key, row.n, row.since) for row in rows]


FIELDS: Final[Fields] = fields(Listing.QUEUE)
"""Fields of a filter. `age` and `expires` are measured from now; a held read or tag has no message fields.

`from` is the author of received mail; `domain` and `size` of received mail are its author's and its own.
"""


def filtered(wants: Sequence[Want], *, now: int, viewer: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter by `FIELDS` on `review`; `mine` are the claims of the viewer."""

    def condition(want: Want) -> ColumnElement[bool]:
        return _mine(want.test, now, viewer) if want.field == "mine" else _CONDITIONS[want.field](want.test, now)

    return conditions(wants, condition)


def _mine(test: Test, now: int, viewer: str | None) -> ColumnElement[bool]:
    c = CLAIM.c
    mine = exists().where(c.item == REVIEW.c.id, c.operator == (viewer or ""), c.until > now)
    return is_one_of(case((mine, "yes"), else_="no"), test)


def count(conn: Connection, wants: Sequence[Want], *, now: int, most: int, viewer: str | None = None) -> int:
    """Count the pending items that match, up to `most`."""
    found = filtered(wants, now=now, viewer=viewer)
    some = select(REVIEW.c.id).where(REVIEW.c.status == "pending", *found).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def _bare(test: Test, now: int) -> ColumnElement[bool]:
    """Match in what a line shows: agent, recipients, subject."""
    return or_(*(_CONDITIONS[name](test, now) for name in ("agent", "to", "from", "subject")))


def _of_agent(test: Test, _now: int) -> ColumnElement[bool]:
    return REVIEW.c.agent_id.in_(select(AGENT.c.id).where(is_like(AGENT.c.name, test)))


def _of_mailbox(test: Test, _now: int) -> ColumnElement[bool]:
    return REVIEW.c.mailbox_id.in_(select(MAILBOX.c.id).where(is_like(MAILBOX.c.address, test)))


def _of_stream(test: Test, _now: int) -> ColumnElement[bool]:
    mailboxes = (
        select(MAILBOX.c.id).join(STREAM, STREAM.c.id == MAILBOX.c.stream_id).where(is_like(STREAM.c.domain, test))
    )
    return REVIEW.c.mailbox_id.in_(mailboxes)


def _to(test: Test, _now: int) -> ColumnElement[bool]:
    of_review = RECIPIENT.c.message_id == REVIEW.c.message_id
    received = (REVIEW.c.kind == RECEIVE) & _of_mailbox(test, _now)
    return or_(exists().where(of_review, is_like(RECIPIENT.c.address, test)), received)


def _from(test: Test, _now: int, *, before: str = "") -> ColumnElement[bool]:
    c = INBOUND_ADDRESS.c
    author = exists().where(c.inbound_id == REVIEW.c.id, c.role == "from", is_like(c.address, test, before=before))
    return (REVIEW.c.kind == RECEIVE) & author


def _domain(test: Test, _now: int) -> ColumnElement[bool]:
    of_review = RECIPIENT.c.message_id == REVIEW.c.message_id
    return or_(
        exists().where(of_review, is_like(RECIPIENT.c.address, test, before="%@")), _from(test, _now, before="%@")
    )


def _run(column: Any) -> Callable[[Test, int], ColumnElement[bool]]:
    return lambda test, _: exists().where(
        MESSAGE.c.id == REVIEW.c.message_id, RUN.c.id == MESSAGE.c.run_id, is_like(column, test)
    )


def _message(
    which: Callable[[Any, Test], ColumnElement[bool]], column: Any
) -> Callable[[Test, int], ColumnElement[bool]]:
    return lambda test, _: exists().where(MESSAGE.c.id == REVIEW.c.message_id, which(column, test))


def _either(
    which: Callable[[Any, Test], ColumnElement[bool]], sent: Any, received: Any
) -> Callable[[Test, int], ColumnElement[bool]]:
    of_sent = _message(which, sent)
    return lambda test, now: or_(
        of_sent(test, now),
        (REVIEW.c.kind == RECEIVE) & exists().where(INBOUND_MESSAGE.c.id == REVIEW.c.id, which(received, test)),
    )


_SEVERITY: Final = case((REVIEW.c.failed_checks > 0, "error"), (REVIEW.c.cautions > 0, "warn"), else_="info")
_STATE: Final = case(
    (cast(REVIEW.c.approvers, String) != "[]", "partly"), (REVIEW.c.opened_at.is_not(None), "opened"), else_="unopened"
)
_CONDITIONS: Final[Mapping[str, Callable[[Test, int], ColumnElement[bool]]]] = {
    "": _bare,
    "agent": _of_agent,
    "to": _to,
    "from": _from,
    "domain": _domain,
    "subject": _either(is_like, MESSAGE.c.subject, INBOUND_MESSAGE.c.subject),
    "class": _message(is_one_of, MESSAGE.c.content_class),
    "check": lambda test, _: compares(REVIEW.c.failed_checks, test),
    "reason": lambda test, _: has_code_like(REVIEW.c.reasons, test),
    "age": lambda test, now: compares(now - REVIEW.c.submitted_at, test),
    "expires": lambda test, now: compares(REVIEW.c.expires_at - now, test),
    "run": _run(RUN.c.key),
    "user": _run(RUN.c.user),
    "mailbox": _of_mailbox,
    "stream": _of_stream,
    "rcpt": _message(compares, MESSAGE.c.recipients),
    "size": _either(compares, MESSAGE.c.size, INBOUND_MESSAGE.c.size),
    "kind": lambda test, _: is_one_of(REVIEW.c.kind, test),
    "id": lambda test, _: compares(REVIEW.c.id, test),
    "sev": lambda test, _: is_one_of(_SEVERITY, test),
    "state": lambda test, _: is_one_of(_STATE, test),
}


# --- a few of it --------------------------------------------------------------------------------------------------


def pending_rows(conn: Connection, ids: Iterable[int]) -> dict[int, HeldRow]:
    """Return these items' lines, whatever their `status` is by now; missing ids are omitted."""
    wanted_ids = list(ids)
    found: dict[int, HeldRow] = {}
    for at in range(0, len(wanted_ids), BATCH_SIZE):
        batch = wanted_ids[at : at + BATCH_SIZE]
        people = recipients(conn, batch)
        rows = conn.execute(_ROWS, {"ids": batch}).all()
        alike = _alike(conn, batch)
        claimed, reading = claims(conn, batch), readers(conn, batch)
        for row in rows:
            found[row.id] = _held(
                row, people.get(row.message_id or 0), alike.get((row.agent_id, row.likeness), 1),
                claimed.get(row.id), reading.get(row.id, ()),
            )  # fmt: skip
    return found


def _alike(conn: Connection, ids: Sequence[int]) -> dict[tuple[int, int | None], int]:
    """Count the pending items of each (agent, likeness) of these ids, by its index and up to the cap."""
    return {(row.agent_id, row.likeness): row.n for row in conn.execute(_COUNTS, {"ids": ids, "most": ALIKE_COUNTED})}


def alike_ids(conn: Connection, item: int) -> array.array[int]:
    """Return all pending items of this one's agent and likeness, itself included, the longest waiting first."""
    c, other = REVIEW.c, REVIEW.alias().c
    same = select(other.agent_id, other.likeness).where(other.id == item).subquery().c
    query = select(c.id).where(c.status == "pending", c.likeness == same.likeness, c.agent_id == same.agent_id)
    return array.array("q", conn.execute(query.order_by(c.id)).scalars())


def recipients(conn: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    people: dict[int, list[str]] = {}
    for message, given in conn.execute(_PEOPLE, {"ids": ids}):
        people.setdefault(message, []).append(given)
    return people


def _held(
    row: Row[Any], people: list[str] | None, alike: int, claim: ClaimView | None, present: tuple[Presence, ...]
) -> HeldRow:
    values: dict[str, Any] = row._asdict()
    states = (
        row.status, row.failed_checks, row.expires_at, len(row.approvers), row.release_at, row.opened_by, alike,
        row.digest, claim, present,
    )  # fmt: skip
    if row.kind == RECEIVE:
        people = [row.mailbox]
    values |= {
        "reasons": _reasons(row.reasons),
        "findings": _reasons(row.findings),
        "approvers": tuple(row.approvers),
        "editors": tuple(row.editors or ()),
        "claim": claim,
        "present": present,
        "preview": row.preview or "",
        "test": bool(row.test),
        "to": To(people[0], len(people)) if people else None,
        "sender": row.sender or ("" if row.kind == RECEIVE else None),
        "version": zlib.crc32(repr(states).encode()),
        "alike": alike,
    }
    return HeldRow(**values)


def _reasons(listed: Iterable[Mapping[str, str]]) -> tuple[Reason, ...]:
    return tuple(Reason(one["code"], one["text"]) for one in listed)


# A page is read four times a second while its rows change: these are built once.
_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_JOINED: Final = (
    REVIEW.join(MAILBOX, MAILBOX.c.id == REVIEW.c.mailbox_id)
    .join(AGENT, AGENT.c.id == REVIEW.c.agent_id)
    .outerjoin(MESSAGE, MESSAGE.c.id == REVIEW.c.message_id)
    .outerjoin(RUN, RUN.c.id == MESSAGE.c.run_id)
    .outerjoin(BODY, BODY.c.message_id == REVIEW.c.message_id)
    .outerjoin(INBOUND_MESSAGE, and_(INBOUND_MESSAGE.c.id == REVIEW.c.id, REVIEW.c.kind == RECEIVE))
    .outerjoin(INBOUND_CONTENT, INBOUND_CONTENT.c.id == INBOUND_MESSAGE.c.content_id)
)
_SENDER: Final = (
    select(INBOUND_ADDRESS.c.given)
    .where(INBOUND_ADDRESS.c.inbound_id == INBOUND_MESSAGE.c.id, INBOUND_ADDRESS.c.role == "from")
    .order_by(INBOUND_ADDRESS.c.n)
    .limit(1)
    .scalar_subquery()
)
PREVIEW: Final = 200
"""Characters of received mail in a list."""
_ROWS: Final[Select[Any]] = select(
    *(
        REVIEW.c[name]
        for name in (
            "id", "kind", "status", "message_id", "target", "submitted_at", "expires_at", "failed_checks", "agent_id",
            "mailbox_id", "likeness", "reasons", "needs", "approvers", "opened_by", "opened_at", "decided_by",
            "release_at", "findings", "cautions", "editors",
        )
    ),
    AGENT.c.name.label("agent"), MAILBOX.c.address.label("mailbox"), MESSAGE.c.content_class, MESSAGE.c.test,
    MESSAGE.c.send_at, RUN.c.key.label("run"), RUN.c.user, _SENDER.label("sender"),
    func.coalesce(MESSAGE.c.subject, INBOUND_MESSAGE.c.subject).label("subject"),
    func.coalesce(MESSAGE.c.digest, INBOUND_CONTENT.c.digest).label("digest"),
    func.coalesce(MESSAGE.c.size, INBOUND_MESSAGE.c.size).label("size"),
    func.coalesce(BODY.c.preview, func.substr(INBOUND_CONTENT.c.visible, 1, PREVIEW)).label("preview"),
).select_from(_JOINED).where(REVIEW.c.id.in_(_IDS))  # fmt: skip
_PEOPLE: Final = (
    select(RECIPIENT.c.message_id, RECIPIENT.c.given)
    .where(RECIPIENT.c.message_id.in_(_IDS))
    .order_by(RECIPIENT.c.message_id, RECIPIENT.c.n)
)


def _counts() -> Select[Any]:
    """Count pending items for each (agent, likeness) of `ids`, up to `most`."""
    one, every = REVIEW.c, REVIEW.alias().c
    keys = select(one.agent_id, one.likeness).where(one.id.in_(_IDS), one.likeness.is_not(None)).distinct().subquery()
    some = (
        select(every.id)
        .where(every.status == "pending", every.likeness == keys.c.likeness, every.agent_id == keys.c.agent_id)
        .limit(bindparam("most"))
        .correlate(keys)
        .subquery()
    )
    return select(keys.c.agent_id, keys.c.likeness, select(func.count()).select_from(some).scalar_subquery().label("n"))


_COUNTS: Final = _counts()
