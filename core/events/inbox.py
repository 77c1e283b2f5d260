"""Mail that a mailbox receives: `email.received` and `email.released`. Reads are `email.read`, in `mail`."""

from __future__ import annotations

from dataclasses import dataclass

from core.events.catalogue import Event, fact


@fact("email.received")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReceived(Event):
    """A mailbox received a message; it is durable. `source` is the way in, `digest` the SHA-256 of its bytes.

    `dmarc` is the verdict of the mail server in front, `answers` our message that it proves to answer. `held`: a person
    looks at it before its agent can read it.
    """

    source: str
    digest: str
    size: int
    attachments: int
    dmarc: str
    automatic: bool
    held: bool
    answers: str | None = None


@fact("email.released")
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReleased(Event):
    """A person released a received message that was held: its agent can read it now."""

    reason: str | None = None
