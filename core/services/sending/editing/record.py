"""Record a composed edit: judge the new bytes, keep the earlier ones, and return the message to review."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, func, select, update

from core.db import gate_queries
from core.db.counters import bucket
from core.db.gate_queries import SenderState
from core.db.tables import BODY, EDIT, MESSAGE, REVIEW, RUN
from core.db.transaction import Transaction
from core.errors import Conflict
from core.events import EmailEdited, EmailSuppressed
from core.model import SYSTEM, Actor, Block, Execute, Hold, Reason, Status
from core.rules.roles import Verb
from core.services import access, context
from core.services.sending import acceptance_limits, gate, review
from core.services.sending.editing.compose import Edited
from core.services.sending.gate import Judged
from core.services.sending.review import close, dwell, items
from core.services.sending.submission import Prepared

EDITED: Final = "edited"
"""The reason that an edited message is held for, in every mode."""


@dataclass(frozen=True, slots=True)
class EditResult:
    """The new digest, the edit's number, and the checks that the new bytes fail."""

    message: int
    edit: int
    digest: str
    checks: tuple[Reason, ...]
    approvals_missing: int


def edit(tx: Transaction, edited: Edited, *, actor: Actor) -> EditResult:
    """Replace the bytes of a held message by composed ones, and hold them for another person.

    Raises `Forbidden`, and `Conflict` if the message was decided or edited meanwhile, or if the gate blocks it as it is
    now.
    """
    actor = access.require(tx, actor, Verb.MESSAGE_EDIT)
    prepared = edited.prepared
    item = items.item(tx, prepared.id)
    items.still_pending(tx, item)
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == prepared.id))
    if message is None or message.digest != edited.before.digest:
        raise Conflict(f"{items.format_item_id(item)} was edited meanwhile", fix="look at it again")
    people = items.unsent_recipients(tx, item)
    mailbox = gate_queries.gate(tx, message.mailbox_id)
    waiting = {row.n for row in people if row.status == Status.PENDING}
    judged = _judged(tx, prepared, mailbox, message, waiting)
    reasons = _reasons(judged, actor)
    number = _keep(tx, edited, message, actor)
    version, policy = context.current_policy(tx)
    needs = review.approvals_needed(prepared.classes, policy)
    _rewrite(tx, prepared, message, judged, version=version)
    _exclude(tx, prepared, mailbox, judged)
    _hold_again(tx, prepared, mailbox, item, reasons=reasons, needs=needs, actor=actor)
    tx.emit(
        EmailEdited(
            **items.subjects(item, mailbox, actor), item=item.id, edit=number, digest=prepared.digest,
            before=message.digest, size=len(prepared.rendered), content_class=prepared.content_class.value,
            policy=version, reasons=[one.code for one in reasons],
        )
    )  # fmt: skip
    return EditResult(prepared.id, number, prepared.digest, prepared.examined(), needs)


def _judged(tx: Transaction, prepared: Prepared, mailbox: SenderState, message: Row[Any], waiting: set[int]) -> Judged:
    """The gate's decision on the new bytes, with the message's own place in every budget taken out first.

    Raises `Conflict` if it is blocked.
    """
    run_row = tx.one(select(RUN.c.key).where(RUN.c.id == message.run_id))
    assert run_row is not None
    run = gate_queries.run(tx, agent_id=message.agent_id, key=run_row.key)
    assert run is not None
    open_ = tuple(one for one in prepared.targets if one.n in waiting)
    acceptance_limits.charge_acceptance(tx, run, n=-len(open_))
    judged = gate.judge(tx, dataclasses.replace(prepared, targets=open_), mailbox, run=run)
    if isinstance(judged.verdict, Block):
        raise Conflict(
            f"as edited it would be refused: {judged.verdict.reason}", fix="change it, or reject the message"
        )
    acceptance_limits.charge_acceptance(tx, run, n=len(open_))
    acceptance_limits.keep_no_more(tx, message.agent_id, size=message.size)
    over = acceptance_limits.refuse_over_quota(tx, mailbox, size=len(prepared.rendered))
    if over is not None:
        raise Conflict(f"as edited it would be refused: {over.reason}", fix=over.fix)
    acceptance_limits.keep(tx, message.agent_id, size=len(prepared.rendered))
    return judged


