"""The queue by lane, and by site and age, as `qshape` prints it.

Depths are stored with the lanes and updated with every change. Ages are read from the first rows of a lane's index,
with a bound: a lane with a million waiting costs what one with a thousand does, and its remaining rows are spread
between the age of the last row read and the youngest; such a line is marked as not exact.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)

from core.db import hot_statements
from core.db.queries.filter_conditions import compares, conditions, is_like, is_one_of
from core.db.tables import AGENT, LANE, MAILBOX, READY, RECIPIENT, STREAM
from core.db.transaction import Transaction
from core.durations import FAR_FUTURE, MINUTE
from core.filter_fields import Listing, fields
from core.filters import Compare, Fields, OneOf, Want
from core.views.lanes import AGES, LaneRow, SiteRow

PAGE: Final = 100
LOOKED_AT: Final = 500
"""Rows of a site that are read for their age, the oldest of each of its lanes; of a lane at least `OF_EACH`."""
OF_EACH: Final = 20
SITES: Final = 20
ROUTE: Final = "route backs off"
RETRY: Final = "retry"
LANES_OF_SHAPE: Final = 100
_ENDS: Final = tuple(end * MINUTE for end in AGES)


FIELDS: Final[Fields] = fields(Listing.LANES)
"""Fields of a filter."""


def lanes(
    conn: Connection,
    *,
    now: int,
    wants: Sequence[Want] = (),
    below: tuple[int, int] | None = None,
    all_of_them: bool = False,
    limit: int = PAGE,
) -> list[LaneRow]:
    """Return a page of lanes, deepest first; the next starts `below` the (depth, id) of its last one.

    Empty lanes without a problem are omitted, unless `all_of_them`. `wants` is a filter by `FIELDS`.
    """
    c = LANE.c
    query = _lanes(now).where(*filtered(wants, now=now)).order_by(c.depth.desc(), c.id.desc()).limit(limit)
    if not all_of_them:
        query = query.where(or_(c.depth > 0, c.in_flight > 0, c.paused_at.is_not(None), c.failures > 0))
    if below is not None:
        depth, lane_id = below
        query = query.where(or_(c.depth < depth, (c.depth == depth) & (c.id < lane_id)))
    return _explained(conn, conn.execute(query).all())


def lane(conn: Connection, lane_id: int, *, now: int) -> LaneRow | None:
    row = conn.execute(_lanes(now).where(LANE.c.id == lane_id)).first()
    return None if row is None else _explained(conn, [row])[0]


def count(conn: Connection, wants: Sequence[Want], *, now: int, most: int) -> int:
    """Count the lanes that a filter shows, up to `most`."""
    shown = or_(LANE.c.depth > 0, LANE.c.in_flight > 0, LANE.c.paused_at.is_not(None), LANE.c.failures > 0)
    some = _lanes(now).with_only_columns(LANE.c.id).where(shown, *filtered(wants, now=now)).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(some)).scalar_one())


def filtered(wants: Sequence[Want], *, now: int) -> list[ColumnElement[bool]]:
    """Return the conditions of a filter by `FIELDS` on lanes and what they are joined with."""
    waits: ColumnElement[str] = func.coalesce(_reason(now), "")
    texts = {
        "site": LANE.c.site, "domain": LANE.c.domain, "mailbox": MAILBOX.c.address, "agent": AGENT.c.name,
        "stream": STREAM.c.domain, "waits": waits,
    }  # fmt: skip
    choices = {"sev": _severity(waits), "state": _STATE}
    numbers = {"depth": LANE.c.depth, "fail": LANE.c.failures}
    return conditions(wants, lambda want: _condition(want, texts, choices, numbers))


def _condition(
    want: Want, texts: Mapping[str, Any], choices: Mapping[str, Any], numbers: Mapping[str, Any]
) -> ColumnElement[bool]:
    match want.test:
        case Compare():
            return compares(numbers[want.field], want.test)
        case OneOf():
            return is_one_of(choices[want.field], want.test)
    return or_(*(is_like(text, want.test) for text in ([texts[want.field]] if want.field else texts.values())))


def _explained(conn: Connection, rows: Sequence[Row[Any]]) -> list[LaneRow]:
    """Build lanes; one held back by a refusal shows that reply, not another message's success."""
    found = [_lane(row) for row in rows]
    retrying = _first_replies(conn, [one.id for one in found if one.waits_for == RETRY])
    shown = []
    for one, row in zip(found, rows, strict=True):
        reply = row.route_reply if one.waits_for == ROUTE else retrying.get(one.id)
        at = one.last_reply_at if reply == one.last_reply else None
        shown.append(one if reply is None else replace(one, last_reply=reply, last_reply_at=at))
    return shown


