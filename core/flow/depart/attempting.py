"""The gate's last look at what was claimed, and the commit that starts its delivery.

Everything may have changed since it was accepted: the stop, a suspension, a record, the mode, the policy. What may not
leave goes back to its lane, before a human, or to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import bindparam, select, update

from core.events import EmailBlocked, EmailPending
from core.flow import allowances, gate, house, review
from core.flow.depart import ending, settling
from core.ledger import facts, lanes
from core.ledger.facts import GateFacts
from core.ledger.lanes import Claimed
from core.ledger.tables import InFlight, Lane, Message, Recipient, Review, table
from core.ledger.transaction import Transaction
from core.rules import modes
from core.rules.policy import Policy
from core.words import SYSTEM, Action, ContentClass, Execute, Hold, Mode, Reason, Status, Verdict

MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)
IN_FLIGHT: Final = table(InFlight)
LANE: Final = table(Lane)
REVIEW: Final = table(Review)


def attempt(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> set[tuple[int, int]]:
    """The gate's last look, and the commit that starts a delivery. Returns the keys that may go on.

    What may not goes back to its lane, to a human, or to its end; its lease is gone either way.
    """
    mine = lanes.held_leases(tx, {c.key for c in claimed}, worker=worker)
    held = [c for c in claimed if c.key in mine and mine[c.key].lease_until > tx.now]
    states = _states(tx, held)
    listed = _listed(tx, held)
    closed = _closed_lanes(tx, {c.lane_id for c in held})
    stopped = facts.desk(tx).stopped_at is not None
    going: list[Claimed] = []
    back: dict[int, tuple[GateFacts, list[Reason]]] = {}
    for one in held:
        box = facts.gate(tx, one.mailbox_id)
        state, spoken_of = states.get(one.key, (None, False))
        if state not in (Status.QUEUED, Status.DEFERRED):
            lanes.land(tx, [one])  # cancelled meanwhile: its recipient is final already
        elif spoken_of:
            settling.arrived(tx, one)
        elif stopped or one.lane_id in closed or not _open(tx, box):
            lanes.put_back(tx, [one], dues=[one.due])
        elif not _suppressed(tx, one, listed.get((*_kind(one), one.address))) and not _withdrawn(tx, one):
            going.append(one)
            if wants := _held_now(tx, one, box):
                back.setdefault(one.message_id, (box, []))[1].extend(wants)
    for message_id, (box, reasons) in back.items():
        _to_review(tx, message_id, box, list(dict.fromkeys(reasons)))
    going = [one for one in going if one.message_id not in back]
    lanes.mark_attempted(tx, going)
    return {c.key for c in going}


def _kind(one: Claimed) -> tuple[int, str]:
    """What a suppression may be limited to."""
    return one.stream_id, one.content_class


def _listed(tx: Transaction, held: Sequence[Claimed]) -> dict[tuple[int, str, str], tuple[int, str]]:
    """(stream, class, address) -> (suppression id, cause): one read for each stream and class of the batch."""
    found: dict[tuple[int, str, str], tuple[int, str]] = {}
    for stream, content_class in {_kind(one) for one in held}:
        wanted = {one.address for one in held if _kind(one) == (stream, content_class)}
        records = facts.suppressed(tx, wanted, stream_id=stream, content_class=content_class, now=tx.now)
        found |= {(stream, content_class, address): record for address, record in records.items()}
    return found


def _open(tx: Transaction, box: GateFacts) -> bool:
    """Whether nothing above the message is closed: identity, agent, stream."""
    alive = box.expires_at is None or box.expires_at > tx.now
    return box.status == "active" and alive and box.agent_status == "active" and box.paused_at is None


def _suppressed(tx: Transaction, one: Claimed, listed: tuple[int, str] | None) -> bool:
    """End a recipient that a record came in for while it waited; returns whether there is one."""
    if listed is None:
        return False
    suppression, cause = listed
    lanes.land(tx, [one])
    gate.tell_suppressed_recipient(tx, one, suppression=suppression, cause=cause)
    ending.finish(tx, one, status=Status.BLOCKED, reason=f"suppressed: {cause}")
    return True


def _withdrawn(tx: Transaction, one: Claimed) -> bool:
    """End a recipient who has taken consent back: no reviewer can consent on somebody's behalf."""
    _, policy = house.policy(tx)
    asked = _classes(tx, one, policy) & set(policy.consent.require)
    if not gate.has_withdrawn(tx, one.address, asked, stream_id=one.stream_id):
        return False
    lanes.land(tx, [one])
    reason = "the recipient has withdrawn consent"
    ending.finish(tx, one, status=Status.BLOCKED, reason=reason)
    tx.emit(
        EmailBlocked(
            actor=str(SYSTEM), message=one.message_id, mailbox=one.mailbox_id, agent=one.agent_id, run=one.run_id,
            stream=one.stream_id, kind=Action.SEND.value, error="consent_required", reason=reason, recipients=1,
        )
    )  # fmt: skip
    return True


