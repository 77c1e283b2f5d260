"""Operators, agents and the tokens of both. Never includes a secret: the code that creates one adds it, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.durations import when
from core.security import credentials

if TYPE_CHECKING:
    from core.db.directory import AgentFacts, OperatorFacts, TokenRecord


def operator(one: OperatorFacts) -> dict[str, Any]:
    """A person. `roles` are the confirmed ones; `claimed`: they hold a token that somebody has confirmed."""
    return {
        "name": one.name,
        "roles": [*one.roles],
        "unconfirmed": [*one.unconfirmed],
        "claimed": one.claimed,
        "token_expires_at": when(one.token_expires_at),
        "claim_expires_at": when(one.claim_expires_at),
        "added_by": one.added_by,
        "confirmed_by": one.confirmed_by,
        "disabled_at": when(one.disabled_at),
    }


def claim(one: OperatorFacts, digest: bytes) -> dict[str, Any]:
    """A claimed token: its fingerprint, and until when governance may confirm it."""
    return {
        "name": one.name,
        "fingerprint": credentials.fingerprint(digest),
        "expires_at": when(one.claim_expires_at or 0),
    }


def agent(one: AgentFacts) -> dict[str, Any]:
    """A non-human identity: suspended or not, and its last revocation drill."""
    return {
        "name": one.name,
        "status": one.status,
        "created_at": when(one.created_at),
        "suspended_at": when(one.suspended_at),
        "suspended_by": one.suspended_by,
        "suspend_reason": one.suspend_reason,
        "suspend_figures": one.suspend_figures,
        "drilled_at": when(one.drilled_at),
        "drilled_by": one.drilled_by,
        "drill_failures": one.drill_failures,
        "drill_unreached": one.drill_unreached,
    }


def token(one: TokenRecord, *, users: bool = True) -> dict[str, Any]:
    """An agent's token, without its secret. `users`: with the person it is bound to."""
    return {
        "id": one.id,
        "agent": one.agent,
        "scopes": [*one.scopes],
        "test": bool(one.test),
        "run": one.run_key,
        "user": one.run_user if users else None,
        "parent": one.parent_id,
        "issued_at": when(one.issued_at),
        "issued_by": one.issued_by,
        "expires_at": when(one.expires_at),
        "revoked_at": when(one.revoked_at),
        "last_used_at": when(one.last_used_at),
        "owner": one.owner,
        "address": one.address,
    }


def tokens_page(rows: Sequence[TokenRecord], *, limit: int, users: bool) -> dict[str, Any]:
    """A page of at most `limit` rows; an extra row means that another page follows."""
    return {
        "tokens": [token(one, users=users) for one in rows[:limit]],
        "next_cursor": rows[limit - 1].id if len(rows) > limit else None,
    }


def revoked(number: int, ended: int) -> dict[str, Any]:
    """How many tokens were revoked: the one named, and those delegated from it."""
    return {"id": number, "revoked": ended}
