"""A message leaves: claimed under its budgets, attempted under the gate, settled with what the receiver said.

Three transactions, each of which can be the last before a crash: a claim without an attempt goes back to its lane, an
attempt without a settlement is `uncertain`, and nothing else can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from core.events import EmailDeferred, EmailFailed, EmailPending, EmailSent, EmailUncertain
from core.flow import absorb, allowances, gate, house, review
from core.ledger import facts, lanes
from core.ledger.counters import bucket
from core.ledger.facts import GateFacts
from core.ledger.lanes import Claimed
from core.ledger.tables import InFlight, Lane, Message, Pace, Recipient, Review, Stream, Worker, table
from core.ledger.transaction import Transaction
from core.rules import budgets, modes
from core.rules.policy import Policy
from core.words import (
    DAY,
    FAR_FUTURE,
    HOUR,
    MINUTE,
    SECOND,
    SYSTEM,
    Action,
    ContentClass,
    Execute,
    Hold,
    Mode,
    Outcome,
    Reason,
    Reply,
    Status,
)

Verb = Callable[[Transaction], None]

MESSAGE: Final = table(Message)
RECIPIENT: Final = table(Recipient)
IN_FLIGHT: Final = table(InFlight)
LANE: Final = table(Lane)
PACE: Final = table(Pace)
STREAM: Final = table(Stream)
REVIEW: Final = table(Review)
WORKER: Final = table(Worker)

LEASE: Final = 30 * SECOND
"""How long a claim outlives its worker's last beat."""
MAILBOXES_A_TURN: Final = 32
LANES_A_TURN: Final = 32
SPENT: Final = MINUTE
"""Longest nap of a lane whose cap says never: somebody may widen it."""
LONGEST_RETRY: Final = 4 * HOUR
LONGEST_BACKOFF: Final = 30 * MINUTE
LANE_PATIENCE: Final = 3
"""Deferrals in a row after which a lane, not only its message, backs off."""


# --- claim --------------------------------------------------------------------------------------------------------


