"""Received mail: a row for each mailbox it was delivered to, its content once, addresses; and agents' contacts.

Separate from `mail`, so that no query about sending can ever meet a received message. The content is shared by all
mailboxes that one delivery was for; retention and erasure empty it, and the addresses, in place.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, Index, LargeBinary, UniqueConstraint, event, false, text
from sqlalchemy.schema import DDLElement
from sqlmodel import Field, SQLModel

from core.db.tables.columns import AUTO, CLUSTERED, Json, big, json, maybe_big, table


class InboundContent(SQLModel, table=True):
    """A received message's bytes (zlib), and what a reader sees of them. `digest` is the SHA-256 of the bytes.

    `text` is the text part, or the HTML turned into text; `visible` the same without quoted mail. `hidden` are runs of
    text that the HTML hides from its reader. `attachments`: index, name, type, sniffed type, size, SHA-256.
    """

    __tablename__ = "inbound_content"
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str = Field(index=True)
    size: int
    raw: bytes | None = Field(default=None, sa_type=LargeBinary)
    text: str = ""
    visible: str = ""
    hidden: list[str] = json(default_factory=list)
    attachments: list[Json] = json(default_factory=list)
    purge_at: int | None = maybe_big(index=True)


INBOUND_FEW: Final = {
    "unread": "read_at IS NULL",
    "tagged": "CAST(tags AS TEXT) <> '[]'",
    "attached": "attachments > 0",
}
"""What may be true of nearly none of a mailbox's mail, and has an index of its own."""


class InboundMessage(SQLModel, table=True):
    """A message that a mailbox received.

    `thread` is the key that `message.conversation` uses. `status`: `delivered` to the agent, `held` for a person, or
    `rejected` by one. `dedupe_key` is the same when the same mail is handed over again.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("ix_inbound_message_mailbox", "mailbox_id", "status", "id"),
        Index("ix_inbound_message_thread", "mailbox_id", "thread", "id"),
        Index("ix_inbound_message_named", "mailbox_id", "rfc_message_id"),
        Index("ix_inbound_message_status", "status", "id"),
        Index("ix_inbound_message_content", "content_id"),
        *(
            Index(
                f"ix_inbound_message_{name}",
                "mailbox_id",
                "status",
                "id",
                sqlite_where=text(condition),
                postgresql_where=text(condition),
            )
            for name, condition in INBOUND_FEW.items()
        ),
        UniqueConstraint("mailbox_id", "dedupe_key"),
    )
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content_id: int = big()
    mailbox_id: int
    agent_id: int
    stream_id: int
    source: str
    """The way in: `lmtp`, `maildir`, `raw`, or a provider."""
    dedupe_key: str
    size: int
    subject: str
    rfc_message_id: str | None = None
    in_reply_to: str | None = None
    references: list[str] = json(default_factory=list)
    thread: int = big()
    thread_proof: str | None = None
    """`signed`: it names a Message-ID of ours, whose HMAC is right; `references`: it names mail of this mailbox."""
    answers: int | None = maybe_big()
    """Our message that it answers, by a signed Message-ID."""
    dated_at: int | None = maybe_big()
    received_at: int = big()
    attachments: int = 0
    automatic: str | None = None
    """Why an automated responder must not answer it (RFC 3834)."""
    authentication: Json = json(default_factory=dict)
    dmarc: str = "none"
    score: float | None = None
    """Result of screening, 0 to 1; NULL: not screened."""
    findings: list[Json] = json(default_factory=list)
    """What screening found: `code`, `text`, `weight` (0 to 1) and `where` of each."""
    status: str
    held_for: list[Json] = json(default_factory=list)
    decided_at: int | None = maybe_big()
    decided_by: str | None = None
    reason: str | None = None
    read_at: int | None = maybe_big()
    tags: list[str] = json(default_factory=list)
    tags_tainted_by: int | None = maybe_big()
    """Another stranger's mail that the agent had read when it set the tags; they may repeat it."""


class InboundAddress(SQLModel, table=True):
    """An address that a received message names. `role`: sender (the envelope's), from, reply_to, to or cc.

    `name` is the name beside it. `address` is normalised, as in suppressions and consents; `given` is as written.
    """

    __tablename__ = "inbound_address"
    __table_args__ = CLUSTERED
    inbound_id: int = big(primary_key=True)
    n: int = Field(primary_key=True)
    role: str
    address: str = Field(index=True)
    given: str
    name: str = ""


