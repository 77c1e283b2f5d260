"""One recipient at whom a relay hangs up: the trouble is that recipient's, and mail to everybody else does not wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import Row, select, update

from core.db.store import Store
from core.db.tables import IN_FLIGHT, RECIPIENT, STREAM
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import stamp
from core.model import Mode
from core.security.encryption import MasterKeys, new_master_key
from core.services.audit import status
from core.smtp.client import SmtpClient
from core.smtp.route import Timeouts
from core.workers.delivery import DeliveryWorker
from core.workers.sender_config import SenderConfigs
from tests.factories.delivery import number
from tests.factories.desk import ALICE, WIDE, Bench, make_desk
from tests.smtp.receiver import CLOSE, SILENCE, USUAL, Receiver, Say, receiver

POISON = "poison@a.example"
PATIENT = Timeouts(connect=30, command=30, data=30, dot=30, quit=1)
IMPATIENT = Timeouts(connect=30, command=2, data=2, dot=2, quit=1)


@dataclass
class Desk:
    """One stream over one relay, delivering."""

    store: Store
    clock: FakeClock
    bench: Bench
    departures: DeliveryWorker
    relay: Receiver

    def hand_in(self, *to: str, text: str = "hello") -> None:
        for one in to:
            self.bench.submit(one, run="run", text=text)
            self.clock.advance(micros=100)
        self.departures.wake()

    def one(self, address: str) -> Row[tuple[object, ...]]:
        row = self.store.row(select(RECIPIENT).where(RECIPIENT.c.address == address))
        assert row is not None
        return row

    def stream(self) -> Row[tuple[object, ...]]:
        row = self.store.row(select(STREAM))
        assert row is not None
        return row

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for the loop to bring something about; the desk's clock stands still meanwhile."""
        async with asyncio.timeout(200):
            while not true():
                self.departures.wake()
                self.clock.advance(micros=100)
                await asyncio.sleep(0.01)

    def tried(self, address: str, times: int) -> Callable[[], bool]:
        return lambda: (one := self.one(address)).attempts >= times and one.status in {"deferred", "failed"}

    def sent(self, *addresses: str) -> Callable[[], bool]:
        return lambda: {self.one(address).status for address in addresses} == {"sent"}


@contextlib.asynccontextmanager
async def delivering(
    store: Store, clock: FakeClock, script: Mapping[str, Say], *, timeouts: Timeouts
) -> AsyncIterator[Desk]:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    async with receiver(script) as relay:
        store.transact(lambda tx: tx.write(update(STREAM).values(route=f"smtp://127.0.0.1:{relay.port}")))
        writer = Writer(store)
        writer.start()
        courier = SmtpClient(clock=clock, timeouts=timeouts)
        departures = DeliveryWorker(
            store=store, writer=writer, courier=courier, ctx=bench.ctx, clock=clock,
            outfits=SenderConfigs(store, MasterKeys.parse(new_master_key("k1"))),
        )  # fmt: skip
        running = asyncio.create_task(departures.run())
        try:
            yield Desk(store, clock, bench, departures, relay)
        finally:
            departures.stop()
            await running
            await courier.close()
            await writer.close()


RCPT = f"RCPT TO:<{POISON}>"
BIG = "MAIL .*SIZE=[0-9]{5}"
"""The poison is the only message of ten kilobytes and more."""
HOW: dict[str, tuple[Mapping[str, Say], int | None]] = {
    "421 to its RCPT": ({RCPT: b"421 4.3.0 internal error\r\n"}, 421),
    "530 to its RCPT": ({RCPT: b"530 5.7.1 authenticate first\r\n"}, 530),
    "450 to its RCPT": ({RCPT: b"450 4.2.0 greylisted\r\n"}, 450),
    "hung up at its RCPT": ({RCPT: CLOSE}, None),
    "no answer to its RCPT": ({RCPT: SILENCE}, None),
    "450 to its MAIL": ({BIG: b"450 4.7.1 not you\r\n"}, 450),
    "451 to its MAIL": ({BIG: b"451 4.3.0 not now\r\n"}, 451),
    "hung up at its MAIL": ({BIG: CLOSE}, None),
    "no answer to its MAIL": ({BIG: SILENCE}, None),
    "421 to its DATA": ({f"DATA {RCPT}": b"421 4.3.0 internal error\r\n"}, 421),
    "hung up at its DATA": ({f"DATA {RCPT}": CLOSE}, None),
    "no answer to its DATA": ({f"DATA {RCPT}": SILENCE}, None),
    "421 after its message": ({f"dot {RCPT}": b"421 4.3.0 internal error\r\n"}, 421),
    "hung up after its message": ({f"dot {RCPT}": CLOSE}, None),
    "no answer after its message": ({f"dot {RCPT}": SILENCE}, None),
}
ALWAYS = {
    "421 to its RCPT", "450 to its RCPT", "no answer to its RCPT", "hung up at its MAIL", "451 to its MAIL",
    "421 to its DATA", "no answer to its DATA", "hung up after its message", "no answer after its message",
}  # fmt: skip
"""Each stage and each way once; every pair of them in the night."""


