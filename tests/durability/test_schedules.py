"""Two gateways on one PostgreSQL run any schedule of verbs at once: every promise about caps, stops and counts holds.

In one process, each with a store and a writer of its own: what could go wrong lies between their transactions. The
schedules are drawn; how they interleave is up to the machine.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text, update

from core.clock import SystemClock
from core.db import audit_log, gate_queries, locks
from core.db.queue import Claimed
from core.db.store import Store
from core.db.tables import (
    AGENT,
    BODY,
    CLAIM,
    CONTACT,
    COUNTER,
    EDIT,
    IDEMPOTENCY,
    IN_FLIGHT,
    LANE,
    MAILBOX,
    MESSAGE,
    PACE,
    READY,
    RECIPIENT,
    REVIEW,
    RUN,
    STREAM,
)
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import Conflict, PostroomError
from core.ids import Ids
from core.model import Mode, Outcome, Reply, Status
from core.rules.addresses import parse_address
from core.services.context import ServiceContext
from core.services.control import emergency
from core.services.sending import delivery
from core.services.sending.delivery import Settlement
from core.services.sending.prepare import prepare
from core.services.sending.submission import RunClaim, Submission
from core.services.sending.submit import Submit
from tests.factories import effort
from tests.factories.desk import ALICE, DORA, GAIL, KEYRING, WIDE, add_mailbox, issue, make_desk

AGENTS: Final = 3
STREAMS: Final = 2
CAP: Final = 5
"""Messages an hour of the last agent; its stream's day has room for one more."""
SENT: Final = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot")
LATER: Final = Reply(Outcome.DEFERRED, 451, "4.3.0", "later", "rcpt")
NOBODY: Final = Reply(Outcome.FAILED, 550, "5.1.1", "no such user", "rcpt")
NEWCOMERS: Final = 6
"""First-time recipients a day of the first agent; mail to more is held for a person."""
_NUMBERS: Final = itertools.count(1)

agents = st.integers(0, AGENTS - 1)
steps = st.one_of(
    st.tuples(st.just("send"), agents),
    st.tuples(st.just("send"), agents),
    st.tuples(st.just("deliver"), st.sampled_from([SENT, SENT, SENT, LATER, NOBODY])),
    st.tuples(st.just("deliver"), st.just(SENT)),
    st.tuples(st.just("suspend"), agents),
    st.tuples(st.just("pause"), st.integers(0, STREAMS - 1)),
    st.tuples(st.just("stop"), st.just(0)),
)
schedules = st.lists(st.lists(steps, min_size=4, max_size=14), min_size=4, max_size=4)


Schedule = list[list[tuple[str, Any]]]
"""Steps of each of several callers."""


class Desk:
    """A desk with a few agents, of which the last one has a narrow cap and a narrow stream."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, clock=SystemClock())
        self.desk = make_desk(self.store, mode=Mode.AUTONOMOUS, **WIDE)
        self.agents = self.store.transact(self._build)
        self.tokens = [issue(self.store, agent) for agent, _, _ in self.agents]
        self.ctx = ServiceContext(keyring=KEYRING, ids=Ids.seeded(11), chance=lambda bits: 0)
        self.since = 0
        """The log's head when the schedule began."""
        self.broken: list[str] = []
        """Promises that a verb saw broken, from within its transaction."""

    def begin(self) -> None:
        """As it was built, whatever the last schedule left."""
        self.store.transact(fresh)
        with self.store.read() as conn:
            self.since, _ = audit_log.head(conn)
        self.broken.clear()

    def _build(self, tx: Transaction) -> list[tuple[int, int, str]]:
        made = []
        streams = [
            tx.create(
                STREAM,
                {
                    "domain": f"s{n}.test", "route": "smtp://127.0.0.1:1", "created_at": tx.now, "warm": n == 0,
                    "warm_cap": None if n == 0 else CAP + 1, "owners": [],
                },
            )
            for n in range(STREAMS)
        ]  # fmt: skip
        for n in range(AGENTS):
            narrow = {0: {"limit_new_recipients_day": NEWCOMERS}, AGENTS - 1: {"limit_hour": CAP}}.get(n, {})
            stream = n % STREAMS if n < AGENTS - 1 else 1
            agent, _ = add_mailbox(
                tx, agent=f"a{n}", address=f"a{n}@s{stream}.test", stream=streams[stream], mode=Mode.AUTONOMOUS,
                **(WIDE | narrow),
            )  # fmt: skip
            made.append((agent, streams[stream], f"a{n}@s{stream}.test"))
        return made


