"""How an agent's request stands: which roles must still sign, what is decided, and what the agent does next.

Roles, not names: an agent has no need to know the people of a desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from core.db import directory
from core.db.directory import SignoffFacts
from core.db.transaction import Transaction
from core.rules.issuance import Kind
from core.services.identity import enrolment_claims, mailbox_record, missing_signoffs
from core.services.identity.enrolment import Request

State = Literal["waiting", "approved", "vetoed", "ended"]
POLL_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Progress:
    """The answer to an agent. `claim_until` is set while its first token can be claimed."""

    request: Request
    state: State
    waiting_for: tuple[Kind, ...]
    decided: tuple[SignoffFacts, ...]
    claim_until: int | None
    next_step: str


def of(tx: Transaction, asked: Request) -> Progress:
    """Return how a request stands in this transaction."""
    record = asked.record
    state = _state(tx, asked)
    owed = missing_signoffs.owed(tx, record) if state == "waiting" else ()
    decided = tuple(
        one
        for one in directory.signoffs(tx.conn, record.id)
        if asked.current and not mailbox_record.outdated(record, one)
    )
    until = enrolment_claims.claimable_until(asked) if state == "approved" else None
    open_until = until if until is not None and until > tx.now and asked.row.claimed_at is None else None
    nobody = next((one.kind for one in owed if not one.may), None)
    return Progress(
        asked, state, tuple(one.kind for one in owed), decided, open_until,
        _next_step(asked, state, nobody=nobody, claimable=open_until is not None),
    )  # fmt: skip


def _state(tx: Transaction, asked: Request) -> State:
    if not asked.current:
        return "ended"
    match asked.record.status:
        case "requested":
            return "waiting"
        case "vetoed":
            return "vetoed"
        case _:
            return "approved" if mailbox_record.alive(tx, asked.record) else "ended"


def _next_step(asked: Request, state: State, *, nobody: Kind | None, claimable: bool) -> str:
    if state == "waiting" and nobody is not None:
        return f"Tell your owner: no operator of this desk can sign as {nobody}."
    if state == "waiting":
        return "Wait for the people named by role, and ask again later. Do not file the request again."
    if state == "vetoed":
        return "Read the reason. If your owner agrees, file a corrected request."
    if state == "ended":
        return "The mailbox no longer exists. Ask your owner whether to file a new request."
    if claimable:
        return f"Claim your first token, once: POST /enrolment/requests/{asked.id}/claim with your secret."
    if asked.row.claimed_at is not None:
        return "Use the token that was claimed. When it ends, your owner has governance issue another."
    return "The time to claim is over. Ask your owner to have governance issue a token."
