"""The last gate check on claimed recipients, and the commit that starts their delivery.

Everything may have changed since acceptance: the stop, a suspension, a record, the mode, the policy. A recipient that
may not leave goes back to its lane, to review, or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final

from sqlalchemy import Row, bindparam, select, update

from core.db import gate_queries, queue
from core.db.counters import EVER
from core.db.locks import Locks
from core.db.queue import Claimed
from core.db.tables import IN_FLIGHT, MESSAGE, RECIPIENT, REVIEW, RUN
from core.db.transaction import Transaction
from core.events import EmailBlocked, EmailPending, EmailSuppressed
from core.model import RUN_MEMBERS, SYSTEM, Action, Block, Hold, Reason, Status
from core.rules.gate import GateDecision
from core.services import context
from core.services.sending import acceptance_limits, gate, gate_facts, review
from core.services.sending.consent_facts import Consents
from core.services.sending.delivery import finish, settle
from core.services.sending.policy_recheck import NOTHING, asked_since


@dataclass(frozen=True, slots=True)
class Attempt:
    """`attempt`, as the writer runs it: of one agent, or together with those of other agents."""

    claimed: Sequence[Claimed]
    worker: int
    only_queues: ClassVar = True

    @property
    def locks(self) -> Locks:
        return Locks(agents=frozenset(one.agent_id for one in self.claimed))

    def __call__(self, tx: Transaction) -> list[bool]:
        """For each of `claimed`, in order, whether its delivery may go on."""
        going = _start(tx, self.claimed, worker=self.worker)
        return [place in going for place in range(len(self.claimed))]

    @staticmethod
    def together(verbs: Sequence[Attempt]) -> Callable[[Transaction], list[list[bool]]]:
        """All of them as one verb."""
        whole = Attempt([one for verb in verbs for one in verb.claimed], verbs[0].worker)

        def run(tx: Transaction) -> list[list[bool]]:
            answers = iter(whole(tx))
            return [list(islice(answers, len(verb.claimed))) for verb in verbs]

        return run


def attempt(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> set[tuple[int, int]]:
    """Check claimed recipients with the gate and commit the start of their delivery. Returns the keys that may go on.

    Others go back to their lane, to review, or end; their lease is gone either way.
    """
    return {claimed[place].key for place in _start(tx, claimed, worker=worker)}


def _start(tx: Transaction, claimed: Sequence[Claimed], *, worker: int) -> set[int]:
    """As `attempt`, but returns the positions in `claimed` of those that may go on.

    Each lease starts one delivery at most, and only of the message's current bytes. A delivery can wait for its host
    with older ones: meanwhile the message was sent back to review, edited, approved, and claimed again by this worker.
    """
    mine = queue.held_leases(tx, {c.key for c in claimed}, worker=worker)
    unstarted = {key for key, row in mine.items() if row.lease_until > tx.now and row.attempted_at is None}
    held = [(place, one) for place, one in enumerate(claimed) if one.key in unstarted]
    closed = {row.lane_id for row in mine.values() if row.lane_paused_at is not None}
    gate_of = _Gate(tx, [one for _, one in held], closed=closed)
    places: dict[tuple[int, int], int] = {}
    for place, one in sorted(held, key=lambda item: not gate_of.same_bytes(item[1])):
        places.setdefault(one.key, place)
    going: dict[int, Claimed] = {}
    back: dict[int, Hold] = {}
    for place in sorted(places.values()):
        one = claimed[place]
        state, spoken_of = gate_of.state(one)
        if state not in (Status.QUEUED, Status.DEFERRED):
            queue.land(tx, [one])  # cancelled meanwhile: the recipient is final already
            continue
        if not gate_of.same_bytes(one):
            queue.put_back(tx, [one], dues=[one.due])  # the next claim loads its current bytes
            continue
        if spoken_of:
            settle.arrived(tx, one)
            continue
        decision = gate_of.decision(one)
        if decision.waits is not None:
            queue.put_back(tx, [one], dues=[one.due])
        elif one.n in decision.excluded:
            _end(tx, one, decision.excluded[one.n], gate_of.suppression(one))
        elif isinstance(decision.verdict, Hold):
            back[one.message_id] = decision.verdict
        else:
            going[place] = one
    for message_id, hold in back.items():
        to_review(tx, message_id, hold.reasons)
    queue.mark_attempted(tx, list(going.values()))
    return set(going)


class _Gate:
    """Facts of a batch of claimed recipients, read at once, and the gate's decision on each of their messages.

    A message is judged as a whole: every recipient that has not left, not only those this batch holds a lease on.
    """

    def __init__(self, tx: Transaction, held: Sequence[Claimed], *, closed: Collection[int]) -> None:
        """`closed`: paused lanes among those of the recipients."""
        self._tx = tx
        ids = [c.message_id for c in held]
        self._states: dict[tuple[int, int], Row[Any]] = {
            (row.message_id, row.n): row for row in tx.fetch(_STATES, {"b_ids": ids})
        }
        self._messages = {row.id: row for row in tx.fetch(_MESSAGES, {"b_ids": ids})}
        self._people: dict[int, dict[int, str]] = {}
        for row in self._states.values():
            if row.status in _NOT_LEFT:
                self._people.setdefault(row.message_id, {})[row.n] = row.address
        everybody = {address for people in self._people.values() for address in people.values()}
        gate_queries.prefetch_suppressions(tx, everybody)
        self._listed = {
            named: gate_queries.suppressed(tx, everybody, stream_id=named[0], classes=named[1], now=tx.now)
            for named in {self._named(c) for c in held if c.message_id in self._messages}
        }
        self._consents = Consents(tx, everybody)
        self._closed = closed
        self._since = asked_since(tx, self._messages.values())
        runs = {str(message.run_id) for message in self._messages.values()}
        tx.counters.prefetch("run", runs, "accepted", since=EVER)
        self._decided: dict[tuple[int, bool], GateDecision] = {}
        self._known: dict[Hashable, GateDecision] = {}

    def state(self, one: Claimed) -> tuple[Status | None, bool]:
        """The recipient's status, and whether feedback on an earlier attempt has arrived."""
        row = self._states.get(one.key)
        return (None, False) if row is None else (Status(row.status), row.feedback is not None)

    def same_bytes(self, one: Claimed) -> bool:
        """Whether the bytes that would leave are still the message's."""
        message = self._messages.get(one.message_id)
        return message is not None and message.digest == one.digest

    def suppression(self, one: Claimed) -> tuple[int, str] | None:
        return self._listed[self._named(one)].get(one.address)

    def _named(self, one: Claimed) -> tuple[int, tuple[str, ...]]:
        """The stream and classes that decide which suppressions apply."""
        commercial = bool(self._messages[one.message_id].facts.get("commercial"))
        return one.stream_id, gate_facts.counts_as(one.content_class, commercial=commercial)

    def decision(self, one: Claimed) -> GateDecision:
        name = one.message_id, one.lane_id in self._closed
        if name not in self._decided:
            self._decided[name] = gate.judge_again(
                self._tx, gate_queries.gate(self._tx, one.mailbox_id), self._messages[one.message_id],
                people=self._people[one.message_id], paused=name[1],
                listed=self._listed[self._named(one)], consents=self._consents, known=self._known,
                since=self._since.get(one.message_id, NOTHING),
            )  # fmt: skip
        return self._decided[name]


