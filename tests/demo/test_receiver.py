"""The simulated world is held to what the real one does: over SMTP, with a client, on a clock of the test's own."""

from __future__ import annotations

import asyncio
import email
import email.message
import email.policy
import heapq
import itertools
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import aiosmtplib
import pytest

from core.demo.receiver import Behaviour, ReceiverProfile, World
from core.durations import MICROS

CALM = ReceiverProfile(unknown=0, full=0, crowded=0, greylisting=0, slow=0, bouncing=0, busy=0, complaints=0)


class Clock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self._now = 1_760_000_000 * MICROS
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []
        self._order = itertools.count()
        self.asleep = asyncio.Event()

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self._now + int(seconds * MICROS), next(self._order), woken))
        self.asleep.set()
        await woken.wait()

    async def pass_on(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._now += int(seconds * MICROS)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()


class Scene:
    """A running world, a client that talks to it, and the reports it made."""

    def __init__(self, climate: ReceiverProfile, *, seed: int = 7) -> None:
        self.clock = Clock()
        self.reports: list[bytes] = []
        self.world = World(seed=seed, clock=self.clock, report=self._take, climate=climate)
        self.client = aiosmtplib.SMTP()

    async def _take(self, raw: bytes) -> None:
        self.reports.append(raw)

    async def send(self, to: str, *, agent: str = "support-bot", body: str = "Hello.") -> str:
        if not self.client.is_connected:
            self.client = aiosmtplib.SMTP(hostname=self.world.host, port=self.world.port, start_tls=False)
            await self.client.connect()
        raw = (
            f"DKIM-Signature: v=1; a=rsa-sha256\r\nDKIM-Signature: v=1; a=ed25519-sha256\r\n"
            f"X-Agent-ID: {agent}\r\nX-Postroom-Message-ID: m123.k1.mac\r\nSubject: hi\r\n\r\n{body}\r\n"
        )
        _, reply = await self.client.sendmail("rp+m1.k1.mac@bounce.acme.example", [to], raw)
        return reply

    async def refusal(self, to: str) -> tuple[int, str]:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await self.send(to)
        said = refused.value.recipients[0]
        return said.code, said.message


@asynccontextmanager
async def scene(climate: ReceiverProfile = CALM, *, seed: int = 7) -> AsyncIterator[Scene]:
    playing = Scene(climate, seed=seed)
    await playing.world.start()
    try:
        yield playing
    finally:
        await playing.world.stop()
        playing.client.close()


def play(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 100))


def test_accepted_message_is_kept_and_counted_by_agent_and_signature() -> None:
    async def story() -> None:
        async with scene() as it:
            assert "queued as" in await it.send("jane@gmail.com")
            await it.send("joe@company.example", agent="invoice-bot")
            received = it.world.latest[0]
            assert (received.recipient, received.agent) == ("jane@gmail.com", "support-bot")
            assert received.sender == "rp+m1.k1.mac@bounce.acme.example"
            assert received.raw.endswith(b"\r\n\r\nHello.\r\n")
            tally = it.world.tallies["support-bot"]
            assert (tally.accepted, tally.signed, tally.signatures, tally.last_at) == (1, 1, 2, it.clock.now())
            assert it.world.codes == {"250 2.0.0": 2}
            assert it.world.accepted == 2

    play(story())


def test_unknown_user_is_refused_in_the_receivers_own_words() -> None:
    async def story() -> None:
        async with scene() as it:
            for domain in ("gmail.com", "outlook.com", "company.example"):
                code, text = await it.refusal(f"nobody.7@{domain}")
                assert code == 550
                assert text.startswith("5.1.1 ") or "\n5.1.1 " in text
            assert it.world.codes["550 5.1.1"] == 3
            assert it.world.accepted == 0

    play(story())


def test_full_mailbox_stays_full_and_a_crowded_one_empties() -> None:
    async def story() -> None:
        async with scene() as it:
            assert await it.refusal("full@company.example") == await it.refusal("full@company.example")
            assert (await it.refusal("crowded@company.example"))[0] == 452
            assert (await it.refusal("crowded@company.example"))[0] == 452
            await it.send("crowded@company.example")

    play(story())


def test_greylisting_defers_the_first_attempt_only() -> None:
    async def story() -> None:
        async with scene() as it:
            assert (await it.refusal("greylist@company.example"))[0] == 451
            await it.send("greylist@company.example")
            await it.send("greylist@company.example")

    play(story())


def test_slow_receiver_answers_when_its_clock_says_so() -> None:
    async def story() -> None:
        async with scene() as it:
            sending = asyncio.create_task(it.send("slow@company.example"))
            await it.clock.asleep.wait()
            assert it.world.accepted == 0
            await it.clock.pass_on(2)
            await sending
            assert it.world.accepted == 1

    play(story())


