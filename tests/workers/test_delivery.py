"""What a worker signs is what arrives: a field that the relay overwrites would break every signature over it."""

from __future__ import annotations

import asyncio
import contextlib
import re

from sqlalchemy import update

from core.db.store import Store
from core.db.tables import STREAM, STREAM_KEY
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.model import Mode
from core.rules.providers import registry
from core.security.encryption import MasterKeys, new_key_pair, new_master_key
from core.smtp.client import SmtpClient
from core.workers.delivery import DeliveryWorker
from core.workers.sender_config import SenderConfigs
from tests.factories.desk import DOMAIN, WIDE, make_desk
from tests.smtp.receiver import receiver

RING = MasterKeys.parse(new_master_key("k1"))


def signed_fields(message: bytes) -> set[str]:
    """The names in the signature's h= tag."""
    (names,) = re.findall(rb"\bh=([^;]*);", message)
    return {name.strip() for name in re.sub(rb"\s+", b" ", names).decode().split(":")}


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
            writer = Writer(store)
            writer.start()
            courier = SmtpClient(clock=clock)
            worker = DeliveryWorker(
                store=store, writer=writer, courier=courier, ctx=desk.ctx, clock=clock,
                outfits=SenderConfigs(store, RING),
            )  # fmt: skip
            running = asyncio.create_task(worker.run())
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(writer.close)
                stack.push_async_callback(courier.close)
                await relay.until(lambda: bool(relay.messages))
                worker.stop()
                await running
            return relay.messages[0]

    signed = signed_fields(asyncio.run(leave()))
    assert {"from", "subject", "x-agent-id"} <= signed
    assert signed.isdisjoint(registry.relay("postmark").rewrites)
