"""What people at the desk tell each other: who has taken an item, notes, edits of held mail, what they know about.

Texts that people type are here, so that erasure reaches them; the log holds ids and figures of them. The comment of a
return is the exception: as the reason of any decision, it is in the log as well.
"""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, CLUSTERED, big, maybe_big


class Claim(SQLModel, table=True):
    """A held item that a reviewer has taken until `until`; a claim past its time counts for nothing."""

    __table_args__ = CLUSTERED
    item: int = big(primary_key=True)
    operator: str
    at: int = big()
    until: int = big(index=True)


class Note(SQLModel, table=True):
    """A note on a message, an agent or an incident; an incident is a name that the operators choose."""

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    operator: str
    at: int = big(index=True)
    message: int | None = maybe_big(index=True)
    agent: int | None = Field(default=None, index=True)
    incident: str | None = Field(default=None, index=True)
    text: str


class Edit(SQLModel, table=True):
    """A person's edit of held mail: the bytes before it, and the text and HTML as edited.

    `before_digest` and `after_digest` are those of the log's `email.edited`. Texts and bytes are purged with the body.
    """

    __table_args__ = CLUSTERED
    message_id: int = big(primary_key=True)
    n: int = Field(primary_key=True)
    operator: str
    at: int = big()
    before_digest: str
    after_digest: str
    before_subject: str
    before_rendered: bytes | None = Field(default=None, sa_type=LargeBinary)
    text: str | None = None
    html: str | None = None


class Acknowledgement(SQLModel, table=True):
    """Something that needs attention and that somebody knows about until `until`; a worse state wakes it.

    `key` names it (`agent:quote-bot:suspended`), `level` is how bad it was: 0 is the worst.
    """

    __table_args__ = AUTO
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    operator: str
    at: int = big()
    until: int = big(index=True)
    level: int
    reason: str | None = None
