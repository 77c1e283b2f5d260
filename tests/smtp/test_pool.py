"""Connections are kept, bounded, retired, and replaced when a receiver gives one up."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest

from core.model import Outcome
from core.smtp.client import SmtpClient
from core.smtp.route import Bound, Limits, Parcel, Route, Timeouts
from core.smtp.shares import Places, share
from tests.smtp.distance import distant
from tests.smtp.receiver import CLOSE, LOCKSTEP, SILENCE, Hours, Receiver, receiver

pytestmark = pytest.mark.anyio
NUMBERS = itertools.count()


def parcel(
    world: Receiver, recipient: str = "jane@example.com", *, domain: str | None = None, port: int | None = None
) -> Parcel:
    """A message to a domain of its own unless one is named: no domain may have all connections of a relay."""
    return Parcel(
        route=Route.parse(f"smtp://127.0.0.1:{port or world.port}"),
        domain=domain or f"{next(NUMBERS)}.example",
        sender="b@bounces.acme.example",
        recipient=recipient,
        message=b"Subject: x\r\n\r\nHello.\r\n",
    )


def courier(clock: Hours, *, command: float = 5, **limits: float) -> SmtpClient:
    return SmtpClient(
        clock=clock,
        hello="gw.example",
        limits=Limits(**limits),  # type: ignore[arg-type]  # whole numbers are passed where they must be
        timeouts=Timeouts(connect=5, command=command, data=5, dot=5, quit=1),
    )


async def test_one_connection_carries_many_messages() -> None:
    async with receiver() as world:
        post = courier(Hours())
        for _ in range(20):
            assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        assert world.connections == 1
        await post.close()
        await world.until(lambda: world.open_now == 0)
        assert world.commands[-1] == b"QUIT"


async def test_never_more_connections_than_the_bound() -> None:
    async with receiver() as world:
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=3)
        under_way = [asyncio.create_task(post.deliver(parcel(world))) for _ in range(20)]
        await world.until(lambda: len(world.messages) == 3)
        world.gate.set()
        replies = await asyncio.gather(*under_way)
        assert {reply.outcome for reply in replies} == {Outcome.SENT}
        assert (world.most_open, world.connections) == (3, 3)
        await post.close()


@pytest.mark.parametrize(("round_trip", "connections"), [(0.0, 16), (0.01, 16), (0.02, 32), (0.08, 128), (0.5, 128)])
def test_connections_grow_with_the_round_trip(round_trip: float, connections: int) -> None:
    assert Bound(16, 128).at(round_trip) == connections
    assert Bound(16, 0).at(round_trip) == 16


@pytest.mark.parametrize("script", [{}, LOCKSTEP], ids=["pipelined", "one command at a time"])
async def test_a_distant_relay_gets_more_connections_up_to_the_far_bound(script: dict[str, bytes]) -> None:
    async with receiver(script) as world, distant(world.port, round_trip=0.06) as port:
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=2, far_relay=6)
        under_way = [asyncio.create_task(post.deliver(parcel(world, port=port))) for _ in range(20)]
        await world.until(lambda: len(world.messages) == 6)
        world.gate.set()
        assert {reply.outcome for reply in await asyncio.gather(*under_way)} == {Outcome.SENT}
        assert (len(world.messages), world.most_open) == (20, 6)
        await post.close()


async def test_a_distant_relay_that_takes_no_more_connections_is_served_over_those_it_takes() -> None:
    async with receiver() as world, distant(world.port, round_trip=0.06) as port:
        world.most = 3
        post = courier(Hours(), relay=2, far_relay=12)
        replies = await asyncio.gather(*(post.deliver(parcel(world, port=port)) for _ in range(60)))
        assert {reply.outcome for reply in replies} == {Outcome.SENT}
        assert len(world.messages) == 60
        await post.close()


async def test_a_domain_that_hangs_at_rcpt_leaves_connections_for_all_others() -> None:
    async with receiver({"RCPT TO:<jane@slow": SILENCE}) as world:
        post = courier(Hours(), command=3600, relay=8)
        slow = parcel(world, "jane@slow.example", domain="slow.example")
        hanging = [asyncio.create_task(post.deliver(slow)) for _ in range(20)]
        await world.until(lambda: sum(b"jane@slow" in said for said in world.commands) == share(8))
        for n in range(20):
            assert (await post.deliver(parcel(world, f"joe@{n}.example"))).outcome is Outcome.SENT
        assert sum(b"jane@slow" in said for said in world.commands) == share(8) == 6
        assert world.most_open <= 8
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert (await post.deliver(parcel(world, "joe@slow.example", domain="slow.example"))).outcome is Outcome.SENT
        await post.close()


async def test_who_waits_for_its_domains_share_is_next_and_one_that_gives_up_takes_no_place() -> None:
    async with receiver() as world:
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=2)
        under_way = [asyncio.create_task(post.deliver(parcel(world, domain="one.example"))) for _ in range(5)]
        await world.until(lambda: len(world.messages) == 1)
        under_way[1].cancel()
        await asyncio.gather(under_way[1], return_exceptions=True)
        world.gate.set()
        replies = await asyncio.gather(*(task for task in under_way if not task.cancelled()))
        assert [reply.outcome for reply in replies] == [Outcome.SENT] * 4
        assert world.most_open == 1
        await post.close()


async def test_no_more_deliveries_start_than_its_connections_can_take_next() -> None:
    async with receiver({"RCPT TO:<jane@slow": SILENCE}) as world:
        post = courier(Hours(), command=3600, relay=8)
        started: list[str] = []

        async def delivered(domain: str) -> Outcome:
            to = parcel(world, f"jane@{domain}", domain=domain)
            async with post.admission(to) as carry:
                started.append(domain)
                return (await carry()).outcome

        hanging = [asyncio.create_task(delivered("slow.example")) for _ in range(50)]
        await world.until(lambda: sum(b"jane@slow" in said for said in world.commands) == share(8))
        for n in range(20):
            assert await delivered(f"{n}.example") is Outcome.SENT
        assert started.count("slow.example") - share(8) <= 8
        world.script.pop("RCPT TO:<jane@slow")
        for writer in world.writers:
            writer.transport.abort()
        replies = await asyncio.gather(*hanging)
        assert (len(replies), replies.count(Outcome.SENT)) == (50, 44)
        await post.close()


async def test_domains_that_wait_for_a_place_are_let_in_by_turns() -> None:
    places = Places(lambda: 1)
    entered: list[str] = []

    async def visit(domain: str) -> None:
        async with places.take(domain):
            entered.append(domain)
            await asyncio.sleep(0)

    await asyncio.gather(*(visit(domain) for domain in ("a", "a", "a", "a", "b", "c", "b")))
    assert "".join(entered) == "aabcaba"


async def test_a_place_more_lets_in_who_waits() -> None:
    count = 1
    places = Places(lambda: count)
    async with places.take("a"):
        waiting = asyncio.create_task(places.take("b").__aenter__())
        await asyncio.sleep(0)
        assert not waiting.done()
        count = 2
        places.admit()
        await waiting


async def test_a_connection_retires_after_its_share() -> None:
    async with receiver() as world:
        post = courier(Hours(), messages=5)
        for _ in range(11):
            await post.deliver(parcel(world))
        assert world.connections == 3
        await post.close()
        assert world.commands.count(b"QUIT") == 3


async def test_a_route_may_say_how_many_messages_a_connection_carries() -> None:
    async with receiver() as world:
        post = courier(Hours(), messages=100)
        few = replace(parcel(world), route=replace(parcel(world).route, messages=2))
        for _ in range(6):
            await post.deliver(few)
        assert world.connections == 3
        await post.close()


async def test_an_idle_connection_is_closed_by_the_clock() -> None:
    clock = Hours()
    async with receiver() as world:
        post = courier(clock, idle=30)
        await post.deliver(parcel(world))
        while world.open_now:
            clock.pass_by(15)
            await asyncio.sleep(0)
        assert world.commands[-1] == b"QUIT"
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        assert world.connections == 2
        await post.close()


@pytest.mark.parametrize("way", [{}, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("last_words", [CLOSE, b"421 4.4.2 idle too long\r\n"], ids=repr)
async def test_a_connection_given_up_while_idle_is_replaced_unnoticed(
    way: dict[str, bytes], last_words: bytes | None
) -> None:
    async with receiver(way) as world:
        post = courier(Hours())
        await post.deliver(parcel(world))
        world.script["MAIL"] = last_words
        second = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: world.connections == 2 or second.done())
        world.script["MAIL"] = b"250 ok\r\n"
        assert (await second).outcome is Outcome.SENT
        assert len(world.messages) == 2
        await post.close()


@pytest.mark.parametrize("way", [{}, LOCKSTEP], ids=["pipelined", "lockstep"])
@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
@pytest.mark.parametrize("last_words", [CLOSE, b"421 4.7.0 enough for one session\r\n"], ids=repr)
async def test_a_connection_that_ends_before_any_of_a_message_was_sent_is_not_the_messages_fault(
    way: dict[str, bytes], stage: str, last_words: bytes | None
) -> None:
    async with receiver(way) as world:
        post = courier(Hours())
        await post.deliver(parcel(world))
        world.script[stage] = last_words
        second = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: world.connections == 2 or second.done())
        world.script[stage] = b"354 ok\r\n" if stage == "DATA" else b"250 ok\r\n"
        assert (await second).outcome is Outcome.SENT
        assert len([message for message in world.messages if message]) == 2
        await post.close()


@pytest.mark.parametrize("way", [{}, LOCKSTEP], ids=["pipelined", "lockstep"])
async def test_a_recipient_who_is_answered_with_421_on_a_fresh_connection_too_is_deferred(
    way: dict[str, bytes],
) -> None:
    async with receiver({**way, "RCPT TO:<poison@": b"421 4.3.0 internal error\r\n"}) as world:
        post = courier(Hours())
        await post.deliver(parcel(world))
        reply = await post.deliver(parcel(world, "poison@example.com"))
        assert (reply.outcome, reply.code, reply.stage) == (Outcome.DEFERRED, 421, "rcpt")
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        assert world.connections == 3
        await post.close()


async def test_those_who_wait_behind_a_421_leave_over_other_connections() -> None:
    async with receiver({"RCPT TO:<poison@": b"421 4.3.0 internal error\r\n"}) as world:
        post = courier(Hours(), relay=2)
        people = ["poison@example.com" if place % 3 == 1 else f"r{place}@example.com" for place in range(30)]
        replies = await asyncio.gather(*(post.deliver(parcel(world, one)) for one in people))
        for one, reply in zip(people, replies, strict=True):
            assert reply.outcome is (Outcome.DEFERRED if one.startswith("poison") else Outcome.SENT)
        await post.close()


async def test_a_host_that_takes_fewer_connections_than_we_would_open_is_served_over_those_it_takes() -> None:
    async with receiver() as world:
        world.most = 2
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=8)
        under_way = [asyncio.create_task(post.deliver(parcel(world))) for _ in range(2)]
        await world.until(lambda: len(world.messages) == 2)
        under_way += [asyncio.create_task(post.deliver(parcel(world))) for _ in range(28)]
        await world.until(lambda: world.connections >= 3)
        world.gate.set()
        assert {reply.outcome for reply in await asyncio.gather(*under_way)} == {Outcome.SENT}
        assert len(world.messages) == 30
        assert world.connections <= 8 + 2
        await post.close()


async def test_a_host_that_took_fewer_connections_is_offered_more_when_it_has_served_well() -> None:
    async with receiver() as world:
        world.most = 1
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=2)
        first = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: len(world.messages) == 1)
        second = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: world.connections == 2)
        world.most = None
        world.gate.set()
        await asyncio.gather(first, second)
        for _ in range(200):
            await post.deliver(parcel(world))
        world.gate.clear()
        last = [asyncio.create_task(post.deliver(parcel(world))) for _ in range(2)]
        await world.until(lambda: len(world.messages) == 204)  # both at once: one connection would hold the second
        world.gate.set()
        await asyncio.gather(*last)
        await post.close()


async def test_a_receiver_that_hangs_up_at_once_on_a_fresh_connection_is_not_tried_for_ever() -> None:
    async with receiver({"MAIL": CLOSE}) as world:
        post = courier(Hours())
        reply = await post.deliver(parcel(world))
        assert (reply.outcome, reply.stage) == (Outcome.DEFERRED, "mail")
        assert world.connections == 1
        await post.close()


async def test_unasked_words_close_an_idle_connection() -> None:
    async with receiver() as world:
        post = courier(Hours())
        await post.deliver(parcel(world))
        world.writers[0].write(b"421 4.3.2 going down\r\n")
        await world.until(lambda: world.open_now == 0)
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        await post.close()


async def test_a_reply_that_comes_late_is_never_taken_for_the_next_ones() -> None:
    async with receiver({"dot": b"250 2.0.0 taken\r\n250 2.0.0 and again\r\n"}) as world:
        post = courier(Hours())
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        world.script["RCPT"] = b"550 5.1.1 unknown\r\n"
        assert (await post.deliver(parcel(world))).outcome is Outcome.FAILED
        await post.close()


async def test_waiters_share_the_news_that_a_host_is_down() -> None:
    async with receiver({"greeting": b"554 5.3.2 not today\r\n"}) as world:
        post = courier(Hours(), relay=1)
        replies = await asyncio.gather(*(post.deliver(parcel(world)) for _ in range(10)))
        assert {reply.outcome for reply in replies} == {Outcome.ROUTE_DOWN}
        assert world.connections == 1
        world.script["greeting"] = b"220 well\r\n"
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        await post.close()


async def test_a_cancelled_delivery_leaves_no_half_used_connection() -> None:
    async with receiver() as world:
        world.gate = asyncio.Event()
        post = courier(Hours(), relay=1)
        first = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: len(world.messages) == 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        world.gate.set()
        assert (await post.deliver(parcel(world))).outcome is Outcome.SENT
        assert world.connections == 2
        await post.close()


async def test_closing_lets_a_delivery_finish() -> None:
    async with receiver() as world:
        world.gate = asyncio.Event()
        post = courier(Hours())
        under_way = asyncio.create_task(post.deliver(parcel(world)))
        await world.until(lambda: len(world.messages) == 1)
        await post.close()
        world.gate.set()
        assert (await under_way).outcome is Outcome.SENT
        await world.until(lambda: world.open_now == 0)
