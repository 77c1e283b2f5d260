"""Submit a message: decide on it and make the outcome durable, in one transaction.

The bytes are composed before the transaction (see `services/sending/prepare.py`); here the gate decides on the facts of
this moment, the state and its events are staged, and the agent gets the answer after the commit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.db import gate_queries, queue
from core.db.gate_queries import RunFacts, SenderState, TokenFacts
from core.db.locks import Locks
from core.db.queue import Slot
from core.db.tables import BODY, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.errors import Forbidden, PostroomError
from core.events import EmailPending, EmailQueued, EmailSubmitted, EmailSuppressed
from core.ids import spell_id
from core.model import SYSTEM, Actor, Block, Execute, Hold, Scope, Status
from core.rules import send_time
from core.services import context
from core.services.sending import (
    acceptance_limits,
    consent_facts,
    first_time_recipients,
    gate,
    idempotency,
    limit_gauges,
    refusals,
    review,
    run_context,
    sender_eligibility,
)
from core.services.sending.gate import Judged
from core.services.sending.refusals import Refusal
from core.services.sending.submission import Prepared, Target
from core.services.sending.submit_result import Answer, RecipientAnswer, blocked
from core.services.sending.token_access import owned


class RunMoved(PostroomError):
    """The gate put the message under the implicit run, and its bytes name another: compose it again."""


@dataclass(frozen=True, slots=True)
class Submit:
    """`submit` of one message, as the writer runs it; a batch reads at once what each would read alone."""

    prepared: Prepared
    patient: ClassVar = True

    @property
    def locks(self) -> Locks:
        return Locks(agents=frozenset({self.prepared.agent_id}))

    def __call__(self, tx: Transaction) -> Answer:
        return submit(tx, self.prepared)

    @staticmethod
    def prefetch(tx: Transaction, batch: Sequence[Submit]) -> None:
        """Read suppressions, contacts, lanes, counters and, if required, consent, each in one query for all."""
        targets = [target for verb in batch for target in verb.prepared.targets]
        addresses = {target.address.normalised for target in targets}
        boxes = {verb.prepared.mailbox_id: gate_queries.gate(tx, verb.prepared.mailbox_id) for verb in batch}
        gate_queries.prefetch_recipients(tx, addresses, agent_ids={box.agent_id for box in boxes.values()})
        queue.prefetch(tx, set(boxes), {t.address.domain_ascii for t in targets})
        names = {(verb.prepared.agent_id, verb.prepared.run_key) for verb in batch}
        runs = [gate_queries.run(tx, agent_id=agent_id, key=key) for agent_id, key in names]
        acceptance_limits.prefetch(tx, boxes.values(), runs=[run.id for run in runs if run is not None])
        _, policy = context.current_policy(tx)
        asked = [
            target.address.normalised
            for verb in batch
            for target in verb.prepared.targets
            if consent_facts.asked_for(verb.prepared.classes, commercial=verb.prepared.commercial, policy=policy)
        ]
        if asked:
            consent_facts.prefetch(tx, asked)


def submit(tx: Transaction, prepared: Prepared) -> Answer:
    """Accept, hold, queue, schedule or refuse a message. Raises `Unauthenticated`, `Invalid` (a reused key, a time)."""
    if tx.held is not None and gate_queries.gate(tx, prepared.mailbox_id).agent_id not in tx.held.agents:
        tx.require_desk()  # the mailbox has become another agent's
    earlier = idempotency.answered_before(tx, prepared)
    if earlier is not None:
        return earlier
    token = sender_eligibility.require_live_token(tx, prepared.token_id)
    box = gate_queries.gate(tx, prepared.mailbox_id)
    refusal = sender_eligibility.refuse(tx, box, token, action=prepared.kind)
    if refusal is not None:
        return _refused(tx, prepared, box, refusal)
    prepared = _timed(tx, prepared)
    run = run_context.open_run(tx, token, prepared.run)
    if run.key != prepared.run_key:
        raise RunMoved
    judged = gate.judge(tx, prepared, box, run=run)
    if isinstance(judged.verdict, Block):
        answer = blocked(judged.verdict.error, judged.verdict.reason, fix=judged.verdict.fix)
        return _refused(tx, prepared, box, answer, recipients=judged.answers(prepared.targets))
    size = len(prepared.rendered)
    over = acceptance_limits.refuse_over_quota(tx, box, size=size)
    if over is None and prepared.send_at is None:
        over = acceptance_limits.refuse_over_budget(tx, box, len(judged.open))
    if over is not None:
        return _refused(tx, prepared, box, over)
    return _accept(tx, prepared, box, run=run, judged=judged, test=token.test)


def _timed(tx: Transaction, prepared: Prepared) -> Prepared:
    """The message with its send time, if that is still to come. Raises `Invalid`."""
    if prepared.lacks is not None:
        raise prepared.lacks
    if prepared.send_at is None:
        return prepared
    _, policy = context.current_policy(tx)
    at = send_time.departure(prepared.send_at, now=tx.now, ahead=policy.delivery.schedule_ahead)
    return dataclasses.replace(prepared, send_at=at)


def _accept(
    tx: Transaction, prepared: Prepared, box: SenderState, *, run: RunFacts, judged: Judged, test: bool
) -> Answer:
    held = isinstance(judged.verdict, Hold)
    _store(tx, prepared, box, run=run, judged=judged, test=test)
    acceptance_limits.charge_acceptance(tx, run, n=len(judged.open))
    acceptance_limits.keep(tx, box.agent_id, size=len(prepared.rendered))
    first_time_recipients.reserve(tx, judged.first_contacts, agent_id=box.agent_id, message_id=prepared.id)
    if held:
        answer = _hold(tx, prepared, box, judged)
    elif prepared.send_at is not None:
        answer = _schedule(tx, prepared, box, judged, at=prepared.send_at)
    else:
        answer = _queue(tx, prepared, box, judged)
    idempotency.remember(tx, prepared, answer)
    return answer


def _store(tx: Transaction, prepared: Prepared, box: SenderState, *, run: RunFacts, judged: Judged, test: bool) -> None:
    """Store the message, its bytes and its recipients, and log the submission."""
    version, policy = context.current_policy(tx)
    status = Status.QUEUED if prepared.send_at is None else Status.SCHEDULED
    if isinstance(judged.verdict, Hold):
        status = Status.PENDING
    tx.add(
        MESSAGE,
        _message(prepared, box, run=run, judged=judged, status=status, version=version, now=tx.now) | {"test": test},
    )
    tx.add(
        BODY,
        {
            "message_id": prepared.id,
            "rendered": prepared.rendered,
            "issued": prepared.issued,
            "preview": prepared.preview,
            "purge_at": (prepared.send_at or tx.now) + policy.retention.bodies,
        },
    )
    for target in prepared.targets:
        tx.add(RECIPIENT, _recipient(tx, prepared, box, target, judged=judged, status=status))
    tx.emit(
        EmailSubmitted(
            actor=str(Actor("agent", box.agent_name)), message=prepared.id, mailbox=box.mailbox_id, agent=box.agent_id,
            run=run.id, stream=box.stream_id, kind=prepared.kind.value, digest=prepared.digest,
            size=len(prepared.rendered), recipients=len(prepared.targets), content_class=prepared.content_class.value,
            policy=version, token=prepared.token_id, untraced=run.implicit, test=test,
            issued=prepared.request_digest.hex(),
        )
    )  # fmt: skip
    for n, (suppression, cause) in judged.suppressions.items():
        tx.emit(
            EmailSuppressed(
                actor=str(SYSTEM), message=prepared.id, mailbox=box.mailbox_id, agent=box.agent_id,
                stream=box.stream_id, n=n, suppression=suppression, cause=cause,
            )
        )  # fmt: skip


def _message(
    prepared: Prepared, box: SenderState, *, run: RunFacts, judged: Judged, status: Status, version: int, now: int
) -> dict[str, Any]:
    """Row of a message; a held or scheduled one has no release time and no date yet."""
    released = now if status is Status.QUEUED else None
    return {
        "id": prepared.id,
        "mailbox_id": box.mailbox_id,
        "agent_id": box.agent_id,
        "stream_id": box.stream_id,
        "run_id": run.id,
        "token_id": prepared.token_id,
        "kind": prepared.kind.value,
        "direction": "out",
        "untraced": run.implicit,
        "status": status.value,
        "content_class": prepared.content_class.value,
        "declared_class": prepared.declared_class.value if prepared.declared_class else None,
        "subject": prepared.subject,
        "digest": prepared.digest,
        "rfc_message_id": prepared.rfc_message_id,
        "conversation": prepared.conversation,
        "size": len(prepared.rendered),
        "smtputf8": prepared.smtputf8,
        "tags": list(prepared.tags),
        "meta": dict(prepared.metadata),
        "policy_version": version,
        "facts": judged.facts,
        "submitted_at": now,
        "released_at": released,
        "dated_at": released,
        "final_at": None,
        "recipients": len(prepared.targets),
        "open": len(judged.open),
        "reply_to": prepared.reply_to,
        "send_at": prepared.send_at,
        "tainted_by": judged.tainted_by,
        "revises": prepared.revises,
    }


def _recipient(
    tx: Transaction, prepared: Prepared, box: SenderState, target: Target, *, judged: Judged, status: Status
) -> dict[str, Any]:
    """Row of a recipient; an excluded one has its reason and no lane."""
    excluded = judged.excluded.get(target.n)
    lane_id = None
    if excluded is None:
        lane_id = queue.lane_for(tx, mailbox_id=box.mailbox_id, domain=target.address.domain_ascii, site=target.site).id
    return {
        "message_id": prepared.id,
        "n": target.n,
        "address": target.address.normalised,
        "path": target.address.spec,
        "given": target.given,
        "field": target.field,
        "lane_id": lane_id,
        "status": Status.BLOCKED.value if excluded else status.value,
        "reason": excluded.text if excluded else None,
        "waits_for": judged.waits_for.get(target.n),
    }


def _queue(tx: Transaction, prepared: Prepared, box: SenderState, judged: Judged) -> Answer:
    assert isinstance(judged.verdict, Execute)
    free: list[Slot] = []
    for target in judged.open:
        if target.n not in judged.waits_for:
            lane_id = queue.lane_for(
                tx, mailbox_id=box.mailbox_id, domain=target.address.domain_ascii, site=target.site
            ).id
            free.append(Slot(prepared.id, target.n, lane_id, tx.now, charged=False))
    queue.enqueue(tx, free)
    acceptance_limits.wait(tx, box, n=len(judged.open))
    tx.emit(
        EmailQueued(
            actor=str(Actor("agent", box.agent_name)),
            message=prepared.id,
            mailbox=box.mailbox_id,
            agent=box.agent_id,
            stream=box.stream_id,
            recipients=len(judged.open),
            due=tx.now,
        )
    )
    return Answer(
        status="queued",
        http=202,
        recipients=judged.answers(prepared.targets),
        message_id=spell_id("m", prepared.id),
        rfc_message_id=prepared.rfc_message_id,
        departs_at=limit_gauges.departs_at(tx, box, judged.open),
        content_class=prepared.content_class.value,
    )


def _schedule(tx: Transaction, prepared: Prepared, box: SenderState, judged: Judged, *, at: int) -> Answer:
    """Schedule the message: no departure budget is charged and no lane entered until `release_scheduled` is due."""
    review.schedule(tx, prepared.id, box, at=at, recipients=len(judged.open), actor=Actor("agent", box.agent_name))
    return Answer(
        status="scheduled",
        http=202,
        recipients=judged.answers(prepared.targets, free=Status.SCHEDULED),
        message_id=spell_id("m", prepared.id),
        rfc_message_id=prepared.rfc_message_id,
        send_at=at,
        departs_at=at,
        content_class=prepared.content_class.value,
    )


def _hold(tx: Transaction, prepared: Prepared, box: SenderState, judged: Judged) -> Answer:
    assert isinstance(judged.verdict, Hold)
    _, policy = context.current_policy(tx)
    expires_at = context.expiry(policy, box.pending_expiry, now=tx.now)
    reasons = judged.verdict.reasons
    tx.add(
        REVIEW,
        review.new_item(
            item=prepared.id,
            kind=prepared.kind,
            mailbox=box,
            message_id=prepared.id,
            target=None,
            reasons=reasons,
            findings=prepared.examined(),
            likeness=prepared.likeness(),
            needs=review.approvals_needed(prepared.classes, policy),
            now=tx.now,
            expires_at=expires_at,
        ),
    )
    review.count_pending(tx, box, n=1)
    tx.emit(
        EmailPending(
            actor=str(Actor("agent", box.agent_name)),
            message=prepared.id,
            mailbox=box.mailbox_id,
            agent=box.agent_id,
            stream=box.stream_id,
            kind=prepared.kind.value,
            item=prepared.id,
            reasons=[reason.code for reason in reasons],
            expires_at=expires_at,
            digest=prepared.digest,
        )
    )
    return Answer(
        status="pending",
        http=202,
        recipients=judged.answers(prepared.targets),
        message_id=spell_id("m", prepared.id),
        rfc_message_id=prepared.rfc_message_id,
        send_at=prepared.send_at,
        estimated_review_time=review.estimate(tx, box),
        expires_at=expires_at,
        reasons=reasons,
        content_class=prepared.content_class.value,
    )


def _refused(
    tx: Transaction, prepared: Prepared, box: SenderState, answer: Answer, recipients: Sequence[RecipientAnswer] = ()
) -> Answer:
    """Log a refusal; nothing of the message is kept."""
    code, n = answer.error or answer.status, len(prepared.targets)
    refusals.note(tx, box, Refusal(prepared.kind, code, answer.reason or "", recipients=n))
    told = tuple(recipients) or tuple(RecipientAnswer(t.given, answer.status, answer.error) for t in prepared.targets)
    return dataclasses.replace(answer, recipients=told)


def take_back(tx: Transaction, message_id: int, *, token: TokenFacts) -> None:
    """Cancel an agent's own mail. A token that only reads must not undo what another one submitted.

    Raises `Unauthenticated`, `Forbidden` (the scope), `NotFound` (another agent's), `Conflict` (no longer waiting).
    """
    alive = sender_eligibility.require_live_token(tx, token.id)
    if Scope.SEND.value not in alive.scopes:
        raise Forbidden(
            f"the token lacks the scope {Scope.SEND}", error="insufficient_scope", fix="ask for a token with it"
        )
    owned(tx.conn, message_id, token=alive)
    review.cancel(tx, message_id, actor=Actor("agent", alive.agent_name))
