"""What a worker signs is what arrives: a field that the relay overwrites would break every signature over it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import Connection, event, select, update
from sqlalchemy.exc import OperationalError

from core.clock import SystemClock
from core.db.store import Store
from core.db.tables import IN_FLIGHT, RECIPIENT, STREAM, STREAM_KEY, WORKER
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.model import Clock, Mode, Reason
from core.rules.providers import registry
from core.security.encryption import MasterKeys, new_key_pair, new_master_key
from core.services.sending import delivery, editing, review
from core.services.sending.delivery.departure_check import to_review
from core.services.sending.editing import Wording
from core.services.sending.review import Decision
from core.smtp.client import Carry, SmtpClient
from core.smtp.route import Parcel
from core.workers.delivery import DeliveryWorker
from core.workers.sender_config import SenderConfigs
from tests.factories.delivery import number
from tests.factories.desk import ALICE, BOB, DOMAIN, WIDE, Bench, make_desk
from tests.smtp.receiver import receiver

RING = MasterKeys.parse(new_master_key("k1"))


def signed_fields(message: bytes) -> set[str]:
    """The names in the signature's h= tag."""
    (names,) = re.findall(rb"\bh=([^;]*);", message)
    return {name.strip() for name in re.sub(rb"\s+", b" ", names).decode().split(":")}


class Gated(SmtpClient):
    """Each delivery waits for its host until the test opens it: `gates` in the order in which they came."""

    def __init__(self, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.gates: list[asyncio.Event] = []
        self.came = asyncio.Condition()
        self.open = False
        """Whether those that come from now on go through at once."""

    @contextlib.asynccontextmanager
    async def admission(self, parcel: Parcel) -> AsyncIterator[Carry]:
        gate = asyncio.Event()
        async with self.came:
            self.gates.append(gate)
            self.came.notify_all()
        if not self.open:
            await gate.wait()
        async with super().admission(parcel) as carry:
            yield carry

    async def waiting(self, n: int) -> None:
        async with self.came:
            await self.came.wait_for(lambda: len(self.gates) >= n)


@contextlib.asynccontextmanager
async def delivering(store: Store, desk: Bench, courier: SmtpClient) -> AsyncIterator[DeliveryWorker]:
    """A worker that delivers the desk's mail through this client until the block ends."""
    writer = Writer(store)
    writer.start()
    worker = DeliveryWorker(
        store=store, writer=writer, courier=courier, ctx=desk.ctx, clock=store.clock, outfits=SenderConfigs(store, RING)
    )
    running = asyncio.create_task(worker.run())
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(writer.close)
        stack.push_async_callback(courier.close)
        yield worker
        worker.stop()
        await running


@pytest.mark.parametrize("first", ["the earlier claim", "the later claim"])
def test_a_delivery_that_waits_for_its_host_does_not_leave_with_bytes_edited_since(
    sqlite_store: Store, first: str
) -> None:
    store, clock = sqlite_store, sqlite_store.clock
    assert isinstance(clock, FakeClock)
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)

    async def leave() -> list[bytes]:
        async with receiver() as relay:
            store.transact(lambda tx: tx.write(update(STREAM).values(route=f"smtp://127.0.0.1:{relay.port}")))
            item = number(desk.submit(text="It is on its way.").message_id)
            clock.advance(seconds=1)
            courier = Gated(clock=clock)
            async with delivering(store, desk, courier) as worker:
                await courier.waiting(1)
                store.transact(lambda tx: to_review(tx, item, [Reason("mode", "the mode asks for it")]))
                composed = store.look(
                    lambda tx: editing.compose_edit(tx, item, Wording(text="It leaves on Friday."), ctx=desk.ctx)
                )
                done = store.transact(lambda tx: editing.edit(tx, composed, actor=ALICE))
                approval = Decision(item, approve=True, digest=done.digest)
                store.transact(lambda tx: review.decide(tx, approval, actor=BOB))
                clock.advance(seconds=1)
                worker.wake()
                await courier.waiting(2)
                earlier, later = courier.gates
                for gate in (earlier, later) if first == "the earlier claim" else (later, earlier):
                    gate.set()
                courier.open = True
                await relay.until(lambda: bool(relay.messages))
                if worker._under_way:
                    await asyncio.wait(worker._under_way)
            return relay.messages

    (left,) = asyncio.run(leave())
    assert b"It leaves on Friday." in left


