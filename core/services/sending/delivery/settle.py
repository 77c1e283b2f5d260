"""Record the receivers' replies to attempts, once: recipient, message, lane, route, counters, events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, select, update

from core.db import gate_queries, queue
from core.db.counters import SITE_OF_DESK, bucket
from core.db.locks import Locks
from core.db.queue import Claimed
from core.db.tables import IN_FLIGHT, LANE, RECIPIENT, STREAM
from core.db.transaction import Transaction
from core.durations import HOUR, MINUTE, SECOND
from core.events import EmailDeferred, EmailFailed, EmailSent
from core.model import SYSTEM, Outcome, Reply, Status
from core.rules import budgets, signed_ids
from core.rules.policy import Policy
from core.services import context
from core.services.feedback import ingest
from core.services.sending import first_time_recipients, review
from core.services.sending.delivery import finish
from core.text import unicode_safety

LONGEST_RETRY: Final = 4 * HOUR
_OF_AGENT: Final = frozenset({Outcome.SENT, Outcome.DEFERRED})
"""Replies that concern only their agent."""
LONGEST_BACKOFF: Final = 30 * MINUTE
BACKS_OFF: Final = "lane backs off"
LANE_PATIENCE: Final = 3
"""Deferrals in a row after which the lane backs off, not only the message."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """One delivery and its outcome. `jitter` is a fraction from 0 to 1 that spreads retries."""

    claimed: Claimed
    reply: Reply
    jitter: float = 0.0
    provider_id: str | None = None

    @property
    def attempt(self) -> int:
        return self.claimed.attempts + 1


@dataclass(frozen=True, slots=True)
class Settle:
    """`settle`, as the writer runs it: of one agent, or together with those of other agents.

    A reply that may move a rate, a suppression, a route or another worker's lease needs the desk.
    """

    settlements: Sequence[Settlement]
    worker: int

    @property
    def only_queues(self) -> bool:
        """Whether other mail leaves sooner after it only where it was queued, or a full lane has room now."""
        return all(one.reply.outcome is Outcome.SENT for one in self.settlements)

    @property
    def locks(self) -> Locks | None:
        if any(one.reply.outcome not in _OF_AGENT for one in self.settlements):
            return None
        return Locks(agents=frozenset(one.claimed.agent_id for one in self.settlements))

    def __call__(self, tx: Transaction) -> list[RouteStateChange]:
        return settle(tx, self.settlements, worker=self.worker)

    @staticmethod
    def together(verbs: Sequence[Settle]) -> Callable[[Transaction], list[list[RouteStateChange]]]:
        """All of them as one verb; the first one's answer stands for all."""
        whole = Settle([one for verb in verbs for one in verb.settlements], verbs[0].worker)
        return lambda tx: [whole(tx), *([] for _ in verbs[1:])]


@dataclass(frozen=True, slots=True)
class RouteStateChange:
    """A route that began to back off, with the error that caused it, or that answers again (None)."""

    domain: str
    route: str
    error: str | None


def settle(tx: Transaction, settlements: Sequence[Settlement], *, worker: int) -> list[RouteStateChange]:
    """Record receivers' replies: recipient, message, lane, route, counters and events, each once.

    Returns the routes that went down or came back, for the log: once a turn and not once an attempt.
    """
    # Receivers quote the envelope sender ("<b-...@bounces...>: sender rejected"). The agent sees their replies, and
    # anyone who has the return path can forge a bounce that the desk believes.
    settlements = [replace(one, reply=_concealed(one.reply)) for one in settlements]
    turns = _answering(tx, settlements)
    leases = queue.held_leases(tx, {s.claimed.key for s in settlements}, worker=worker)
    sent: list[Settlement] = []
    for one in settlements:
        lease = leases.get(one.claimed.key)
        # The reply to an earlier attempt must not end the one that this worker has under way since: that has its own.
        if lease is None or (lease.attempted_at is not None and lease.attempt != one.attempt):
            _settle_late(tx, one)
        elif one.reply.outcome is Outcome.SENT:
            sent.append(one)
        elif (turn := _settle_unsent(tx, one)) is not None:
            turns.append(turn)
    if sent:
        queue.land(tx, [one.claimed for one in sent])
        _settle_sent(tx, sent)
    return turns