def _classes(tx: Transaction, one: Claimed, policy: Policy) -> set[ContentClass]:
    """Every class the message was declared or raised to, as far as this policy may ask of more than one.

    Only what was raised is several, and cold outreach is what a message goes as wherever it is that.
    """
    own, cold = ContentClass(one.content_class), ContentClass.COLD_OUTREACH
    asks = {*policy.consent.require, *policy.classes.hold} - {own, cold}
    if own not in (cold, ContentClass.COMMITMENT) or not asks:
        return {own}
    row = tx.one(select(MESSAGE.c.facts).where(MESSAGE.c.id == one.message_id))
    return {own} | {ContentClass(name) for name in (row.facts.get("classes", ()) if row is not None else ())}


def _held_now(tx: Transaction, one: Claimed, box: GateFacts) -> tuple[Reason, ...]:
    """Why the policy and mode in force would hold it, if they changed since it was accepted and no human said yes."""
    version, policy = house.policy(tx)
    classes = _classes(tx, one, policy)
    consented = classes.isdisjoint(policy.consent.require)
    if consented and version == one.policy_version and box.mode_since <= one.submitted_at:
        return ()
    item = tx.one(select(REVIEW.c.status).where(REVIEW.c.id == one.message_id))
    if item is not None and item.status == "released":
        return ()
    verdict = modes.moderate(modes.decide(Action.SEND, Mode(box.mode)), _class_verdicts(tx, one, classes, policy))
    match verdict:
        case Hold(reasons=reasons):
            return reasons
        case Execute():
            return ()
        case _:
            return (Reason("mode", verdict.reason),)


def _class_verdicts(tx: Transaction, one: Claimed, classes: Collection[ContentClass], policy: Policy) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for content_class in sorted(classes):
        verdicts += gate.consent_verdicts(tx, [one.address], content_class, stream_id=one.stream_id, policy=policy)
        if content_class in policy.classes.hold:
            verdicts.append(Hold((Reason("class", f"policy holds {content_class} in every mode"),)))
    return verdicts


def _to_review(tx: Transaction, message_id: int, box: GateFacts, reasons: Sequence[Reason]) -> None:
    """Send all of a message that has not started to leave back before a human."""
    _, policy = house.policy(tx)
    r = RECIPIENT.c
    stages = [Status.QUEUED.value, Status.DEFERRED.value]
    rows = tx.all(select(RECIPIENT).where(r.message_id == message_id, r.status.in_(stages)))
    # Claimed but not attempted: whoever holds the lease must not find it free again once a human has approved.
    f = IN_FLIGHT.c
    lanes.land(tx, tx.all(select(IN_FLIGHT).where(f.message_id == message_id, f.attempted_at.is_(None))))
    lanes.withdraw(tx, [(message_id, row.n) for row in rows], lanes={row.lane_id for row in rows})
    tx.write(
        update(RECIPIENT).where(r.message_id == message_id, r.status.in_(stages)).values(status=Status.PENDING.value)
    )
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(status=Status.PENDING.value))
    allowances.wait(tx, box, n=-sum(not row.charged for row in rows))
    expires_at = tx.now + (box.pending_expiry or policy.oversight.pending_expiry)
    review.send_back(tx, message_id, box, reasons=reasons, expires_at=expires_at)
    tx.emit(
        EmailPending(
            actor=str(SYSTEM), message=message_id, mailbox=box.mailbox_id, agent=box.agent_id,
            stream=box.stream_id, kind=Action.SEND.value, item=message_id,
            reasons=[reason.code for reason in reasons], expires_at=expires_at,
        )
    )  # fmt: skip


def _states(tx: Transaction, claimed: Sequence[Claimed]) -> dict[tuple[int, int], tuple[Status, bool]]:
    """Where each recipient stands, and whether the outside world has spoken of an earlier attempt."""
    rows = tx.all(_STATES, {"b_ids": [c.message_id for c in claimed]})
    return {(row.message_id, row.n): (Status(row.status), row.feedback is not None) for row in rows}


def _closed_lanes(tx: Transaction, lane_ids: set[int]) -> set[int]:
    rows = tx.all(_CLOSED, {"b_ids": list(lane_ids)})
    return {row.id for row in rows}


_STATES: Final = select(RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.status, RECIPIENT.c.feedback).where(
    RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True))
)
_CLOSED: Final = select(LANE.c.id).where(
    LANE.c.id.in_(bindparam("b_ids", expanding=True)), LANE.c.paused_at.is_not(None)
)
