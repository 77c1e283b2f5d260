"""Revocation drills: prove that an agent's tokens can be revoked, before the day when they must be.

A drill revokes every token of the agent, lets somebody try to send with them, and issues fresh ones by the ordinary
verb. The desk stores only digests, so it cannot send with an agent's own secret. For each token in force the drill
therefore issues a probe, a short-lived test token of the same scopes and binding, whose secret the caller holds. A
probe must be accepted before the revocation and rejected after it. Should revocation fail, what a test token sends
never leaves the desk.

**Scheduled by policy** (`[identities] drill_every`) means that people are asked, not that tokens end by the clock.
After the revocation the agent is cut off until somebody gives it the fresh token, which only people can do; a drill
that started by itself would be an outage. So when a drill is due the desk writes `identity.drill_due` and notifies the
channels of `[notify]`; doctor, console and inventory show it until a governance operator runs `postroom drill AGENT`.
Sites that can distribute tokens by program schedule that command and take the fresh tokens from its `--json`.

A drill spans several transactions, because requests are made in between. The first marks the agent: a drill that dies
after the revocation stays visible as unfinished, because its agent has no token.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select, update

from core.db import directory, gate_queries
from core.db.directory import AgentFacts, TokenRecord
from core.db.tables import AGENT, LANE, MAILBOX
from core.db.transaction import Transaction
from core.durations import MINUTE
from core.errors import Conflict, Invalid, NotFound
from core.events import IdentityDrillDue, IdentityDrilled
from core.model import SYSTEM, Actor, Scope
from core.rules import identity_findings
from core.rules.identity_findings import DrillResult
from core.rules.roles import Verb
from core.security.credentials import NewSecret
from core.services import access, context
from core.services.identity import tokens
from core.services.identity.tokens import LONGEST_LIFE, SHORTEST_LIFE, Grant

PROBE_LIFE: Final = 10 * MINUTE
RUNNING: Final = 10 * MINUTE
"""A drill takes seconds: one that started longer ago has died and does not block another."""
MOST_PROBES: Final = 50
"""Tokens that get their own probe. An agent with more has delegated them, and they differ only in their runs."""
REASON: Final = "revocation drill"
BATCH_SIZE: Final = 200

Mint = Callable[[], NewSecret]


@dataclass(frozen=True, slots=True)
class Probe:
    """A test token that stands for one in force; `stands_for` None: the agent had no token in force."""

    token: int
    stands_for: int | None
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that has started. `address` is a mailbox of the agent, for the messages that must be refused."""

    agent: AgentFacts
    address: str
    streams: tuple[tuple[int, str], ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A token issued in place of a revoked one; its secret is shown once."""

    token: int
    replaces: int
    scopes: tuple[Scope, ...]
    run: str | None
    user: str | None
    test: bool
    expires_at: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of a drill. See `IdentityDrilled` for the members; `failures` are sentences."""

    failures: tuple[str, ...]
    revoked: tuple[int, ...]
    gateways: tuple[str, ...]
    unreached: tuple[str, ...]
    closed_ms: int | None
    records: tuple[str, ...]
    remaining: tuple[str, ...]
    restored: tuple[int, ...]

    @property
    def result(self) -> DrillResult:
        return identity_findings.drill_result(self.failures, self.unreached)


# --- before it starts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What a drill of this agent would do, for the confirmation prompt."""

    tokens: tuple[TokenRecord, ...]
    waiting: int
    """Messages accepted before. Revoking tokens does not stop them; suspending the agent does."""
    shared_with: tuple[str, ...]
    """Other agents whose mail is signed with the same keys: removing the keys would stop them too."""


def plan(conn: Connection, name: str, *, now: int) -> Plan:
    """Plan a drill. Raises `NotFound`."""
    agent = directory.agent(conn, name)
    if agent is None:
        raise NotFound(f"there is no agent {name}", fix="postroom agent list lists them")
    agent_mailboxes = select(MAILBOX.c.id).where(MAILBOX.c.agent_id == agent.id)
    streams = select(MAILBOX.c.stream_id).where(MAILBOX.c.agent_id == agent.id, MAILBOX.c.status == "active")
    waiting = conn.execute(
        select(func.coalesce(func.sum(LANE.c.depth), 0)).where(LANE.c.mailbox_id.in_(agent_mailboxes))
    ).scalar()
    others = (
        select(AGENT.c.name)
        .join(MAILBOX, MAILBOX.c.agent_id == AGENT.c.id)
        .where(MAILBOX.c.stream_id.in_(streams), MAILBOX.c.status == "active", AGENT.c.id != agent.id)
        .distinct()
        .order_by(AGENT.c.name)
    )
    held = directory.tokens_alive(conn, now=now, agent_id=agent.id)
    return Plan(tuple(held), int(waiting or 0), tuple(conn.execute(others).scalars()))


# --- the drill ----------------------------------------------------------------------------------------------------


def start(tx: Transaction, name: str, *, mint: Mint, actor: Actor) -> Drill:
    """Mark the agent and issue a probe for each token in force. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.AGENT_DRILL)
    agent = directory.agent(tx.conn, name)
    if agent is None:
        raise NotFound(f"there is no agent {name}", fix="postroom agent list lists them")
    if agent.drill_started_at is not None and tx.now - agent.drill_started_at < RUNNING:
        raise Conflict(f"a drill of {name} is running", fix="wait for its result: postroom agent show")
    if agent.status == "suspended":
        raise Conflict(
            f"{name} is suspended and could not be issued a new token",
            fix="drill it after governance has resumed it: postroom agent resume",
        )
    mailboxes = tokens.open_mailboxes(tx, agent.id, name=name)
    held = [one for one in directory.tokens_alive(tx.conn, now=tx.now, agent_id=agent.id) if not one.enrols]
    probes = tuple(_probe(tx, name, one, mint(), actor=actor) for one in held[:MOST_PROBES] or (None,))
    tx.write(update(AGENT).where(AGENT.c.id == agent.id).values(drill_started_at=tx.now))
    return Drill(agent, mailboxes[0].address, streams(tx, name), probes)


def running(tx: Transaction, name: str, *, started: int, probes: Sequence[int], actor: Actor) -> Drill:
    """Return the drill of this agent that began then, for its next step.

    Raises `Forbidden`, `Conflict`: it is over, `Invalid`: what is named as a probe is another token, which a step must
    neither end as one nor leave out of what it revokes.
    """
    access.require(tx, actor, Verb.AGENT_DRILL)
    agent = directory.agent(tx.conn, name)
    if agent is None or agent.drill_started_at != started:
        raise Conflict(
            f"that drill of {name} has ended, or another has begun", fix="see its result: postroom agent show"
        )
    for number in probes:
        one = directory.token(tx.conn, number)
        if one is None or one.agent_id != agent.id or not one.test or one.issued_at != started:
            raise Invalid(f"token {number} is no probe of that drill", fix="name the probes that drill.start answered")
    return Drill(agent, "", streams(tx, name), tuple(Probe(number, None, "") for number in probes))


def streams(tx: Transaction, name: str) -> tuple[tuple[int, str], ...]:
    """Return the streams (id, domain) whose keys sign for this agent. Raises `NotFound`, `Conflict`."""
    agent = directory.agent(tx.conn, name)
    if agent is None:
        raise NotFound(f"there is no agent {name}", fix="postroom agent list lists them")
    mailboxes = tokens.open_mailboxes(tx, agent.id, name=name)
    return tuple(dict.fromkeys((mailbox.stream_id, mailbox.domain) for mailbox in mailboxes))


def abandon(tx: Transaction, drill: Drill, *, actor: Actor) -> None:
    """Undo a drill that has revoked nothing yet: end its probes, unmark the agent."""
    actor = access.require(tx, actor, Verb.AGENT_DRILL)
    _end_probes(tx, drill, actor=actor, reason=f"{REASON}, abandoned")
    tx.write(update(AGENT).where(AGENT.c.id == drill.agent.id).values(drill_started_at=None))


def revoke(tx: Transaction, drill: Drill, *, actor: Actor) -> tuple[TokenRecord, ...]:
    """Revoke every token of the agent, probes included; return the agent's own."""
    actor = access.require(tx, actor, Verb.AGENT_DRILL)
    held = directory.tokens_alive(tx.conn, now=tx.now, agent_id=drill.agent.id)
    tokens.end(tx, held, actor=actor, reason=REASON)
    probes = {probe.token for probe in drill.probes}
    return tuple(one for one in held if one.id not in probes)


def revoked_since(tx: Transaction, drill: Drill, at: int) -> tuple[TokenRecord, ...]:
    """Return the agent's own tokens that were revoked at this time or later.

    For a caller whose revocation was interrupted: it may have been committed all the same.
    """
    probes = {probe.token for probe in drill.probes}
    found = directory.tokens_revoked(tx.conn, agent_id=drill.agent.id, since=at)
    return tuple(one for one in found if one.id not in probes)


def has_revoked(tx: Transaction, drill: Drill, at: int) -> bool:
    """Whether it has revoked tokens. While one of its probes is in force, it was somebody else who revoked those."""
    return bool(revoked_since(tx, drill, at)) and not still_open(tx, [probe.token for probe in drill.probes])


def unrevoked(tx: Transaction, drill: Drill, at: int) -> list[int]:
    """Return the agent's tokens that were issued before this time and are in force."""
    alive = directory.tokens_alive(tx.conn, now=tx.now, agent_id=drill.agent.id)
    return [one.id for one in alive if one.issued_at < at]


def accepted(tx: Transaction, digest: bytes) -> int | None:
    """Return the id of the token with this digest if the desk accepts it, looked up as the API does."""
    found = gate_queries.token_by_hash(tx.conn, digest)
    return found.id if found is not None and found.alive(tx.now) else None


def still_open(tx: Transaction, ids: Collection[int]) -> list[int]:
    """Return which of these tokens every verb would still accept, by the query that the gate uses."""
    found = ((number, gate_queries.token(tx, number)) for number in ids)
    return [number for number, token in found if token is not None and token.alive(tx.now)]


def restore(
    tx: Transaction, drill: Drill, revoked: Sequence[TokenRecord], *, mint: Mint, actor: Actor
) -> tuple[Fresh, ...]:
    """Issue a fresh token for each that governance had issued; the agent delegates from these again.

    An enrolment token sends and reads nothing, so it is not replaced: its owner issues another.

    Tokens are issued by the ordinary verb, with its role and its event, no wider or longer-lived than the revoked ones.
    Raises as `tokens.issue` does: an agent suspended in the meantime gets none.
    """
    actor = access.require(tx, actor, Verb.AGENT_DRILL)
    fresh = []
    for one in revoked:
        if is_restored(one):
            made = mint()
            ttl = min(LONGEST_LIFE, max(SHORTEST_LIFE, one.expires_at - tx.now))
            grant = _grant(one, ttl=ttl, test=one.test)
            issued = tokens.issue(tx, agent=drill.agent.name, grant=grant, token_hash=made.digest, actor=actor)
            fresh.append(
                Fresh(
                    issued.token, one.id, issued.scopes, one.run_key, one.run_user, bool(one.test), issued.expires_at,
                    made.secret,
                )
            )  # fmt: skip
    return tuple(fresh)


def is_restored(one: TokenRecord) -> bool:
    """Whether a drill issues another for this token."""
    return one.parent_id is None and not one.enrols


def finish(tx: Transaction, drill: Drill, outcome: Outcome, *, actor: Actor) -> None:
    """Record the result on the agent and in the log."""
    actor = access.require(tx, actor, Verb.AGENT_DRILL)
    _end_probes(tx, drill, actor=actor, reason=REASON)  # in force only if the revocation itself was interrupted
    tx.write(
        update(AGENT)
        .where(AGENT.c.id == drill.agent.id)
        .values(
            drill_started_at=None, drilled_at=tx.now, drilled_by=actor.name, drill_failures=list(outcome.failures),
            drill_unreached=list(outcome.unreached),
        )
    )  # fmt: skip
    tx.emit(
        IdentityDrilled(
            actor=str(actor), agent=drill.agent.id, passed=outcome.result is DrillResult.PASSED,
            failures=[*outcome.failures], revoked=[*outcome.revoked], probes=[probe.token for probe in drill.probes],
            gateways=[*outcome.gateways], unreached=[*outcome.unreached], closed_ms=outcome.closed_ms,
            records=[*outcome.records], remaining=[*outcome.remaining], restored=[*outcome.restored],
        )
    )  # fmt: skip


# --- when one is due ----------------------------------------------------------------------------------------------


def ask_due(tx: Transaction, *, limit: int = BATCH_SIZE) -> int:
    """Report once for each agent that its drill is due; return how many. Revokes nothing."""
    _, policy = context.current_policy(tx)
    every = policy.identities.drill_every
    a = AGENT.c
    # An agent that was never drilled is due this long after its first mailbox became active.
    last = func.coalesce(a.drilled_at, func.min(MAILBOX.c.activated_at))
    due = (
        select(a.id, a.drilled_at, last.label("last"))
        .join(MAILBOX, and_(MAILBOX.c.agent_id == a.id, MAILBOX.c.status == "active"))
        .where(a.status == "active")
        .group_by(a.id, a.drilled_at, a.drill_asked_at)
        .having(last <= tx.now - every)
        .having(or_(a.drill_asked_at.is_(None), a.drill_asked_at < last + every))
        .order_by(a.id)
        .limit(limit)
    )
    rows = tx.all(due)
    for row in rows:
        tx.write(update(AGENT).where(a.id == row.id).values(drill_asked_at=tx.now))
        tx.emit(IdentityDrillDue(actor=str(SYSTEM), agent=row.id, due_at=int(row.last) + every, last_at=row.drilled_at))
    return len(rows)


# --- helpers ------------------------------------------------------------------------------------------------------


def _end_probes(tx: Transaction, drill: Drill, *, actor: Actor, reason: str) -> None:
    probes = {probe.token for probe in drill.probes}
    held = directory.tokens_alive(tx.conn, now=tx.now, agent_id=drill.agent.id)
    tokens.end(tx, [one for one in held if one.id in probes], actor=actor, reason=reason)


def _probe(tx: Transaction, agent: str, one: TokenRecord | None, made: NewSecret, *, actor: Actor) -> Probe:
    grant = Grant(ttl=PROBE_LIFE, test=True) if one is None else _grant(one, ttl=PROBE_LIFE, test=True)
    issued = tokens.issue(tx, agent=agent, grant=grant, token_hash=made.digest, actor=actor)
    return Probe(issued.token, None if one is None else one.id, made.secret)


def _grant(one: TokenRecord, *, ttl: int, test: bool) -> Grant:
    scopes = tuple(Scope(name) for name in one.scopes)
    return Grant(scopes=scopes, ttl=ttl, run=one.run_key, user=one.run_user, test=bool(test))
