"""Whether an agent may act from a mailbox at all: its token, scope, mode, and what is suspended, paused or stopped.

Checked before a message's content and recipients, and for actions that send nothing.
"""

from __future__ import annotations

import dataclasses

from core.db import gate_queries
from core.db.gate_queries import SenderState, TokenFacts
from core.db.transaction import Transaction
from core.errors import Unauthenticated
from core.model import Action, Block, Mode, Scope
from core.rules import modes
from core.rules.gate import Moment, SenderFacts, bar
from core.services.sending.submit_result import Answer, blocked


def require_live_token(tx: Transaction, token_id: int) -> TokenFacts:
    """Read the token again in this transaction: it may have been revoked since the request was authenticated."""
    token = gate_queries.token(tx, token_id)
    if token is None or not token.alive(tx.now):
        raise Unauthenticated("the token is revoked or has expired", fix="ask an operator for a new one: token issue")
    return token


def refuse(tx: Transaction, mailbox: SenderState, token: TokenFacts, *, action: Action) -> Answer | None:
    """The refusal if this agent may not do this here at all, or None."""
    if mailbox.agent_id != token.agent_id:
        return blocked("not_your_mailbox", f"{mailbox.address} does not belong to {token.agent_name}")
    needed = Scope.READ if action in (Action.READ, Action.TAG) else Scope.SEND
    lacking = needed.value not in token.scopes and not (action is Action.TAG and Scope.SEND.value in token.scopes)
    mode = modes.decide(action, Mode(mailbox.mode))
    if lacking and not isinstance(mode, Block):
        return blocked("insufficient_scope", f"the token lacks the scope {needed}", fix="ask for a token with it")
    sender = sender_facts(tx, mailbox)
    if token.run_key is not None:
        run = gate_queries.run(tx, agent_id=token.agent_id, key=token.run_key)
        if run is not None and run.closed_at is not None:
            sender = dataclasses.replace(sender, run_closed=run.key)
    if action not in (Action.SEND, Action.REPLY):
        sender = dataclasses.replace(sender, protected=False, stopped=None)
    barred = bar(sender, Moment.ACCEPTANCE)
    if barred is not None:
        return _barred(barred)
    # A mode that refuses the action is reported before a missing scope: another token would change nothing.
    return blocked(mode.error, mode.reason, fix=mode.fix) if isinstance(mode, Block) else None


def _barred(barred: Block) -> Answer:
    """The agent's answer: 403 with the figures, so that its tool shows an error and a person can act on it."""
    if barred.error != "desk_stopped":
        return blocked(barred.error, barred.reason, fix=barred.fix)
    return Answer(
        status="blocked", http=503, error=barred.error, reason=barred.reason, fix=barred.fix, retry_after_seconds=60
    )


def sender_facts(tx: Transaction, mailbox: SenderState) -> SenderFacts:
    """Facts about the mailbox, its agent, its stream and the desk at this moment; read once between two writes."""
    return tx.batch_cache.get(("sender_facts", mailbox.mailbox_id), lambda: _read_facts(tx, mailbox))


def _read_facts(tx: Transaction, mailbox: SenderState) -> SenderFacts:
    stop = gate_queries.desk(tx)
    expired = mailbox.expires_at is not None and mailbox.expires_at <= tx.now
    return SenderFacts(
        mailbox=mailbox.address,
        agent=mailbox.agent_name,
        stream=mailbox.domain,
        suspended=suspension(mailbox),
        inactive=mailbox.status if mailbox.status != "active" else "expired" if expired else None,
        protected=mailbox.protected and mailbox.agent_name not in mailbox.owners,
        stopped=None if stop.stopped_at is None else str(stop.stop_reason),
        paused=mailbox.paused_at is not None,
    )


def suspension(mailbox: SenderState) -> str | None:
    """Why the mailbox's agent may not act, with the figures that led to it; None if it may."""
    if mailbox.agent_status == "active":
        return None
    figures = mailbox.suspend_figures.get("sentence") if mailbox.suspend_figures else None
    why = mailbox.suspend_reason or "an operator suspended it"
    return f"{mailbox.agent_name} is {mailbox.agent_status}: {why}" + (
        f" ({figures})" if figures and figures not in why else ""
    )
