"""An agent claims its first token: once, after people signed its request, with the secret that it made beforehand.

An enrolment token is kept in a prompt or a configuration, where others may read it, so it is not enough. The agent sent
the SHA-256 of a secret with its request, and only that secret claims the token. The desk does not see the secret before
the claim, so nobody can claim with a copy of its database, its log or an earlier answer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update

from core.db.tables import ENROLMENT
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, SECOND
from core.errors import Conflict, Forbidden
from core.events import TokenClaimRefused
from core.model import Actor
from core.services.identity import enrolment, mailbox_record, tokens
from core.services.identity.enrolment import Request
from core.services.identity.tokens import Issued

WITHIN: Final = 7 * DAY
"""How long after its mailbox became active an agent may claim its first token."""
MOST_REFUSED: Final = 5
REFUSED_WITHIN: Final = HOUR
_OTHERWISE: Final = "ask your owner to have governance issue a token: postroom token issue"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim that was refused and recorded. `retry_after` is in seconds; None: another try changes nothing."""

    error: str
    reason: str
    fix: str
    retry_after: int | None = None


def claim(tx: Transaction, request: str, *, token: int, secret_hash: bytes, token_hash: bytes) -> Issued | Refusal:
    """Issue the first token of a signed request, once. Wrong secrets and second claims are counted and logged.

    After too many within an hour, more of them are refused without an entry in the log; the right secret still claims.
    Raises `Unauthenticated`, `Forbidden`, `NotFound`, `Conflict`: these change nothing and are not counted.
    """
    asked = enrolment.found(tx, request, token=token)
    recent = asked.row.refused_claims if tx.now - asked.row.refused_since < REFUSED_WITHIN else 0
    # The limit is for wrong secrets alone: others who hold the enrolment token must not be able to block the agent.
    right = hmac.compare_digest(secret_hash, asked.row.claim_hash)
    if recent >= MOST_REFUSED and (not right or asked.row.claimed_at is not None):
        wait = asked.row.refused_since + REFUSED_WITHIN - tx.now
        return Refusal(
            "rate_limited", f"{MOST_REFUSED} claims of this request were refused within an hour",
            "use the secret whose SHA-256 you sent with the request", retry_after=max(1, -(-wait // SECOND)),
        )  # fmt: skip
    if not right:
        _refused(tx, asked, recent, cause="wrong_secret")
        return Refusal(
            "wrong_secret", "this is not the secret whose SHA-256 came with the request",
            "hash it as UTF-8 text, without a line break at its end",
        )  # fmt: skip
    if asked.row.claimed_at is not None:
        _refused(tx, asked, recent, cause="claimed")
        return Refusal("claimed", "the first token was already claimed; it is issued only once", _OTHERWISE)
    _check_claimable(tx, asked)
    issued = tokens.issue_claimed(
        tx, agent_id=asked.record.agent_id or 0, agent=asked.token.agent, token_hash=token_hash, request=asked.row.id
    )
    tx.write(
        update(ENROLMENT)
        .where(ENROLMENT.c.id == asked.row.id)
        .values(claimed_at=tx.now, claimed_token=issued.token)
    )  # fmt: skip
    return issued


def claimable_until(asked: Request) -> int | None:
    """Return until when the first token can be claimed; None if the request is not signed, or not the current one."""
    active = asked.current and asked.record.status == "active"
    return asked.record.activated_at + WITHIN if active and asked.record.activated_at is not None else None


def _check_claimable(tx: Transaction, asked: Request) -> None:
    address = asked.record.address
    until = claimable_until(asked)
    if until is None or not mailbox_record.alive(tx, asked.record):
        waits = asked.current and asked.record.status == "requested"
        raise Conflict(
            f"{address} is not active yet" if waits else f"{address} has ended, or was never signed",
            fix=f"GET /enrolment/requests/{asked.id} says what is missing" if waits else "file a new request",
        )
    if asked.token.revoked_at is not None:
        raise Forbidden("the enrolment token that filed this request was revoked", fix=_OTHERWISE)
    if until <= tx.now:
        raise Conflict("the time to claim the first token has passed", error="claim_expired", fix=_OTHERWISE)


def _refused(tx: Transaction, asked: Request, recent: int, *, cause: str) -> None:
    since = asked.row.refused_since if recent else tx.now
    tx.write(
        update(ENROLMENT)
        .where(ENROLMENT.c.id == asked.row.id)
        .values(refused_claims=recent + 1, refused_since=since)
    )  # fmt: skip
    actor = Actor("agent", asked.token.agent)
    tx.emit(
        TokenClaimRefused(
            **mailbox_record.subjects(asked.record, actor), request=asked.row.id, cause=cause, attempts=recent + 1
        )
    )  # fmt: skip
