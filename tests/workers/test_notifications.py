"""People hear of what policy names, once and together, through a real channel on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, MINUTE
from core.events import (
    AgentSuspended,
    AgentWarned,
    DeskStopped,
    EmailAltered,
    Event,
    GatewayLost,
    GatewayStarted,
    WebhookDead,
)
from core.model import Mode
from core.rules import policy as policies
from core.rules.policy import Policy
from core.services.identity import drills
from core.services.notify import notification_outbox
from core.services.notify.apprise_client import Reach, send_test
from core.workers.notifications import NotificationWorker
from tests.factories.desk import ADDRESS, WIDE, Bench, leave, make_desk

# Apprise's mail channel imports it, on its way out of the standard library.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@dataclass
class Channel:
    """A chat server: keeps what it is posted and answers `status`."""

    status: int = 200
    port: int = 0
    posts: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(row.split(":")[1]) for row in head.splitlines() if row.lower().startswith("content-length"))
        self.posts.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def chat(status: int = 200) -> AsyncIterator[Channel]:
    channel = Channel(status)
    server = await asyncio.start_server(channel.serve, "127.0.0.1", 0)
    channel.port = server.sockets[0].getsockname()[1]
    try:
        yield channel
    finally:
        server.close()


@contextlib.asynccontextmanager
async def writing(store: Store) -> AsyncIterator[Writer]:
    writer = Writer(store)
    writer.start()
    try:
        yield writer
    finally:
        await writer.close()


HERE = Reach.read(allow=["127.0.0.1"], schemes=[])


def telling(channel: Channel, **notify: Any) -> Policy:
    known: dict[str, Any] = {"urls": [f"json://127.0.0.1:{channel.port}"], "events": ["email.pending"]}
    return policies.from_json(json.dumps(json.loads(policies.to_json(Policy())) | {"notify": known | notify}))


def desk_of(store: Store, policy: Policy) -> Bench:
    return make_desk(store, mode=Mode.GATED_SEND, policy=policy, **WIDE)


def voice(store: Store, writer: Writer, *, worker: int = 1) -> NotificationWorker:
    return NotificationWorker(store=store, writer=writer, clock=store.clock, worker=worker, reach=HERE)


def emit(store: Store, *happened: Event) -> None:
    def verb(tx: Transaction) -> None:
        for event in happened:
            leave(tx, event)

    store.transact(verb)


def test_seventy_held_messages_are_one_notification(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            notify = voice(store, writer)
            await notify.look()
            for n in range(70):
                desk.submit(f"jane{n}@example.com")
            assert await notify.look() == ()
            clock.advance(micros=5 * MINUTE)
            assert [result.ok for result in await notify.look()] == [True]
            (post,) = channel.posts
            assert post["title"] == "70 x message held"
            assert f"70 x message held: {ADDRESS} (70)" in post["message"]
            clock.advance(micros=HOUR)
            assert await notify.look() == ()

    asyncio.run(story())


def test_a_suspension_and_an_all_stop_are_told_as_the_worst_of_what_happened(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel, events=["agent.suspended", "agent.warned", "desk.stopped"]))
            notify = voice(store, writer)
            await notify.look()
            emit(
                store,
                AgentWarned(actor="guard", agent=desk.agent_id, guard="bounces", figures={}, reason="2 % bounce"),
                AgentSuspended(
                    actor="guard", agent=desk.agent_id, reason="5 % bounce", guard="bounces", figures={}, in_flight=1,
                    queued=2, pending=3,
                ),
                DeskStopped(actor="alice", reason="look into it"),
            )  # fmt: skip
            desk.submit()
            clock.advance(micros=5 * MINUTE)
            await notify.look()
            (post,) = channel.posts
            assert post["type"] == "failure"
            assert "support-bot is suspended by guard: 5 % bounce (1 in flight, 2 queued, 3 pending)" in post["message"]
            assert "alice stopped all mail: look into it" in post["message"]
            assert "held" not in post["message"]

    asyncio.run(story())


def test_mail_that_waits_too_long_is_told_once(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel, events=[]))
            notify = voice(store, writer)
            await notify.look()
            desk.submit()
            clock.advance(micros=4 * HOUR - 1)
            assert await notify.look() == ()
            clock.advance(micros=5 * MINUTE + 1)
            await notify.look()
            clock.advance(micros=HOUR)
            await notify.look()
            assert [post["title"] for post in channel.posts] == [f"held for more than 4h: {ADDRESS}"]

    asyncio.run(story())


def test_a_dead_webhook_is_told_where_policy_names_it(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel, events=["webhook.dead"]))
            notify = voice(store, writer)
            await notify.look()
            died = WebhookDead(
                actor="system", mailbox=desk.mailbox_id, seq=7, event="email.sent", reason="answered 410 Gone"
            )
            emit(store, died)
            clock.advance(micros=5 * MINUTE + 1)
            await notify.look()
            (post,) = channel.posts
            assert "answered 410 Gone" in post["message"]

    asyncio.run(story())


def test_a_drill_that_is_due_is_asked_for_whatever_events_policy_names(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk_of(store, telling(channel, events=[]))
            notify = voice(store, writer)
            await notify.look()
            clock.advance(micros=90 * DAY)
            await notify.look()
            assert store.transact(drills.ask_due) == 1
            await notify.look()
            clock.advance(micros=5 * MINUTE + 1)
            await notify.look()
            (post,) = channel.posts
            assert post["title"] == "drill due: support-bot"
            assert "was never exercised" in post["message"]
            assert "postroom drill support-bot" in post["message"]

    asyncio.run(story())


def test_a_lost_gateway_is_told_with_what_to_do(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk_of(store, telling(channel, events=["gateway.lost", "gateway.started"]))
            notify = voice(store, writer)
            await notify.look()
            emit(
                store,
                GatewayLost(actor="system", host="mail1", pid=4711, listen="127.0.0.1:8025", silent_ms=24_000),
                GatewayStarted(actor="system", host="mail1", pid=4712, listen="127.0.0.1:8025"),
            )
            clock.advance(micros=5 * MINUTE + 1)
            await notify.look()
            (post,) = channel.posts
            assert post["type"] == "failure"
            assert "the gateway on mail1 (127.0.0.1:8025, process 4711) stopped unexpectedly" in post["message"]
            assert "24 s after its last heartbeat; unless it is running again" in post["message"]
            assert "postroom serve" in post["message"]
            assert "the gateway on mail1 (127.0.0.1:8025) started" in post["message"]

    asyncio.run(story())


def test_altered_mail_is_told_as_critical(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel, events=["email.altered"]))
            notify = voice(store, writer)
            await notify.look()
            emit(store, EmailAltered(actor="system", message=7, mailbox=desk.mailbox_id))
            clock.advance(micros=5 * MINUTE + 1)
            await notify.look()
            (post,) = channel.posts
            assert post["type"] == "failure"
            assert f"of {ADDRESS} is held" in post["message"]

    asyncio.run(story())


def test_what_no_channel_took_is_said_again_with_what_came_since(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat(500) as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            notify = voice(store, writer)
            await notify.look()
            desk.submit()
            clock.advance(micros=5 * MINUTE)
            assert [result.ok for result in await notify.look()] == [False]
            assert await notify.look() == ()
            desk.submit("bob@example.com")
            channel.status = 200
            clock.advance(micros=MINUTE)
            assert [result.ok for result in await notify.look()] == [True]
            assert channel.posts[-1]["title"] == "2 x message held"

    asyncio.run(story())


@pytest.mark.both_databases
def test_one_of_two_gateways_speaks(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            one, other = voice(store, writer), voice(store, writer, worker=2)
            await one.look()
            await other.look()
            desk.submit()
            await one.look()
            await other.look()
            clock.advance(micros=5 * MINUTE)
            await asyncio.gather(one.look(), other.look())
            await asyncio.gather(one.look(), other.look())
            assert len(channel.posts) == 1

    asyncio.run(story())


def test_who_heard_up_to_the_same_place_too_late_does_not_get_the_word(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            one = voice(store, writer)
            await one.look()
            desk.submit()
            base = store.look(notification_outbox.place)
            assert base is not None
            clock.advance(micros=5 * MINUTE)
            await one.look()
            assert len(channel.posts) == 1
            assert not store.transact(lambda tx: notification_outbox.claim(tx, base, worker=2))
            assert not store.transact(lambda tx: notification_outbox.move(tx, base, base))

    asyncio.run(story())


def test_a_restart_loses_nothing_that_waited_to_be_told(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            await voice(store, writer).look()
            desk.submit()
            await voice(store, writer).look()
            clock.advance(micros=5 * MINUTE)
            await voice(store, writer).look()
            assert len(channel.posts) == 1

    asyncio.run(story())


def test_what_is_more_than_a_day_old_wakes_nobody(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with chat() as channel, writing(store) as writer:
            desk = desk_of(store, telling(channel))
            await voice(store, writer).look()
            desk.submit()
            clock.advance(micros=2 * DAY)
            await voice(store, writer).look()
            assert channel.posts == []
            before = store.look(notification_outbox.place)
            assert before is not None
            assert before.events == 2

    asyncio.run(story())


def test_a_test_reaches_every_channel_and_says_which_did_not_take_it() -> None:
    async def story() -> None:
        async with chat() as channel, chat(500) as broken:
            urls = [f"json://127.0.0.1:{one.port}" for one in (channel, broken)]
            results = {result.url: result.ok for result in await send_test(urls, reach=HERE)}
            assert results == {
                f"json://127.0.0.1:{channel.port}/...": True,
                f"json://127.0.0.1:{broken.port}/...": False,
            }
            assert len(channel.posts) == 1

    asyncio.run(story())