def _concealed(reply: Reply) -> Reply:
    """The reply as people may see it: without our feedback marks, and with hidden characters spelled out."""
    text = unicode_safety.spell_out(signed_ids.conceal(reply.text))[0]
    return reply if text is reply.text else replace(reply, text=text)


def _answering(tx: Transaction, settlements: Sequence[Settlement]) -> list[RouteStateChange]:
    """Any reply on a route clears its failures; otherwise the next failure, weeks later, would back off for long."""
    turns = []
    for one in settlements:
        if one.reply.outcome is Outcome.ROUTE_DOWN or one.reply.code is None or one.claimed.test:
            continue
        mailbox = gate_queries.gate(tx, one.claimed.mailbox_id)
        if mailbox.route_failures:
            calm = {"route_failures": 0, "backoff_until": 0, "last_reply": None}
            tx.write(update(STREAM).where(STREAM.c.id == mailbox.stream_id).values(calm))
            turns.append(RouteStateChange(mailbox.domain, mailbox.route, None))
    return turns


def _settle_sent(tx: Transaction, sent: Sequence[Settlement]) -> None:
    """Settle sent recipients, many at once."""
    tx.write_keeping_caches(
        _SENT,
        [
            {
                "b_message": s.claimed.message_id, "b_n": s.claimed.n, "b_code": s.reply.code,
                "b_enhanced": s.reply.enhanced, "b_reply": finish.line(s.reply), "b_at": tx.now,
                "b_provider": s.provider_id,
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
    finish.close(tx, [s.claimed for s in sent], Status.SENT)
    first_time_recipients.left(tx, [s.claimed for s in sent])
    tx.write_keeping_caches(
        _CALM,
        [{"b_id": lane, "b_reply": text, "b_at": tx.now, "b_n": n} for lane, (text, n) in _last_words(sent).items()],
    )


def _settle_unsent(tx: Transaction, one: Settlement) -> RouteStateChange | None:
    c, reply = one.claimed, one.reply
    _, policy = context.current_policy(tx)
    match reply.outcome:
        case Outcome.DEFERRED:
            if tx.now - c.dated_at >= policy.delivery.give_up:
                queue.land(tx, [c])
                _fail(tx, one, cause="give_up")
            else:
                _defer(tx, one, policy)
        case Outcome.FAILED:
            queue.land(tx, [c])
            _fail(tx, one, cause="refused")
        case Outcome.UNCERTAIN:
            finish.uncertain(tx, c, attempt=one.attempt, policy=policy, jitter=one.jitter)
        case Outcome.ROUTE_DOWN:
            return _settle_untaken(tx, one, policy)
        case Outcome.SENT:
            raise AssertionError("settled with the others")
    return None


def _defer(tx: Transaction, one: Settlement, policy: Policy) -> None:
    """Retry after 5 min (RFC 5321 4.5.4.1 asks for 30; queues of agents are watched), doubling to 4 h, with jitter."""
    c, reply = one.claimed, one.reply
    wait = min(policy.delivery.first_retry << min(one.attempt - 1, 20), LONGEST_RETRY)
    next_at = tx.now + wait + int(wait * one.jitter / 4)
    queue.put_back(tx, [c], dues=[next_at])
    finish.note(tx, c, reply, status=Status.DEFERRED, next_at=next_at)
    tx.emit(
        EmailDeferred(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=one.attempt, code=reply.code, enhanced=reply.enhanced, stage=reply.stage,
            next_at=next_at,
        )
    )  # fmt: skip
    tx.bump("desk", "", "deferred", minute=bucket(tx.now))
    _lane_trouble(tx, one)


def _lane_trouble(tx: Transaction, one: Settlement) -> None:
    """Back off the lane, not only the message, if its receiver defers several in a row or refuses the connection.

    A refusal up to MAIL FROM, or a 421, counts as the latter only from a domain's own exchanger: a relay's is not about
    this domain. A retry does not count again; otherwise one address deferred for days would back off all other mail to
    its domain.
    """
    c, reply = one.claimed, one.reply
    row = tx.one(select(LANE.c.failures).where(LANE.c.id == c.lane_id))
    closes = reply.code == 421 or reply.stage in ("connect", "ehlo", "mail")
    at_the_door = closes and gate_queries.gate(tx, c.mailbox_id).route.startswith("direct")
    failures = (row.failures if row else 0) + (at_the_door or one.attempt == 1)
    tx.write_keeping_caches(
        _TROUBLE, [{"b_id": c.lane_id, "b_failures": failures, "b_reply": finish.line(reply), "b_at": tx.now}]
    )
    if at_the_door or failures >= LANE_PATIENCE:
        queue.sleep(
            tx, lane_id=c.lane_id, not_before=tx.now + _backoff(failures, one.jitter), waits_for=BACKS_OFF,
            failures=failures,
        )  # fmt: skip


def _settle_untaken(tx: Transaction, one: Settlement, policy: Policy) -> RouteStateChange | None:
    """Back off the route, or the lane where each domain has its own exchangers."""
    direct = gate_queries.gate(tx, one.claimed.mailbox_id).route.startswith("direct")
    if one.reply.stage == "mail":
        _step_back(tx, one, policy)
    else:
        _put_back(tx, one)
        if direct:
            _lane_trouble(tx, one)
    return None if direct else _route_trouble(tx, one)


def _put_back(tx: Transaction, one: Settlement) -> None:
    """No SMTP session took place: the message keeps its place in the lane, and no attempt is counted."""
    c = one.claimed
    queue.put_back(tx, [c], dues=[c.due])
    values = {"b_message": c.message_id, "b_n": c.n, "b_attempts": c.attempts}
    if c.attempts:
        # Keep the receiver's reply to the last attempt: the route's own is stored with the route.
        tx.write_keeping_caches(_UNTRIED, [values])
    else:
        tx.write_keeping_caches(_NEVER_TRIED, [values | {"b_reply": finish.line(one.reply)}])


def _step_back(tx: Transaction, one: Settlement, policy: Policy) -> None:
    """Defer a message whose MAIL FROM was refused on a fresh connection. The attempt counts, and others go first.

    If the message itself caused the refusal, the next one gets through and the route answers again; if it were first in
    line again after every back-off, nothing else would ever leave. A message is given up only while the route serves
    others.
    """
    alone = not gate_queries.gate(tx, one.claimed.mailbox_id).route_failures
    if one.reply.code == 421 and alone and tx.now - one.claimed.dated_at >= policy.delivery.give_up:
        queue.land(tx, [one.claimed])
        _fail(tx, one, cause="give_up")
    else:
        _defer(tx, one, policy)


def _route_trouble(tx: Transaction, one: Settlement) -> RouteStateChange | None:
    c = one.claimed
    mailbox = gate_queries.gate(tx, c.mailbox_id)
    row = tx.one(select(STREAM.c.route_failures, STREAM.c.backoff_until).where(STREAM.c.id == c.stream_id))
    assert row is not None
    if row.backoff_until > tx.now:
        return None  # others in flight failed at the same time: one outage is counted once
    failures = row.route_failures + 1
    tx.write(
        update(STREAM)
        .where(STREAM.c.id == c.stream_id)
        .values(
            route_failures=failures,
            backoff_until=tx.now + _backoff(failures, one.jitter),
            last_reply=finish.line(one.reply),
        )
    )
    return RouteStateChange(mailbox.domain, mailbox.route, finish.line(one.reply)) if failures == 1 else None


def _backoff(failures: int, jitter: float) -> int:
    wait = min(SECOND << min(failures, 20), LONGEST_BACKOFF)
    return wait + int(wait * jitter / 2)


def _fail(tx: Transaction, one: Settlement, *, cause: str) -> None:
    c, reply = one.claimed, one.reply
    finish.note(tx, c, reply, status=Status.FAILED, next_at=None)
    tx.emit(
        EmailFailed(
            actor=str(SYSTEM), message=c.message_id, mailbox=c.mailbox_id, agent=c.agent_id, stream=c.stream_id,
            run=c.run_id, n=c.n, attempt=one.attempt, code=reply.code, enhanced=reply.enhanced, stage=reply.stage,
            cause=cause,
        )
    )  # fmt: skip
    tx.bump("desk", "", "failed", minute=bucket(tx.now))
    finish.close(tx, [c], Status.FAILED)
    first_time_recipients.release(tx, [c], unattempted=False)
    if cause == "refused":
        ingest.absorb_refusal(tx, c, reply)


def _settle_late(tx: Transaction, one: Settlement) -> None:
    """Settle a late success: our lease had lapsed, and the recipient was taken for uncertain.

    It counts although another attempt was deferred since: the message has arrived, and one more would be a duplicate.
    """
    tx.require_desk()
    c, outcome = one.claimed, one.reply.outcome
    r = RECIPIENT.c
    row = tx.one(select(RECIPIENT).where(r.message_id == c.message_id, r.n == c.n))
    if row is None or outcome is not Outcome.SENT or Status(row.status).final:
        return
    in_flight = tx.one(select(IN_FLIGHT).where(IN_FLIGHT.c.message_id == c.message_id, IN_FLIGHT.c.n == c.n))
    if in_flight is None:
        queue.withdraw(tx, [c.key], lanes=[c.lane_id])
    elif in_flight.attempted_at is None:
        queue.land(tx, [in_flight])  # another worker's claim, which may wait for minutes: its attempt finds no lease
    else:
        return  # the attempt in progress has a reply of its own
    _settle_sent(tx, [one])
    review.settle_review(tx, c.message_id, gate_queries.gate(tx, c.mailbox_id))


def arrived(tx: Transaction, c: Claimed) -> None:
    """End a recipient as sent if feedback has arrived on it since its connection broke off.

    No bounce, report or delivery event comes for mail that never arrived: the attempt whose reply was lost succeeded,
    and another one would be a duplicate.
    """
    queue.land(tx, [c])
    reply = Reply(Outcome.SENT, None, None, "feedback shows that the previous attempt was delivered", "dot")
    _settle_sent(tx, [Settlement(replace(c, attempts=c.attempts - 1), reply)])


def _count_sent(tx: Transaction, c: Claimed) -> None:
    """Count a sent recipient: guards divide by this, and screens show it. Test mail counts for neither."""
    if c.test:
        return
    hour = bucket(tx.now, 60)
    tx.bump("agent", str(c.agent_id), "sent_1h", minute=hour)
    tx.bump("mailbox", str(c.mailbox_id), "sent_1h", minute=hour)
    tx.bump(SITE_OF_DESK, c.site, "sent_1h", minute=hour)
    tx.bump("stream", str(c.stream_id), "sent_1d", minute=bucket(tx.now, budgets.DAY_MINUTES))
    tx.bump("agent", str(c.agent_id), "sent", minute=bucket(tx.now))
    tx.bump("desk", "", "sent", minute=bucket(tx.now))


def _last_words(sent: Sequence[Settlement]) -> dict[int, tuple[str, int]]:
    """The receiver's last reply for each lane, and how many recipients it took."""
    counted = Counter(s.claimed.lane_id for s in sent)
    return {s.claimed.lane_id: (finish.line(s.reply), counted[s.claimed.lane_id]) for s in sent}


_SENT: Final = (
    update(RECIPIENT)
    .where(finish.OF_RECIPIENT)
    .values(
        status=Status.SENT.value, code=bindparam("b_code"), enhanced=bindparam("b_enhanced"),
        reply=bindparam("b_reply"), sent_at=bindparam("b_at"), provider_id=bindparam("b_provider"), next_at=None,
    )
)  # fmt: skip
_UNTRIED: Final = (
    update(RECIPIENT).where(finish.OF_RECIPIENT).values(status=Status.QUEUED.value, attempts=bindparam("b_attempts"))
)
_NEVER_TRIED: Final = _UNTRIED.values(reply=bindparam("b_reply"))
_CALM: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(
        failures=0,
        last_reply=bindparam("b_reply"),
        last_reply_at=bindparam("b_at"),
        delivered=LANE.c.delivered + bindparam("b_n"),
    )
)
_TROUBLE: Final = (
    update(LANE)
    .where(LANE.c.id == bindparam("b_id"))
    .values(failures=bindparam("b_failures"), last_reply=bindparam("b_reply"), last_reply_at=bindparam("b_at"))
)
