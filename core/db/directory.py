"""The directory of a desk: operators, agents, their mailboxes and tokens.

Narrow reads for the API, the command line and the console; lists are paged by key, never by offset. An operator read
here carries confirmed roles only, so that no caller can forget to exclude the others.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from core.db.tables import AGENT, MAILBOX, OPERATOR, STREAM, STREAM_KEY, TOKEN, WIDENING
from core.ids import sha256
from core.model import Actor, Role, Scope

PAGE: Final = 100


# --- operators ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OperatorFacts:
    """A human. `roles` are the confirmed ones; `claimed`: they hold a token that has been confirmed."""

    id: int
    name: str
    roles: tuple[Role, ...]
    unconfirmed: tuple[Role, ...]
    token_hash: bytes | None = field(repr=False)
    token_issued_at: int | None
    token_expires_at: int | None
    claim_hash: bytes | None = field(repr=False)
    claim_started_at: int | None
    claim_expires_at: int | None
    added_by: str
    confirmed_by: str | None
    created_at: int
    disabled_at: int | None

    @property
    def claimed(self) -> bool:
        return self.token_hash is not None

    @property
    def actor(self) -> Actor:
        """The actor of what this operator does."""
        return Actor("operator", self.name, frozenset(self.roles), self.token_hash)

    def expired(self, now: int) -> bool:
        return self.token_expires_at is not None and self.token_expires_at <= now


def operator_by_token(conn: Connection, digest: bytes) -> OperatorFacts | None:
    """Return the operator whose token has this SHA-256, whether or not it is still valid."""
    row = conn.execute(select(OPERATOR).where(OPERATOR.c.token_hash == digest)).first()
    return None if row is None else _operator(row)


def operator_by_claim(conn: Connection, digest: bytes) -> OperatorFacts | None:
    """Return the operator who claimed the token with this SHA-256 and waits for confirmation."""
    row = conn.execute(select(OPERATOR).where(OPERATOR.c.claim_hash == digest)).first()
    return None if row is None else _operator(row)


def operator(conn: Connection, name: str) -> OperatorFacts | None:
    """Look up an operator by name, ignoring case: two spellings are not two people."""
    row = conn.execute(select(OPERATOR).where(func.lower(OPERATOR.c.name) == name.strip().lower())).first()
    return None if row is None else _operator(row)


def operator_by_id(conn: Connection, operator_id: int) -> OperatorFacts | None:
    """Look up an operator by id."""
    row = conn.execute(select(OPERATOR).where(OPERATOR.c.id == operator_id)).first()
    return None if row is None else _operator(row)


def operators(conn: Connection) -> list[OperatorFacts]:
    """Return all operators, by name; an organisation has dozens, not millions."""
    return [_operator(row) for row in conn.execute(select(OPERATOR).order_by(OPERATOR.c.name))]


def _operator(row: Row[Any]) -> OperatorFacts:
    return OperatorFacts(
        id=row.id,
        name=row.name,
        roles=tuple(Role(role) for role in row.roles),
        unconfirmed=tuple(Role(role) for role in row.unconfirmed),
        token_hash=row.token_hash,
        token_issued_at=row.token_issued_at,
        token_expires_at=row.token_expires_at,
        claim_hash=row.claim_hash,
        claim_started_at=row.claim_started_at,
        claim_expires_at=row.claim_expires_at,
        added_by=row.added_by,
        confirmed_by=row.confirmed_by,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


# --- mailboxes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailboxRecord:
    """The whole record of an identity, with its agent and its stream. A request may have no `agent` yet."""

    id: int
    address: str
    display_name: str | None
    status: str
    mode: str
    mode_since: int
    raised_at: int | None
    pending_expiry: int | None
    purpose: str | None
    owner: str | None
    system_owner: str | None
    systems: str | None
    users: str | None
    standing_reason: str | None
    revoke_when: str | None
    stores_or_forwards: bool
    governance_reviewer: str | None
    classes: tuple[str, ...]
    allow: tuple[str, ...]
    requested_by: str
    requested_at: int
    activated_at: int | None
    expires_at: int | None
    warned_expiry_at: int | None
    retired_at: int | None
    updated_at: int
    limit_run: int | None
    limit_hour: int | None
    limit_day: int | None
    limit_new_recipients_day: int | None
    limit_site_minute: int | None
    limit_site_hour: int | None
    webhook_url: str | None
    webhook_secret: bytes | None
    webhook_previous: bytes | None
    webhook_previous_until: int | None
    webhook_events: tuple[str, ...] | None
    waits_for: str | None
    agent_id: int | None
    agent: str | None
    agent_status: str | None
    stream_id: int
    domain: str
    protected: bool
    owners: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of what people sign: every field that says what the identity may do and who answers for it."""
        shown = {name: getattr(self, name) for name in _SIGNED}
        if self.users is not None:  # added later: a record without it keeps the digest that people signed
            shown["users"] = self.users
        return sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hex()


