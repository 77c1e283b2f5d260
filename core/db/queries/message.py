"""One message with everything on record: for the Message screen and a reviewer's decision.

Every recipient shows what it waits for and until when, derived from the rows that hold it back, widest first: the desk,
the agent, the stream, the mailbox, the lane, its own retry.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, or_, select

from core.db import gate_queries
from core.db.tables import (
    AGENT,
    BODY,
    CONTACT,
    DESK,
    LANE,
    LOG_ENTRY,
    MAILBOX,
    MESSAGE,
    RECIPIENT,
    REVIEW,
    RUN,
    STREAM,
    SUPPRESSION,
)
from core.durations import FAR_FUTURE
from core.ids import spell_id
from core.model import Reason, Status
from core.views.events import Happened
from core.views.message import MessageView, RecipientView, ReviewView, RunView, Waits

EVENTS: Final = 500


def message(conn: Connection, message_id: int, *, now: int) -> MessageView | None:
    """Return the message, or None. `now` determines which suppressions are in force."""
    row = conn.execute(_MESSAGE.where(MESSAGE.c.id == message_id)).first()
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    run_id = values.pop("run_id")
    item = review(conn, message_id)
    values |= {
        "test": bool(row.test),
        "untraced": bool(row.untraced),
        "tags": tuple(row.tags or ()),
        "metadata": row.metadata or {},
        "facts": row.facts or {},
        "preview": row.preview or "",
        "run": _run(conn, run_id),
        "review": item,
        "recipients": _recipients(conn, row, item, now),
        "events": events(conn, message_id),
    }
    return MessageView(**values)


def review(conn: Connection, item_id: int) -> ReviewView | None:
    """Return a held action by its id: a message's, or a read's or tag's own."""
    c = REVIEW.c
    names = (
        "id", "kind", "status", "failed_checks", "needs", "opened_by", "opened_at", "decided_by", "decided_at",
        "reason", "release_at", "expires_at", "batch",
    )  # fmt: skip
    row = conn.execute(select(*(c[name] for name in names), c.reasons, c.approvers).where(c.id == item_id)).first()
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    values["reasons"] = tuple(Reason(one["code"], one["text"]) for one in row.reasons)
    values["approvers"] = tuple(row.approvers)
    return ReviewView(**values)


def events(conn: Connection, message_id: int) -> tuple[Happened, ...]:
    """Return the log entries about a message, in order."""
    c = LOG_ENTRY.c
    rows = conn.execute(select(LOG_ENTRY).where(c.message == message_id).order_by(c.seq).limit(EVENTS))
    return tuple(Happened(row.at, row.type, row.actor) for row in rows)


def under_way(conn: Connection, message_ids: Collection[int]) -> set[int]:
    """Return those of the messages that still have a recipient without an outcome."""
    c = MESSAGE.c
    return set(conn.execute(select(c.id).where(c.id.in_(message_ids), c.open > 0)).scalars())


def _run(conn: Connection, run_id: int) -> RunView | None:
    row = conn.execute(select(RUN).where(RUN.c.id == run_id)).first()
    if row is None:
        return None
    return RunView(
        id=row.id, key=row.key, implicit=bool(row.implicit), opened_at=row.opened_at, closed_at=row.closed_at,
        **gate_queries.run_members(row),
    )  # fmt: skip


def waiting(conn: Connection, message_id: int, *, now: int) -> tuple[tuple[str, Waits], ...]:
    """Return the recipients of a message that still wait: the address, and for what."""
    row = conn.execute(_HELD.where(MESSAGE.c.id == message_id)).first()
    people = () if row is None else _recipients(conn, row, review(conn, message_id), now)
    return tuple((one.address, one.waits) for one in people if one.waits is not None)


# --- recipients ---------------------------------------------------------------------------------------------------


def _recipients(conn: Connection, row: Row[Any], item: ReviewView | None, now: int) -> tuple[RecipientView, ...]:
    r, lane = RECIPIENT.c, LANE.c
    people = conn.execute(
        select(
            RECIPIENT, lane.domain, lane.site, lane.paused_at, lane.pause_reason, lane.not_before,
            lane.waits_for.label("lane_waits"),
        )
        .select_from(RECIPIENT.outerjoin(LANE, lane.id == r.lane_id))
        .where(r.message_id == row.id)
        .order_by(r.n)
    ).all()  # fmt: skip
    addresses = {one.address for one in people}
    first_contacts = _first_contacts(conn, row, addresses)
    listed = _suppressed(conn, addresses, row, now=now)
    above = _held_above(conn, row, now)
    return tuple(
        RecipientView(
            n=one.n, given=one.given, address=one.address, field=one.field, status=one.status, reason=one.reason,
            waits=_waits(one, item, above, now, send_at=row.send_at), first_contact=one.address in first_contacts,
            suppressed=listed.get(one.address), domain=one.domain, site=one.site, attempts=one.attempts,
            next_at=one.next_at, code=one.code, enhanced=one.enhanced, reply=one.reply, sent_at=one.sent_at,
            provider_id=one.provider_id, feedback=one.feedback, feedback_at=one.feedback_at,
        )
        for one in people
    )  # fmt: skip


def _first_contacts(conn: Connection, row: Row[Any], addresses: set[str]) -> set[str]:
    """Addresses to which the agent had sent no mail when this was submitted."""
    c = CONTACT.c
    contacted = conn.execute(
        select(c.address).where(c.agent_id == row.agent_id, c.address.in_(addresses), c.left_at <= row.submitted_at)
    )
    return addresses - set(contacted.scalars())


