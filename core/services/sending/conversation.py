"""The conversation a message belongs to (RFC 5322 3.6.4), and the message it answers.

Messages of one conversation leave in order. A conversation's key is derived from its first Message-ID.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import select

from core.db.gate_queries import SenderState, TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE, MESSAGE
from core.errors import Invalid, NotFound
from core.ids import read_id, sha256
from core.model import Status
from core.services.sending.loop_prevention import parent
from core.services.sending.submission import Submission
from core.services.sending.token_access import within

KNOWN_REFERENCES: Final = 20
"""How many References entries, counted from the last, are searched for the thread."""


def with_message_ids(store: Store, submission: Submission, token: TokenFacts) -> Submission:
    """Replace our own ids (`m...`) in the submission's thread with the Message-IDs that recipients know.

    Raises `Invalid` for the id of a message that does not exist or is not this agent's.
    """
    named = (*submission.references, *((submission.in_reply_to,) if submission.in_reply_to else ()))
    own_ids = {text for text in named if read_id("m", text) is not None}
    if not own_ids:
        return submission
    found: dict[str, str] = {}
    with store.read() as conn:
        for text in own_ids:
            try:
                found[text] = parent(conn, text, token=token).rfc_message_id
            except NotFound as error:
                field = "in_reply_to" if text == submission.in_reply_to else "references"
                raise Invalid(
                    f"{field}: {error.reason}",
                    fix="give the Message-ID of the mail that is answered, or the id of a message of this agent",
                    problems=((field, error.reason),),
                ) from error
    return replace(
        submission,
        in_reply_to=found.get(submission.in_reply_to or "", submission.in_reply_to),
        references=tuple(found.get(text, text) for text in submission.references),
    )


def answered_message(submission: Submission) -> str | None:
    """Message-ID of the mail that a reply answers, if it names one."""
    return submission.in_reply_to or (submission.references[-1] if submission.references else None)


def find_conversation(store: Store, submission: Submission, mailbox: SenderState) -> int | None:
    """Key of the thread the message belongs to; None if it starts one.

    The thread is followed through our own messages, so an agent that names only its last mail stays in order.
    """
    named = [*submission.references, *((submission.in_reply_to,) if submission.in_reply_to else ())]
    if not named:
        return None
    everything = [f"<{name.strip('<> ')}>" for name in named]
    references = everything[-KNOWN_REFERENCES:]
    m = MESSAGE.c
    own_ids = {
        row.rfc_message_id: row
        for row in store.rows(
            select(m.rfc_message_id, m.conversation).where(
                m.rfc_message_id.in_(references), m.mailbox_id == mailbox.mailbox_id
            )
        )
    }
    for name in references:
        if name in own_ids:
            return int(own_ids[name].conversation)
    # Mail that the mailbox received has its thread already, whatever it referred to itself.
    r = INBOUND_MESSAGE.c
    received = store.row(
        select(r.thread)
        .where(r.mailbox_id == mailbox.mailbox_id, r.rfc_message_id.in_(references))
        .order_by(r.id.desc())
        .limit(1)
    )
    if received is not None:
        return int(received.thread)
    return conversation_key(everything[0])


def revised(store: Store, submission: Submission, mailbox: SenderState, token: TokenFacts) -> tuple[int, int] | None:
    """Id and conversation of the returned message that the submission replaces, if it names one. Raises `Invalid`."""
    if submission.revises is None:
        return None
    number, m = read_id("m", submission.revises), MESSAGE.c
    row = None
    if number is not None:
        here = (m.id == number, m.mailbox_id == mailbox.mailbox_id, *within(token))
        row = store.row(select(m.id, m.status, m.conversation).where(*here))
    if row is None or row.status != Status.RETURNED:
        problem = "is not a message of this mailbox" if row is None else f"is {row.status}, not returned"
        raise Invalid(
            f"revises: {submission.revises[:40]} {problem}",
            fix="name the message that a person returned, or leave revises out",
            problems=(("revises", problem),),
        )
    return int(row.id), int(row.conversation)


def conversation_key(root: str) -> int:
    """Hash a thread's root Message-ID to a 63-bit lookup key."""
    return int.from_bytes(sha256(root.encode())[:8], "big") >> 1
