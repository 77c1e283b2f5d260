"""Decisions of people race each other, deliveries, caps and stops on two gateways: a message is decided once.

As `test_schedules`, with an agent whose mail is held. One of the two reviewers decides through a gateway, the other in
a transaction of their own, as the console and the command line do.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from sqlalchemy import func, select

from core.db import audit_log
from core.db.audit_log import Entry
from core.db.tables import CLAIM, COUNTER, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import SECOND
from core.errors import Conflict, Forbidden, NotFound
from core.events import Event
from core.model import Mode, Status
from core.services.sending import editing, review
from core.services.sending.editing import Wording
from core.services.sending.review import Decision
from tests.durability.test_schedules import AGENTS, SENT, Desk, Gateway, Schedule, agents, check, for_each, play
from tests.factories import effort
from tests.factories.desk import ALICE, BOB, WIDE, add_mailbox

HELD: Final = 1
"""Place of the agent whose mail is held, among the others."""
UNDO: Final = SECOND // 50
"""How long a decision can be undone here."""

_EDITS: Final = itertools.count(1)
READING: Final = 0.01
"""Seconds between seeing a message and approving it, in which others act."""

places = st.integers(0, 3)
"""Which of the undecided messages: few, so that people meet."""
delays = st.sampled_from([0, UNDO])
steps = st.one_of(
    st.tuples(st.just("send"), st.just(HELD)),
    st.tuples(st.just("send"), agents),
    st.tuples(st.just("deliver"), st.just(SENT)),
    st.tuples(st.just("approve"), st.tuples(places, delays)),
    st.tuples(st.just("approve"), st.tuples(places, delays)),
    st.tuples(st.just("reject"), st.tuples(places, delays)),
    st.tuples(st.just("edit"), places),
    st.tuples(st.sampled_from(["return", "undo", "claim", "cancel"]), places),
    st.tuples(st.just("release"), st.just(0)),
    st.tuples(st.just("suspend"), st.just(HELD)),
    st.tuples(st.sampled_from(["pause", "stop"]), st.just(0)),
)
schedules = st.lists(st.lists(steps, min_size=6, max_size=16), min_size=4, max_size=4)


class Reviewed(Desk):
    """The desk of `test_schedules`, and an agent whose mail is held."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.approved: list[tuple[int, str]] = []
        """Message and digest that a reviewer saw, of each approval that was accepted."""

    def begin(self) -> None:
        super().begin()
        self.approved.clear()

    def _build(self, tx: Transaction) -> list[tuple[int, int, str]]:
        others = super()._build(tx)
        stream = others[0][1]
        agent, _ = add_mailbox(
            tx, agent="held", address="held@s0.test", stream=stream, mode=Mode.GATED_ALL, **WIDE
        )  # fmt: skip
        return [*others[:HELD], (agent, stream, "held@s0.test"), *others[HELD:]]


