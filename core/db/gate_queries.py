"""Queries for the gate: token, mailbox with its agent and stream, policy, suppression.

Each is one narrow read, cached for the length of a batch, so that fifty messages of one mailbox need one.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Row, Select, bindparam, case, func, or_, select

from core.db.tables import AGENT, CONTACT, DESK, IDEMPOTENCY, MAILBOX, POLICY_VERSION, RUN, STREAM, SUPPRESSION, TOKEN
from core.db.transaction import Transaction
from core.model import EVERY_CLASS, RUN_MEMBERS, RunMembers, Scope

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What an agent's token permits."""

    id: int
    agent_id: int
    agent_name: str
    scopes: tuple[str, ...]
    test: bool
    run_key: str | None
    run_user: str | None
    expires_at: int
    """Of a delegated token: its own expiry, or its parent's if that is earlier."""
    revoked_at: int | None
    """Of a delegated token: also when its parent was revoked."""
    issued_by: str
    own_run: bool
    """Whether a person bound it, or the token it was delegated from, to its run. Agents choose the run of others."""

    @property
    def enrols(self) -> bool:
        """Whether it is an enrolment token: it asks for a mailbox, and does nothing else."""
        return Scope.REQUEST.value in self.scopes

    def alive(self, now: int) -> bool:
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class SenderState:
    """A mailbox with its agent and its stream: all state of theirs that the gate decides by."""

    mailbox_id: int
    address: str
    display_name: str | None
    status: str
    mode: str
    mode_since: int
    pending_expiry: int | None
    expires_at: int | None
    classes: tuple[str, ...]
    allow: tuple[str, ...]
    limit_run: int | None
    limit_hour: int | None
    limit_day: int | None
    limit_new_recipients_day: int | None
    limit_site_minute: int | None
    limit_site_hour: int | None
    webhook_url: str | None
    wake_at: int
    agent_id: int
    agent_name: str
    agent_status: str
    suspend_reason: str | None
    suspend_figures: dict[str, Any]
    guard_since: int
    tainted_at: int | None
    stream_id: int
    domain: str
    route: str
    provider: str
    protected: bool
    owners: tuple[str, ...]
    organisation: str | None
    postal_address: str | None
    unsubscribe_url: str | None
    paused_at: int | None
    backoff_until: int
    route_failures: int
    warm: bool
    warm_cap: int | None
    minute_messages: int | None


_RENAMED: Final = {
    "mailbox_id": MAILBOX.c.id,
    "agent_id": AGENT.c.id,
    "agent_name": AGENT.c.name,
    "agent_status": AGENT.c.status,
    "suspend_reason": AGENT.c.suspend_reason,
    "suspend_figures": AGENT.c.suspend_figures,
    "guard_since": AGENT.c.guard_since,
    "tainted_at": AGENT.c.tainted_at,
    "stream_id": STREAM.c.id,
}
_OF_STREAM: Final = {
    "domain", "route", "provider", "protected", "owners", "organisation", "postal_address",
    "unsubscribe_url", "paused_at", "backoff_until", "route_failures", "warm", "warm_cap",
    "minute_messages",
}  # fmt: skip
_LISTS: Final = {"classes", "allow", "owners"}


@functools.cache
def _gate() -> Select[Any]:
    columns = []
    for field in fields(SenderState):
        column = _RENAMED.get(field.name)
        if column is None:
            column = (STREAM if field.name in _OF_STREAM else MAILBOX).c[field.name]
        columns.append(column.label(field.name))
    return (
        select(*columns)
        .select_from(MAILBOX)
        .join(AGENT, AGENT.c.id == MAILBOX.c.agent_id)
        .join(STREAM, STREAM.c.id == MAILBOX.c.stream_id)
    )


@functools.cache
def _gate_by_address() -> Select[Any]:
    return _gate().where(MAILBOX.c.address == bindparam("b_address"))


@functools.cache
def _gate_by_id() -> Select[Any]:
    return _gate().where(MAILBOX.c.id == bindparam("b_id"))


def _sender_state(row: Row[Any] | None) -> SenderState | None:
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    for name in _LISTS:
        values[name] = tuple(values[name] or ())
    return SenderState(**values)


def gate_by_address(conn: Connection, address: str) -> SenderState | None:
    return _sender_state(conn.execute(_gate_by_address(), {"b_address": address}).first())


def gate(tx: Transaction, mailbox_id: int) -> SenderState:
    """Return the state of a mailbox that must exist."""

    def load() -> SenderState:
        found = _sender_state(tx.conn.execute(_gate_by_id(), {"b_id": mailbox_id}).first())
        assert found is not None, f"mailbox {mailbox_id} is gone"
        return found

    return tx.desk_cache.get(("gate", mailbox_id), load)