class Gateway:
    """One of the gateways: its own store, writer, worker and leases."""

    def __init__(self, desk: Desk, worker: int) -> None:
        self.desk = desk
        self.worker = worker
        self.store = Store(desk.store.url, clock=SystemClock())
        self.writer = Writer(self.store)

    async def do(self, step: tuple[str, Any]) -> None:
        what, which = step
        await self.steps()[what](which)

    def steps(self) -> dict[str, Callable[[Any], Awaitable[None]]]:
        return {
            "send": self.send, "deliver": self.deliver, "suspend": self.suspend, "pause": self.pause, "stop": self.stop,
        }  # fmt: skip

    async def send(self, agent: int) -> None:
        number = next(_NUMBERS)
        submission = Submission(
            sender=parse_address(self.desk.agents[agent][2]), to=(parse_address(f"u{number}@d{number % 3}.example"),),
            subject="s", text="t", issued=b"{}", run=RunClaim(key=f"r{number % 2}", user="ann@acme.test"),
        )  # fmt: skip
        token = self.desk.tokens[agent]
        prepared = await asyncio.to_thread(prepare, self.store, submission, token=token, ctx=self.desk.ctx)
        await self.writer.do(Submit(prepared))

    async def deliver(self, reply: Reply) -> None:
        claimed = (await self.writer.do(delivery.Claim(self.worker, 8))).claimed
        by_agent: dict[int, list[Claimed]] = {}
        for one in claimed:
            by_agent.setdefault(one.agent_id, []).append(one)
        await asyncio.gather(*(self._attempt(part, reply) for part in by_agent.values()))

    async def _attempt(self, part: list[Claimed], reply: Reply) -> None:
        going = await self.writer.do(delivery.Attempt(part, self.worker))
        settled = [Settlement(one, reply) for one, goes in zip(part, going, strict=True) if goes]
        if settled:
            await self.writer.do(delivery.Settle(settled, self.worker))

    async def suspend(self, agent: int) -> None:
        """Suspend, wait a moment, resume: no attempt of the agent may have been committed in between."""
        number, _, address = self.desk.agents[agent]
        name = address.partition("@")[0]
        await self._held(
            lambda tx: emergency.suspend_agent(tx, name, reason="odd", actor=ALICE),
            lambda tx: emergency.resume_agent(tx, name, reason="fine", actor=GAIL),
            MESSAGE.c.agent_id == number,
        )

    async def pause(self, stream: int) -> None:
        domain = f"s{stream}.test"
        await self._held(
            lambda tx: emergency.pause_stream(tx, domain, reason="odd", actor=ALICE),
            lambda tx: emergency.resume_stream(tx, domain, reason="fine", actor=DORA),
            MESSAGE.c.stream_id == next(one[1] for one in self.desk.agents if one[2].endswith(domain)),
        )

    async def stop(self, _: int) -> None:
        def once(tx: Transaction) -> None:
            if gate_queries.desk(tx).stopped_at is not None:
                raise Conflict("it is stopped already")
            emergency.stop(tx, reason="odd", actor=ALICE)

        await self._held(
            once,
            lambda tx: emergency.start(tx, reason="fine", actor=GAIL),
            MESSAGE.c.id.is_not(None),
        )

    async def _held(
        self, hold: Callable[[Transaction], object], free: Callable[[Transaction], object], which: Any
    ) -> None:
        attempted = select(func.coalesce(func.sum(RECIPIENT.c.attempts), 0)).where(
            RECIPIENT.c.message_id.in_(select(MESSAGE.c.id).where(which))
        )

        def counting(verb: Callable[[Transaction], object]) -> Callable[[Transaction], int]:
            def run(tx: Transaction) -> int:
                (row,) = tx.all(attempted)
                verb(tx)
                return int(row[0])

            return run

        try:
            before = await self.writer.do(counting(hold))
        except PostroomError:
            return  # it is held already: by whom, frees it
        await asyncio.sleep(0.01)
        after = await self.writer.do(counting(free))
        if after != before:
            self.desk.broken.append(f"{after - before} attempts were committed while it was held")


