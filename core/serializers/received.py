"""Received mail as JSON, the threads it is in, and contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.durations import stamp, when
from core.ids import spell_id
from core.rules import signed_ids
from core.services.sending.loop_prevention import aligned

if TYPE_CHECKING:
    from core.services.receiving.contacts import Contact
    from core.services.receiving.inbox import Received, Sent, Thread
    from core.views.received import ReceivedRow, ReceivedView


def summary(one: Received, *, people: bool = False) -> dict[str, Any]:
    """A received message in a list: for an agent, or for people."""
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
        "authentication": row.authentication if people else _authors_own(row.authentication),
        "dmarc": row.dmarc,
        "score": row.score,
        "thread_id": spell_id("t", row.thread),
        "attachments": row.attachments,
        "size": row.size,
        "automatic": row.automatic,
        "status": row.status,
    }


def message(one: Received, attachments: Sequence[Mapping[str, Any]], *, quotes: bool = False) -> dict[str, Any]:
    """One received message without its body.

    `quotes` adds to each finding what the stranger wrote: for people. To a model it would be an instruction of ours.
    """
    row = one.row
    return summary(one, people=quotes) | {
        "sender": _first(one, "sender") if quotes or _senders_own(one) else None,
        "reply_to": _reply_to(one),
        "cc": _addresses(one, "cc"),
        "dated_at": when(row.dated_at),
        "read_at": when(row.read_at),
        "rfc_message_id": row.rfc_message_id,
        "in_reply_to": row.in_reply_to,
        "thread_proof": row.thread_proof,
        "answers": None if row.answers is None else spell_id("m", row.answers),
        "source": row.source,
        "findings": [
            {key: value for key, value in finding.items() if quotes or key != "quote"} for finding in row.findings
        ],
        "held_for": row.held_for,
        "decided_by": row.decided_by,
        "decided_at": when(row.decided_at),
        "reason": row.reason,
        "attachments": [dict(attachment) for attachment in attachments],
    }


def _authors_own(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence without names that others chose, if the author is proved.

    Whoever sends a signed message again adds a signature of their own, whose domain and selector may hold a sentence.
    An agent that reads them is not tainted, because the message is its author's.
    """
    if dict(evidence.get("dmarc") or {}).get("status") != "pass":
        return dict(evidence)
    shown = {"spf": _unnamed(evidence.get("spf") or {}), "dkim": [_unnamed(one) for one in evidence.get("dkim") or ()]}
    return dict(evidence) | {name: value for name, value in shown.items() if name in evidence}


def _unnamed(verdict: Mapping[str, Any]) -> dict[str, Any]:
    names = () if verdict.get("aligned") else ("domain", "selector")
    return {name: None if name in names else value for name, value in verdict.items()}


def _senders_own(one: Received) -> bool:
    """Whether an agent may be shown the envelope's sender: not another's than the proved author's."""
    authors = [each.given for each in one.of("from")]
    return one.row.dmarc != "pass" or all(aligned(each.given, authors) for each in one.of("sender"))


def line(one: ReceivedRow) -> dict[str, Any]:
    """A received message in an operators' list."""
    return {
        "id": one.spelled,
        "direction": "in",
        "mailbox": one.mailbox,
        "agent": one.agent,
        "from": {"address": one.sender, "name": one.name},
        "subject": one.subject,
        "received_at": stamped(one),
        "unread": one.unread,
        "dmarc": one.dmarc,
        "score": one.score,
        "findings": len(one.findings),
        "thread_id": spell_id("t", one.thread),
        "attachments": one.attachments,
        "size": one.size,
        "status": one.status,
        "read_by": [*one.readers],
    }


def stamped(one: ReceivedRow) -> str:
    """When it was received."""
    return stamp(one.received_at)


def detail(one: ReceivedView) -> dict[str, Any]:
    """A received message with all that an operator is shown: text, what its HTML hides, who read it, its thread."""
    return line(one.row) | {
        "message_id": one.row.spelled,
        "to": _people(one, "to"),
        "cc": _people(one, "cc"),
        "reply_to": _people(one, "reply_to"),
        "sender": next(iter(_people(one, "sender")), None),
        "dated_at": when(one.dated_at),
        "read_at": when(one.read_at),
        "rfc_message_id": one.rfc_message_id,
        "in_reply_to": one.in_reply_to,
        "thread_proof": one.thread_proof,
        "answers": None if one.answers is None else spell_id("m", one.answers),
        "source": one.source,
        "automatic": one.automatic,
        "authentication": one.authentication,
        "findings": [dict(each) for each in one.findings],
        "held_for": [dict(each) for each in one.held_for],
        "decided_by": one.decided_by,
        "decided_at": when(one.decided_at),
        "reason": one.reason,
        "tags": [*one.tags],
        "attachments": [dict(each) for each in one.files],
        "body_kept": one.kept,
        "text": signed_ids.conceal(one.text),
        "hidden": [signed_ids.conceal(each) for each in one.hidden],
        "digest": one.row.digest,
        "reads": [
            {
                "at": stamp(each.at), "actor": each.actor, "what": each.what, "door": each.door, "run": each.run,
                "token": each.token,
            }
            for each in one.reads
        ],
        "thread": conversation(one)["messages"],
    }  # fmt: skip


def conversation(one: ReceivedView) -> dict[str, Any]:
    """The thread of a received message, oldest first."""
    return {
        "id": spell_id("t", one.row.thread),
        "mailbox": one.row.mailbox,
        "messages": [
            {
                "id": spell_id("m", each.id), "direction": "in" if each.received else "out", "at": stamp(each.at),
                "subject": each.subject, "status": each.status,
            }
            for each in one.conversation
        ],
    }  # fmt: skip


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


def _reply_to(one: Received) -> list[dict[str, Any]]:
    """Where the sender asks for answers; one that is not `aligned` with From is not used, a reply goes to From."""
    authors = [author.given for author in one.of("from")][:1]
    return [
        {"address": row.given, "name": row.name, "aligned": aligned(row.given, authors)} for row in one.of("reply_to")
    ]


def _addresses(one: Received, role: str) -> list[dict[str, str]]:
    return [{"address": row.given, "name": row.name} for row in one.of(role)]


def _people(one: ReceivedView, role: str) -> list[dict[str, str]]:
    return [{"address": each.given, "name": each.name} for each in one.people if each.role == role]


def _first(one: Received, role: str) -> dict[str, str] | None:
    return next(iter(_addresses(one, role)), None)