def _first_replies(conn: Connection, lane_ids: Sequence[int]) -> dict[int, str]:
    """Return the last reply for the message that each of these lanes tries next."""
    if not lane_ids:
        return {}
    others = READY.alias()
    first = select(func.min(others.c.due)).where(others.c.lane_id == READY.c.lane_id).scalar_subquery()
    rows = conn.execute(
        select(READY.c.lane_id, RECIPIENT.c.reply)
        .join(RECIPIENT, (RECIPIENT.c.message_id == READY.c.message_id) & (RECIPIENT.c.n == READY.c.n))
        .where(READY.c.lane_id.in_(lane_ids), READY.c.due == first, RECIPIENT.c.reply.is_not(None))
    )
    return {row.lane_id: row.reply for row in rows}


def _lane(row: Row[Any]) -> LaneRow:
    asleep = max(row.next_at, row.wake_at if row.box_waits else 0, row.backoff_until)
    return LaneRow(
        id=row.id, mailbox_id=row.mailbox_id, mailbox=row.mailbox, agent=row.agent, stream=row.stream,
        domain=row.domain, site=row.site, depth=row.depth, in_flight=row.in_flight,
        next_at=asleep if asleep < FAR_FUTURE else None, waits_for=row.reason, failures=row.failures,
        paused_by=row.paused_by, paused_at=row.paused_at, last_reply=row.last_reply, last_reply_at=row.last_reply_at,
    )  # fmt: skip


def _reason(now: int) -> ColumnElement[str]:
    """What holds a lane back, the widest cause first; NULL: nothing does."""
    lane, box = LANE.c, MAILBOX.c
    return case(
        (lane.depth == 0, case((lane.paused_at.is_not(None), "paused"), else_=null())),
        (AGENT.c.status != "active", literal("agent ") + AGENT.c.status),
        (STREAM.c.paused_at.is_not(None), "stream paused"),
        (box.status != "active", literal("mailbox ") + box.status),
        (lane.paused_at.is_not(None), "lane paused"),
        (STREAM.c.backoff_until > now, ROUTE),
        ((func.coalesce(box.waits_for, "") != "") & (box.wake_at > now), literal("budget ") + box.waits_for),
        (lane.not_before > now, func.coalesce(func.nullif(lane.waits_for, ""), "pace")),
        (lane.next_at > now, RETRY),
        else_=null(),
    )


def _severity(waits: ColumnElement[str]) -> ColumnElement[str]:
    """`error`: nothing leaves until a person acts; `warn`: the receiver or the route defers it."""
    stopped = or_(LANE.c.paused_at.is_not(None), waits.like("% paused"), waits.like("% suspended"))
    return case((stopped, "error"), (or_(LANE.c.failures > 0, waits == ROUTE), "warn"), else_="info")


_STATE: Final = case(
    (LANE.c.paused_at.is_not(None), "paused"), (LANE.c.in_flight > 0, "sending"), (LANE.c.depth > 0, "waiting"),
    else_="empty",
)  # fmt: skip


def _lanes(now: int) -> Select[Any]:
    return _LANES.add_columns(_reason(now).label("reason"))


