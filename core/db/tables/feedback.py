"""What is known of the people written to: who was, who must not be, who agreed, and which reports came in.

Addresses are here, where erasure reaches them; the log knows these records by their ids alone.
"""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, CLUSTERED, Big, big, maybe_big


class Contact(SQLModel, table=True):
    """Whom an agent has written to. Without `left_at` nothing has left yet, and `message_id` holds the place."""

    __table_args__ = CLUSTERED
    agent_id: int = Field(primary_key=True)
    address: str = Field(primary_key=True)
    first_at: int = big()
    """When its place among the day's first-time recipients was taken."""
    left_at: int | None = maybe_big()
    message_id: int | None = maybe_big()


class Suppression(SQLModel, table=True):
    """Nothing goes to `address` (of every stream, or of `stream_id`) until `expires_at`.

    `classes`: `*`, or the content classes that it keeps away, with commas: who leaves offers still gets receipts.
    """

    __table_args__ = (Index("ix_suppression_address", "address"), AUTO)
    id: int | None = Field(default=None, primary_key=True)
    address: str
    stream_id: int | None = None
    classes: str = Field(default="*", sa_column_kwargs={"server_default": "*"})
    cause: str
    source: str
    reason: str | None = None
    """Why, in the words of who added it; never in the log, for it may speak of the person."""
    message_id: int | None = maybe_big()
    added_by: str
    added_at: int = big()
    expires_at: int | None = maybe_big()
    removed_at: int | None = maybe_big()


class Consent(SQLModel, table=True):
    """A recipient's (or domain's) basis for being written to. Agents never write here."""

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
    """A recipient whose complaint or bounce was counted against an agent, so that the next one is no second person.

    `sent_at` is when the mail was sent that it came back about.
    """

    __tablename__ = "rate_event"
    __table_args__ = (Index("ix_rate_event_domain", "agent_id", "measure", "domain"), CLUSTERED)
    agent_id: int = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    domain: str
    sent_at: int = big(index=True)


class FeedbackSeen(SQLModel, table=True):
    """A provider's event that was absorbed; a second delivery of it counts nothing."""

    __tablename__ = "feedback_seen"
    __table_args__ = CLUSTERED
    key: str = Field(primary_key=True)
    at: int = big(index=True)


class KeptWebhook(SQLModel, table=True):
    """A provider's webhook that nothing speaks against, while what would prove it cannot be fetched.

    It is verified again at `next_at`, as of `received_at`. `digest` (SHA-256 of the body) keeps a repetition out.
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