_SIGNED: Final = (
    "address", "agent", "allow", "classes", "display_name", "domain", "expires_at", "mode", "owner", "pending_expiry",
    "purpose", "requested_by", "revoke_when", "standing_reason", "stores_or_forwards", "system_owner", "systems",
    "webhook_events", "webhook_url", "limit_run", "limit_hour", "limit_day", "limit_new_recipients_day",
    "limit_site_minute", "limit_site_hour",
)  # fmt: skip
_LISTS: Final = ("classes", "allow", "owners")
_ELSEWHERE: Final = {
    "agent": AGENT.c.name,
    "agent_status": AGENT.c.status,
    "domain": STREAM.c.domain,
    "protected": STREAM.c.protected,
    "owners": STREAM.c.owners,
}


@functools.cache
def _mailboxes() -> Select[Any]:
    named = {**MAILBOX.c, **_ELSEWHERE}
    columns = [named[f.name].label(f.name) for f in fields(MailboxRecord)]
    return (
        select(*columns)
        .select_from(MAILBOX)
        .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
        .outerjoin(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
    )


def mailbox(conn: Connection, address: str) -> MailboxRecord | None:
    """Look up a mailbox by its normalised address, active or not."""
    row = conn.execute(_mailboxes().where(MAILBOX.c.address == address.strip().lower())).first()
    return None if row is None else _record(row)


def mailboxes(
    conn: Connection,
    *,
    after: str = "",
    agent: str | None = None,
    status: str | Collection[str] | None = None,
    filtered: Sequence[ColumnElement[bool]] = (),
    limit: int = PAGE,
) -> list[MailboxRecord]:
    """Return a page by address; the next starts `after` its last address. `status`: one, or any of several.

    `requested` is the queue of signers: it includes the active mailboxes whose agents ask for more. `filtered` are the
    conditions of a filter (`queries.identity_filters`).
    """
    query = _mailboxes().where(MAILBOX.c.address > after, *filtered)
    if agent is not None:
        query = query.where(AGENT.c.name == agent)
    if status is not None:
        named = [status] if isinstance(status, str) else [*status]
        matches = MAILBOX.c.status.in_(named)
        query = query.where(or_(matches, asks_for_more()) if "requested" in named else matches)
    return [_record(row) for row in conn.execute(query.order_by(MAILBOX.c.address).limit(limit))]


@dataclass(frozen=True, slots=True)
class OwnMailbox:
    """A mailbox as its agent needs it to act: the address, whether it may, and how far."""

    address: str
    status: str
    mode: str


def own_mailboxes(conn: Connection, agent_id: int) -> tuple[OwnMailbox, ...]:
    """An agent's mailboxes that are not retired, the active ones first."""
    c = MAILBOX.c
    rows = conn.execute(
        select(c.address, c.status, c.mode).where(c.agent_id == agent_id, c.status != "retired").order_by(c.address)
    )
    found = [OwnMailbox(row.address, row.status, row.mode) for row in rows]
    return tuple(sorted(found, key=lambda one: one.status != "active"))


def asks_for_more() -> ColumnElement[bool]:
    """Return the condition of an active mailbox whose agent's widening waits for signatures."""
    waiting = select(WIDENING.c.id).where(WIDENING.c.mailbox_id == MAILBOX.c.id, WIDENING.c.outcome.is_(None))
    return (MAILBOX.c.status == "active") & waiting.exists()


def mailboxes_ending(conn: Connection, *, by: int, warned: bool | None = None, limit: int = PAGE) -> Sequence[str]:
    """Addresses of active identities that expire by then, earliest first. `warned`: whether a warning was sent."""
    c = MAILBOX.c
    query = select(c.address).where(c.status == "active", c.expires_at <= by)
    if warned is not None:
        query = query.where(c.warned_expiry_at.is_not(None) if warned else c.warned_expiry_at.is_(None))
    return [row.address for row in conn.execute(query.order_by(c.expires_at).limit(limit))]


def _record(row: Row[Any]) -> MailboxRecord:
    values: dict[str, Any] = row._asdict()
    for name in _LISTS:
        values[name] = tuple(values[name] or ())
    if values["webhook_events"] is not None:
        values["webhook_events"] = tuple(values["webhook_events"])
    return MailboxRecord(**values)


# --- agents and their tokens --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """A non-human identity and its state."""

    id: int
    name: str
    status: str
    created_at: int
    suspended_at: int | None
    suspended_by: str | None
    suspend_reason: str | None
    suspend_figures: dict[str, Any]
    guard_since: int
    drill_started_at: int | None
    drilled_at: int | None
    drilled_by: str | None
    drill_failures: list[str] | None
    drill_unreached: list[str] | None


_AGENTS: Final[Select[Any]] = select(*(AGENT.c[f.name] for f in fields(AgentFacts)))


def agent(conn: Connection, name: str) -> AgentFacts | None:
    row = conn.execute(_AGENTS.where(AGENT.c.name == name)).first()
    return None if row is None else AgentFacts(**row._asdict())


def agents(
    conn: Connection, *, after: str = "", filtered: Sequence[ColumnElement[bool]] = (), limit: int = PAGE
) -> list[AgentFacts]:
    """Return a page by name. `filtered` are the conditions of a filter (`queries.identity_filters`)."""
    rows = conn.execute(_AGENTS.where(AGENT.c.name > after, *filtered).order_by(AGENT.c.name).limit(limit))
    return [AgentFacts(**row._asdict()) for row in rows]


def agents_by_id(conn: Connection, ids: Collection[int]) -> list[AgentFacts]:
    return [AgentFacts(**row._asdict()) for row in conn.execute(_AGENTS.where(AGENT.c.id.in_(ids)))]


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token's record, without its secret."""

    id: int
    agent_id: int
    agent: str
    agent_status: str
    scopes: tuple[str, ...]
    test: bool
    run_key: str | None
    run_user: str | None
    parent_id: int | None
    issued_at: int
    issued_by: str
    expires_at: int
    revoked_at: int | None
    last_used_at: int | None
    owner: str | None
    address: str | None

    @property
    def enrols(self) -> bool:
        """Whether it is an enrolment token: it asks for a mailbox, and does nothing else."""
        return Scope.REQUEST.value in self.scopes

    def alive(self, now: int) -> bool:
        return self.revoked_at is None and now < self.expires_at


_NAMED: Final = {**TOKEN.c, "agent": AGENT.c.name, "agent_status": AGENT.c.status}
_TOKENS: Final[Select[Any]] = (
    select(*(_NAMED[f.name].label(f.name) for f in fields(TokenRecord)))
    .select_from(TOKEN)
    .join(AGENT, AGENT.c.id == TOKEN.c.agent_id)
)


def token(conn: Connection, token_id: int) -> TokenRecord | None:
    row = conn.execute(_TOKENS.where(TOKEN.c.id == token_id)).first()
    return None if row is None else _token(row)


def known_token(conn: Connection, token_id: int) -> TokenRecord:
    """Return a token that must exist, such as one just created."""
    found = token(conn, token_id)
    assert found is not None, f"token {token_id} is gone"
    return found


def tokens(
    conn: Connection, *, agent: str | None = None, before: int | None = None, limit: int = PAGE
) -> list[TokenRecord]:
    """Return a page, newest first; the next starts `before` its last id."""
    query = _TOKENS
    if agent is not None:
        query = query.where(AGENT.c.name == agent)
    if before is not None:
        query = query.where(TOKEN.c.id < before)
    return [_token(row) for row in conn.execute(query.order_by(TOKEN.c.id.desc()).limit(limit))]


def tokens_alive(
    conn: Connection, *, now: int, agent_id: int | Collection[int] | None = None, parent: int | None = None
) -> list[TokenRecord]:
    """Return valid tokens: of one agent or several, or delegated from a token."""
    query = _TOKENS.where(TOKEN.c.revoked_at.is_(None), TOKEN.c.expires_at > now)
    if agent_id is not None:
        query = query.where(TOKEN.c.agent_id.in_([agent_id] if isinstance(agent_id, int) else agent_id))
    if parent is not None:
        query = query.where(TOKEN.c.parent_id == parent)
    return [_token(row) for row in conn.execute(query.order_by(TOKEN.c.id))]


def tokens_revoked(conn: Connection, *, agent_id: int, since: int) -> list[TokenRecord]:
    """Return the agent's tokens that were revoked at this time or later, by id."""
    query = _TOKENS.where(TOKEN.c.agent_id == agent_id, TOKEN.c.revoked_at >= since).order_by(TOKEN.c.id)
    return [_token(row) for row in conn.execute(query)]


def _token(row: Row[Any]) -> TokenRecord:
    values: dict[str, Any] = row._asdict()
    return TokenRecord(**(values | {"scopes": tuple(row.scopes or ())}))


def stream_with_keys(conn: Connection, stream_id: int) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """Return a stream and its current signing keys, Ed25519 and RSA; private keys are sealed."""
    stream = conn.execute(select(STREAM).where(STREAM.c.id == stream_id)).one()
    c = STREAM_KEY.c
    signing = (c.stream_id == stream_id, c.slot == stream.active_slot, c.retired_at.is_(None))
    keys = conn.execute(select(STREAM_KEY).where(*signing).order_by(c.algorithm.desc())).all()
    return stream, keys
