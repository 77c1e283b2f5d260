"""A recipient domain at which the relay hangs: how much mail may wait for it, and what a suspension still stops."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from core.db.store import Store
from core.db.tables import IN_FLIGHT, RECIPIENT
from core.demo.clock import FakeClock
from core.model import Mode
from core.services.control import emergency
from core.services.sending import delivery
from core.smtp.route import Limits, Timeouts
from core.smtp.shares import share
from core.workers.in_progress import DOMAIN_WINDOW, STREAM_WINDOW, TURN
from tests.durability.test_poison import Desk, delivering
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, WIDE, Bench, add_mailbox, issue
from tests.smtp.receiver import SILENCE, USUAL

CONNECTIONS = Limits().relay
HUNG = "RCPT TO:<.*@hung.example"
HOURS = Timeouts(connect=3600, command=3600, data=3600, dot=3600, quit=1)
MAILBOXES = 6
EACH = 40
"""More than one lane may have in flight."""


Agents = dict[str, tuple[str, Bench]]
"""By name: the address of its mailbox, and what submits for it."""


def mailboxes(desk: Desk) -> Agents:
    """Agents with a mailbox each, all on the one stream."""
    first, store = desk.bench, desk.store
    found = {"support-bot": (ADDRESS, first)}

    def add(name: str, address: str) -> Bench:
        agent, box = store.transact(
            lambda tx: add_mailbox(
                tx, agent=name, address=address, stream=first.stream_id, mode=Mode.AUTONOMOUS, **WIDE
            )
        )
        return Bench(store, first.ctx, agent, first.stream_id, box, issue(store, agent, secret=f"pra_{name}"))

    for n in range(MAILBOXES - 1):
        address = f"bot-{n}@{DOMAIN}"
        found[f"bot-{n}"] = address, add(f"bot-{n}", address)
    return found


def in_flight(store: Store, *, attempted: bool = False) -> int:
    rows = select(func.count()).select_from(IN_FLIGHT)
    row = store.row(rows.where(IN_FLIGHT.c.attempted_at.is_not(None)) if attempted else rows)
    assert row is not None
    return int(row[0])


def on_the_wire(desk: Desk) -> int:
    return sum(b"@hung.example" in said for said in desk.relay.commands)


def answer(desk: Desk) -> None:
    """End the silence: what waits for an answer is hung up on, what comes after is taken."""
    desk.relay.script.clear()
    desk.relay.script.update(USUAL)
    for writer in desk.relay.writers:
        writer.transport.abort()


async def write_to_a_hung_domain(desk: Desk, agents: Agents) -> None:
    for address, bench in agents.values():
        for n in range(EACH):
            bench.submit(f"r{n}-{bench.mailbox_id}@hung.example", sender=address, run="run")
            desk.clock.advance(micros=100)
    await desk.until(lambda: on_the_wire(desk) == share(CONNECTIONS))


async def write_to_another_domain(desk: Desk, agents: Agents) -> None:
    """So often that the hung domain would make the stream busy: a claim takes one for each domain, as a pace says."""
    for turn in range((STREAM_WINDOW - TURN) // MAILBOXES):
        others = [f"r{turn}-{bench.mailbox_id}@fine.example" for _, bench in agents.values()]
        for to, (address, bench) in zip(others, agents.values(), strict=True):
            bench.submit(to, sender=address, run="run")
            desk.clock.advance(micros=100)
        await desk.until(desk.sent(*others))


async def suspend_them_all(desk: Desk, agents: Agents) -> None:
    def suspend(name: str) -> int:
        suspended = desk.store.transact(lambda tx: emergency.suspend_agent(tx, name, reason="odd", actor=ALICE))
        return suspended.in_flight

    counted = sum(suspend(name) for name in agents)
    started = in_flight(desk.store, attempted=True)
    assert counted == started
    assert on_the_wire(desk) == share(CONNECTIONS)
    assert started - on_the_wire(desk) <= CONNECTIONS
    assert DOMAIN_WINDOW >= in_flight(desk.store) > started, "others are claimed, and have not started"

    answer(desk)
    await desk.until(lambda: in_flight(desk.store) == 0)
    c = RECIPIENT.c
    rows = desk.store.rows(select(c.status, c.attempts).where(c.address.like("%@hung.example")))
    assert sum(row.attempts for row in rows) == started, "no attempt has committed after the suspension"
    assert sum((row.status, row.attempts) == ("queued", 0) for row in rows) == MAILBOXES * EACH - started


def test_a_worker_that_stops_starts_nothing_of_what_waits_for_a_hung_domain(store: Store, clock: FakeClock) -> None:
    async def story() -> int:
        async with delivering(store, clock, {HUNG: SILENCE}, timeouts=HOURS) as desk:
            try:
                await write_to_a_hung_domain(desk, mailboxes(desk))
                await desk.until(lambda: in_flight(store) > in_flight(store, attempted=True) == share(2 * CONNECTIONS))
                desk.departures.stop()
                return in_flight(store, attempted=True)
            finally:
                answer(desk)  # so that what has started ends

    started = asyncio.run(story())
    store.transact(delivery.reclaim)
    assert in_flight(store) == 0
    rows = store.rows(select(RECIPIENT.c.status, RECIPIENT.c.attempts))
    assert sum(row.attempts for row in rows) == started
    assert sum((row.status, row.attempts) == ("queued", 0) for row in rows) == MAILBOXES * EACH - started


def test_many_mailboxes_that_write_to_one_hung_domain_hold_up_no_other_and_can_still_be_stopped(
    store: Store, clock: FakeClock
) -> None:
    async def story() -> None:
        async with delivering(store, clock, {HUNG: SILENCE}, timeouts=HOURS) as desk:
            try:
                agents = mailboxes(desk)
                await write_to_a_hung_domain(desk, agents)
                await write_to_another_domain(desk, agents)
                await suspend_them_all(desk, agents)
            finally:
                answer(desk)  # or what has started would meet the same silence, for hours

    asyncio.run(story())