def test_what_the_relay_overwrites_is_not_signed_on_the_way_out(sqlite_store: Store) -> None:
    store, clock = sqlite_store, sqlite_store.clock
    assert isinstance(clock, FakeClock)
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    pair = new_key_pair("ed25519")

    def connect(tx: Transaction, port: int) -> None:
        values = {"route": f"smtp://127.0.0.1:{port}", "provider": "postmark", "active_slot": "a"}
        tx.write(update(STREAM).values(**values))
        sealed = RING.seal(pair.private, about=f"dkim:{DOMAIN}:s1")
        key = {"slot": "a", "algorithm": "ed25519", "selector": "s1", "private": sealed, "public": pair.public}
        tx.create(STREAM_KEY, key | {"stream_id": desk.stream_id, "created_at": tx.now})

    async def leave() -> bytes:
        async with receiver() as relay:
            store.transact(lambda tx: connect(tx, relay.port))
            desk.submit()
            clock.advance(seconds=1)
            async with delivering(store, desk, SmtpClient(clock=clock)):
                await relay.until(lambda: bool(relay.messages))
            return relay.messages[0]

    signed = signed_fields(asyncio.run(leave()))
    assert {"from", "subject", "x-agent-id"} <= signed
    assert signed.isdisjoint(registry.relay("postmark").rewrites)


def test_what_a_claim_took_whose_commit_was_not_answered_is_claimed_again(postgres_url: str) -> None:
    """The worker never learnt of it, and its heartbeats would keep these leases for as long as it lives."""
    store = Store(postgres_url, clock=SystemClock())
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    lost: list[int] = []

    def lose(conn: Connection) -> None:
        """The server commits, and its answer is lost on the way."""
        claimed = conn.exec_driver_sql("SELECT count(*) FROM in_flight").scalar_one()
        if claimed and not lost:
            lost.append(claimed)
            conn.exec_driver_sql("COMMIT")
            raise OperationalError("COMMIT", None, psycopg.OperationalError("the connection is lost"))

    async def leave() -> list[bytes]:
        async with receiver() as relay:
            store.transact(lambda tx: tx.write(update(STREAM).values(route=f"smtp://127.0.0.1:{relay.port}")))
            for n in range(3):
                desk.submit(f"u{n}@example.com")
            writer = Writer(store)
            writer.start()
            courier = SmtpClient(clock=store.clock)
            worker = DeliveryWorker(
                store=store, writer=writer, courier=courier, ctx=desk.ctx, clock=store.clock,
                outfits=SenderConfigs(store, RING),
            )  # fmt: skip
            event.listen(store.engine, "commit", lose)
            running = asyncio.create_task(worker.run())
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(writer.close)
                stack.push_async_callback(courier.close)
                while len(relay.messages) < 3:
                    await writer.do(delivery.reclaim)  # as a gateway's scheduler does
                    await asyncio.sleep(0.02)
                worker.stop()
                await running
            return relay.messages

    try:
        left = asyncio.run(leave())
        assert lost
        assert len(left) == 3
        assert store.rows(select(IN_FLIGHT)) == []
        assert {row.status for row in store.rows(select(RECIPIENT.c.status))} == {"sent"}
    finally:
        store.close()


def test_a_worker_that_registers_again_after_a_lost_answer_is_one_worker(store: Store) -> None:
    for _ in range(2):
        store.transact(lambda tx: delivery.register_worker(tx, worker=5, pid=7))
    assert [row.id for row in store.rows(select(WORKER.c.id))] == [5]