@pytest.mark.parametrize(
    "how", [pytest.param(one, marks=[] if one in ALWAYS else [pytest.mark.thorough]) for one in HOW]
)
def test_mail_to_others_leaves_at_once_whatever_one_recipient_draws(store: Store, clock: FakeClock, how: str) -> None:
    script, code = HOW[how]
    silent = SILENCE in script.values()

    async def story() -> None:
        async with delivering(store, clock, script, timeouts=IMPATIENT if silent else PATIENT) as desk:
            desk.hand_in(POISON, text="x" * 10_000)
            await desk.until(desk.tried(POISON, 1))
            for turn in (1, 2) if silent else (1, 2, 3, 4):
                # Several turns of an earlier fault: the poison's every try backed off the route for twice as long.
                others = [f"r{turn}-{n}@{domain}.example" for n in range(3) for domain in ("a", "b", "c")]
                desk.hand_in(*others)
                await desk.until(desk.sent(*others))  # no second has passed on the desk's clock
                assert (desk.stream().route_failures, desk.stream().backoff_until) == (0, 0)
                assert desk.one(POISON).attempts == turn
                assert desk.one(POISON).next_at > clock.now()
                clock.advance(seconds=4 * 3_600)
                await desk.until(desk.tried(POISON, turn + 1))
            assert desk.one(POISON).code == code
            assert desk.one(POISON).reply

    asyncio.run(story())


def test_a_message_refused_at_its_mail_from_steps_behind_the_others_and_is_given_up_in_the_end(
    store: Store, clock: FakeClock
) -> None:
    """A 421 to MAIL FROM on a fresh connection may be about the route: it backs off, and another message asks first."""

    async def story() -> None:
        async with delivering(store, clock, {BIG: b"421 4.3.2 not this\r\n"}, timeouts=PATIENT) as desk:
            desk.hand_in(POISON, text="x" * 10_000)
            await desk.until(desk.tried(POISON, 1))
            assert desk.one(POISON).reply == "421 4.3.2 not this"
            turn = 0
            while desk.one(POISON).status != "failed":
                turn += 1
                desk.hand_in(f"r{turn}@a.example", f"r{turn}@b.example")
                clock.advance(seconds=4)  # the first back-off, and no longer one
                await desk.until(desk.sent(f"r{turn}@a.example", f"r{turn}@b.example"))
                assert desk.stream().route_failures == 0
                clock.advance(seconds=4 * 3_600)
                await desk.until(desk.tried(POISON, turn + 1))
            assert turn == 12  # two days
            assert desk.one(POISON).attempts == 13

    asyncio.run(story())


def test_a_route_in_trouble_keeps_every_message_and_says_when_they_leave(store: Store, clock: FakeClock) -> None:
    everybody = ["a@one.example", "b@two.example"]

    async def story() -> None:
        async with delivering(store, clock, {"greeting": b"421 4.3.2 down\r\n"}, timeouts=PATIENT) as desk:
            desk.hand_in(*everybody)
            await desk.until(lambda: desk.stream().route_failures > 0)
            late = desk.bench.submit("c@three.example", run="run")
            assert late.departs_at is not None
            assert late.departs_at >= desk.stream().backoff_until > clock.now()
            with store.read() as conn:
                stands = status.message(conn, number(late.message_id), caller=ALICE, now=clock.now())
            assert stands["departs_at"] == stamp(desk.stream().backoff_until)
            clock.advance(seconds=60 * 3_600)
            await desk.until(lambda: desk.stream().route_failures > 1)
            await desk.until(lambda: store.row(select(IN_FLIGHT.c.n).limit(1)) is None)
            assert {(desk.one(one).status, desk.one(one).attempts) for one in everybody} == {("queued", 0)}
            desk.relay.script.update(USUAL)
            clock.advance(seconds=3_600)
            await desk.until(desk.sent(*everybody, "c@three.example"))

    asyncio.run(story())
