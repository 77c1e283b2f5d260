"""Real receivers on loopback, both databases: what they are told, in which order, and what happens when they fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, select, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.db import audit_log
from core.db.store import Store
from core.db.tables import HOOK, MAILBOX, MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, SECOND, stamp
from core.errors import Forbidden, NotFound
from core.events import EmailBlocked, Event, MailboxLimitsChanged, WebhookDead, WebhookReplayed
from core.ids import read_id
from core.model import Mode, Outcome, Reply
from core.security.credentials import webhook_secret
from core.security.encryption import MasterKeys, new_master_key
from core.services.identity import mailbox_settings
from core.services.notify import dead_letters, webhook_outbox
from core.services.notify.webhook_client import WebhookClient
from core.services.sending import delivery, review
from core.services.sending.review import Decision
from core.workers.webhooks import WebhookWorker
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, OLIVE, WIDE, Bench, add_mailbox, leave, make_desk

KEYRING = MasterKeys.parse(new_master_key("m1"))
SECRET = webhook_secret(b"a" * 32)
OLD_SECRET = webhook_secret(b"b" * 32)
SENT = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot", "mx.example")

Answer = Callable[[dict[str, Any]], Awaitable[str]]


async def thanks(_: dict[str, Any]) -> str:
    return "200 OK"


@dataclass
class Receiver:
    """Somebody's web server; `answer` may be changed on the way. `got` is everything it was sent, taken or not."""

    answer: Answer = thanks
    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def said(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, body in self.got]

    @property
    def types(self) -> list[str]:
        return [one["type"] for one in self.said]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await reader.readline():
                headers = {}
                while (line := (await reader.readline()).decode().strip()) != "":
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((headers, body))
                status = await self.answer(orjson.loads(body))
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def receiving(answer: Answer = thanks) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def answers(status: str) -> Answer:
    async def answer(_: dict[str, Any]) -> str:
        return status

    return answer


@contextlib.asynccontextmanager
async def gateway(desk: Bench, *, keyring: MasterKeys = KEYRING) -> AsyncIterator[WebhookWorker]:
    writer = Writer(desk.store)
    writer.start()
    hooks = WebhookClient(allow=["127.0.0.1"])
    webhooks = WebhookWorker(
        store=desk.store, writer=writer, hooks=hooks, keyring=keyring, ctx=desk.ctx, clock=desk.store.clock
    )
    writer.listeners.append(webhooks.wake)
    running = asyncio.create_task(webhooks.run())
    try:
        yield webhooks
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await hooks.close()
        await writer.close()


async def until(condition: Callable[[], object], *, nudge: WebhookWorker | None = None) -> None:
    async with asyncio.timeout(200):
        while not condition():
            if nudge is not None:
                nudge.wake()
            await asyncio.sleep(0.01)


def hooked(store: Store, url: str, *, mode: Mode = Mode.AUTONOMOUS, **more: Any) -> Bench:
    sealed = KEYRING.seal(SECRET.encode(), about=f"webhook:{ADDRESS}")
    return make_desk(store, mode=mode, **({"webhook_url": url, "webhook_secret": sealed} | WIDE | more))


def submitted(desk: Bench, **more: Any) -> int:
    found = read_id("m", desk.submit(**more).message_id or "")
    assert found is not None
    return found


def delivered(desk: Bench) -> None:
    """Everything that waits reaches its receivers."""
    claimed = desk.store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))
    desk.store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    settled = [delivery.Settlement(one, SENT) for one in claimed]
    desk.store.transact(lambda tx: delivery.settle(tx, settled, worker=1))


def events(desk: Bench) -> list[audit_log.Entry]:
    with desk.store.read() as conn:
        return audit_log.read(conn, after=0)


def emit(store: Store, *happened: Event) -> None:
    def verb(tx: Transaction) -> None:
        for event in happened:
            leave(tx, event)

    store.transact(verb)


def hook(desk: Bench) -> Any:
    return desk.store.row(select(HOOK).where(HOOK.c.mailbox_id == desk.mailbox_id))


def dead(desk: Bench) -> list[dead_letters.DeadLetter]:
    return desk.store.look(dead_letters.listed)


