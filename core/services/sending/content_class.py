"""The content class a message is sent as: the declared one, raised by what the message says and whom it reaches.

`rules/classification` decides what raises it; this module gathers the facts: the words a recipient may read, which
recipients are new to the agent, and which have no relationship with us.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from core.db.gate_queries import SenderState
from core.db.reads import Reads
from core.db.tables import CONTACT
from core.errors import Invalid
from core.model import UNSUBSCRIBE_CLASSES, Action, ContentClass, Reason
from core.rules import classification, compose, consent
from core.rules.classification import Raised
from core.rules.policy import Policy
from core.services.sending import consent_facts
from core.services.sending.readable_text import readable_text
from core.services.sending.submission import Submission, Target


def classify(
    store: Reads, submission: Submission, mailbox: SenderState, policy: Policy, targets: Sequence[Target]
) -> Raised:
    """Return the declared class, or the mailbox's default, raised by what the message says and whom it reaches."""
    offered = [ContentClass(name) for name in mailbox.classes] or [ContentClass.TRANSACTIONAL]
    default = ContentClass.REPLY if submission.kind is Action.REPLY and ContentClass.REPLY in offered else offered[0]
    declared = submission.content_class or default
    text = readable_text(submission.text, submission.html, submission.attachments)
    pitch = (
        classification.pitches(f"{submission.subject}\n\n{text}")
        if len(text) <= classification.LONGEST
        else ("an unread text",)
    )
    people = {target.address.normalised for target in targets}
    first = to_strangers = False
    if pitch or ContentClass.COLD_OUTREACH in offered:
        c = CONTACT.c
        rows = store.rows(
            select(c.address).where(c.agent_id == mailbox.agent_id, c.address.in_(people), c.left_at.is_not(None))
        )
        contacted = {row.address for row in rows}
        first = bool(people - contacted)
        to_strangers = bool(pitch) and _strangers(
            store, mailbox, people, contacted if consent_facts.relates([declared]) else set()
        )
    return classification.raise_class(
        declared,
        subject=submission.subject,
        text=text,
        first_contact=first,
        mailbox_classes=offered,
        named=policy.classes.commitment_phrases,
        invites=compose.invites(submission.attachments),
        unread=compose.beyond(submission.attachments),
        pitch=pitch,
        strangers=to_strangers,
        one_click=len(targets) == 1 and bool(mailbox.organisation and mailbox.postal_address),
    )


def refuse_crowds(content_class: ContentClass, targets: Sequence[Target]) -> None:
    """Require exactly one recipient where RFC 8058 one-click unsubscribe is needed: it unsubscribes one recipient.

    Raises `Invalid`.
    """
    if content_class in UNSUBSCRIBE_CLASSES and len(targets) != 1:
        raise Invalid(
            f"{content_class} needs one-click unsubscribe and so allows exactly one address in to, cc and bcc together",
            fix="submit one message for each recipient",
            problems=(("to", f"exactly one address for {content_class}"),),
        )


def raised_by(raised: Raised) -> tuple[Reason, ...]:
    """Why the message is not sent as its declared class, for the reviewer."""
    return tuple(
        Reason(cause.rule, f"raised to {cause.content_class}: {', '.join(cause.words) or cause.rule}")
        for cause in raised.causes
    )


def _strangers(store: Reads, mailbox: SenderState, people: set[str], contacted: set[str]) -> bool:
    """Whether any of these people has no relationship with us; asked only for the few commercial messages."""
    known = consent_facts.records(store.rows(consent_facts.of(people)))
    return any(
        consent.stranger(
            address=address, contacted=address in contacted, now=store.clock.now(),
            records=consent_facts.mine(known, address, stream_id=mailbox.stream_id),
        )
        for address in people
    )  # fmt: skip
