"""Actions that send nothing (read, tag), under the same modes as sending: done, held for a person, or blocked.

An approved action is a grant: the same call succeeds once within an hour.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import null, select, update

from core.db import gate_queries
from core.db.gate_queries import SenderState, TokenFacts
from core.db.tables import INBOUND_MESSAGE, MESSAGE, REVIEW
from core.db.transaction import Transaction
from core.events import EmailPending, EmailTagged
from core.ids import spell_id
from core.model import Action, Actor, Block, Hold, Mode
from core.rules import content, modes
from core.rules.content import Rendered
from core.services import context
from core.services.context import ServiceContext
from core.services.control import read_log
from core.services.control.read_log import Shown, What
from core.services.sending import refusals, review, sender_eligibility, taint
from core.services.sending.refusals import Refusal
from core.services.sending.submit_result import Answer, blocked


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The action may be done now. `grant` is the approval it uses up, if a person had to be asked."""

    token: TokenFacts
    box: SenderState
    grant: int | None = None


def read(
    tx: Transaction, address: str, target: str, *, token: TokenFacts, ctx: ServiceContext, shown: Shown | None = None,
    received: Collection[int] = (), unsigned: Collection[int] = (),
) -> Answer | None:  # fmt: skip
    """Return None, and log it, if the mailbox's messages may be shown now; otherwise return the agent's answer.

    Every way in which an agent is shown what a stranger wrote (lists, searches, bodies, attachments, threads, waits)
    calls this before it answers, and nothing else logs such a read. Taint hangs on it: what is not named here taints no
    run. `shown` is what is read, if not the mailbox's list. `received` are the received messages that it shows anything
    of (`taint.py`). Where they are not known yet, call `show_received` with them before answering. Of those in
    `unsigned` it shows more than their author signs.
    """
    asked = _ask(tx, Action.READ, address, target, token=token, ctx=ctx)
    if isinstance(asked, Answer):
        return asked
    what = shown or Shown(What.MESSAGES, mailbox=address)
    read_log.by_agent(tx, what, token=asked.token, mailbox=asked.box, grant=asked.grant)
    show_received(tx, received, token=asked.token, ctx=ctx, unsigned=unsigned)
    return None


def show_received(
    tx: Transaction, received: Collection[int], *, token: TokenFacts, ctx: ServiceContext, sent: Collection[int] = (),
    repeated: Collection[int] = (), unsigned: Collection[int] = (),
) -> None:  # fmt: skip
    """Taint the run of an agent that is about to be shown these messages, `sent` ones of its own included.

    Their tags are shown too. `repeated` are received messages that notes may repeat which it is shown; of those in
    `unsigned` it is shown fields that no signature covers.
    """
    inside, outside = taint.of_sent(tx, sent)
    indirect = {*outside, *taint.of_tags(tx, received, sent), *repeated}
    taint.note_read(
        tx, [*received, *inside], token=token, keyring=ctx.keyring, setting=ctx.taint, indirect=indirect,
        unsigned=unsigned,
    )  # fmt: skip


def may_read(tx: Transaction, address: str, target: str, *, token: TokenFacts, ctx: ServiceContext) -> Answer | None:
    """As `read`, for a reader who waits: nothing is shown yet, so nothing is logged and no approval is used up."""
    asked = _ask(tx, Action.READ, address, target, token=token, ctx=ctx, use_up=False)
    return asked if isinstance(asked, Answer) else None


def own_mailbox(tx: Transaction, address: str, *, token: TokenFacts) -> Answer | tuple[TokenFacts, SenderState]:
    """The token and the mailbox of an agent that keeps its own notes there (contacts); or its answer instead.

    Token, scope, mailbox, suspension and run are checked. No mode holds it: it shows no mail, and nothing leaves.
    """
    found = _standing(tx, Action.READ, address, token=token)
    return found if isinstance(found, Answer) else (found.token, found.box)


def tag(
    tx: Transaction, message_id: int, tags: list[str], address: str, *, token: TokenFacts, ctx: ServiceContext
) -> Answer | None:
    """Replace a message's tags, if the mode allows it; setting the same tags again is no action."""
    digest = hashlib.sha256("\n".join(tags).encode()).hexdigest()
    asked = _ask(tx, Action.TAG, address, f"tags:{spell_id('m', message_id)}:{digest[:16]}", token=token, ctx=ctx)
    if isinstance(asked, Answer):
        return asked
    i = INBOUND_MESSAGE.c
    table = MESSAGE
    # The answer shows the message.
    show_received(tx, [message_id], token=asked.token, ctx=ctx, sent=[message_id])
    m = MESSAGE.c
    known = tx.one(select(m.tags, m.run_id, m.tainted_by, m.tags_tainted_by).where(m.id == message_id))
    if known is None:
        columns = (i.tags, null().label("run_id"), i.id.label("tainted_by"), i.tags_tainted_by)
        table, known = INBOUND_MESSAGE, tx.one(select(*columns).where(i.id == message_id))
    if known is None or list(known.tags or ()) == tags:
        return None
    # The new tags may repeat what their writer had read, the old ones included.
    by = (taint.of_token(tx, asked.token, known=known.tainted_by) or known.tags_tainted_by) if tags else None
    tx.write(update(table).where(table.c.id == message_id).values(tags=tags, tags_tainted_by=by))
    tx.emit(
        EmailTagged(
            actor=str(Actor("agent", asked.box.agent_name)), message=message_id, mailbox=asked.box.mailbox_id,
            agent=asked.box.agent_id, run=known.run_id, stream=asked.box.stream_id, count=len(tags), digest=digest,
            token=asked.token.id, item=asked.grant,
        )
    )  # fmt: skip
    return None