_LANES: Final = select(
    LANE, MAILBOX.c.address.label("mailbox"), MAILBOX.c.wake_at,
    MAILBOX.c.waits_for.label("box_waits"), AGENT.c.name.label("agent"), STREAM.c.domain.label("stream"),
    STREAM.c.backoff_until, STREAM.c.last_reply.label("route_reply"),
).select_from(
    LANE.join(MAILBOX, MAILBOX.c.id == LANE.c.mailbox_id)
    .join(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
    .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
)  # fmt: skip


# --- site by age --------------------------------------------------------------------------------------------------


def shape(conn: Connection, *, now: int, limit: int = SITES) -> list[SiteRow]:
    """Return the deepest sites, with the age of their waiting recipients."""
    c = LANE.c
    depth, flying, count = func.sum(c.depth), func.sum(c.in_flight), func.count()
    sites = conn.execute(
        select(c.site, depth.label("depth"), flying.label("in_flight"), count.label("lanes"))
        .where(or_(c.depth > 0, c.in_flight > 0))
        .group_by(c.site)
        .order_by(depth.desc(), c.site)
        .limit(limit)
    ).all()
    return [_site(conn, row, now) for row in sites]


def _site(conn: Connection, row: Row[Any], now: int) -> SiteRow:
    ages, exact = [0] * (len(AGES) + 1), row.lanes <= LANES_OF_SHAPE
    deepest = hot_statements.fetch(conn, _DEEPEST, {"site": row.site})
    most = max(OF_EACH, LOOKED_AT // max(1, len(deepest)))
    for one in deepest:
        read = [due for (due,) in hot_statements.fetch(conn, _OLDEST, {"lane": one.id, "most": most})]
        _count(ages, read, now)
        rest = one.depth - len(read)
        if rest > 0 and read:
            exact = False
            ((youngest,),) = hot_statements.fetch(conn, _YOUNGEST, {"lane": one.id})
            _spread(ages, rest, oldest=now - read[-1], youngest=now - youngest)
    return SiteRow(row.site, int(row.depth), int(row.in_flight), int(row.lanes), tuple(ages), exact)


_DEEPEST: Final = (
    select(LANE.c.id, LANE.c.depth)
    .where(LANE.c.site == bindparam("site"), LANE.c.depth > 0)
    .order_by(LANE.c.depth.desc())
    .limit(literal_column(str(LANES_OF_SHAPE)))
)
_OLDEST: Final = (
    select(READY.c.due)
    .where(READY.c.lane_id == bindparam("lane"))
    .order_by(READY.c.due)
    .limit(bindparam("most", type_=Integer))
)
_YOUNGEST: Final = select(func.max(READY.c.due)).where(READY.c.lane_id == bindparam("lane"))


def _count(ages: list[int], dues: Sequence[int], now: int) -> None:
    """Add each due time, in order, to the column of its age."""
    counted = 0
    for column, end in enumerate(_ENDS):
        younger = len(dues) - bisect.bisect_left(dues, now - end)
        ages[column] += younger - counted
        counted = younger
    ages[-1] += len(dues) - counted


def _column(age: int) -> int:
    """Return the column of an age (microseconds); a retry that is due later counts as the youngest."""
    return bisect.bisect_left(_ENDS, max(0, age))


def _spread(ages: list[int], rest: int, *, oldest: int, youngest: int) -> None:
    """Distribute unread rows evenly between two ages."""
    bounds: Sequence[int] = [0, *_ENDS, max(oldest, AGES[-1] * MINUTE) + 1]
    span, placed = max(1, oldest - youngest), 0
    first, last = _column(youngest), _column(oldest)
    for column in range(first, last):
        overlap = min(oldest, bounds[column + 1]) - max(youngest, bounds[column])
        part = rest * max(0, overlap) // span
        ages[column] += part
        placed += part
    ages[last] += rest - placed


def totals(tx: Transaction) -> tuple[int, int]:
    """Count recipients ready or waiting in all lanes, and recipients claimed by a worker."""
    depth: Any = tx.read_unflushed(select(func.sum(LANE.c.depth), func.sum(LANE.c.in_flight)))[0]
    return int(depth[0] or 0), int(depth[1] or 0)