def test_busy_receiver_says_421_and_hangs_up() -> None:
    async def story() -> None:
        async with scene(ReceiverProfile(busy=1.0)) as it:
            reader, writer = await asyncio.open_connection(it.world.host, it.world.port)
            writer.write(b"HELO desk.example\r\nMAIL FROM:<a@acme.example>\r\n")
            said = await reader.read()  # until it hangs up
            assert said.splitlines()[-1].startswith(b"421 4.3.2 ")
            writer.close()
            assert it.world.codes == {"421 4.3.2": 1}

    play(story())


def parts(raw: bytes) -> tuple[email.message.EmailMessage, list[email.message.EmailMessage]]:
    report = email.message_from_bytes(raw, policy=email.policy.default)
    return report, [cast("email.message.EmailMessage", part) for part in report.iter_parts()]


def test_complaint_comes_after_a_while_and_carries_what_proves_it() -> None:
    async def story() -> None:
        async with scene() as it:
            await it.send("angry@yahoo.com")
            assert it.world.outstanding == 1
            await it.clock.pass_on(1.9)
            assert it.reports == []
            await it.clock.pass_on(14)
            await it.world.reported()
            report, (_, facts, original) = parts(it.reports[0])
            assert report.get_content_type() == "multipart/report"
            assert report.get_param("report-type") == "feedback-report"
            assert facts.get_content_type() == "message/feedback-report"
            assert b"Feedback-Type: abuse" in bytes(facts)
            assert b"Original-Mail-From: <rp+m1.k1.mac@bounce.acme.example>" in bytes(facts)
            headers = email.message_from_string(original.get_content(), policy=email.policy.default)
            assert headers["X-Postroom-Message-ID"] == "m123.k1.mac"
            assert headers["Return-Path"] == "<rp+m1.k1.mac@bounce.acme.example>"
            assert it.world.tallies["support-bot"].complained == 1

    play(story())


def test_late_bounce_goes_to_the_return_path_with_a_delivery_status() -> None:
    async def story() -> None:
        async with scene() as it:
            await it.send("bounce@company.example")
            await it.clock.pass_on(10)
            await it.world.reported()
            report, (_, status, _) = parts(it.reports[0])
            assert report["To"] == "rp+m1.k1.mac@bounce.acme.example"
            assert report["Return-Path"] == "<>"
            assert status.get_content_type() == "message/delivery-status"
            blocks = cast("list[email.message.Message]", status.get_payload())
            assert blocks[1]["Final-Recipient"] == "rfc822; bounce@company.example"
            assert (blocks[1]["Action"], blocks[1]["Status"]) == ("failed", "5.1.1")

    play(story())


def test_rogue_agent_draws_complaints_and_the_others_do_not() -> None:
    async def story() -> None:
        climate = replace(CALM, complaints_by_agent={"pipeline-bot": 0.05})
        async with scene(climate) as it:
            for n in range(400):
                await it.send(f"p{n}@gmail.com", agent="pipeline-bot")
                await it.send(f"p{n}@gmail.com", agent="support-bot")
            assert 5 <= it.world.tallies["pipeline-bot"].complained <= 45
            assert it.world.tallies["support-bot"].complained == 0

    play(story())


def test_phrase_in_the_content_can_draw_complaints() -> None:
    async def story() -> None:
        climate = replace(CALM, complaints_by_phrase={"last chance": 1.0})
        async with scene(climate) as it:
            await it.send("jane@gmail.com", body="This is your last chance to reply.")
            await it.send("jane@gmail.com")
            assert it.world.tallies["support-bot"].complained == 1

    play(story())


def test_addresses_keep_their_temper_and_the_shares_are_as_asked() -> None:
    async def nobody(_: bytes) -> None:
        raise AssertionError

    climate = ReceiverProfile(unknown=0.04, greylisting=0.10)
    one, same, other = (World(seed=seed, clock=Clock(), report=nobody, climate=climate) for seed in (1, 1, 2))
    addresses = [f"person{n}@gmail.com" for n in range(5_000)]
    tempers = [one.temper(address) for address in addresses]
    assert tempers == [same.temper(address) for address in addresses]
    assert tempers != [other.temper(address) for address in addresses]
    assert 150 < tempers.count(Behaviour.UNKNOWN) < 250
    assert 400 < tempers.count(Behaviour.GREYLISTING) < 600


def test_report_that_cannot_be_handed_over_is_counted_and_harms_nobody() -> None:
    async def refuse(_: bytes) -> None:
        raise ConnectionRefusedError

    async def story() -> None:
        async with scene() as it:
            it.world._report = refuse
            await it.send("angry@gmail.com")
            await it.clock.pass_on(20)
            await it.world.reported()
            assert it.world.unreported == 1

    play(story())


def test_memory_is_bounded_whatever_a_runaway_sends() -> None:
    async def story() -> None:
        async with scene() as it:
            for n in range(1_100):
                it.world.accept(sender="s@acme.example", recipients=[f"p{n}@gmail.com"], raw=b"X-Agent-ID: a\r\n\r\nhi")
            assert len(it.world.latest) == 1_000
            assert it.world.tallies["a"].accepted == 1_100

    play(story())