def _end(tx: Transaction, one: Claimed, block: Block, listed: tuple[int, str] | None) -> None:
    """End a recipient that must not be written to any more, whoever approved it."""
    queue.land(tx, [one])
    finish.finish(tx, one, status=Status.BLOCKED, reason=block.reason)
    if listed is not None:
        suppression, cause = listed
        tx.emit(
            EmailSuppressed(
                actor=str(SYSTEM), message=one.message_id, mailbox=one.mailbox_id, agent=one.agent_id,
                stream=one.stream_id, n=one.n, suppression=suppression, cause=cause,
            )
        )  # fmt: skip
        return
    tx.emit(
        EmailBlocked(
            actor=str(SYSTEM), message=one.message_id, mailbox=one.mailbox_id, agent=one.agent_id, run=one.run_id,
            stream=one.stream_id, kind=Action.SEND.value, error=block.error, reason=block.reason, recipients=1,
        )
    )  # fmt: skip


def to_review(tx: Transaction, message_id: int, reasons: Sequence[Reason]) -> None:
    """Return to review all recipients of a message that have not started to leave."""
    tx.require_desk()  # other workers may hold leases on other recipients of it
    _, policy = context.current_policy(tx)
    message = tx.one(select(MESSAGE.c.mailbox_id, MESSAGE.c.kind, MESSAGE.c.status).where(MESSAGE.c.id == message_id))
    assert message is not None
    box = gate_queries.gate(tx, message.mailbox_id)
    r = RECIPIENT.c
    stages = [Status.SCHEDULED.value, Status.QUEUED.value, Status.DEFERRED.value]
    rows = tx.all(select(RECIPIENT).where(r.message_id == message_id, r.status.in_(stages)))
    # Claimed but not attempted: the holder of the lease must not find it free again once a person has approved.
    f = IN_FLIGHT.c
    queue.land(tx, tx.all(select(IN_FLIGHT).where(f.message_id == message_id, f.attempted_at.is_(None))))
    queue.withdraw(tx, [(message_id, row.n) for row in rows], lanes={row.lane_id for row in rows})
    tx.write(
        update(RECIPIENT).where(r.message_id == message_id, r.status.in_(stages)).values(status=Status.PENDING.value)
    )
    tx.write(update(MESSAGE).where(MESSAGE.c.id == message_id).values(status=Status.PENDING.value))
    if message.status == Status.SCHEDULED:
        review.count_scheduled(tx, box, n=-1)
    acceptance_limits.wait(tx, box, n=-sum(row.status != Status.SCHEDULED and not row.charged for row in rows))
    expires_at = context.expiry(policy, box.pending_expiry, now=tx.now)
    review.send_back(tx, message_id, box, reasons=reasons, expires_at=expires_at)
    tx.emit(
        EmailPending(
            actor=str(SYSTEM), message=message_id, mailbox=box.mailbox_id, agent=box.agent_id,
            stream=box.stream_id, kind=message.kind, item=message_id,
            reasons=[reason.code for reason in reasons], expires_at=expires_at,
        )
    )  # fmt: skip


