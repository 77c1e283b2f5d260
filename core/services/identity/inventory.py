"""Inventory of non-human identities, as an IAM team keeps and imports it: one entry for each mailbox of an agent.

Everything is read from the rows that the gate reads, a page at a time. JSON nests what CSV flattens; both use the same
names, and the command line and HTTP both render them here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from core.db import directory
from core.db import gate_queries as gate_facts
from core.db.directory import AgentFacts, MailboxRecord, OperatorFacts, TokenRecord
from core.db.tables import MAILBOX, MESSAGE, SIGNOFF, TOKEN
from core.durations import DAY, when
from core.model import Role
from core.rules import identity_findings
from core.rules.identity_findings import DrillResult, Finding
from core.rules.policy import Policy
from core.services import context

PAGE: Final = 200
CURRENT: Final = ("active", "requested")
"""What is an identity or may become one; the others have ended and are listed on request."""
_EVERY: Final = (*CURRENT, "vetoed", "retired")
_KINDS: Final = ("owner", "governance", "deliverability")


@dataclass(frozen=True, slots=True)
class Entry:
    """One identity with all that is known about it. `credentials` are its agent's tokens in force."""

    record: MailboxRecord
    agent: AgentFacts | None
    reviewers: Mapping[str, str]
    credentials: tuple[TokenRecord, ...]
    last_used_at: int | None
    last_message_at: int | None
    owner_active: bool
    drill_due_at: int | None
    stale: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Entries by address; `next` is the start of the next page, None after the last."""

    entries: tuple[Entry, ...]
    next: str | None


# --- reading ------------------------------------------------------------------------------------------------------


def page(conn: Connection, *, now: int, after: str = "", ended: bool = False, limit: int = PAGE) -> Page:
    """Return the page of identities whose addresses follow `after`; `ended` includes those vetoed or retired."""
    policy = context.parsed(gate_facts.policy_text(conn)[1])
    records = directory.mailboxes(conn, after=after, status=_EVERY if ended else CURRENT, limit=limit)
    facts = _Facts.read(conn, records, now=now)
    entries = tuple(_entry(record, facts, policy=policy, now=now) for record in records)
    return Page(entries, records[-1].address if len(records) == limit else None)


def everything(conn: Connection, *, now: int, ended: bool = False) -> Iterator[Entry]:
    """Yield every identity by address, read page by page."""
    after: str | None = ""
    while after is not None:
        found = page(conn, now=now, after=after, ended=ended)
        yield from found.entries
        after = found.next


@dataclass(frozen=True, slots=True)
class _Facts:
    """Related rows that a page of records needs, each read once."""

    agents: Mapping[int, AgentFacts]
    operators: Mapping[str, OperatorFacts]
    reviewers: Mapping[int, Mapping[str, str]]
    credentials: Mapping[int, Sequence[TokenRecord]]
    used: Mapping[int, int]
    sent: Mapping[int, int]

    @classmethod
    def read(cls, conn: Connection, records: Sequence[MailboxRecord], *, now: int) -> _Facts:
        mailboxes = [record.id for record in records]
        agents = sorted({record.agent_id for record in records if record.agent_id is not None})
        signed: dict[int, dict[str, str]] = {}
        s = SIGNOFF.c
        for row in conn.execute(
            select(s.mailbox_id, s.kind, s.operator).where(s.mailbox_id.in_(mailboxes), s.approved).order_by(s.id)
        ):
            signed.setdefault(row.mailbox_id, {})[row.kind] = row.operator
        held: dict[int, list[TokenRecord]] = {}
        for token in directory.tokens_alive(conn, now=now, agent_id=agents):
            held.setdefault(token.agent_id, []).append(token)
        return cls(
            agents={one.id: one for one in directory.agents_by_id(conn, agents)},
            operators={one.name.casefold(): one for one in directory.operators(conn)},
            reviewers=signed,
            credentials=held,
            used=_last_used(conn, agents),
            sent=_last_sent(conn, mailboxes),
        )


def _last_used(conn: Connection, agents: Sequence[int]) -> dict[int, int]:
    """When a token of each agent was last presented, including tokens that have ended."""
    c = TOKEN.c
    latest = select(c.agent_id, func.max(c.last_used_at).label("at")).where(
        c.agent_id.in_(agents), c.last_used_at.is_not(None)
    )
    return {row.agent_id: row.at for row in conn.execute(latest.group_by(c.agent_id))}


def _last_sent(conn: Connection, mailboxes: Sequence[int]) -> dict[int, int]:
    """When each mailbox last submitted a message: ids increase with time, so each is one index lookup."""
    m = MESSAGE.c
    newest = select(m.submitted_at).where(m.mailbox_id == MAILBOX.c.id).order_by(m.id.desc()).limit(1)
    rows = conn.execute(select(MAILBOX.c.id, newest.scalar_subquery().label("at")).where(MAILBOX.c.id.in_(mailboxes)))
    return {row.id: row.at for row in rows if row.at is not None}


def _entry(record: MailboxRecord, facts: _Facts, *, policy: Policy, now: int) -> Entry:
    agent = facts.agents.get(record.agent_id or 0)
    person = facts.operators.get((record.owner or "").casefold())
    active = record.status == "active"
    identity = identity_findings.Identity(
        agent=record.agent or "",
        address=record.address,
        owner=record.owner,
        owner_active=person is not None and person.disabled_at is None and Role.OWNER in person.roles,
        system_owner=record.system_owner,
        activated_at=record.activated_at if active else None,
        last_used_at=facts.used.get(record.agent_id or 0),
        drill_started_at=agent.drill_started_at if agent else None,
        drilled_at=agent.drilled_at if agent else None,
        drill_failures=tuple(agent.drill_failures or ()) if agent else (),
        drill_unreached=tuple(agent.drill_unreached or ()) if agent else (),
    )
    terms = policy.identities
    ended = record.status not in CURRENT
    return Entry(
        record=record,
        agent=agent,
        reviewers=facts.reviewers.get(record.id, {}),
        credentials=() if ended else tuple(facts.credentials.get(record.agent_id or 0, ())),
        last_used_at=identity.last_used_at,
        last_message_at=facts.sent.get(record.id),
        owner_active=identity.owner_active,
        drill_due_at=identity_findings.drill_due_at(
            activated_at=identity.activated_at, drilled_at=identity.drilled_at, every=terms.drill_every
        ),
        stale=identity_findings.is_unused(identity, now=now, unused_after=terms.unused_after),
        findings=()
        if ended
        else identity_findings.findings(
            identity, now=now, drill_every=terms.drill_every, unused_after=terms.unused_after
        ),
    )


# --- writing ------------------------------------------------------------------------------------------------------


def as_json(entry: Entry, *, now: int) -> dict[str, Any]:
    """Render an entry, with its credentials and findings in full; `serializers.inventory_csv` flattens it."""
    record, agent, held = entry.record, entry.agent, entry.credentials
    oldest = min((one.issued_at for one in held), default=None)
    return {
        "mailbox": record.address,
        "agent": record.agent,
        "identity_type": "non-human",
        "status": record.status,
        "agent_status": record.agent_status,
        "oversight_mode": record.mode,
        "purpose": record.purpose,
        "owner": record.owner,
        "owner_active": entry.owner_active,
        "system_owner": record.system_owner,
        "systems": record.systems,
        "requested_by": record.requested_by,
        **{f"{kind}_reviewer": entry.reviewers.get(kind) for kind in _KINDS},
        "requested_at": when(record.requested_at),
        "activated_at": when(record.activated_at),
        "expires_at": when(record.expires_at),
        "revoke_when": record.revoke_when,
        "credential_count": len(held),
        "oldest_credential_issued_at": when(oldest),
        "oldest_credential_age_days": None if oldest is None else (now - oldest) // DAY,
        "credentials_expire_at": when(max((one.expires_at for one in held), default=None)),
        "last_used_at": when(entry.last_used_at),
        "last_message_at": when(entry.last_message_at),
        "last_drill_at": when(agent.drilled_at if agent else None),
        "last_drill_by": agent.drilled_by if agent else None,
        "last_drill_result": drill_result(agent),
        "drill_due_at": when(entry.drill_due_at),
        "stale": entry.stale,
        "stream": record.domain,
        "credentials": [_credential(one, now=now) for one in held],
        "scopes": sorted({scope for one in held for scope in one.scopes}),
        "findings": [{"code": one.code.value, "text": one.text, "fix": one.fix} for one in entry.findings],
    }


def drill_result(agent: AgentFacts | None) -> DrillResult:
    """Return the result of an agent's last drill."""
    if agent is None or (agent.drilled_at is None and agent.drill_started_at is None):
        return DrillResult.NEVER
    if agent.drill_started_at is not None:
        return DrillResult.UNFINISHED
    return identity_findings.drill_result(agent.drill_failures or (), agent.drill_unreached or ())


def _credential(one: TokenRecord, *, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "type": "bearer token",
        "scopes": [*one.scopes],
        "test": bool(one.test),
        "bound_to_run": one.run_key,
        "delegated_from": one.parent_id,
        "issued_by": one.issued_by,
        "issued_at": when(one.issued_at),
        "age_days": (now - one.issued_at) // DAY,
        "expires_at": when(one.expires_at),
        "last_used_at": when(one.last_used_at),
    }