def test_a_receiver_is_told_what_happened_in_the_order_of_the_log(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                item = submitted(desk, to=["jane@example.com", "Bob <bob@example.org>"])
                delivered(desk)
                await until(lambda: len(receiver.got) >= 4, nudge=webhooks)
                entries = events(desk)
                assert receiver.types == [entry.event.type for entry in entries]
                assert receiver.ids == [f"evt_{entry.seq}" for entry in entries]
                submission, _, first, second = receiver.said
                assert submission["timestamp"] == stamp(entries[0].at)
                data = submission["data"]
                spelled = desk.store.row(select(RECIPIENT.c.given).where(RECIPIENT.c.n == 1))
                assert spelled is not None
                assert data["to"] == ["jane@example.com", spelled.given]
                assert data["id"] == data["message_id"]
                assert read_id("m", data["id"]) == item
                assert (data["subject"], data["mailbox"], data["status"]) == ("Your refund", ADDRESS, "sent")
                assert data["reason"] is None
                assert "token" not in data
                assert {tuple(one["data"]["to"]) for one in (first, second)} == {
                    ("jane@example.com",),
                    (spelled.given,),
                }
                assert first["data"]["code"] == 250
                await until(lambda: hook(desk).cursor == entries[-1].seq)

    asyncio.run(story())


def test_an_event_that_fails_is_retried_under_its_id_and_nothing_overtakes_it(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with receiving(answers("500 Oops")) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: hook(desk) and hook(desk).attempt == 1, nudge=webhooks)
                assert hook(desk).last_error == "answered 500 Internal Server Error"
                assert hook(desk).next_at > clock.now()
                clock.advance(seconds=30)
                await until(lambda: hook(desk).attempt == 2, nudge=webhooks)
                receiver.answer = thanks
                clock.advance(seconds=60)
                await until(lambda: hook(desk).cursor >= 2, nudge=webhooks)
                assert receiver.ids == ["evt_1", "evt_1", "evt_1", "evt_2"]
                assert receiver.got[0][1] == receiver.got[2][1]
                assert (hook(desk).attempt, hook(desk).first_failed_at, hook(desk).last_error) == (0, None, None)
                assert dead(desk) == []

    asyncio.run(story())


def test_after_three_days_an_event_is_a_dead_letter_and_the_next_one_goes(store: Store, clock: FakeClock) -> None:
    async def refuses_submissions(event: dict[str, Any]) -> str:
        return "500 Oops" if event["type"] == "email.submitted" else "200 OK"

    async def story() -> None:
        async with receiving(refuses_submissions) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: hook(desk) and hook(desk).attempt == 1, nudge=webhooks)
                clock.advance(micros=3 * DAY - SECOND)
                await until(lambda: hook(desk).attempt == 2, nudge=webhooks)
                assert dead(desk) == []
                clock.advance(micros=SECOND)
                await until(lambda: hook(desk).cursor >= 2, nudge=webhooks)
                (letter,) = dead(desk)
                assert (letter.mailbox, letter.seq, letter.type) == (ADDRESS, 1, "email.submitted")
                assert letter.error == "answered 500 Internal Server Error"
                assert receiver.types[-1] == "email.queued"

    asyncio.run(story())


def test_what_waited_behind_a_receiver_that_is_gone_is_given_up_in_its_own_three_days(
    store: Store, clock: FakeClock
) -> None:
    async def story() -> None:
        async with receiving(answers("500 Oops")) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: hook(desk) and hook(desk).attempt == 1, nudge=webhooks)
                clock.advance(micros=HOUR)
                submitted(desk)
                clock.advance(micros=3 * DAY - HOUR)
                await until(lambda: len(dead(desk)) == 2 and hook(desk).attempt == 1, nudge=webhooks)
                clock.advance(micros=HOUR)
                await until(lambda: len(dead(desk)) == 4, nudge=webhooks)
                assert receiver.ids == ["evt_1", "evt_1", "evt_2", "evt_3", "evt_3", "evt_4"]

    asyncio.run(story())