def claim(tx: Transaction, *, worker: int, limit: int, busy: Collection[int] = ()) -> list[Claimed]:
    """Take up to `limit` recipients whose turn it is: fairly over mailboxes and lanes, within every budget.

    `busy` are streams that the worker wants no more of before it has finished some.
    """
    if facts.desk(tx).stopped_at is not None:
        return []
    due = lanes.mailboxes_due(tx, limit=MAILBOXES_A_TURN, busy=busy)
    claimed: list[Claimed] = []
    for place, row in enumerate(due):
        share = -(-(limit - len(claimed)) // (len(due) - place))
        if share > 0:
            claimed += _claim_mailbox(tx, facts.gate(tx, row.id), worker=worker, limit=share)
    return claimed


def _claim_mailbox(tx: Transaction, box: GateFacts, *, worker: int, limit: int) -> list[Claimed]:
    if box.expires_at is not None and box.expires_at <= tx.now:
        _nap(tx, box, until=FAR_FUTURE, waits_for="mailbox expired")
        return []
    caps = allowances.departure_caps(tx, box)
    rooms = [(cap, cap.room(tx)) for cap in caps]
    left = min(room.left for _, room in rooms)
    spent = [(cap, room) for cap, room in rooms if room.left == 0]
    turns = _claim_lanes(tx, box, limit=limit, uncharged=left)
    slots = [slot for turn in turns for slot in turn.slots]
    lanes.lease(tx, turns, mailbox_id=box.mailbox_id, worker=worker, until=tx.now + LEASE)
    _charge(tx, box, caps, slots)
    if spent and not slots:
        # Nothing that is paid for is due, and nothing more can be paid: look again when the last of the caps opens.
        until = max(room.next_at or tx.now for _, room in spent)
        _nap(tx, box, until=min(until, tx.now + SPENT), waits_for=spent[0][0].name)
    else:
        _nap(tx, box, until=0, waits_for=None)
    return lanes.describe(tx, slots)


def _claim_lanes(tx: Transaction, box: GateFacts, *, limit: int, uncharged: int) -> list[lanes.LaneTurn]:
    """A share of each due lane, as far as its site's pace and hourly cap allow."""
    due = lanes.lanes_due(tx, mailbox_id=box.mailbox_id, limit=min(LANES_A_TURN, limit))
    if not due:
        return []
    sites = allowances.Sites(tx, box, {lane.site for lane in due})
    # Twice an even share: a lane may use what those before it left over. What it could not, it has in the next claim.
    heads = lanes.heads(tx, [lane.id for lane in due], rows=min(lanes.LANE_WINDOW, -(-2 * limit // len(due))))
    turns: list[lanes.LaneTurn] = []
    for place, lane in enumerate(due):
        share = -(-limit // (len(due) - place))
        if share > 0:
            granted = sites.grant(lane.site, asking=min(share, lanes.LANE_WINDOW - lane.in_flight))
            taken = lanes.take(heads[lane.id], now=tx.now, uncharged=uncharged, limit=granted)
            wake, why = sites.spend(lane.site, len(taken.slots))
            limit -= len(taken.slots)
            uncharged -= sum(not slot.charged for slot in taken.slots)
            turns.append(lanes.LaneTurn(lane.id, taken.slots, max(taken.next_due, wake), wake, why))
    sites.save()
    return turns


def _charge(tx: Transaction, box: GateFacts, caps: Sequence[allowances.Cap], slots: Sequence[lanes.Slot]) -> None:
    """First claims are paid for here, once; a deferral later gives nothing back."""
    fresh = [slot for slot in slots if not slot.charged]
    if not fresh:
        return
    for cap in caps:
        cap.charge(tx, len(fresh))
    if not any(cap.scope == "stream" for cap in caps):
        tx.bump("stream", str(box.stream_id), "left_15m", minute=bucket(tx.now, budgets.DAY_BUCKET), n=len(fresh))
    tx.bump("stream", str(box.stream_id), "left_1d", minute=bucket(tx.now, budgets.DAY_MINUTES), n=len(fresh))
    tx.write_keeping_memo(_PAID, [{"b_message": slot.message_id, "b_n": slot.n} for slot in fresh])
    allowances.wait(tx, box, n=-len(fresh))


def _nap(tx: Transaction, box: GateFacts, *, until: int, waits_for: str | None) -> None:
    tx.write_keeping_memo(_NAP, [{"b_id": box.mailbox_id, "b_wake": until, "b_served": tx.now, "b_waits": waits_for}])


# --- attempt ------------------------------------------------------------------------------------------------------


def attempt(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> set[tuple[int, int]]:
    """The gate's last look, and the commit that starts a delivery. Returns the keys that may go on.

    What may not goes back to its lane, to a human, or to its end; its lease is gone either way.
    """
    mine = lanes.held_leases(tx, {c.key for c in claimed}, worker=worker)
    held = [c for c in claimed if c.key in mine and mine[c.key].lease_until > tx.now]
    states = _states(tx, held)
    listed = {
        stream: facts.suppressed(tx, {c.address for c in held if c.stream_id == stream}, stream_id=stream, now=tx.now)
        for stream in {c.stream_id for c in held}
    }
    closed = _closed_lanes(tx, {c.lane_id for c in held})
    stopped = facts.desk(tx).stopped_at is not None
    going: list[Claimed] = []
    back: dict[int, tuple[GateFacts, list[Reason]]] = {}
    for one in held:
        box = facts.gate(tx, one.mailbox_id)
        state = states.get(one.key)
        if state not in (Status.QUEUED, Status.DEFERRED):
            lanes.land(tx, [one])  # cancelled meanwhile: its recipient is final already
        elif stopped or one.lane_id in closed or not _open(tx, box):
            lanes.put_back(tx, [one], dues=[one.due])
        elif not _suppressed(tx, one, listed[one.stream_id].get(one.address)):
            going.append(one)
            if wants := _held_now(tx, one, box):
                back.setdefault(one.message_id, (box, []))[1].extend(wants)
    for message_id, (box, reasons) in back.items():
        _to_review(tx, message_id, box, list(dict.fromkeys(reasons)))
    going = [one for one in going if one.message_id not in back]
    lanes.mark_attempted(tx, going)
    return {c.key for c in going}


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
    _finish(tx, one, status=Status.BLOCKED, reason=f"suppressed: {cause}")
    return True


def _held_now(tx: Transaction, one: Claimed, box: GateFacts) -> tuple[Reason, ...]:
    """Why the policy and mode in force would hold it, if they changed since it was accepted and no human said yes."""
    version, policy = house.policy(tx)
    consented = one.content_class not in policy.consent.require
    if consented and version == one.policy_version and box.mode_since <= one.submitted_at:
        return ()
    item = tx.one(select(REVIEW.c.status).where(REVIEW.c.id == one.message_id))
    if item is not None and item.status == "released":
        return ()
    verdict = modes.moderate(modes.decide(Action.SEND, Mode(box.mode)), _class_verdicts(tx, one, policy))
    match verdict:
        case Hold(reasons=reasons):
            return reasons
        case Execute():
            return ()
        case _:
            return (Reason("mode", verdict.reason),)


def _class_verdicts(tx: Transaction, one: Claimed, policy: Policy) -> list[Any]:
    content_class = ContentClass(one.content_class)
    verdicts: list[Any] = list(
        gate.consent_verdicts(tx, [one.address], content_class, stream_id=one.stream_id, policy=policy)
    )
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


def _states(tx: Transaction, claimed: Sequence[Claimed]) -> dict[tuple[int, int], Status]:
    rows = tx.all(_STATES, {"b_ids": [c.message_id for c in claimed]})
    return {(row.message_id, row.n): Status(row.status) for row in rows}


def _closed_lanes(tx: Transaction, lane_ids: set[int]) -> set[int]:
    rows = tx.all(_CLOSED, {"b_ids": list(lane_ids)})
    return {row.id for row in rows}


# --- settle -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settlement:
    """One delivery and what came of it. `jitter` is a share from 0 to 1 that spreads retries."""

    claimed: Claimed
    reply: Reply
    jitter: float = 0.0
    provider_id: str | None = None

    @property
    def attempt(self) -> int:
        return self.claimed.attempts + 1


def settle(tx: Transaction, settlements: Sequence[Settlement], *, worker: int) -> None:
    """Record what receivers said: recipient, message, lane, route, counters and events, each once."""
    mine = lanes.held_leases(tx, {s.claimed.key for s in settlements}, worker=worker)
    sent: list[Settlement] = []
    for one in settlements:
        if one.claimed.key not in mine:
            _settle_late(tx, one)
        elif one.reply.outcome is Outcome.SENT:
            sent.append(one)
        else:
            _settle_unsent(tx, one)
    if sent:
        lanes.land(tx, [one.claimed for one in sent])
        _settle_sent(tx, sent)


def _settle_sent(tx: Transaction, sent: Sequence[Settlement]) -> None:
    """The common end, for many at once."""
    tx.write_keeping_memo(
        _SENT,
        [
            {
                "b_message": s.claimed.message_id, "b_n": s.claimed.n, "b_code": s.reply.code,
                "b_enhanced": s.reply.enhanced, "b_reply": s.reply.text, "b_at": tx.now, "b_provider": s.provider_id,
            }
            for s in sent
        ],
    )  # fmt: skip
    for s in sent:
        c = s.claimed
        _count_sent(tx, c)
        tx.emit(
            EmailSent(
                actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
                run=c.run_id, n=c.n, attempt=s.attempt, code=s.reply.code, enhanced=s.reply.enhanced, site=c.site,
                test=c.test,
            )
        )  # fmt: skip
    _close(tx, [s.claimed for s in sent], Status.SENT)
    tx.write_keeping_memo(
        _CALM, [{"b_id": lane, "b_reply": text, "b_at": tx.now} for lane, text in _last_words(sent).items()]
    )


def _settle_unsent(tx: Transaction, one: Settlement) -> None:
    c, reply = one.claimed, one.reply
    _, policy = house.policy(tx)
    match reply.outcome:
        case Outcome.DEFERRED:
            if tx.now - c.submitted_at >= policy.delivery.give_up:
                lanes.land(tx, [c])
                _fail(tx, one, cause="give_up")
            else:
                _defer(tx, one, policy)
        case Outcome.FAILED:
            lanes.land(tx, [c])
            _fail(tx, one, cause="refused")
        case Outcome.UNCERTAIN:
            _uncertain(tx, c, attempt=one.attempt, policy=policy, jitter=one.jitter)
        case Outcome.ROUTE_DOWN:
            _route_down(tx, one)
        case Outcome.SENT:
            raise AssertionError("settled with the others")


def _defer(tx: Transaction, one: Settlement, policy: Policy) -> None:
    """Try again: 5 min (RFC 5321 4.5.4.1 asks for 30; queues of agents are watched), doubling to 4 h, with jitter."""
    c, reply = one.claimed, one.reply
    wait = min(policy.delivery.first_retry << min(one.attempt - 1, 20), LONGEST_RETRY)
    next_at = tx.now + wait + int(wait * one.jitter / 4)
    lanes.put_back(tx, [c], dues=[next_at])
    _note(tx, one, status=Status.DEFERRED, next_at=next_at)
    tx.emit(
        EmailDeferred(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=one.attempt, code=reply.code, enhanced=reply.enhanced, stage=reply.stage,
            next_at=next_at,
        )
    )  # fmt: skip
    tx.bump("desk", "", "deferred", minute=bucket(tx.now))
    _lane_trouble(tx, c, reply, jitter=one.jitter)


def _lane_trouble(tx: Transaction, c: Claimed, reply: Reply, *, jitter: float) -> None:
    """A receiver that defers one after the other, or at its door, means the lane and not the letter."""
    row = tx.one(select(LANE.c.failures).where(LANE.c.id == c.lane_id))
    failures = (row.failures if row else 0) + 1
    at_the_door = reply.code == 421 or reply.stage in ("connect", "ehlo", "mail")
    tx.write_keeping_memo(
        _TROUBLE, [{"b_id": c.lane_id, "b_failures": failures, "b_reply": _line(reply), "b_at": tx.now}]
    )
    if at_the_door or failures >= LANE_PATIENCE:
        lanes.sleep(
            tx, lane_id=c.lane_id, not_before=tx.now + _backoff(failures, jitter), waits_for="lane backs off",
            failures=failures,
        )  # fmt: skip


def _route_down(tx: Transaction, one: Settlement) -> None:
    """No conversation took place: the message has lost nothing, the route (or, sending direct, the lane) backs off."""
    c = one.claimed
    lanes.put_back(tx, [c], dues=[c.due])
    tx.write_keeping_memo(
        _UNTRIED, [{"b_message": c.message_id, "b_n": c.n, "b_attempts": c.attempts, "b_reply": _line(one.reply)}]
    )
    box = facts.gate(tx, c.mailbox_id)
    if box.route.startswith("direct"):
        _lane_trouble(tx, c, one.reply, jitter=one.jitter)
        return
    row = tx.one(select(STREAM.c.route_failures, STREAM.c.backoff_until).where(STREAM.c.id == c.stream_id))
    assert row is not None
    if row.backoff_until > tx.now:
        return  # others in flight said the same at the same time: one trouble is counted once
    failures = row.route_failures + 1
    tx.write(
        update(STREAM)
        .where(STREAM.c.id == c.stream_id)
        .values(
            route_failures=failures,
            backoff_until=tx.now + _backoff(failures, one.jitter),
            last_reply=_line(one.reply),
        )
    )


def _backoff(failures: int, jitter: float) -> int:
    wait = min(SECOND << min(failures, 20), LONGEST_BACKOFF)
    return wait + int(wait * jitter / 2)


def _fail(tx: Transaction, one: Settlement, *, cause: str) -> None:
    c, reply = one.claimed, one.reply
    _note(tx, one, status=Status.FAILED, next_at=None)
    tx.emit(
        EmailFailed(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=one.attempt, code=reply.code, enhanced=reply.enhanced, stage=reply.stage,
            cause=cause,
        )
    )  # fmt: skip
    tx.bump("desk", "", "failed", minute=bucket(tx.now))
    _close(tx, [c], Status.FAILED)
    if cause == "refused":
        absorb.absorb_refusal(tx, c, reply)


def _uncertain(tx: Transaction, c: Claimed, *, attempt: int, policy: Policy, jitter: float) -> None:
    """The final dot was sent and nobody knows the answer. Policy: again (a possible duplicate), or a human decides."""
    hold = policy.delivery.uncertain == "hold" or c.content_class == ContentClass.COMMITMENT
    tx.emit(
        EmailUncertain(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=attempt, then="hold" if hold else "retry",
        )
    )  # fmt: skip
    tx.bump("desk", "", "uncertain", minute=bucket(tx.now))
    status, next_at = Status.UNCERTAIN, None
    if hold:
        lanes.land(tx, [c])
        _ask_human(tx, c)
    else:
        next_at = tx.now + policy.delivery.first_retry + int(policy.delivery.first_retry * jitter / 4)
        lanes.put_back(tx, [c], dues=[next_at])
        status = Status.DEFERRED
    tx.write_keeping_memo(
        _STATE,
        [
            {
                "b_message": c.message_id, "b_n": c.n, "b_status": status.value, "b_code": None, "b_enhanced": None,
                "b_reply": "uncertain: the connection ended after the message", "b_next": next_at,
            }
        ],
    )  # fmt: skip


def _ask_human(tx: Transaction, c: Claimed) -> None:
    """An uncertain delivery that policy does not retry waits for a person, like any held mail."""
    box = facts.gate(tx, c.mailbox_id)
    _, policy = house.policy(tx)
    reason = Reason("uncertain", "the connection ended after the message: approve to send it again")
    expires_at = tx.now + (box.pending_expiry or policy.oversight.pending_expiry)
    review.send_back(tx, c.message_id, box, reasons=[reason], expires_at=expires_at)


def _settle_late(tx: Transaction, one: Settlement) -> None:
    """Our lease had lapsed and the recipient was taken for uncertain; now we know after all."""
    c, outcome = one.claimed, one.reply.outcome
    r = RECIPIENT.c
    row = tx.one(select(RECIPIENT).where(r.message_id == c.message_id, r.n == c.n))
    if row is None or outcome is not Outcome.SENT or Status(row.status).final or row.attempts != one.attempt:
        return
    flying = tx.one(select(IN_FLIGHT.c.worker).where(IN_FLIGHT.c.message_id == c.message_id, IN_FLIGHT.c.n == c.n))
    if flying is None:
        lanes.withdraw(tx, [c.key], lanes=[c.lane_id])
        _settle_sent(tx, [one])
        review.moot(tx, c.message_id, facts.gate(tx, c.mailbox_id))


# --- leases -------------------------------------------------------------------------------------------------------


def beat(tx: Transaction, *, worker: int) -> None:
    """Say that this worker lives, and extend what it holds; what has lapsed or was let go stays so."""
    tx.write_keeping_memo(_BEAT, [{"b_id": worker, "b_at": tx.now}])
    tx.write_keeping_memo(_EXTEND, [{"b_worker": worker, "b_at": tx.now, "b_until": tx.now + LEASE}])


def enlist(tx: Transaction, *, worker: int, pid: int) -> None:
    """Enter a new worker."""
    tx.add(WORKER, {"id": worker, "started_at": tx.now, "beat_at": tx.now, "pid": pid})


def discharge(tx: Transaction, *, worker: int) -> None:
    """A worker that stops in order leaves at once; whatever it still holds is looked at without waiting."""
    tx.write(update(IN_FLIGHT).where(IN_FLIGHT.c.worker == worker).values(lease_until=tx.now))
    tx.write(WORKER.delete().where(WORKER.c.id == worker))


def let_go(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> None:
    """End leases of a worker that lives on, whose beats would keep them for ever; `reclaim` finds what they were."""
    tx.write_keeping_memo(
        _LET_GO, [{"b_message": c.message_id, "b_n": c.n, "b_worker": worker, "b_until": tx.now} for c in claimed]
    )


def reclaim(tx: Transaction, *, limit: int = 500, jitter: float = 0.0) -> int:
    """What dead workers left: never attempted goes back to its lane, attempted is uncertain."""
    rows = lanes.lapsed(tx, limit=limit)
    if not rows:
        return 0
    _, policy = house.policy(tx)
    slots = [lanes.Slot(row.message_id, row.n, row.lane_id, row.due, charged=True) for row in rows]
    attempted = {(row.message_id, row.n): row.attempt for row in rows if row.attempted_at is not None}
    for one in lanes.describe(tx, slots):
        if one.key in attempted:
            _uncertain(tx, one, attempt=attempted[one.key], policy=policy, jitter=jitter)
        else:
            lanes.put_back(tx, [one], dues=[one.due])
    tx.write(WORKER.delete().where(WORKER.c.beat_at < tx.now - DAY))
    return len(rows)


# --- how ----------------------------------------------------------------------------------------------------------


def _close(tx: Transaction, claimed: Sequence[Claimed], status: Status) -> None:
    """Count down the open recipients of messages, and end those that have none."""
    single = [c for c in claimed if c.recipients == 1]
    tx.write_keeping_memo(_CLOSE, [{"b_id": c.message_id, "b_status": status.value, "b_at": tx.now} for c in single])
    several: dict[int, int] = {}
    for c in claimed:
        if c.recipients > 1:
            several[c.message_id] = several.get(c.message_id, 0) + 1
    for message_id, n in several.items():
        _close_several(tx, message_id, n)
    review.free_followers(tx, list({c.message_id for c in claimed}))


def _close_several(tx: Transaction, message_id: int, n: int) -> None:
    """A message with many recipients ends as `sent` if any of them was."""
    row = tx.one(select(MESSAGE.c.open).where(MESSAGE.c.id == message_id))
    assert row is not None
    values: dict[str, Any] = {"open": row.open - n}
    if values["open"] <= 0:
        values |= {"status": review.end_of(tx, message_id).value, "final_at": tx.now}
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(**values))


def _finish(tx: Transaction, c: Claimed, *, status: Status, reason: str) -> None:
    tx.write(
        update(RECIPIENT)
        .where(RECIPIENT.c.message_id == c.message_id, RECIPIENT.c.n == c.n)
        .values(status=status.value, reason=reason, next_at=None)
    )
    _close(tx, [c], status)


def _note(tx: Transaction, one: Settlement, *, status: Status, next_at: int | None) -> None:
    c, reply = one.claimed, one.reply
    tx.write_keeping_memo(
        _STATE,
        [
            {
                "b_message": c.message_id, "b_n": c.n, "b_status": status.value, "b_code": reply.code,
                "b_enhanced": reply.enhanced, "b_reply": _line(reply), "b_next": next_at,
            }
        ],
    )  # fmt: skip


def _count_sent(tx: Transaction, c: Claimed) -> None:
    """Sent is what guards divide by and screens draw; test mail is neither."""
    if c.test:
        return
    hour = bucket(tx.now, 60)
    tx.bump("agent", str(c.agent_id), "sent_1h", minute=hour)
    tx.bump("mailbox", str(c.mailbox_id), "sent_1h", minute=hour)
    tx.bump("stream", str(c.stream_id), "sent_1d", minute=bucket(tx.now, budgets.DAY_MINUTES))
    tx.bump("agent", str(c.agent_id), "sent", minute=bucket(tx.now))
    tx.bump("desk", "", "sent", minute=bucket(tx.now))


def _last_words(sent: Sequence[Settlement]) -> dict[int, str]:
    return {s.claimed.lane_id: _line(s.reply) for s in sent}


def _line(reply: Reply) -> str:
    """One line for the screen; it may name a recipient, so it stays out of the log."""
    return f"{reply.code or ''} {reply.enhanced or ''} {reply.text}".strip()[:300]


_STATES: Final = select(RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.status).where(
    RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True))
)
_CLOSED: Final = select(LANE.c.id).where(
    LANE.c.id.in_(bindparam("b_ids", expanding=True)), LANE.c.paused_at.is_not(None)
)
_ONE: Final = (RECIPIENT.c.message_id == bindparam("b_message")) & (RECIPIENT.c.n == bindparam("b_n"))
_PAID: Final = update(RECIPIENT).where(_ONE).values(charged=True)
_SENT: Final = (
    update(RECIPIENT)
    .where(_ONE)
    .values(
        status=Status.SENT.value, code=bindparam("b_code"), enhanced=bindparam("b_enhanced"),
        reply=bindparam("b_reply"), sent_at=bindparam("b_at"), provider_id=bindparam("b_provider"), next_at=None,
    )
)  # fmt: skip
_STATE: Final = (
    update(RECIPIENT)
    .where(_ONE)
    .values(
        status=bindparam("b_status"), code=bindparam("b_code"), enhanced=bindparam("b_enhanced"),
        reply=bindparam("b_reply"), next_at=bindparam("b_next"),
    )
)  # fmt: skip
_UNTRIED: Final = (
    update(RECIPIENT)
    .where(_ONE)
    .values(status=Status.QUEUED.value, attempts=bindparam("b_attempts"), reply=bindparam("b_reply"))
)
_MSG: Final = MESSAGE.c.id == bindparam("b_id")
_CLOSE: Final = update(MESSAGE).where(_MSG).values(open=0, status=bindparam("b_status"), final_at=bindparam("b_at"))
_CALM: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(failures=0, last_reply=bindparam("b_reply"), last_reply_at=bindparam("b_at"))
)
_TROUBLE: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(failures=bindparam("b_failures"), last_reply=bindparam("b_reply"), last_reply_at=bindparam("b_at"))
)
_NAP: Final = (
    update(lanes.MAILBOX)
    .where(lanes.MAILBOX.c.id == bindparam("b_id"))
    .values(wake_at=bindparam("b_wake"), served_at=bindparam("b_served"), waits_for=bindparam("b_waits"))
)
_BEAT: Final = update(WORKER).where(WORKER.c.id == bindparam("b_id")).values(beat_at=bindparam("b_at"))
_LET_GO: Final = (
    update(IN_FLIGHT)
    .where(
        IN_FLIGHT.c.message_id == bindparam("b_message"), IN_FLIGHT.c.n == bindparam("b_n"),
        IN_FLIGHT.c.worker == bindparam("b_worker"),
    )
    .values(lease_until=bindparam("b_until"))
)  # fmt: skip
_EXTEND: Final = (
    update(IN_FLIGHT)
    .where(IN_FLIGHT.c.worker == bindparam("b_worker"), IN_FLIGHT.c.lease_until > bindparam("b_at"))
    .values(lease_until=bindparam("b_until"))
)