def token_by_hash(conn: Connection, digest: bytes) -> TokenFacts | None:
    """Return the agent's token with this SHA-256, whether or not it is still valid."""
    return _token_facts(conn.execute(_TOKEN_BY_HASH, {"b_hash": digest}).first())


def token(tx: Transaction, token_id: int) -> TokenFacts | None:
    return tx.desk_cache.get(
        ("token", token_id), lambda: _token_facts(tx.conn.execute(_TOKEN.where(TOKEN.c.id == token_id)).first())
    )


_PARENT: Final = TOKEN.alias("parent")
# Validity is read through the parent. Revoking a parent revokes its children too, but a child that is delegated in
# another transaction at that moment would not be among them, and would outlive its parent.
_TOKEN: Final[Select[Any]] = (
    select(
        TOKEN.c.id, TOKEN.c.agent_id, AGENT.c.name.label("agent_name"), TOKEN.c.scopes, TOKEN.c.test, TOKEN.c.run_key,
        TOKEN.c.run_user, TOKEN.c.issued_by,
        case((_PARENT.c.expires_at < TOKEN.c.expires_at, _PARENT.c.expires_at), else_=TOKEN.c.expires_at).label(
            "expires_at"
        ),
        func.coalesce(TOKEN.c.revoked_at, _PARENT.c.revoked_at).label("revoked_at"),
        case((_PARENT.c.id.is_(None), TOKEN.c.run_key.is_not(None)), else_=_PARENT.c.run_key.is_not(None)).label(
            "own_run"
        ),
    )
    .join(AGENT, AGENT.c.id == TOKEN.c.agent_id)
    .outerjoin(_PARENT, _PARENT.c.id == TOKEN.c.parent_id)
)  # fmt: skip


_TOKEN_BY_HASH: Final = _TOKEN.where(TOKEN.c.hash == bindparam("b_hash"))


def _token_facts(row: Row[Any] | None) -> TokenFacts | None:
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    return TokenFacts(**(values | {"scopes": tuple(row.scopes or ()), "own_run": bool(row.own_run)}))


def desk(tx: Transaction) -> Row[Any]:
    """The desk's one row."""

    def load() -> Row[Any]:
        return tx.conn.execute(select(DESK).where(DESK.c.id == 1)).one()

    return tx.desk_cache.get("desk", load)


def desk_created_at(conn: Connection) -> int:
    return int(conn.execute(select(DESK.c.created_at).where(DESK.c.id == 1)).scalar_one())


_POLICY: Final = select(POLICY_VERSION.c.version, POLICY_VERSION.c.content).join(
    DESK, DESK.c.policy_version == POLICY_VERSION.c.version
)


def policy_text(conn: Connection) -> tuple[int, str]:
    """Return version and content of the policy in force."""
    row = conn.execute(_POLICY).one()
    return int(row.version), str(row.content)


def policy_of(tx: Transaction, version: int) -> str:
    """Return the content of a stored version. Versions never change, so each is read once."""

    def load() -> str:
        return str(
            tx.conn.execute(select(POLICY_VERSION.c.content).where(POLICY_VERSION.c.version == version)).scalar_one()
        )

    return tx.desk_cache.get(("policy", version), load)


def policy_in_force(tx: Transaction) -> tuple[int, str]:
    return tx.desk_cache.get("policy", lambda: policy_text(tx.conn))


def agent_mailboxes(tx: Transaction, agent_id: int) -> Sequence[SenderState]:
    """Return the agent's active mailboxes: its caps are the largest among theirs."""

    def load() -> Sequence[SenderState]:
        rows = tx.conn.execute(_gate().where(MAILBOX.c.agent_id == agent_id, MAILBOX.c.status == "active"))
        return [facts for row in rows if (facts := _sender_state(row)) is not None]

    return tx.desk_cache.get(("mailboxes", agent_id), load)


def prefetch_mailboxes(tx: Transaction, agent_ids: Collection[int]) -> None:
    """Read the active mailboxes of many agents at once, for `agent_mailboxes` and `gate` to use."""
    found: dict[int, list[SenderState]] = {agent_id: [] for agent_id in agent_ids}
    rows = tx.conn.execute(_gate().where(MAILBOX.c.agent_id.in_(list(agent_ids)), MAILBOX.c.status == "active"))
    for box in map(_sender_state, rows):
        assert box is not None
        found[box.agent_id].append(box)
        tx.desk_cache.get(("gate", box.mailbox_id), functools.partial(_same, box))
    for agent_id, boxes in found.items():
        tx.desk_cache.get(("mailboxes", agent_id), functools.partial(_same, boxes))


def _same(found: T) -> T:
    return found


