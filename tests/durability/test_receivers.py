"""A receiver in trouble is its own lanes' trouble: an hour of it costs nobody else a minute, and no letter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select, update

from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import IN_FLIGHT, RECIPIENT, STREAM
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.model import Mode, Outcome
from core.rules.addresses import parse_address
from core.security.encryption import MasterKeys, new_master_key
from core.services.sending import delivery
from core.services.sending.prepare import prepare
from core.services.sending.submission import RunClaim, Submission
from core.services.sending.submit import submit
from core.smtp.client import SmtpClient
from core.smtp.route import Timeouts
from core.workers.delivery import DeliveryWorker
from core.workers.sender_config import SenderConfigs
from tests.db.empty_database import Fresh
from tests.factories.desk import DOMAIN, WIDE, Bench, add_mailbox, issue, make_desk
from tests.smtp.receiver import CLOSE, SILENCE, USUAL, Receiver, Say, receiver

GOOD = "help@good.acme.test"
BACKLOG = 220
"""More than one process has under way at once."""


@pytest.fixture
def store(clock: FakeClock) -> Iterator[Store]:
    """SQLite alone: what is tested here is the loop; the verbs under it are tested on both."""
    fresh = Fresh(clock)
    yield fresh.store
    fresh.close()


@dataclass
class Two:
    """A desk with a stream whose relay is in trouble and one whose relay is not."""

    store: Store
    clock: FakeClock
    bench: Bench
    token: TokenFacts
    departures: DeliveryWorker
    writer: Writer
    bad: Receiver
    good: Receiver
    numbers: list[int] = field(default_factory=list)

    def hand_in(self, sender: str, to: str) -> None:
        token = self.token if sender == GOOD else self.bench.token
        asked = Submission(
            sender=parse_address(sender), to=(parse_address(to),), subject="hello", text="hello", issued=b"{}",
            run=RunClaim(key="run"),
        )  # fmt: skip
        prepared = prepare(self.store, asked, token=token, ctx=self.bench.ctx)
        self.store.transact(lambda tx: submit(tx, prepared))
        self.departures.wake()

    def statuses(self, domain: str) -> list[str]:
        c = RECIPIENT.c
        return [row.status for row in self.store.rows(select(c.status).where(c.address.like(f"%@{domain}")))]


@contextlib.asynccontextmanager
async def two(
    store: Store, clock: FakeClock, *, trouble: Mapping[str, Say], read_at_most: int | None = None
) -> AsyncIterator[Two]:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    async with receiver(trouble, read_at_most=read_at_most) as bad, receiver() as good:
        token = await asyncio.to_thread(_desk_with_two_relays, store, bad.port, good.port)
        writer = Writer(store)
        writer.start()
        courier = SmtpClient(clock=clock, timeouts=Timeouts(connect=600, command=600, data=600, dot=600))
        departures = DeliveryWorker(
            store=store, writer=writer, courier=courier, ctx=bench.ctx, clock=clock,
            outfits=SenderConfigs(store, MasterKeys.parse(new_master_key("k1"))),
        )  # fmt: skip
        running = asyncio.create_task(departures.run())
        try:
            yield Two(store, clock, bench, token, departures, writer, bad, good)
        finally:
            bad.script.update(USUAL)  # or what still stands in line would meet the same silence
            for writer_ in bad.writers:
                writer_.transport.abort()
            departures.stop()
            await running
            await courier.close()
            await writer.close()


def _desk_with_two_relays(store: Store, bad: int, good: int) -> TokenFacts:
    store.transact(lambda tx: tx.write(update(STREAM).values(route=f"smtp://127.0.0.1:{bad}")))
    values = {"domain": "good.acme.test", "route": f"smtp://127.0.0.1:{good}", "created_at": 0, "warm": True}
    stream = store.transact(lambda tx: tx.create(STREAM, values | {"owners": []}))
    agent, _ = store.transact(
        lambda tx: add_mailbox(tx, agent="good-bot", address=GOOD, stream=stream, mode=Mode.AUTONOMOUS, **WIDE)
    )
    return issue(store, agent)


TROUBLES: dict[str, tuple[Mapping[str, Say], int | None]] = {
    "refusing at the door": ({"greeting": b"554 5.3.2 go away\r\n"}, None),
    "hanging up at once": ({"greeting": CLOSE}, None),
    "silent from the start": ({"greeting": SILENCE}, None),
    "silent after the message": ({"dot": SILENCE}, None),
    "dropping in the middle of the message": ({}, 200),
    "hanging up after the message": ({"dot": CLOSE}, None),
    "garbage": ({"greeting": b"\x00\xff\xfe what is this\r\n" * 3}, None),
    "garbage after the message": ({"dot": b"\x80\x81\x82\r\n"}, None),
    "deferring everybody": ({"RCPT": b"451 4.7.1 later\r\n"}, None),
    "too busy": ({"MAIL": b"421 4.3.2 too busy\r\n"}, None),
}

ALWAYS = {"silent after the message", "dropping in the middle of the message", "garbage", "deferring everybody"}
"""One of each stage of a conversation. An hour of each takes seconds."""


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in ALWAYS else [pytest.mark.thorough]) for one in TROUBLES]
)
def test_an_hour_of_a_relay_in_trouble_is_not_noticed_by_other_lanes(store: Store, clock: FakeClock, name: str) -> None:
    trouble, read_at_most = TROUBLES[name]

    async def story() -> None:
        async with two(store, clock, trouble=trouble, read_at_most=read_at_most) as tested:
            for place in range(BACKLOG):
                tested.hand_in(f"help@{DOMAIN}", f"r{place}@d{place % 10}.bad.test")
                clock.advance(micros=100)
            for minute in range(60):
                tested.hand_in(f"help@{DOMAIN}", f"later{minute}@d1.bad.test")
                tested.hand_in(GOOD, f"r{minute}@fine.test")
                # in the same minute, before the clock goes on
                await asyncio.wait_for(tested.good.until(lambda n=minute + 1: len(tested.good.messages) >= n), 200)  # type: ignore[misc]  # bound now
                clock.advance(seconds=60)
            await settled(tested)
            lost = {"failed", "cancelled", "blocked"}
            bad = store.rows(select(RECIPIENT.c.status).where(RECIPIENT.c.address.like("%bad.test")))
            assert len(bad) == BACKLOG + 60
            assert not {row.status for row in bad} & lost
            assert tested.statuses("fine.test") == ["sent"] * 60

    asyncio.run(story())


async def settled(tested: Two) -> None:
    """Return once every delivery to the good relay is in the database."""
    while set(tested.statuses("fine.test")) != {"sent"}:
        await tested.writer.do(lambda tx: None)  # what was asked of the writer before this is committed


async def a_while(tested: Two) -> None:
    """Let twenty seconds pass, less than a lease, once nothing is under way."""
    flying = select(IN_FLIGHT.c.n).limit(1)
    await tested.writer.do(lambda tx: None)
    while tested.store.row(flying) is not None:
        await tested.writer.do(lambda tx: None)
    tested.clock.advance(seconds=20)
    tested.departures.wake()
    await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["refusing at the door", "hanging up at once", "deferring everybody"])
def test_when_the_trouble_is_over_everything_that_waited_leaves_once(store: Store, clock: FakeClock, name: str) -> None:
    trouble, _ = TROUBLES[name]
    wanted = {f"r{place}@bad{place % 5}.test" for place in range(40)}

    async def story() -> None:
        async with two(store, clock, trouble=trouble) as tested:
            for address in sorted(wanted):
                tested.hand_in(f"help@{DOMAIN}", address)
                clock.advance(micros=100)
            await tested.bad.until(lambda: tested.bad.connections > 0)
            for _ in range(30):
                await a_while(tested)
            tested.bad.script.update(USUAL)
            while {row.status for row in store.rows(select(RECIPIENT.c.status))} != {"sent"}:
                await a_while(tested)
            await a_while(tested)
            # one refused at RCPT is ended with an empty message where the two were pipelined
            assert sum(1 for message in tested.bad.messages if message) == len(wanted)

    asyncio.run(story())
    assert {row.address for row in store.rows(select(RECIPIENT.c.address))} == wanted
    assert {row.status for row in store.rows(select(RECIPIENT.c.status))} == {Outcome.SENT.value}


def test_one_lane_never_holds_more_letters_than_its_window(store: Store, clock: FakeClock) -> None:
    from core.db.queue import LANE_WINDOW

    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for place in range(80):
        bench.submit(f"r{place}@slow.test")
        clock.advance(micros=100)
    held = []
    for _ in range(200):
        clock.advance(micros=100)
        held += store.transact(lambda tx: delivery.claim(tx, worker=1, limit=64))
    assert len(held) == LANE_WINDOW
    bench.submit("somebody@quick.test")
    clock.advance(micros=100)
    assert [one.domain for one in store.transact(lambda tx: delivery.claim(tx, worker=1, limit=64))] == ["quick.test"]
