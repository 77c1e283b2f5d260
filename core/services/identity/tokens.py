"""Agents' short-lived tokens: issued by governance, revoked by anyone who watches, delegated by the agent itself.

A token opens only mailboxes that have all their signatures: an agent that has no active one, or is suspended, gets
none. A delegated token never exceeds its parent in anything and is always bound to one run; otherwise making up tokens
would buy fresh runs and with them fresh caps.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, or_, update

from core.db import directory, gate_queries
from core.db.directory import TokenRecord
from core.db.gate_queries import SenderState
from core.db.tables import TOKEN
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, MINUTE, spell
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.events import TokenClaimed, TokenDelegated, TokenIssued, TokenRevoked
from core.model import GRANTABLE, Actor, Scope
from core.rules.budgets import HOUR_BUCKET, HOUR_MINUTES
from core.rules.roles import Verb
from core.services import access
from core.services.sending import limits
from core.services.sending.limits import Cap

USUAL_LIFE: Final = 8 * HOUR
SHORTEST_LIFE: Final = MINUTE
LONGEST_LIFE: Final = 30 * DAY
LONGEST_BINDING: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to allow. `ttl` is in microseconds; `run` and `user` bind it to one execution."""

    scopes: tuple[Scope, ...] = (Scope.SEND, Scope.READ)
    ttl: int = USUAL_LIFE
    run: str | None = None
    user: str | None = None
    test: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """An issued token. It expires no later than the last of the agent's identities.

    `run` and `user` are its binding, `test` is whether it is a test token: a delegated one takes them from its parent.
    """

    token: int
    expires_at: int
    scopes: tuple[Scope, ...]
    run: str | None = None
    user: str | None = None
    test: bool = False