async def play(desk: Desk, lists: Schedule, *, kind: type[Gateway] = Gateway) -> None:
    """Two gateways, each with two of the lists at once; then everything that may leave does."""
    gateways = [kind(desk, worker) for worker in (1, 2)]
    for one in gateways:
        one.writer.start()

    async def follow(gateway: Gateway, steps: list[tuple[str, Any]]) -> None:
        for step in steps:
            await gateway.do(step)

    try:
        # What is due is more than the caps allow, and both claim it at the same moment.
        await asyncio.gather(*(gateways[n % 2].send(n // 2 % len(desk.agents)) for n in range(24)))
        await asyncio.gather(*(one.deliver(SENT) for one in gateways))
        await asyncio.gather(*(follow(gateways[n % 2], steps) for n, steps in enumerate(lists)))
        for _ in range(4):
            await asyncio.gather(*(one.deliver(SENT) for one in gateways))
    finally:
        for one in gateways:
            await one.writer.close()
            one.store.close()


def check(desk: Desk) -> None:
    """Every figure is what its rows say, no cap is exceeded, the log is whole."""
    assert desk.broken == []
    with desk.store.read() as conn:
        assert audit_log.verify(conn).ok
        kinds = Counter(entry.event.type for entry in audit_log.read(conn, after=desk.since, limit=10_000))
        rows = conn.execute(
            select(RECIPIENT.c.status, RECIPIENT.c.charged, MESSAGE.c.agent_id, MESSAGE.c.stream_id).join(
                MESSAGE, MESSAGE.c.id == RECIPIENT.c.message_id
            )
        ).all()
        counted = {
            (row.scope, row.key, row.kind): int(row.n)
            for row in conn.execute(
                select(COUNTER.c.scope, COUNTER.c.key, COUNTER.c.kind, func.sum(COUNTER.c.n).label("n")).group_by(
                    COUNTER.c.scope, COUNTER.c.key, COUNTER.c.kind
                )
            )
        }
        lanes = conn.execute(select(LANE.c.id, LANE.c.depth, LANE.c.in_flight)).all()
        ready = Counter(row.lane_id for row in conn.execute(select(READY.c.lane_id)))
        flying = Counter(row.lane_id for row in conn.execute(select(IN_FLIGHT.c.lane_id)))
        deadlocks = conn.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        ).scalar()
    sent = Counter(row.agent_id for row in rows if row.status == Status.SENT.value)
    charged = Counter(row.agent_id for row in rows if row.charged)
    of_stream = Counter(row.stream_id for row in rows if row.charged)
    assert counted.get(("desk", "", "sent"), 0) == sum(sent.values()) == kinds["email.sent"]
    assert kinds["email.submitted"] == len(rows)
    for agent, stream, _ in desk.agents:
        assert counted.get(("agent", str(agent), "sent"), 0) == sent[agent]
        assert counted.get(("agent", str(agent), "left"), 0) == charged[agent]
        assert counted.get(("stream", str(stream), "left_15m"), 0) == of_stream[stream]
        assert counted.get(("agent", str(agent), "waiting"), 0) == sum(
            row.agent_id == agent and not row.charged and row.status == Status.QUEUED.value for row in rows
        )
    assert counted.get(("agent", str(desk.agents[0][0]), "new_15m"), 0) <= NEWCOMERS
    narrow, stream, _ = desk.agents[-1]
    assert charged[narrow] <= CAP
    assert of_stream[stream] <= CAP + 1
    assert {row.id: (row.depth, row.in_flight) for row in lanes} == {
        row.id: (ready[row.id], flying[row.id]) for row in lanes
    }
    assert deadlocks == 0


@pytest.mark.slow
def test_no_schedule_of_two_gateways_breaks_a_promise(postgres_url: str) -> None:
    desk = Desk(postgres_url)

    def play_and_check(lists: Schedule) -> None:
        asyncio.run(play(desk, lists))
        check(desk)

    for_each(schedules, desk, play_and_check, times=effort.times(5, 150))


def for_each(
    drawn: st.SearchStrategy[Schedule], desk: Desk, play_and_check: Callable[[Schedule], None], *, times: int
) -> None:
    """Play so many schedules, each from the start: the same ones every time, but others in a thorough run."""

    @settings(
        max_examples=times, deadline=None, derandomize=not effort.thorough(), database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(drawn)
    def from_the_start(lists: Schedule) -> None:
        desk.begin()
        play_and_check(lists)

    try:
        from_the_start()
    finally:
        desk.store.close()


def fresh(tx: Transaction) -> None:
    """No mail, nothing counted, and everything runs again, whatever the last schedule left."""
    for table in (
        BODY, CLAIM, CONTACT, COUNTER, EDIT, IDEMPOTENCY, IN_FLIGHT, LANE, MESSAGE, PACE, READY, RECIPIENT, REVIEW, RUN,
    ):  # fmt: skip
        tx.write(delete(table))
    tx.write(update(AGENT).values(status="active", suspended_by=None))
    tx.write(update(STREAM).values(paused_at=None, backoff_until=0, route_failures=0))
    tx.write(update(MAILBOX).values(wake_at=0))
    tx.conn.execute(text("UPDATE desk SET stopped_at = NULL, start_votes = '[]'"))


def test_this_would_find_a_deadlock(postgres_url: str) -> None:
    """Two transactions that take the same agents in opposite order, as no code of ours can."""
    desk = Desk(postgres_url)
    barrier = asyncio.Barrier(2)

    async def opposite(first: int, second: int) -> None:
        def take(number: int) -> None:
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({locks.AGENT}, {number})")

        with desk.store.engine.connect() as conn, conn.begin():
            await asyncio.to_thread(take, first)
            await barrier.wait()
            await asyncio.to_thread(take, second)

    async def both() -> list[BaseException | None]:
        return list(await asyncio.gather(opposite(1, 2), opposite(2, 1), return_exceptions=True))

    errors = asyncio.run(both())
    assert sum(error is not None for error in errors) == 1
    with pytest.raises(AssertionError):
        check(desk)
    desk.store.close()