_NOT_LEFT: Final = frozenset({Status.PENDING, Status.QUEUED, Status.DEFERRED})
_STATES: Final = select(
    RECIPIENT.c.message_id, RECIPIENT.c.n, RECIPIENT.c.status, RECIPIENT.c.feedback, RECIPIENT.c.address
).where(RECIPIENT.c.message_id.in_(bindparam("b_ids", expanding=True)))
_MESSAGES: Final = (
    select(
        MESSAGE.c.id, MESSAGE.c.mailbox_id, MESSAGE.c.kind, MESSAGE.c.content_class, MESSAGE.c.reply_to,
        MESSAGE.c.facts, MESSAGE.c.subject, MESSAGE.c.policy_version, MESSAGE.c.run_id, MESSAGE.c.untraced,
        REVIEW.c.status.label("review_status"), REVIEW.c.reasons, REVIEW.c.approvers, REVIEW.c.settled,
        MESSAGE.c.digest, RUN.c.key.label("run_key"), *(RUN.c[name] for name in RUN_MEMBERS), RUN.c.confirmed_up_to,
    )
    .select_from(
        MESSAGE.outerjoin(REVIEW, REVIEW.c.id == MESSAGE.c.id).outerjoin(RUN, RUN.c.id == MESSAGE.c.run_id)
    )
    .where(MESSAGE.c.id.in_(bindparam("b_ids", expanding=True)))
)  # fmt: skip