class Reviewing(Gateway):
    """A gateway, and a person who decides there or beside it."""

    desk: Reviewed

    def steps(self) -> dict[str, Callable[[Any], Awaitable[None]]]:
        return super().steps() | {
            "approve": self.approve, "reject": self.reject, "edit": self.edit, "return": self.send_back,
            "undo": self.undo, "claim": self.claim, "cancel": self.cancel, "release": self.release,
        }  # fmt: skip

    @property
    def person(self) -> Any:
        return (ALICE, BOB)[self.worker - 1]

    async def approve(self, which: tuple[int, int]) -> None:
        place, delay = which
        if (item := await self._undecided(place)) is not None:
            # whoever approves has seen these bytes: an edit in between must refuse it
            digest = (await self._row(select(MESSAGE.c.digest).where(MESSAGE.c.id == item))).digest
            await asyncio.sleep(READING)
            decision = Decision(item, approve=True, reason="read it", digest=digest, delay=delay)
            if await self._decide(lambda tx: review.decide(tx, decision, actor=self.person)):
                self.desk.approved.append((item, digest))

    async def reject(self, which: tuple[int, int]) -> None:
        place, delay = which
        if (item := await self._undecided(place)) is not None:
            decision = Decision(item, approve=False, reason="not so", delay=delay)
            await self._decide(lambda tx: review.decide(tx, decision, actor=self.person))

    async def edit(self, place: int) -> None:
        if (item := await self._undecided(place)) is not None:
            wording = Wording(text=f"Better, says {self.person.name}: {next(_EDITS)}.")

            def change(tx: Transaction) -> object:
                return editing.edit(tx, edited, actor=self.person)

            try:
                edited = await asyncio.to_thread(
                    self.store.look, lambda tx: editing.compose_edit(tx, item, wording, ctx=self.desk.ctx)
                )
            except (Conflict, NotFound):
                return
            await self._decide(change)

    async def send_back(self, place: int) -> None:
        if (item := await self._undecided(place)) is not None:
            await self._decide(lambda tx: review.return_to_agent(tx, item, comment="not so", actor=self.person))

    async def undo(self, place: int) -> None:
        if (item := await self._undecided(place)) is not None:
            await self._decide(lambda tx: review.undo(tx, item, actor=self.person))

    async def claim(self, place: int) -> None:
        if (item := await self._undecided(place)) is not None:
            await self._decide(lambda tx: review.claim(tx, item, actor=self.person))

    async def cancel(self, place: int) -> None:
        if (item := await self._undecided(place)) is not None:
            await self._decide(lambda tx: review.cancel(tx, item, actor=self.person))

    async def release(self, _: int) -> None:
        """What the scheduler of a gateway does each second."""
        await self.writer.do(review.release_due)
        await self.writer.do(review.reject_due)

    async def _undecided(self, place: int) -> int | None:
        c = REVIEW.c
        undecided = select(c.id).where(
            c.agent_id == self.desk.agents[HELD][0], c.status.in_(["pending", "approved", "rejecting"])
        )
        rows = await asyncio.to_thread(self.store.rows, undecided.order_by(c.id))
        return int(rows[place % len(rows)].id) if rows else None

    async def _row(self, statement: Any) -> Any:
        return await asyncio.to_thread(self.store.row, statement)

    async def _decide(self, verb: Callable[[Transaction], object]) -> bool:
        try:
            if self.person is ALICE:
                await self.writer.do(verb)
            else:
                await asyncio.to_thread(self.store.transact, verb)
        except (Conflict, Forbidden):
            return False  # somebody else was first, or it is their own edit
        return True


NEXT: Final[dict[tuple[str, str], str]] = {
    ("pending", "email.approved"): "approved",
    ("pending", "email.rejected"): "rejecting",
    ("pending", "email.returned"): "returned",
    ("pending", "email.edited"): "pending",
    ("pending", "review.claimed"): "pending",
    ("pending", "email.cancelled"): "cancelled",
    ("approved", "email.cancelled"): "cancelled",
    ("rejecting", "email.cancelled"): "cancelled",
    ("approved", "email.approval_undone"): "pending",
    ("rejecting", "email.rejection_undone"): "pending",
    ("approved", "email.queued"): "approved",
    ("approved", "email.sent"): "sent",
}
"""What may happen to a held message, by what has happened to it: there is no second decision."""
BEFORE: Final = frozenset({"email.submitted", "email.pending"})
STATUS: Final = {
    "pending": {Status.PENDING}, "approved": {Status.QUEUED, Status.PENDING},
    "rejecting": {Status.REJECTED, Status.PENDING},
    "returned": {Status.RETURNED}, "cancelled": {Status.CANCELLED}, "sent": {Status.SENT},
}  # fmt: skip


