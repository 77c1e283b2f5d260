"""Mail that a mailbox receives, and the contacts that its agent keeps. Reads are `email.read`, in `mail`."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Event, fact


@fact("email.received")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReceived(Event):
    """A mailbox received a message; it is durable. `source` is the way in, `digest` the SHA-256 of its bytes.

    `dmarc` is the verdict of the mail server in front, `answers` our message that it proves to answer. `held`: a person
    looks at it before its agent can read it. `score` is the result of screening, 0 to 1, from that many `findings`.
    """

    source: str
    digest: str
    size: int
    attachments: int
    dmarc: str
    automatic: bool
    held: bool
    answers: str | None = None
    score: float | None = None
    findings: int = 0


@fact("email.released")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReleased(Event):
    """A received message that was held and approved, by `by`, is released: its agent can read it now."""

    by: str | None = None
    reason: str | None = None


@fact("contact.added")
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAdded(Event):
    """An agent added a contact to its mailbox. It is a note: not consent, and not an entry of an allow-list."""

    contact: int
    token: int
    tags: int


@fact("contact.changed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged(Event):
    """An agent changed a contact's name, tags or notes; it now has this many `tags`."""

    contact: int
    token: int
    tags: int


@fact("contact.removed")
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved(Event):
    """An agent removed a contact of its mailbox."""

    contact: int
    token: int