def _reasons(judged: Judged, actor: Actor) -> tuple[Reason, ...]:
    own = Reason(EDITED, f"edited by {actor.name}: somebody else must approve it")
    match judged.verdict:
        case Hold(reasons):
            return (*reasons, own)
        case Execute() | Block():
            return (own,)


def _keep(tx: Transaction, edited: Edited, message: Row[Any], actor: Actor) -> int:
    """Keep the bytes that are replaced; returns the number of the edit."""
    last = tx.one(select(func.max(EDIT.c.n).label("n")).where(EDIT.c.message_id == message.id))
    body = tx.one(select(BODY.c.rendered).where(BODY.c.message_id == message.id))
    number = 1 + (last.n or 0 if last is not None else 0)
    row = {
        "message_id": message.id, "n": number, "operator": actor.name, "at": tx.now, "before_digest": message.digest,
        "after_digest": edited.prepared.digest, "before_subject": message.subject,
        "before_rendered": None if body is None else body.rendered, "text": edited.text, "html": edited.html,
    }  # fmt: skip
    tx.add(EDIT, row)
    return number


_LASTING: Final = ("unsaid", "declares_other", "taint")
"""Facts of the agent's request that no edit changes."""


def _rewrite(tx: Transaction, prepared: Prepared, message: Row[Any], judged: Judged, *, version: int) -> None:
    facts = {name: message.facts[name] for name in _LASTING if name in message.facts} | judged.facts
    tx.write(
        update(MESSAGE)
        .where(MESSAGE.c.id == prepared.id)
        .values(
            subject=prepared.subject, digest=prepared.digest, size=len(prepared.rendered), smtputf8=prepared.smtputf8,
            content_class=prepared.content_class.value, facts=facts, policy_version=version,
            tainted_by=judged.tainted_by or message.tainted_by,
        )
    )  # fmt: skip
    tx.write(
        update(BODY)
        .where(BODY.c.message_id == prepared.id)
        .values(rendered=prepared.rendered, preview=prepared.preview)
    )


def _exclude(tx: Transaction, prepared: Prepared, mailbox: SenderState, judged: Judged) -> None:
    """End recipients that may not be written to any more, as acceptance would have."""
    for n, reason in judged.excluded.items():
        close.end_unsent(tx, prepared.id, mailbox, status=Status.BLOCKED, reason=reason.text, only=[n])
    for n, (suppression, cause) in judged.suppressions.items():
        tx.emit(
            EmailSuppressed(
                actor=str(SYSTEM), message=prepared.id, mailbox=mailbox.mailbox_id, agent=mailbox.agent_id,
                stream=mailbox.stream_id, n=n, suppression=suppression, cause=cause,
            )
        )  # fmt: skip


def _hold_again(
    tx: Transaction, prepared: Prepared, mailbox: SenderState, item: Row[Any], *, reasons: Sequence[Reason],
    needs: int, actor: Actor,
) -> None:  # fmt: skip
    """Return the new bytes to review: nothing that anybody did with the old ones counts for them."""
    values = review.new_item(
        item=item.id, kind=item.kind, mailbox=mailbox, message_id=item.id, target=None, reasons=reasons,
        findings=prepared.examined(), needs=needs, likeness=prepared.likeness(), now=tx.now,
        expires_at=item.expires_at,
    )  # fmt: skip
    values |= dict.fromkeys(("dwell_ms", "opened_at", "opened_by", "release_at", "reason", "batch"))
    values["submitted_at"] = item.submitted_at
    values["editors"] = list(dict.fromkeys([*(item.editors or ()), actor.name]))
    tx.write(update(REVIEW).where(REVIEW.c.id == item.id).values(**values))
    dwell.forget(tx, item.id)
    items.end_claims(tx, [item.id])
    if item.counted and not item.editors:
        # It was approved, released and held again: that approval was of other bytes than these.
        for scope, key in (("mailbox", str(mailbox.mailbox_id)), ("desk", "")):
            for kind, n in (("approved_1h", -1), ("edited_1h", 1)):
                tx.bump(scope, key, kind, minute=bucket(tx.now, 60), n=n)