class Followed:
    """What the log says of each held message, entry by entry."""

    def __init__(self, approved: list[tuple[int, str]]) -> None:
        self.state: dict[int, str] = {}
        self.digest: dict[int, str] = {}
        self.accepted = list(approved)
        """Approvals that were accepted and have not been met in the log yet."""
        self.seen: set[str] = set()
        self._editors: dict[int, set[str]] = {}
        self._approvers: dict[int, set[str]] = {}
        self._holder: dict[int, str] = {}

    def follow(self, event: Event, number: int) -> None:
        data = event.data()
        self.seen.add(event.type)
        if event.type in BEFORE:
            assert self.state.setdefault(number, "pending") == "pending"
            self.digest[number] = str(data["digest"])
            return
        before = self.state[number]
        assert (before, event.type) in NEXT, f"{event.type} of {number}, which was {before}"
        self.state[number] = NEXT[before, event.type]
        match event.type:
            case "email.edited":
                self._edited(number, data, event.actor)
            case "email.approved":
                self._approved(number, data, event.actor)
            case "email.approval_undone" | "email.rejection_undone":
                self._approvers.pop(number, None)
            case "review.claimed":
                assert self._holder.setdefault(number, event.actor) == event.actor, "claimed by two people"
                return
        self._holder.pop(number, None)

    def _edited(self, number: int, data: Mapping[str, Any], actor: str) -> None:
        assert data["before"] == self.digest[number], "an edit of other bytes"
        self.digest[number] = str(data["digest"])
        self._editors.setdefault(number, set()).add(actor)
        self._approvers.pop(number, None)

    def _approved(self, number: int, data: Mapping[str, Any], actor: str) -> None:
        assert data["digest"] == self.digest[number], "an approval of other bytes"
        self.accepted.remove((number, self.digest[number]))  # fails if its reviewer had seen other bytes
        self._approvers.setdefault(number, set()).add(actor)
        if data["complete"]:
            assert self._approvers[number] - self._editors.get(number, set()), "approved by those alone who edited it"
        else:
            self.state[number] = "pending"


def decided_once(desk: Reviewed, entries: list[Entry]) -> set[str]:
    """Follow each held message through the log. Returns the kinds of events that were seen."""
    agent = desk.agents[HELD][0]
    log = Followed(desk.approved)
    for entry in entries:
        if entry.event.message is not None and entry.event.agent == agent:
            log.follow(entry.event, entry.event.message)
    assert log.accepted == []
    state = log.state
    with desk.store.read() as conn:
        rows = conn.execute(
            select(MESSAGE.c.id, MESSAGE.c.digest, RECIPIENT.c.status, RECIPIENT.c.attempts, REVIEW.c.status)
            .join(RECIPIENT, RECIPIENT.c.message_id == MESSAGE.c.id)
            .join(REVIEW, REVIEW.c.id == MESSAGE.c.id)
            .where(MESSAGE.c.agent_id == agent)
        ).all()
        pending = conn.execute(select(func.sum(COUNTER.c.n)).where(
            COUNTER.c.scope == "agent", COUNTER.c.key == str(agent), COUNTER.c.kind == "pending"
        )).scalar()  # fmt: skip
        claims = [row.item for row in conn.execute(select(CLAIM.c.item))]
    assert {row.id for row in rows} == set(state)
    for number, signed, status, attempts, reviewed in rows:
        assert signed == log.digest[number]
        assert Status(status) in STATUS[state[number]], (number, state[number], status)
        assert attempts == (state[number] == "sent"), "it left without an approval, or twice"
        assert (reviewed == "pending") == (state[number] == "pending")
    undecided = {number for number, one in state.items() if one == "pending"}
    assert (pending or 0) == len(undecided)
    assert set(claims) <= undecided
    assert len(claims) == len(set(claims))
    return log.seen


@pytest.mark.slow
def test_in_no_schedule_of_two_gateways_is_a_message_decided_twice(postgres_url: str) -> None:
    desk = Reviewed(postgres_url)
    assert len(desk.agents) == AGENTS + 1
    seen = set[str]()

    def play_and_check(lists: Schedule) -> None:
        asyncio.run(play(desk, lists, kind=Reviewing))
        check(desk)
        with desk.store.read() as conn:
            entries = audit_log.read(conn, after=desk.since, limit=10_000)
        seen.update(decided_once(desk, list(entries)))

    for_each(schedules, desk, play_and_check, times=effort.times(8, 200))
    # they did meet: whatever the machine's timing, each kind of decision was made and some mail left
    assert {"email.approved", "email.rejected", "email.sent"} <= seen
