"""Webhook outbox: a mailbox's events in order, what to send next, and the outcome of each attempt.

Each webhook reads the log with its own cursor. The log supplies the events; addresses and subjects are looked up at
sending time, so that data erased in the meantime is not disclosed. The first event in line is tried until the receiver
accepts it or it becomes a dead letter; nothing overtakes it. A lease keeps two gateways from sending everything twice;
when its holder dies, the next one repeats at most what was in progress, under the same ID.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Row, Select, Update, and_, bindparam, delete, exists, func, or_, select, update

from core.db import audit_log, hot_statements
from core.db.audit_log import Entry
from core.db.due import NOW
from core.db.queries.message import last_attempt
from core.db.tables import DEAD_HOOK, HOOK, LOG_ENTRY, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import SECOND, stamp
from core.events import (
    EmailApprovalUndone,
    EmailApproved,
    EmailRejected,
    EmailRejectionUndone,
    Event,
    MailboxLimitsChanged,
    MailboxRequested,
)
from core.ids import spell_id
from core.model import RECEIVE
from core.services import context
from core.services.notify import dead_letters
from core.services.notify.targets import WEBHOOK_EVENTS
from core.services.notify.webhook_retries import retry_at

LEASE: Final = 60 * SECOND
"""Longer than the longest attempt the policy allows, so that it expires only if its holder is gone."""
LOOK_AHEAD: Final = 8
FURTHER: Final = 400
"""Entries read ahead for a webhook that subscribes to some events only: each one it skips costs a row."""

_PRIVATE: Final = frozenset({"item", "token"})
_TIMES: Final = frozenset({"release_at", "expires_at", "next_at", "due", "send_at"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one receiver. `secrets` are sealed, current first; `timeout` and `give_up` are microseconds.

    `dead` is the dead letter being sent again.
    """

    mailbox_id: int
    address: str
    event: Event
    seq: int
    at: int
    url: str
    body: bytes
    secrets: tuple[bytes, ...]
    timeout: int
    give_up: int
    dead: int | None = None

    @property
    def id(self) -> str:
        """The same over all retries, so that receivers recognize a repetition."""
        return f"evt_{self.seq}"


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing to send now: the log is read up to `cursor`; look again at `until`."""

    cursor: int
    until: int


# --- webhooks with work ---------------------------------------------------------------------------------------------


def due(tx: Transaction, *, limit: int, within: int = 0) -> list[int]:
    """Mailboxes whose webhook has work and no worker, the longest waiting first. Reads only.

    `within`: also what becomes due in so many microseconds.
    """
    return [int(row.id) for row in hot_statements.fetch(tx.conn, _DUE, {"b_now": tx.now + within, "b_limit": limit})]


def _due() -> Select[int]:
    """The statement of `due`, built once because it runs every second."""
    h, d = HOOK.c, DEAD_HOOK.c
    news = exists().where(LOG_ENTRY.c.mailbox == MAILBOX.c.id, LOG_ENTRY.c.seq > h.cursor)
    again = exists().where(d.mailbox_id == MAILBOX.c.id, d.replayed_at.is_not(None), d.delivered_at.is_(None))
    free = or_(h.leased_by.is_(None), h.lease_until <= NOW)
    return (
        select(MAILBOX.c.id)
        .outerjoin(HOOK, h.mailbox_id == MAILBOX.c.id)
        .where(
            or_(
                and_(MAILBOX.c.webhook_url.is_not(None), h.mailbox_id.is_(None)),
                and_(MAILBOX.c.webhook_url.is_not(None), h.next_at <= NOW, free, or_(news, again)),
                and_(MAILBOX.c.webhook_url.is_(None), h.mailbox_id.is_not(None)),
            )
        )
        .order_by(func.coalesce(h.next_at, 0), MAILBOX.c.id)
        .limit(bindparam("b_limit"))
    )


_DUE: Final = _due()


def claim(tx: Transaction, mailbox_ids: Sequence[int], *, worker: int) -> list[int]:
    """Take the leases that are free; create rows for new webhooks, delete those of removed ones."""
    claimed = []
    lease = {"leased_by": worker, "lease_until": tx.now + LEASE}
    for mailbox_id in mailbox_ids:
        hook = tx.one(select(HOOK).where(HOOK.c.mailbox_id == mailbox_id))
        (mailbox,) = tx.all(select(MAILBOX.c.webhook_url).where(MAILBOX.c.id == mailbox_id))
        if mailbox.webhook_url is None:
            tx.write(delete(HOOK).where(HOOK.c.mailbox_id == mailbox_id))
        elif hook is None:
            tx.add(HOOK, {"mailbox_id": mailbox_id, "cursor": _beginning(tx, mailbox_id), **lease})
            claimed.append(mailbox_id)
        elif hook.next_at <= tx.now and (hook.leased_by is None or hook.lease_until <= tx.now):
            tx.write(update(HOOK).where(HOOK.c.mailbox_id == mailbox_id).values(**lease))
            claimed.append(mailbox_id)
    return claimed


def _beginning(tx: Transaction, mailbox_id: int) -> int:
    """Where a new webhook begins to read: the log entry that configured it. Earlier events do not concern it."""
    mailbox_events = (MailboxRequested.type, MailboxLimitsChanged.type)
    rows = tx.all(
        select(LOG_ENTRY)
        .where(LOG_ENTRY.c.mailbox == mailbox_id, LOG_ENTRY.c.type.in_(mailbox_events))
        .order_by(LOG_ENTRY.c.seq.desc())
        .limit(100)
    )
    for row in rows:
        event = audit_log.entry(row).event
        if not isinstance(event, MailboxLimitsChanged) or "approval_webhook" in event.changes:
            return int(row.seq)
    return 0


def release_leases(tx: Transaction, *, worker: int) -> None:
    """Release every lease of this worker, which is stopping."""
    tx.write(update(HOOK).where(HOOK.c.leased_by == worker).values(leased_by=None))


# --- the next delivery ----------------------------------------------------------------------------------------------


def next_delivery(tx: Transaction, mailbox_id: int) -> Delivery | Idle | None:
    """What this webhook must send now; None when it has read everything. Reads only."""
    hook = tx.one(select(HOOK).where(HOOK.c.mailbox_id == mailbox_id))
    mailbox = tx.one(select(MAILBOX).where(MAILBOX.c.id == mailbox_id))
    if hook is None or mailbox is None or mailbox.webhook_url is None:
        return None
    if hook.trying is None or hook.trying <= hook.cursor:
        again = dead_letters.waiting(tx, mailbox_id)
        if again is not None:
            (entry,) = audit_log.read(tx.conn, after=again.seq - 1, limit=1, mailbox=mailbox_id)
            return _letter(tx, entry, mailbox, dead=again.id)
    passed = int(hook.cursor)
    subscribed = WEBHOOK_EVENTS if mailbox.webhook_events is None else WEBHOOK_EVENTS & set(mailbox.webhook_events)
    ahead = LOOK_AHEAD if mailbox.webhook_events is None else FURTHER
    for entry in audit_log.read(tx.conn, after=passed, limit=ahead, mailbox=mailbox_id):
        event = entry.event
        if event.type not in subscribed:
            pass
        elif not isinstance(event, EmailApproved | EmailRejected) or event.release_at is None:
            return _letter(tx, entry, mailbox)
        elif not (isinstance(event, EmailApproved) and not event.complete) and not _undone(tx, event, entry):
            if event.release_at > tx.now:
                return Idle(passed, until=event.release_at)
            return _letter(tx, entry, mailbox)
        passed = entry.seq
    return Idle(passed, until=tx.now) if passed > hook.cursor else None


def _undone(tx: Transaction, event: EmailApproved | EmailRejected, entry: Entry) -> bool:
    """Whether this very decision was undone.

    That is possible only until its release; an undo of a later one is ignored.
    """
    query = select(LOG_ENTRY).where(
        LOG_ENTRY.c.seq > entry.seq,
        LOG_ENTRY.c.at < event.release_at,
        LOG_ENTRY.c.type.in_((EmailApprovalUndone.type, EmailRejectionUndone.type)),
        LOG_ENTRY.c.mailbox == event.mailbox,
    )
    if event.message is not None:
        query = query.where(LOG_ENTRY.c.message == event.message)
    undone = [audit_log.entry(row).event for row in tx.all(query)]
    return any(isinstance(one, EmailApprovalUndone | EmailRejectionUndone) and one.item == event.item for one in undone)


def _letter(tx: Transaction, entry: Entry, mailbox: Row[Any], *, dead: int | None = None) -> Delivery:
    _, policy = context.current_policy(tx)
    previous = mailbox.webhook_previous if (mailbox.webhook_previous_until or 0) > tx.now else None
    body = {
        "type": entry.event.type,
        "timestamp": stamp(entry.at),
        "data": _data(tx, entry.event, str(mailbox.address)),
    }
    return Delivery(
        mailbox_id=mailbox.id,
        address=mailbox.address,
        event=entry.event,
        seq=entry.seq,
        at=entry.at,
        url=mailbox.webhook_url,
        body=orjson.dumps(body),
        secrets=tuple(bytes(one) for one in (mailbox.webhook_secret, previous) if one is not None),
        timeout=policy.webhooks.timeout,
        give_up=policy.webhooks.give_up,
        dead=dead,
    )


def _data(tx: Transaction, event: Event, address: str) -> dict[str, Any]:
    """The members of `data`. `id`, `to` and `subject` are always present: null if nothing is sent, or it was erased."""
    values = event.data()
    n, item = values.get("n"), values.get("item")
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == event.message)) if event.message else None
    query = select(RECIPIENT).where(RECIPIENT.c.message_id == event.message).order_by(RECIPIENT.c.n)
    people = tx.all(query if n is None else query.where(RECIPIENT.c.n == n)) if event.message else []
    held = tx.one(select(REVIEW).where(REVIEW.c.id == item)) if item is not None else None
    data: dict[str, Any] = {
        # A bounce's own `status` is the enhanced code; `status` here is always the state of the mail.
        ("enhanced" if name == "status" else name): stamp(value) if name in _TIMES and isinstance(value, int) else value
        for name, value in values.items()
        if name not in _PRIVATE
    }
    data["id"] = spell_id("a", item) if isinstance(item, int) else None
    if event.message is not None:
        data["id"] = data["message_id"] = spell_id("m", event.message)
    data["to"] = [one.given for one in people if one.given] or None
    data["subject"] = (message.subject or None) if message is not None else None
    if message is not None:
        data["test"] = bool(message.test)
    if people and n is not None and last_attempt(people[0]) == values.get("attempt"):
        data["reply"] = people[0].reply
    row = (people[0] if people and n is not None else None) or message or held
    if row is not None:
        data["status"] = row.status
    data["reason"] = values.get("reason") or _why(event, held, people[0] if people and n is not None else None)
    data["mailbox"] = address
    return data


def _why(event: Event, held: Row[Any] | None, recipient: Row[Any] | None) -> str | None:
    """The sentence for an event that carries only codes."""
    if held is not None and event.type == "email.pending":
        # What holds received mail may quote it, and a webhook carries metadata only.
        told = "code" if held.kind == RECEIVE else "text"
        return "; ".join(str(reason[told]) for reason in held.reasons) or None
    return recipient.reason if recipient is not None else None


# --- outcomes -------------------------------------------------------------------------------------------------------


def mark_delivered(tx: Transaction, delivery: Delivery, *, worker: int) -> bool:
    """Record that the receiver accepted it. Returns whether the lease is still ours, so that the next one may go."""
    going = _advance(
        tx, delivery.mailbox_id, worker=worker, trying=None, attempt=0, first_failed_at=None, last_error=None,
        lease_until=tx.now + LEASE, **({} if delivery.dead else {"cursor": delivery.seq}),
    )  # fmt: skip
    if going and delivery.dead is not None:
        dead_letters.mark_delivered(tx, delivery.dead)
    return going


def mark_failed(
    tx: Transaction, delivery: Delivery, *, worker: int, reason: str, retry: bool, jitter: float
) -> int | None:
    """Record a failure. Returns the time of the next try; None if it is a dead letter, or the lease is not ours."""
    hook = tx.one(select(HOOK).where(HOOK.c.mailbox_id == delivery.mailbox_id, HOOK.c.leased_by == worker))
    if hook is None:
        return None
    attempt = hook.attempt + 1 if hook.trying == delivery.seq else 1
    failing_since = hook.first_failed_at if hook.first_failed_at is not None else tx.now
    # An event queued behind a receiver that is gone has three days from its own time on: an hour's worth of events is
    # given up an hour later, not each three days after the one before.
    since = max(failing_since, delivery.at)
    at = retry_at(attempt, first_at=since, now=tx.now, jitter=jitter, give_up=delivery.give_up) if retry else None
    if at is not None:
        _advance(
            tx, delivery.mailbox_id, worker=worker, trying=delivery.seq, attempt=attempt, first_failed_at=failing_since,
            last_error=reason, next_at=at, leased_by=None,
        )  # fmt: skip
        return at
    _advance(
        tx, delivery.mailbox_id, worker=worker, trying=None, attempt=0, first_failed_at=failing_since,
        last_error=reason, next_at=tx.now, leased_by=None, **({} if delivery.dead else {"cursor": delivery.seq}),
    )  # fmt: skip
    dead_letters.add(
        tx, mailbox_id=delivery.mailbox_id, event=delivery.event, seq=delivery.seq, reason=reason, again=delivery.dead
    )
    return None


def rest(tx: Transaction, mailbox_id: int, *, worker: int, pause: Idle | None) -> None:
    """Release the lease until there is more to send; with a `pause`, until then."""
    values = {"next_at": tx.now} if pause is None else {"next_at": pause.until, "cursor": pause.cursor}
    _advance(tx, mailbox_id, worker=worker, leased_by=None, **values)


def _advance(tx: Transaction, mailbox_id: int, *, worker: int, **values: int | str | None) -> bool:
    """Change a webhook's row whose lease is ours; False if the lease went to another worker."""
    named = {f"new_{name}": value for name, value in values.items()}
    return tx.write_keeping_caches(_advancing(tuple(values)), [{"box": mailbox_id, "holder": worker, **named}]) > 0


@functools.lru_cache(maxsize=16)
def _advancing(names: Sequence[str]) -> Update:
    return (
        update(HOOK)
        .where(HOOK.c.mailbox_id == bindparam("box"), HOOK.c.leased_by == bindparam("holder"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
