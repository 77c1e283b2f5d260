"""The state of an agent's request: which roles must still sign, what is decided, and what the agent should do next.

It names roles, not operators: an agent does not need to know the people of a desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.db import signoff_queries
from core.db.directory import MailboxRecord
from core.db.signoff_queries import SignoffFacts, WideningFacts
from core.db.transaction import Transaction
from core.rules.issuance import Kind
from core.services.identity import enrolment, enrolment_claims, mailbox_record, missing_signoffs, widenings
from core.services.identity.enrolment import Request
from core.services.identity.missing_signoffs import Owed

State = Literal["waiting", "approved", "vetoed", "ended"]
POLL_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The answer to an agent. `record` is the mailbox's while it is the one asked for; `more`: it asked for more.

    `claim_until` is set while its first token can be claimed.
    """

    id: str
    agent: str
    address: str
    filed_at: int
    state: State
    waiting_for: tuple[Kind, ...]
    decided: tuple[SignoffFacts, ...]
    next_step: str
    record: MailboxRecord | None = None
    more: WideningFacts | None = None
    claim_until: int | None = None
    claimed_at: int | None = None


def of(tx: Transaction, request: str, *, token: int) -> Progress:
    """Return how a request or a widening stands. Raises `NotFound`, and as `enrolment.require_token`."""
    if request.startswith(enrolment.WIDENING_PREFIX):
        return _of_widening(tx, request, *enrolment.found_widening(tx, request, token=token))
    asked = enrolment.found(tx, request, token=token)
    record = asked.record
    state = _state(tx, asked)
    owed = missing_signoffs.owed(tx, record) if state == "waiting" else ()
    until = enrolment_claims.claimable_until(asked) if state == "approved" else None
    open_until = until if until is not None and until > tx.now and asked.row.claimed_at is None else None
    decided = tuple(
        one
        for one in signoff_queries.signoffs(tx.conn, record.id)
        if asked.current and not mailbox_record.outdated(record, one)
    )
    return Progress(
        id=asked.id, agent=asked.token.agent, address=record.address, filed_at=asked.row.filed_at, state=state,
        waiting_for=tuple(one.kind for one in owed), decided=decided, record=record if asked.current else None,
        claim_until=open_until, claimed_at=asked.row.claimed_at,
        next_step=_waits(owed) if state == "waiting" else _next_step(asked, state, claimable=open_until is not None),
    )  # fmt: skip


def _of_widening(tx: Transaction, request: str, asked: WideningFacts, record: MailboxRecord) -> Progress:
    alive = mailbox_record.alive(tx, record)
    state: State = (
        "vetoed" if asked.outcome == "vetoed" else "approved" if asked.outcome else "waiting" if alive else "ended"
    )
    owed = widenings.owed(tx, record, asked)
    after = {
        "waiting": _waits(owed),
        "approved": "It is in force: GET /mailboxes/{address} shows the new limits.",
        "vetoed": "Nothing has changed. Read the reason, and continue within your present limits.",
        "ended": "The mailbox no longer exists.",
    }
    return Progress(
        id=request, agent=record.agent or "", address=record.address, filed_at=asked.filed_at, state=state,
        waiting_for=tuple(one.kind for one in owed), decided=widenings.decided(tx, record, asked), record=record,
        more=asked, next_step=after[state],
    )  # fmt: skip


def _waits(owed: Sequence[Owed]) -> str:
    nobody = next((one.kind for one in owed if not one.may), None)
    if nobody is not None:
        return f"Tell your owner: no operator of this desk can sign as {nobody}."
    return "Wait for the roles in waiting_for to sign, and ask again later. Do not file another request."


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


def _next_step(asked: Request, state: State, *, claimable: bool) -> str:
    if state == "vetoed":
        return "Read the reason. If your owner agrees, file a corrected request."
    if state == "ended":
        return "The mailbox no longer exists. Ask your owner whether to file a new request."
    if claimable:
        return f"Claim your first token, once: POST /enrolment/requests/{asked.id}/claim with your secret."
    if asked.row.claimed_at is not None:
        return "Use the token that you claimed. When it expires, ask your owner to have governance issue another."
    return "The time to claim has passed. Ask your owner to have governance issue a token."