def issue(tx: Transaction, *, agent: str, grant: Grant, token_hash: bytes, actor: Actor) -> Issued:
    """Issue a token to an agent, by governance. Raises `Forbidden`, `Invalid`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.TOKEN_ISSUE)
    _check(grant)
    bearer = directory.agent(tx.conn, agent)
    if bearer is None:
        raise NotFound(f"there is no agent {agent}", fix="request a mailbox for it first: postroom mailbox request")
    ends = _identity_ends(tx, bearer.id, name=agent, suspended=bearer.status == "suspended")
    expires_at = min(tx.now + grant.ttl, ends)
    token = tx.create(
        TOKEN,
        _row(tx, grant, agent_id=bearer.id, token_hash=token_hash, issued_by=actor.name, expires_at=expires_at),
    )
    tx.emit(
        TokenIssued(
            actor=str(actor), agent=bearer.id, token=token, scopes=_spelled(grant.scopes), expires_at=expires_at,
            test=grant.test, bound_run=grant.run,
        )
    )  # fmt: skip
    return Issued(token, expires_at, grant.scopes, grant.run, grant.user, grant.test)


def issue_claimed(tx: Transaction, *, agent_id: int, agent: str, token_hash: bytes, request: int) -> Issued:
    """Issue the first token of an agent that requested its own mailbox: for `enrolment_claims`, which has checked it.

    What allows it are the signatures under the request, so it is an ordinary token for a working day. Raises
    `Conflict` for an agent that has no active mailbox or is suspended.
    """
    bearer = directory.agent(tx.conn, agent)
    grant, actor = Grant(), Actor("agent", agent)
    suspended = bearer is not None and bearer.status == "suspended"
    expires_at = min(tx.now + grant.ttl, _identity_ends(tx, agent_id, name=agent, suspended=suspended))
    token = tx.create(
        TOKEN,
        _row(tx, grant, agent_id=agent_id, token_hash=token_hash, issued_by=str(actor), expires_at=expires_at),
    )
    tx.emit(
        TokenClaimed(
            actor=str(actor), agent=agent_id, token=token, request=request, scopes=_spelled(grant.scopes),
            expires_at=expires_at,
        )
    )  # fmt: skip
    return Issued(token, expires_at, grant.scopes)


def delegate(tx: Transaction, *, parent: int, grant: Grant, token_hash: bytes, actor: Actor) -> Issued:
    """Delegate a narrower token from an agent's own, for a sub-agent or a tool.

    Its scopes are a subset of the parent's, it expires no later, it is bound to one run, and test stays test. A
    delegated token cannot be delegated further. Raises `Forbidden`, `Unauthenticated`, `Invalid`, `Conflict`.
    """
    parent_token = _own(tx, parent, actor)
    _check(grant)
    run, user = _narrowed(parent_token, grant)
    ends = _identity_ends(
        tx, parent_token.agent_id, name=parent_token.agent, suspended=parent_token.agent_status == "suspended"
    )
    # Each delegation counts as a run opened by the parent: the hourly limit applies to the family (CONTRACT.md).
    opened = Cap(
        "runs_hour", "token", str(parent_token.id), "runs", limits.OPEN_RUNS_HOUR, HOUR_MINUTES, HOUR_BUCKET
    )  # fmt: skip
    if opened.room(tx).left == 0:
        raise Conflict(
            f"this token has opened {limits.OPEN_RUNS_HOUR} runs within the hour", fix="delegate fewer tokens"
        )
    opened.charge(tx, 1)
    bound = Grant(scopes=grant.scopes, ttl=grant.ttl, run=run, user=user, test=parent_token.test)
    expires_at = min(tx.now + grant.ttl, parent_token.expires_at, ends)
    row = _row(
        tx, bound, agent_id=parent_token.agent_id, token_hash=token_hash, issued_by=str(actor), expires_at=expires_at
    )  # fmt: skip
    token = tx.create(TOKEN, row | {"parent_id": parent_token.id})
    tx.emit(
        TokenDelegated(
            actor=str(actor), agent=parent_token.agent_id, token=token, parent=parent_token.id,
            scopes=_spelled(grant.scopes), expires_at=expires_at, bound_run=run,
        )
    )  # fmt: skip
    return Issued(token, expires_at, grant.scopes, run, user, bool(parent_token.test))


def revoke(tx: Transaction, *, token: int, actor: Actor, reason: str | None = None) -> int:
    """End a token and those delegated from it; return how many. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.TOKEN_REVOKE)
    record = directory.token(tx.conn, token)
    if record is None:
        raise NotFound("there is no such token", fix="postroom agent show lists an agent's tokens")
    if record.revoked_at is not None:
        raise Conflict("the token is already revoked", fix="postroom agent show lists the tokens in force")
    return end(tx, [record, *directory.tokens_alive(tx.conn, now=tx.now, parent=token)], actor=actor, reason=reason)


def end(tx: Transaction, tokens: Sequence[TokenRecord], *, actor: Actor, reason: str | None) -> int:
    """Revoke tokens without a permission check: for verbs that have checked (the retirement of an identity)."""
    for one in tokens:
        tx.write(update(TOKEN).where(TOKEN.c.id == one.id).values(revoked_at=tx.now))
        tx.emit(TokenRevoked(actor=str(actor), agent=one.agent_id, token=one.id, reason=reason))
    return len(tokens)


def open_mailboxes(tx: Transaction, agent_id: int, *, name: str) -> list[SenderState]:
    """Return the agent's active mailboxes, without which a token opens nothing. Raises `Conflict` if it has none."""
    found = [
        mailbox
        for mailbox in gate_queries.agent_mailboxes(tx, agent_id)
        if mailbox.expires_at is None or mailbox.expires_at > tx.now
    ]
    if not found:
        raise Conflict(
            f"{name} has no active mailbox", fix="have owner, governance and deliverability sign its request first"
        )
    return found


def note_use(tx: Transaction, token: int) -> None:
    """Record that a token was just presented: an observation of the API, not an act, so it emits no event."""
    tx.write_keeping_caches(_USED, [{"b_id": token, "b_at": tx.now}])


