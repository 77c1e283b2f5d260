"""The clock's chores: each by itself, and one that fails never stops the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import update

from core.db.due import DueCheck
from core.db.store import Store
from core.db.tables import GATEWAY_PROCESS, IN_FLIGHT, MAILBOX, REVIEW
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import HOUR, SECOND
from core.errors import Unavailable
from core.model import Mode
from core.services.control import gateway_registry
from core.services.sending import delivery, review
from core.workers.scheduler import CHORES, FULL_HAND, PeriodicTask, Scheduler
from tests.factories.delivery import attempt, claim, number
from tests.factories.desk import ALICE, WIDE, make_desk
from tests.services.sending.test_delivery import states


async def keep(store: Store, clock: FakeClock, chores: tuple[PeriodicTask, ...], *, until: Callable[[], bool]) -> None:
    """Run the chores, a second at a time, until it is true."""
    writer = Writer(store)
    writer.start()
    loop = asyncio.create_task(Scheduler(store=store, writer=writer, clock=clock, chores=chores).run())
    while not until():
        clock.advance(seconds=1)
        await asyncio.sleep(0)
        await writer.do(lambda tx: None)  # what the chores asked before this is done
        assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await writer.close()


def test_releases_expiries_and_lapsed_leases_are_found_by_the_clock(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("crashed@x.test")
    attempt(store, claim(store))
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="gated_send", pending_expiry=HOUR)))
    clock.advance(seconds=2)  # what the door remembers of the mailbox is a second old at most
    approved = number(desk.submit("approved@x.test").message_id)
    desk.submit("forgotten@x.test")
    decision = review.Decision(approved, approve=True, delay=10 * SECOND)
    store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))
    wanted = ["deferred", "queued", "expired"]
    clock.advance(micros=HOUR - 60 * SECOND)
    asyncio.run(keep(store, clock, CHORES, until=lambda: states(store) == wanted))


def test_what_is_due_is_looked_for_by_name_at_its_time_and_not_before(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    check = DueCheck({chore.name: chore.due for chore in CHORES if chore.due is not None})
    at = clock.now() + HOUR
    for state in ("approved", "confirmed", "rejecting", "pending"):
        item = number(desk.submit(f"{state}@x.test").message_id)
        store.transact(lambda tx: tx.write(update(REVIEW).where(REVIEW.c.id == item).values(status=state, due_at=at)))  # noqa: B023 - run now
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="autonomous")))
    clock.advance(seconds=2)
    desk.submit("scheduled@x.test", send_at=at)
    desk.submit("crashed@x.test")
    attempt(store, claim(store))
    store.transact(lambda tx: tx.write(update(IN_FLIGHT).values(lease_until=at)))
    here = gateway_registry.Place(7, "elsewhere", 7, "127.0.0.1:1")
    store.transact(lambda tx: gateway_registry.start(tx, here, alive=lambda _host, _pid: None))
    store.transact(lambda tx: tx.write(update(GATEWAY_PROCESS).values(beat_at=at - gateway_registry.LOST)))
    clock.advance(micros=at - clock.now() - 1)
    assert check(store) == set()
    clock.advance(micros=1)
    assert check(store) == {"release", "confirmed", "reject", "expire", "scheduled", "reclaim", "gateways"}
    for chore in CHORES:
        if chore.due is not None:
            assert store.transact(chore.verb) > 0, chore.name
            assert chore.name not in check(store)


def test_a_chore_that_fails_is_tried_again_and_the_others_go_on(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    ran: list[str] = []

    def fails(tx: Transaction) -> int:
        ran.append("bad")
        raise Unavailable("not now") if len(ran) % 2 else ZeroDivisionError

    def works(tx: Transaction) -> int:
        ran.append("good")
        return 0

    chores = (PeriodicTask("bad", 1.0, fails), PeriodicTask("good", 1.0, works))
    asyncio.run(keep(store, clock, chores, until=lambda: ran.count("bad") > 4 and ran.count("good") > 4))


def test_a_full_hand_is_followed_by_the_next_at_once(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    hands = [FULL_HAND, FULL_HAND, 3]

    def much(tx: Transaction) -> int:
        return hands.pop(0)

    started = clock.now()
    asyncio.run(keep(store, clock, (PeriodicTask("much", 10_000.0, much),), until=lambda: not hands))
    assert clock.now() - started < 10_000 * SECOND


@pytest.mark.both_databases
def test_two_gateways_keeping_house_do_everything_once(store: Store, database_url: str, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    attempt(store, claim(store))
    clock.advance(micros=delivery.LEASE)
    other = Store(database_url, clock=clock)
    assert [one.transact(delivery.reclaim) for one in (store, other)] == [1, 0]
    other.close()
