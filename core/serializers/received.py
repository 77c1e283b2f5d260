"""Received mail as JSON, the threads it is in, and contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.durations import stamp, when
from core.ids import spell_id

if TYPE_CHECKING:
    from core.services.receiving.contacts import Contact
    from core.services.receiving.inbox import Received, Sent, Thread


def summary(one: Received) -> dict[str, Any]:
    """A received message in a list."""
    row = one.row
    return {
        "id": spell_id("m", row.id),
        "message_id": spell_id("m", row.id),
        "direction": "in",
        "mailbox": row.mailbox,
        "from": _first(one, "from"),
        "to": _addresses(one, "to"),
        "subject": row.subject,
        "received_at": stamp(row.received_at),
        "unread": row.read_at is None,
        "tags": row.tags,
        "authentication": row.authentication,
        "dmarc": row.dmarc,
        "score": row.score,
        "thread_id": spell_id("t", row.thread),
        "attachments": row.attachments,
        "size": row.size,
        "automatic": row.automatic,
        "status": row.status,
    }


def message(one: Received, attachments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One received message without its body."""
    row = one.row
    return summary(one) | {
        "sender": _first(one, "sender"),
        "reply_to": _addresses(one, "reply_to"),
        "cc": _addresses(one, "cc"),
        "dated_at": when(row.dated_at),
        "read_at": when(row.read_at),
        "rfc_message_id": row.rfc_message_id,
        "in_reply_to": row.in_reply_to,
        "thread_proof": row.thread_proof,
        "answers": None if row.answers is None else spell_id("m", row.answers),
        "source": row.source,
        "findings": row.findings,
        "held_for": row.held_for,
        "decided_by": row.decided_by,
        "decided_at": when(row.decided_at),
        "reason": row.reason,
        "attachments": [dict(attachment) for attachment in attachments],
    }


def thread(one: Thread) -> dict[str, Any]:
    """A thread's messages, received and sent, oldest first."""
    listed = [(row.row.received_at, row.row.id, summary(row)) for row in one.received]
    listed += [(row.submitted_at, row.id, _sent(row)) for row in one.sent]
    return {
        "id": spell_id("t", one.key),
        "mailboxes": [*one.mailboxes],
        "messages": [shown for _, _, shown in sorted(listed, key=lambda each: each[:2])],
    }


def contact(one: Contact) -> dict[str, Any]:
    """A contact of a mailbox, with the mail that went either way."""
    row, mail = one.row, one.traffic
    return {
        "address": row.address,
        "name": row.name,
        "tags": [*row.tags],
        "notes": row.notes,
        "first_seen": when(mail.first_seen),
        "last_seen": when(mail.last_seen),
        "mails_in": mail.mails_in,
        "mails_out": mail.mails_out,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
    }


def _sent(row: Sent) -> dict[str, Any]:
    return {
        "id": spell_id("m", row.id),
        "message_id": spell_id("m", row.id),
        "direction": "out",
        "mailbox": row.mailbox,
        "subject": row.subject,
        "status": row.status,
        "submitted_at": stamp(row.submitted_at),
        "tags": [*row.tags],
    }


def _addresses(one: Received, role: str) -> list[dict[str, str]]:
    return [{"address": row.given, "name": row.name} for row in one.of(role)]


def _first(one: Received, role: str) -> dict[str, str] | None:
    return next(iter(_addresses(one, role)), None)