_USED: Final = (
    update(TOKEN)
    .where(
        TOKEN.c.id == bindparam("b_id"), or_(TOKEN.c.last_used_at.is_(None), TOKEN.c.last_used_at < bindparam("b_at"))
    )
    .values(last_used_at=bindparam("b_at"))
)


# --- helpers --------------------------------------------------------------------------------------------------------


def _check(grant: Grant) -> None:
    if not grant.scopes:
        raise Invalid("a token needs a scope", fix=f"the scopes are {', '.join(GRANTABLE)}")
    if not set(grant.scopes) <= set(GRANTABLE):
        raise Invalid(
            f"the scope {Scope.REQUEST} belongs to enrolment tokens, which an owner issues",
            fix="postroom token enrol --agent NAME",
        )
    if not SHORTEST_LIFE <= grant.ttl <= LONGEST_LIFE:
        raise Invalid(
            f"a token lives from {spell(SHORTEST_LIFE)} to {spell(LONGEST_LIFE)}, not {spell(grant.ttl)}",
            fix="issue a short-lived one now, and another when needed",
        )
    for name, text in (("run", grant.run), ("user", grant.user)):
        if text is not None and not (0 < len(text) <= LONGEST_BINDING and text.isprintable()):
            raise Invalid(f"{name} must be 1 to {LONGEST_BINDING} printable characters", problems=((name, "is not"),))


def _identity_ends(tx: Transaction, agent_id: int, *, name: str, suspended: bool) -> int:
    """Return when the last of the agent's active identities ends. Raises `Conflict` if it has none or is suspended."""
    if suspended:
        raise Conflict(f"{name} is suspended", fix="a token works only after governance has resumed the agent")
    return max(mailbox.expires_at or tx.now + LONGEST_LIFE for mailbox in open_mailboxes(tx, agent_id, name=name))


def _own(tx: Transaction, token: int, actor: Actor) -> TokenRecord:
    """Return the agent's own live token. Raises `Forbidden`, `Unauthenticated`."""
    record = directory.token(tx.conn, token)
    if actor.kind != "agent" or record is None or record.agent != actor.name:
        raise Forbidden(f"{actor} may delegate its own token only")
    if not record.alive(tx.now):
        raise Unauthenticated("the token has expired", fix="ask governance for another")
    if record.parent_id is not None:
        raise Forbidden("a delegated token cannot be delegated further", fix="delegate from its parent token")
    return record


def _narrowed(parent_token: TokenRecord, grant: Grant) -> tuple[str, str | None]:
    """Return the run and user that bind the new token. Raises `Forbidden` if it would be wider."""
    wider = [scope for scope in grant.scopes if scope.value not in parent_token.scopes]
    if wider:
        raise Forbidden(f"the token lacks {', '.join(wider)} and cannot delegate it")
    for name, bound, requested in (
        ("run", parent_token.run_key, grant.run),
        ("user", parent_token.run_user, grant.user),
    ):
        if bound is not None and requested not in (None, bound):
            raise Forbidden(f"the token is bound to its {name}, and so are tokens delegated from it")
    run = parent_token.run_key or grant.run
    if run is None:
        raise Invalid("a delegated token is for one run", fix="name the run", problems=(("run", "is missing"),))
    return run, parent_token.run_user or grant.user


def _row(
    tx: Transaction, grant: Grant, *, agent_id: int, token_hash: bytes, issued_by: str, expires_at: int
) -> dict[str, object]:
    return {
        "hash": token_hash,
        "agent_id": agent_id,
        "scopes": _spelled(grant.scopes),
        "test": grant.test,
        "run_key": grant.run,
        "run_user": grant.user,
        "issued_at": tx.now,
        "issued_by": issued_by,
        "expires_at": expires_at,
    }


def _spelled(scopes: Collection[Scope]) -> list[str]:
    return [scope.value for scope in Scope if scope in scopes]