class Taint(SQLModel, table=True):
    """A message of a stranger that an agent has read, and which of its runs may know what it says.

    `run_id` is the run of the token that read it, if a person bound that token to a run. Otherwise NULL: any token of
    the agent without such a run may know it, in every run that begins before `until`. `holds`: mail to anyone outside
    its thread is held; else people are only notified. `indirect`: the run was shown a note, a tag or mail of the
    agent's own that may repeat it. Those may repeat other mail as well, so nobody counts as inside its thread.
    """

    __table_args__ = (
        Index("ix_taint_run", "agent_id", "run_id", "id"),
        Index("ix_taint_inbound", "inbound_id"),
        AUTO,
    )
    id: int | None = Field(default=None, primary_key=True)
    agent_id: int
    run_id: int | None = None
    until: int | None = maybe_big()
    inbound_id: int = big()
    mailbox_id: int
    thread: int = big()
    holds: bool = True
    indirect: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    read_at: int = big()


class MailboxContact(SQLModel, table=True):
    """A person whom an agent has written down for its mailbox. `address` is normalised.

    It permits nothing: no rule about consent, allow-lists or taint may read it, because agents write it themselves.
    """

    __tablename__ = "mailbox_contact"
    __table_args__ = (UniqueConstraint("mailbox_id", "address"),)
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    mailbox_id: int
    address: str = Field(index=True)
    name: str = ""
    tags: list[str] = json(default_factory=list)
    notes: str = ""
    tainted_by: int | None = maybe_big()
    """Received mail of a stranger that its agent had read before it wrote this: whoever reads it has read that."""
    created_at: int = big()
    updated_at: int = big()


class InboundSearch(SQLModel, table=True):
    """The words of a received message, as `rules/inbound/search_words` makes them; gone with the message's content.

    The index over them follows each change in the same transaction: FTS5 by triggers, PostgreSQL's GIN by itself.
    """

    __tablename__ = "inbound_search"
    id: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Of the received message."""
    words: str


SEARCH_INDEX_SQLITE: Final = (
    (
        "CREATE VIRTUAL TABLE inbound_search_index USING fts5(words, content='inbound_search', content_rowid='id', "
        "tokenize='ascii', detail=none, columnsize=0)"
    ),
    (
        "CREATE TRIGGER inbound_search_added AFTER INSERT ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(rowid, words) VALUES (new.id, new.words); END"
    ),
    (
        "CREATE TRIGGER inbound_search_removed AFTER DELETE ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(inbound_search_index, rowid, words) VALUES ('delete', old.id, old.words); END"
    ),
    (
        "CREATE TRIGGER inbound_search_changed AFTER UPDATE ON inbound_search BEGIN "
        "INSERT INTO inbound_search_index(inbound_search_index, rowid, words) VALUES ('delete', old.id, old.words); "
        "INSERT INTO inbound_search_index(rowid, words) VALUES (new.id, new.words); END"
    ),
)
SEARCH_WINDOWS: Final = (37, 42, 47, 52)
"""Bits of an id below those that name a window of time: 66 seconds, 35 minutes, 19 hours and 25 days."""


def search_window(bits: int, number: str | int) -> str:
    """The word for a window of time; `<` is in no word of a message, nor of a query."""
    return f"<{bits}.{number}"


_WINDOWS: Final = "".join(f" || ' {search_window(bits, '')}' || CAST(id >> {bits} AS text)" for bits in SEARCH_WINDOWS)
SEARCH_WORDS: Final = f"array_to_tsvector(string_to_array(words{_WINDOWS}, ' '))"
"""What PostgreSQL indexes: a message's words, and the windows of time that its id is in."""
SEARCH_INDEX_POSTGRESQL: Final = f"CREATE INDEX ix_inbound_search_words ON inbound_search USING gin ({SEARCH_WORDS})"


def _ddl(statement: str, dialect: str) -> DDLElement:
    made: DDLElement = DDL(statement).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return made


for _statement in SEARCH_INDEX_SQLITE:
    event.listen(table(InboundSearch), "after_create", _ddl(_statement, "sqlite"))
event.listen(table(InboundSearch), "after_create", _ddl(SEARCH_INDEX_POSTGRESQL, "postgresql"))