def _ask(
    tx: Transaction,
    action: Action,
    address: str,
    target: str,
    *,
    token: TokenFacts,
    ctx: ServiceContext,
    use_up: bool = True,
) -> Answer | _Allowed:
    """Permission to do the action now, or the agent's answer instead. `use_up`: an approval allows it once."""
    allowed = _standing(tx, action, address, token=token)
    if isinstance(allowed, Answer):
        return allowed
    mailbox = allowed.box
    match modes.decide(action, Mode(mailbox.mode)):
        case Block(error=error, reason=reason):
            return _refused(tx, mailbox, action, blocked(error, reason))
        case Hold(reasons=_) as hold:
            grant = _grant(tx, mailbox, action, target)
            if grant is None:
                return _hold(tx, mailbox, action, target, hold, ctx)
            if use_up:
                tx.write(update(REVIEW).where(REVIEW.c.id == grant).values(status="used", due_at=None))
            return _Allowed(allowed.token, mailbox, grant)
        case _:
            return allowed


def _standing(tx: Transaction, action: Action, address: str, *, token: TokenFacts) -> Answer | _Allowed:
    """The token and the mailbox as they are now, or the refusal; the mode may still hold the action."""
    live_token = sender_eligibility.require_live_token(tx, token.id)
    mailbox = gate_queries.gate_by_address(tx.conn, address)
    if mailbox is None:
        # The same as for another agent's mailbox: an agent must not learn which mailboxes exist.
        return blocked("not_your_mailbox", f"{address} does not belong to {live_token.agent_name}")
    refusal = sender_eligibility.refuse(tx, mailbox, live_token, action=action)
    return _Allowed(live_token, mailbox) if refusal is None else _refused(tx, mailbox, action, refusal)


def _grant(tx: Transaction, mailbox: SenderState, action: Action, target: str) -> int | None:
    """The approval of exactly this action, by its id; None without one."""
    c = REVIEW.c
    grant = tx.one(
        select(c.id)
        .where(
            c.mailbox_id == mailbox.mailbox_id,
            c.status == "approved",
            c.kind == action.value,
            c.target == target,
            c.due_at > tx.now,
        )
        .limit(1)
    )
    return None if grant is None else int(grant.id)


def _hold(
    tx: Transaction, mailbox: SenderState, action: Action, target: str, hold: Hold, ctx: ServiceContext
) -> Answer:
    """Hold the action for a person; asking again while it is pending adds nothing."""
    c = REVIEW.c
    known = tx.one(
        select(c.id, c.expires_at).where(
            c.mailbox_id == mailbox.mailbox_id, c.status == "pending", c.kind == action.value, c.target == target
        )
    )
    if known is not None:
        return _pending(tx, mailbox, known.id, known.expires_at, hold)
    _, policy = context.current_policy(tx)
    expires_at = context.expiry(policy, mailbox.pending_expiry, now=tx.now)
    item = ctx.ids.mint(tx.now)
    tx.add(
        REVIEW,
        review.new_item(
            item=item, kind=action, mailbox=mailbox, message_id=None, target=target, reasons=hold.reasons,
            findings=content.examined(Rendered(target)), needs=1, now=tx.now, expires_at=expires_at,
        ),
    )  # fmt: skip
    review.count_pending(tx, mailbox, n=1)
    tx.emit(
        EmailPending(
            actor=str(Actor("agent", mailbox.agent_name)), mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
            stream=mailbox.stream_id, kind=action.value, item=item, reasons=[reason.code for reason in hold.reasons],
            expires_at=expires_at,
        )
    )  # fmt: skip
    return _pending(tx, mailbox, item, expires_at, hold)


def _pending(tx: Transaction, mailbox: SenderState, item: int, expires_at: int, hold: Hold) -> Answer:
    return Answer(
        status="pending",
        http=202,
        action_id=spell_id("a", item),
        estimated_review_time=review.estimate(tx, mailbox),
        expires_at=expires_at,
        reasons=hold.reasons,
    )


def _refused(tx: Transaction, mailbox: SenderState, action: Action, answer: Answer) -> Answer:
    refusals.note(tx, mailbox, Refusal(action, answer.error or answer.status, answer.reason or ""))
    return answer