def test_a_receiver_that_is_gone_for_good_is_not_asked_twice_and_dead_letters_can_be_sent_again(store: Store) -> None:
    async def story() -> None:
        async with receiving(answers("410 Gone")) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: len(dead(desk)) == 2, nudge=webhooks)
                assert receiver.ids == ["evt_1", "evt_2"]
                died = [one.event for one in events(desk) if isinstance(one.event, WebhookDead)]
                assert [(one.seq, one.event, one.reason) for one in died] == [
                    (1, "email.submitted", "answered 410 Gone: the receiver wants no more"),
                    (2, "email.queued", "answered 410 Gone: the receiver wants no more"),
                ]
                receiver.answer = thanks
                ids = [one.id for one in dead(desk)]
                with pytest.raises(Forbidden):
                    desk.store.transact(lambda tx: dead_letters.replay(tx, ids, actor=DORA))
                with pytest.raises(NotFound):
                    desk.store.transact(lambda tx: dead_letters.replay(tx, [*ids, 77], actor=ALICE))
                assert desk.store.transact(lambda tx: dead_letters.replay(tx, ids, actor=ALICE)) == 2
                await until(lambda: not dead(desk), nudge=webhooks)
                assert receiver.ids == ["evt_1", "evt_2", "evt_1", "evt_2"]
                assert receiver.got[0][1] == receiver.got[2][1]
                (replayed,) = [one for one in events(desk) if isinstance(one.event, WebhookReplayed)]
                assert replayed.event.data() == {"seqs": [1, 2]}
                assert replayed.event.actor == "alice"

    asyncio.run(story())


def test_a_mailboxs_dead_letters_are_sent_again_all_at_once(store: Store) -> None:
    async def story() -> None:
        async with receiving(answers("410 Gone")) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: len(dead(desk)) == 2, nudge=webhooks)
                receiver.answer = thanks
                with pytest.raises(NotFound):
                    store.transact(lambda tx: dead_letters.replay_mailbox(tx, "no@acme.test", actor=ALICE))
                assert store.transact(lambda tx: dead_letters.replay_mailbox(tx, ADDRESS, actor=ALICE)) == 2
                await until(lambda: not dead(desk), nudge=webhooks)
                with pytest.raises(NotFound):
                    store.transact(lambda tx: dead_letters.replay_mailbox(tx, ADDRESS, actor=ALICE))

    asyncio.run(story())


def test_a_webhook_hears_of_the_events_it_asks_for_and_of_no_other(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url, webhook_events=["email.sent", "email.bounced"])
            async with gateway(desk) as webhooks:
                for n in range(3):
                    submitted(desk, to=f"jane@example{n}.com")
                delivered(desk)
                await until(lambda: len(receiver.got) == 3, nudge=webhooks)
                assert receiver.types == ["email.sent"] * 3
                await until(lambda: hook(desk).cursor == events(desk)[-1].seq, nudge=webhooks)
                store.transact(
                    lambda tx: mailbox_settings.change_webhook_events(tx, ADDRESS, None, reason="see all", actor=OLIVE)
                )
                submitted(desk, to="joe@example.com")
                await until(lambda: len(receiver.got) == 5, nudge=webhooks)
                assert receiver.types[3:] == ["email.submitted", "email.queued"]

    asyncio.run(story())


def test_a_receiver_that_moved_is_tried_at_once_and_has_no_troubles_of_the_old_one(store: Store) -> None:
    async def story() -> None:
        async with receiving(answers("500 No")) as old, receiving() as new:
            desk = hooked(store, old.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: old.got and hook(desk).first_failed_at is not None, nudge=webhooks)
                sealed = KEYRING.seal(SECRET.encode(), about=f"webhook:{ADDRESS}")
                store.transact(
                    lambda tx: mailbox_settings.change_webhook(
                        tx, ADDRESS, url=new.url, secret=sealed, reason="moved", actor=OLIVE
                    )
                )
                await until(lambda: len(new.got) == 2, nudge=webhooks)
                assert (hook(desk).first_failed_at, hook(desk).last_error) == (None, None)

    asyncio.run(story())


def test_a_replay_that_fails_for_good_is_a_dead_letter_again(store: Store) -> None:
    async def story() -> None:
        async with receiving(answers("410 Gone")) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: len(dead(desk)) == 2, nudge=webhooks)
                first = dead(desk)[0].id
                desk.store.transact(lambda tx: dead_letters.replay(tx, [first], actor=ALICE))
                await until(lambda: len(receiver.got) == 3 and dead(desk)[0].replayed_at is None, nudge=webhooks)
                assert len(dead(desk)) == 2

    asyncio.run(story())