def _suppressed(conn: Connection, addresses: set[str], row: Row[Any], *, now: int) -> dict[str, str]:
    """Address -> cause, for suppressions that block this message."""
    c = SUPPRESSION.c
    rows = conn.execute(
        select(c.address, c.cause, c.classes).where(
            c.address.in_(addresses),
            c.removed_at.is_(None),
            or_(c.expires_at.is_(None), c.expires_at > now),
            or_(c.stream_id.is_(None), c.stream_id == row.stream_id),
        )
    )
    return {one.address: one.cause for one in rows if gate_queries.keeps_away(one.classes, row.content_class)}


def _held_above(conn: Connection, row: Row[Any], now: int) -> Waits | None:
    """What holds back every recipient of this message."""
    desk = conn.execute(select(DESK.c.stopped_at, DESK.c.stop_reason).where(DESK.c.id == 1)).first()
    if desk is not None and desk.stopped_at is not None:
        return Waits("desk", f"the desk, which is stopped ({desk.stop_reason})")
    if row.agent_status != "active":
        return Waits("agent", f"{row.agent}, which is {row.agent_status}")
    stream = conn.execute(select(STREAM).where(STREAM.c.id == row.stream_id)).one()
    if stream.paused_at is not None:
        return Waits("stream", f"{stream.domain}, which is paused ({stream.pause_reason})")
    mailbox = conn.execute(select(MAILBOX).where(MAILBOX.c.id == row.mailbox_id)).one()
    if mailbox.status != "active":
        return Waits("mailbox", f"{mailbox.address}, which is {mailbox.status}")
    if mailbox.expires_at is not None and mailbox.expires_at <= now:
        return Waits("mailbox", f"{mailbox.address}, which has expired")
    if stream.backoff_until > now:
        return Waits("route", f"the route, which does not answer ({stream.last_reply})", stream.backoff_until)
    if mailbox.wake_at > now and mailbox.waits_for:
        return Waits("budget", f"budget {mailbox.waits_for}, which is spent", _until(mailbox.wake_at))
    return None


def _waits(
    one: Row[Any], item: ReviewView | None, above: Waits | None, now: int, *, send_at: int | None
) -> Waits | None:
    match Status(one.status):
        case Status.SCHEDULED:
            return Waits("schedule", "the time it is scheduled for", send_at)
        case Status.PENDING | Status.UNCERTAIN:
            return _waits_for_people(item)
        case Status.SENDING:
            return Waits("receiver", "the receiver's answer")
        case Status.QUEUED | Status.DEFERRED:
            return _waits_for_its_turn(one, above, now)
        case _:
            return None


def _waits_for_its_turn(one: Row[Any], above: Waits | None, now: int) -> Waits:
    if one.waits_for is not None:
        return Waits("conversation", f"{spell_id('m', one.waits_for)} of the same conversation, which goes first")
    # The route may answer again long before this message is due: show the later of the two.
    retries = one.next_at if one.next_at is not None and one.next_at > now else 0
    if above is not None and (above.until is None or above.until >= retries):
        return above
    if one.paused_at is not None:
        return Waits("lane", f"the lane to {one.domain}, which is paused ({one.pause_reason})")
    if retries and retries >= (one.not_before or 0):
        return Waits("retry", f"retry at {one.domain}", retries)
    if one.not_before is not None and one.not_before > now:
        return Waits("lane", f"the lane to {one.domain} ({one.lane_waits or 'pace'})", _until(one.not_before))
    return Waits("turn", "its turn")


def _waits_for_people(item: ReviewView | None) -> Waits:
    if item is None or item.status == "pending":
        missing = 1 if item is None else item.needs - len(item.approvers)
        text = "approval" if missing <= 1 else f"{missing} approvals"
        return Waits("approval", text, None if item is None else item.expires_at)
    return Waits("release", f"release, approved by {item.decided_by}", item.release_at)


def _until(at: int) -> int | None:
    return at if at < FAR_FUTURE else None


_HELD: Final[Select[Any]] = select(
    MESSAGE.c.id, MESSAGE.c.mailbox_id, MESSAGE.c.agent_id, MESSAGE.c.stream_id, MESSAGE.c.submitted_at,
    MESSAGE.c.send_at, AGENT.c.name.label("agent"), AGENT.c.status.label("agent_status"),
).join(AGENT, AGENT.c.id == MESSAGE.c.agent_id)  # fmt: skip
_NAMES: Final = (
    "id", "status", "kind", "direction", "test", "untraced", "subject", "content_class", "declared_class", "digest",
    "rfc_message_id", "size", "tags", "facts", "policy_version", "token_id", "submitted_at", "released_at", "dated_at",
    "final_at", "send_at", "mailbox_id", "agent_id", "stream_id", "run_id", "tainted_by",
)  # fmt: skip
_MESSAGE: Final[Select[Any]] = select(
    *(MESSAGE.c[name] for name in _NAMES), MESSAGE.c.meta.label("metadata"), MAILBOX.c.address.label("mailbox"),
    MAILBOX.c.display_name, MAILBOX.c.status.label("mailbox_status"), MAILBOX.c.mode, AGENT.c.name.label("agent"),
    AGENT.c.status.label("agent_status"), STREAM.c.domain, BODY.c.preview, BODY.c.rendered, BODY.c.issued,
).select_from(
    MESSAGE.join(MAILBOX, MAILBOX.c.id == MESSAGE.c.mailbox_id)
    .join(AGENT, AGENT.c.id == MESSAGE.c.agent_id)
    .join(STREAM, STREAM.c.id == MESSAGE.c.stream_id)
    .outerjoin(BODY, BODY.c.message_id == MESSAGE.c.id)
)  # fmt: skip


def last_attempt(recipient: Row[Any]) -> int:
    """Return the attempt that a recipient's reply answers: while one is in progress, the previous one."""
    return int(recipient.attempts) - int(recipient.status == Status.SENDING.value)
