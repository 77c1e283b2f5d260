"""Data about recipients: contacts, suppressions, consents, and processed reports.

Addresses are here, where erasure reaches them; the log refers to these records only by id.
"""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, CLUSTERED, Big, big, maybe_big


class Contact(SQLModel, table=True):
    """A recipient of an agent's mail. Without `left_at` nothing was sent yet, and `message_id` reserves the place."""

    __table_args__ = CLUSTERED
    agent_id: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    first_at: int = big()
    """When it was counted among the day's first-time recipients."""
    left_at: int | None = maybe_big()
    message_id: int | None = maybe_big()


class Suppression(SQLModel, table=True):
    """Nothing is sent to `address` (from every stream, or from `stream_id`) until `expires_at`.

    `classes`: `*`, or a comma-separated list of the content classes it blocks: unsubscribing from offers does not stop
    receipts.
    """

    __table_args__ = (Index("ix_suppression_address", "address"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    address: str
    stream_id: int | None = None
    classes: str = Field(default="*", sa_column_kwargs={"server_default": "*"})
    cause: str
    source: str
    reason: str | None = None
    """The reason, in the words of the person who added it; never in the log, because it may be about the recipient."""
    message_id: int | None = maybe_big()
    added_by: str
    added_at: int = big()
    expires_at: int | None = maybe_big()
    removed_at: int | None = maybe_big()


class Consent(SQLModel, table=True):
    """The basis for writing to a recipient (or domain). Agents never write here."""

    __table_args__ = (Index("ix_consent_subject", "subject"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    subject: str
    stream_id: int | None = None
    basis: str
    scope: str = "*"
    source: str
    region: str | None = None
    given_at: int = big()
    expires_at: int | None = maybe_big()
    withdrawn_at: int | None = maybe_big()
    added_by: str


class RateEvent(SQLModel, table=True):
    """A recipient whose complaint or bounce counts against an agent; another from them is not a second person.

    `sent_at` is when the mail in question was sent.
    """

    __tablename__ = "rate_event"
    __table_args__ = (Index("ix_rate_event_domain", "agent_id", "measure", "domain"), CLUSTERED)
    agent_id: int = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    domain: str
    sent_at: int = big(index=True)


class FeedbackSeen(SQLModel, table=True):
    """A provider's event that was processed; a redelivery of it counts nothing."""

    __tablename__ = "feedback_seen"
    __table_args__ = CLUSTERED
    key: str = Field(primary_key=True)
    at: int = big(index=True)


class KeptWebhook(SQLModel, table=True):
    """A provider's webhook that passed all other checks, kept while what verifies it cannot be fetched.

    It is verified again at `next_at`, as of `received_at`. `digest` (SHA-256 of the body) detects duplicates.
    """

    __tablename__ = "kept_webhook"
    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True, sa_type=Big)
    source: str
    digest: str = Field(unique=True)
    body: bytes = Field(sa_type=LargeBinary)
    received_at: int = big()
    tries: int = 0
    next_at: int = big(index=True)