def test_an_approval_is_told_when_its_release_delay_has_ended(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url, mode=Mode.GATED_SEND)
            async with gateway(desk) as webhooks:
                item = submitted(desk)
                approval = Decision(item, approve=True, delay=10 * SECOND, reason="fine")
                desk.store.transact(lambda tx: review.decide(tx, approval, actor=ALICE))
                await until(lambda: hook(desk) and hook(desk).next_at > clock.now(), nudge=webhooks)
                assert receiver.types == ["email.submitted", "email.pending"]
                assert receiver.said[1]["data"]["reason"]
                clock.advance(micros=10 * SECOND)
                desk.store.transact(review.release_due)
                await until(lambda: len(receiver.got) == 4, nudge=webhooks)
                assert receiver.types[2:] == ["email.approved", "email.queued"]
                assert receiver.said[2]["data"]["reason"] == "fine"

    asyncio.run(story())


def test_an_approval_that_was_taken_back_is_never_told_and_a_later_one_is(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url, mode=Mode.GATED_SEND)
            async with gateway(desk) as webhooks:
                item = submitted(desk)
                approval = Decision(item, approve=True, delay=10 * SECOND)
                desk.store.transact(lambda tx: review.decide(tx, approval, actor=ALICE))
                await until(lambda: hook(desk) and hook(desk).next_at > clock.now(), nudge=webhooks)
                clock.advance(micros=5 * SECOND)
                desk.store.transact(lambda tx: review.undo(tx, item, actor=ALICE))
                clock.advance(micros=10 * SECOND)
                await until(lambda: hook(desk).cursor == len(events(desk)), nudge=webhooks)
                assert receiver.types == ["email.submitted", "email.pending"]
                desk.store.transact(lambda tx: review.decide(tx, approval, actor=ALICE))
                clock.advance(micros=10 * SECOND)
                await until(lambda: len(receiver.got) == 3, nudge=webhooks)
                assert receiver.types[2] == "email.approved"
                assert receiver.ids[2] == f"evt_{len(events(desk))}"

    asyncio.run(story())


def test_both_secrets_sign_during_a_rotation_and_only_the_new_one_after_it(store: Store, clock: FakeClock) -> None:
    def opens(secret: str, headers: dict[str, str], body: bytes) -> bool:
        signatures = headers["webhook-signature"].split()
        signed = Webhook(secret).sign(headers["webhook-id"], _at(headers), body.decode())
        return signed in signatures

    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(
                store,
                receiver.url,
                webhook_previous=KEYRING.seal(OLD_SECRET.encode(), about=f"webhook:{ADDRESS}"),
                webhook_previous_until=clock.now() + HOUR,
            )
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: len(receiver.got) == 2, nudge=webhooks)
                assert opens(SECRET, *receiver.got[0])
                assert opens(OLD_SECRET, *receiver.got[0])
                clock.advance(micros=HOUR)
                submitted(desk)
                await until(lambda: len(receiver.got) == 4, nudge=webhooks)
                assert opens(SECRET, *receiver.got[3])
                assert not opens(OLD_SECRET, *receiver.got[3])
                # The library of the standard reads the wall clock, which ours is far from: only the time is in doubt.
                headers, body = receiver.got[3]
                with pytest.raises(WebhookVerificationError, match="timestamp"):
                    Webhook(SECRET).verify(body, headers)

    asyncio.run(story())


def _at(headers: dict[str, str]) -> datetime:
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=UTC)


def test_a_slow_receiver_delays_no_other_mailbox(store: Store) -> None:
    async def story() -> None:
        release = asyncio.Event()

        async def slow(_: dict[str, Any]) -> str:
            await release.wait()
            return "200 OK"

        async with receiving(slow) as sluggish, receiving() as brisk:
            desk = hooked(store, sluggish.url)
            other = f"sales@{DOMAIN}"
            sealed = KEYRING.seal(SECRET.encode(), about=f"webhook:{other}")
            second = desk.store.transact(
                lambda tx: add_mailbox(
                    tx,
                    agent="sales",
                    address=other,
                    stream=desk.stream_id,
                    webhook_url=brisk.url,
                    webhook_secret=sealed,
                )
            )[1]
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: sluggish.got, nudge=webhooks)
                change = MailboxLimitsChanged(actor="x", mailbox=second, changes={}, widened=False, reason="")
                blocked = EmailBlocked(actor="x", mailbox=second, kind="send", error="e", reason="r")
                emit(store, change, blocked)
                await until(lambda: brisk.got, nudge=webhooks)
                assert brisk.types == ["email.blocked"]
                data = brisk.said[0]["data"]
                assert data["mailbox"] == other
                promised = ("id", "to", "subject", "reason")
                assert [data[name] for name in promised] == [None, None, None, "r"], "always there, known or not"
                assert len(sluggish.got) == 1
                release.set()
                await until(lambda: len(sluggish.got) == 2, nudge=webhooks)

    asyncio.run(story())


