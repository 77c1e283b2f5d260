"""Mail that a desk under test has sent, and the receivers' replies."""

from __future__ import annotations

from typing import Any

from core.db import audit_log
from core.db.queue import Claimed
from core.db.store import Store
from core.demo.clock import FakeClock
from core.events import Event
from core.ids import read_id
from core.model import Outcome, Reply
from core.services.sending import delivery
from tests.factories.desk import Bench

OK = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot", "mx.example")
LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")
NOBODY = Reply(Outcome.FAILED, 550, "5.1.1", "no such user", "rcpt", "mx.example")


def claim(store: Store, *, limit: int = 1_000) -> list[Claimed]:
    return store.transact(lambda tx: delivery.claim(tx, worker=1, limit=limit))


def attempt(store: Store, claimed: list[Claimed]) -> set[tuple[int, int]]:
    return store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))


def settle(store: Store, claimed: list[Claimed], *, reply: Reply = OK, provider_id: str | None = None) -> None:
    settled = [delivery.Settlement(one, reply, provider_id=provider_id) for one in claimed]
    store.transact(lambda tx: delivery.settle(tx, settled, worker=1))


def leave(desk: Bench, *to: str, reply: Reply = OK, provider_id: str | None = None, **more: Any) -> list[int]:
    """Submit one message to each address and deliver them; returns their ids. The mailbox must be allowed to send."""
    ids = [number(desk.submit(one, **more).message_id) for one in to]
    gone: set[int] = set()
    while gone != set(ids):
        pass_a_moment(desk.store)
        claimed = claim(desk.store)
        assert len(attempt(desk.store, claimed)) == len(claimed) > 0
        settle(desk.store, claimed, reply=reply, provider_id=provider_id)
        gone |= {one.message_id for one in claimed}
    return ids


def pass_a_moment(store: Store) -> None:
    """Advance the clock by 60 microseconds, the interval between messages to one site at the fastest possible pace."""
    assert isinstance(store.clock, FakeClock)
    store.clock.advance(micros=60)


def many(n: int, *, start: int = 0) -> list[str]:
    return [f"r{i}@example.com" for i in range(start, start + n)]


def number(public: str | None) -> int:
    found = read_id("m", public or "")
    assert found is not None
    return found


def events(store: Store, *kinds: str) -> list[Event]:
    with store.read() as conn:
        assert audit_log.verify(conn).ok
        entries = audit_log.read(conn, after=0, limit=100_000)
    return [entry.event for entry in entries if entry.event.type in kinds]