@dataclass(frozen=True, slots=True)
class RunFacts(RunMembers):
    """One execution of an agent."""

    id: int
    key: str
    implicit: bool
    closed_at: int | None
    confirmed_up_to: int | None


def run_members(row: Row[Any]) -> dict[str, Any]:
    """Return what a run's row declares, as values of `RunMembers`: lists are JSON in the row."""
    members = {name: getattr(row, name) for name in RUN_MEMBERS}
    return members | {"via": tuple(row.via or ()), "targets": tuple(row.targets or ())}


def _run_facts(row: Row[Any]) -> RunFacts:
    return RunFacts(
        id=row.id, key=row.key, implicit=bool(row.implicit), closed_at=row.closed_at,
        confirmed_up_to=row.confirmed_up_to, **run_members(row),
    )  # fmt: skip


def run(tx: Transaction, *, agent_id: int, key: str) -> RunFacts | None:
    def load() -> RunFacts | None:
        c = RUN.c
        row = tx.conn.execute(select(RUN).where(c.agent_id == agent_id, c.key == key)).first()
        return _run_facts(row) if row else None

    return tx.desk_cache.get(("run", agent_id, key), load)


_SUPPRESSED: Final = select(
    SUPPRESSION.c.address, SUPPRESSION.c.id, SUPPRESSION.c.cause, SUPPRESSION.c.stream_id, SUPPRESSION.c.classes
).where(
    SUPPRESSION.c.address.in_(bindparam("b_addresses", expanding=True)),
    SUPPRESSION.c.removed_at.is_(None),
    or_(SUPPRESSION.c.expires_at.is_(None), SUPPRESSION.c.expires_at > bindparam("b_now")),
)


def suppressed(
    tx: Transaction, addresses: Collection[str], *, stream_id: int, classes: Collection[str], now: int
) -> dict[str, tuple[int, str]]:
    """Return normalised address -> (suppression id, cause) of addresses suppressed for any of these classes.

    Only suppressions that apply to this stream; `classes` are what the message counts as, not every class it belongs
    to.
    """
    rows: Sequence[Any] | None = tx.batch_cache.rows("suppressed", addresses)
    if rows is None:
        rows = tx.fetch_unflushed(_SUPPRESSED, {"b_addresses": list(addresses), "b_now": now})
    return {
        row.address: (row.id, row.cause)
        for row in rows
        if row.stream_id in (None, stream_id) and any(keeps_away(row.classes, one) for one in classes)
    }


def keeps_away(classes: str, content_class: str) -> bool:
    """Return whether a suppression's `classes` include this one."""
    return classes == EVERY_CLASS or content_class in classes.split(",")


_KNOWN: Final = select(CONTACT.c.address, CONTACT.c.agent_id, CONTACT.c.left_at).where(
    CONTACT.c.address.in_(bindparam("b_addresses", expanding=True)),
    CONTACT.c.agent_id.in_(bindparam("b_agents", expanding=True)),
)


def contacts(tx: Transaction, addresses: Collection[str], *, agent_id: int) -> tuple[set[str], set[str]]:
    """Return the addresses this agent has sent mail to, and which of the others have some waiting."""
    rows: Sequence[Any] | None = tx.batch_cache.rows(("contacts", agent_id), addresses)
    if rows is None:
        rows = tx.fetch_unflushed(_KNOWN, {"b_agents": [agent_id], "b_addresses": list(addresses)})
    left = {row.address for row in rows if row.left_at is not None}
    return left, {row.address for row in rows} - left


def prefetch_suppressions(tx: Transaction, addresses: Collection[str]) -> None:
    """Prefetch for a whole batch what `suppressed` will ask of each stream and class."""
    listed = list(addresses)
    rows = tx.fetch_unflushed(_SUPPRESSED, {"b_addresses": listed, "b_now": tx.now})
    tx.batch_cache.keep_rows("suppressed", listed, rows)


def prefetch_recipients(tx: Transaction, addresses: Collection[str], *, agent_ids: Collection[int]) -> None:
    """Prefetch for a whole batch what `suppressed` and `contacts` will ask address by address."""
    listed = list(addresses)
    prefetch_suppressions(tx, listed)
    rows = tx.fetch_unflushed(_KNOWN, {"b_agents": list(agent_ids), "b_addresses": listed})
    for agent_id in agent_ids:
        tx.batch_cache.keep_rows(("contacts", agent_id), listed, [row for row in rows if row.agent_id == agent_id])


def idempotent_answer(tx: Transaction, *, mailbox_id: int, test: bool, key: str) -> Row[Any] | None:
    """Return the stored first answer to a key, if any."""
    c = IDEMPOTENCY.c
    return tx.one(select(IDEMPOTENCY).where(c.mailbox_id == mailbox_id, c.test == test, c.key == key))
