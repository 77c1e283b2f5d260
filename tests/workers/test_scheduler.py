"""The clock's chores: each by itself, and one that fails never stops the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import literal, update

from core.db.due import DueCheck
from core.db.store import Store
from core.db.tables import GATEWAY_PROCESS, IN_FLIGHT, MAILBOX, REVIEW
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import HOUR, SECOND
from core.errors import Unavailable
from core.model import Mode
from core.services.control import emergency, gateway_registry
from core.services.sending import delivery, review
from core.workers.scheduler import DUE, FULL_BATCH, DueTask, PeriodicTask, Scheduler
from tests.factories.delivery import attempt, claim, number
from tests.factories.desk import ALICE, WIDE, make_desk
from tests.services.sending.test_delivery import states


async def keep(
    store: Store, clock: FakeClock, *, until: Callable[[], bool],
    due: Sequence[DueTask] = (), periodic: Sequence[PeriodicTask] = (),
) -> None:  # fmt: skip
    """Run the tasks, a second at a time, until it is true."""
    writer = Writer(store)
    writer.start()
    loop = asyncio.create_task(Scheduler(store=store, writer=writer, clock=clock, due=due, periodic=periodic).run())
    while not until():
        clock.advance(seconds=1)
        await asyncio.sleep(0)
        await writer.do(lambda tx: None)  # what the tasks asked before this is done
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
    asyncio.run(keep(store, clock, due=DUE, until=lambda: states(store) == wanted))


def test_what_is_due_is_looked_for_by_name_at_its_time_and_not_before(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    check = DueCheck({task.name: task.due for task in DUE})
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
    store.transact(lambda tx: gateway_registry.start(tx, here, is_running=lambda _host, _pid: None))
    store.transact(lambda tx: tx.write(update(GATEWAY_PROCESS).values(beat_at=at - gateway_registry.LOST)))
    clock.advance(micros=at - clock.now() - 1)
    assert check(store) == set()
    clock.advance(micros=1)
    assert check(store) == {"release", "confirmed", "reject", "expire", "scheduled", "reclaim", "gateways"}
    for task in DUE:
        assert store.transact(task.verb) > 0, task.name
        assert task.name not in check(store)


def test_a_look_that_fails_and_a_due_task_that_fails_do_not_stop_the_others(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_desk(store)
    ran: list[str] = []
    always = literal(1) == literal(1)

    def fails(tx: Transaction) -> int:
        ran.append("bad")
        raise ZeroDivisionError

    def works(tx: Transaction) -> int:
        ran.append("good")
        return 0

    looked: list[int] = []
    look = DueCheck.__call__

    def breaks_now_and_then(check: DueCheck, where: Store, *, within: int = 0) -> frozenset[str]:
        looked.append(1)
        if len(looked) % 3 == 1:  # a look that finds something is two of these
            raise ZeroDivisionError
        return look(check, where, within=within)

    monkeypatch.setattr(DueCheck, "__call__", breaks_now_and_then)
    due = (DueTask("bad", always, fails), DueTask("good", always, works))
    asyncio.run(keep(store, clock, due=due, until=lambda: ran.count("good") > 4 and ran.count("bad") > 0))
    assert ran.count("bad") < ran.count("good"), "what failed rests; the others do not wait for it"


def test_a_stopped_desk_has_nothing_to_claim(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    assert not delivery.CLAIMABLE(store)
    desk.submit()
    assert delivery.CLAIMABLE(store)
    store.transact(lambda tx: emergency.stop(tx, reason="odd", actor=ALICE))
    assert not delivery.CLAIMABLE(store)


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
    asyncio.run(keep(store, clock, periodic=chores, until=lambda: ran.count("bad") > 4 and ran.count("good") > 4))


def test_a_full_hand_is_followed_by_the_next_at_once(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    hands = [FULL_BATCH, FULL_BATCH, 3]

    def much(tx: Transaction) -> int:
        return hands.pop(0)

    started = clock.now()
    asyncio.run(keep(store, clock, periodic=(PeriodicTask("much", 10_000.0, much),), until=lambda: not hands))
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