def test_a_gateway_that_is_killed_repeats_at_most_what_was_under_way(store: Store, clock: FakeClock) -> None:
    async def story() -> None:
        never = asyncio.Event()

        async def hangs_on_the_second(event: dict[str, Any]) -> str:
            if event["type"] == "email.queued":
                await never.wait()
            return "200 OK"

        async with receiving(hangs_on_the_second) as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as webhooks:
                submitted(desk)
                await until(lambda: len(receiver.got) == 2, nudge=webhooks)
                held = hook(desk)
            # A process that is killed gives nothing back: its lease stands as it did.
            lease = update(HOOK).values(leased_by=held.leased_by, lease_until=held.lease_until)
            store.transact(lambda tx: tx.write(lease))
            receiver.answer = thanks
            async with gateway(desk) as webhooks:
                delivered(desk)
                assert store.look(lambda tx: webhook_outbox.due(tx, limit=9)) == []
                clock.advance(micros=webhook_outbox.LEASE)
                await until(lambda: len(receiver.got) == 4, nudge=webhooks)
                assert receiver.ids == ["evt_1", "evt_2", "evt_2", "evt_3"]

    asyncio.run(story())


@pytest.mark.both_databases
def test_two_gateways_tell_everything_once(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url)
            async with gateway(desk) as one, gateway(desk) as other:
                for n in range(15):
                    submitted(desk, to=f"jane@example{n}.com")
                    one.wake()
                    other.wake()
                    await asyncio.sleep(0)
                await until(lambda: hook(desk) and hook(desk).cursor == 30)
                assert receiver.ids == [f"evt_{seq}" for seq in range(1, 31)]

    asyncio.run(story())


def test_a_webhook_begins_where_its_mailbox_was_given_it(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url, webhook_url=None)
            async with gateway(desk) as webhooks:
                submitted(desk)
                given = MailboxLimitsChanged(
                    actor="olive", mailbox=desk.mailbox_id, changes={"approval_webhook": [None, "x"]}, widened=False,
                    reason="new",
                )  # fmt: skip
                named = update(MAILBOX).values(webhook_url=receiver.url)
                store.transact(lambda tx: tx.write(named))
                emit(store, given)
                submitted(desk)
                await until(lambda: len(receiver.got) == 2, nudge=webhooks)
                assert receiver.ids == ["evt_4", "evt_5"]
                store.transact(lambda tx: tx.write(update(MAILBOX).values(webhook_url=None)))
                await until(lambda: hook(desk) is None, nudge=webhooks)

    asyncio.run(story())


def test_what_was_erased_is_not_told(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url)
            submitted(desk)
            store.transact(lambda tx: [tx.write(delete(RECIPIENT)), tx.write(update(MESSAGE).values(subject=""))])
            async with gateway(desk) as webhooks:
                await until(lambda: len(receiver.got) == 2, nudge=webhooks)
                data = receiver.said[0]["data"]
                assert data["id"].startswith("m")
                assert data["to"] is None
                assert data["subject"] is None

    asyncio.run(story())


def test_nothing_goes_out_unsigned(store: Store) -> None:
    async def story() -> None:
        async with receiving() as receiver:
            desk = hooked(store, receiver.url)
            submitted(desk)
            async with gateway(desk, keyring=MasterKeys.parse(new_master_key("m2"))) as webhooks:
                await until(lambda: hook(desk) and hook(desk).attempt == 1, nudge=webhooks)
                assert "'m1'" in hook(desk).last_error
                assert receiver.got == []

    asyncio.run(story())
