"""Simulated agents against a desk that answers as the contract says; their world ends at HTTP, so that is the fake."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from core.demo.agents import SimulatedAgent, SimulatedReviewer, read_answer
from core.demo.scripts import DIGEST, INVOICES, PIPELINE, QUOTES, SUPPORT, FanOut, Script
from core.durations import MICROS

Say = Callable[[httpx.Request, int], httpx.Response]


class Clock:
    """Time passes exactly when somebody sleeps."""

    def __init__(self) -> None:
        self._now = 1_760_000_000 * MICROS
        self.slept: list[float] = []

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += int(seconds * MICROS)
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Desk:
    """Answers each submission as it is told, and says enough after `until` of them: 401."""

    def __init__(self, say: Say, *, until: int) -> None:
        self.submitted: list[httpx.Request] = []
        self.asked: list[str] = []
        self._say = say
        self._until = until

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            self.asked.append(request.url.path)
            return httpx.Response(200, json={"id": "m1", "status": "sent"})
        if len(self.submitted) >= self._until:
            return httpx.Response(401, json={"error": "unauthenticated", "status": 401})
        self.submitted.append(request)
        return self._say(request, len(self.submitted))

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(request.content) for request in self.submitted]


def queued(_: httpx.Request, n: int) -> httpx.Response:
    return httpx.Response(202, json={"status": "queued", "message_id": f"m{n}"})


def play(script: Script, desk: Desk, *, seed: int = 3) -> tuple[SimulatedAgent, Clock]:
    """Let an agent work until its token is no longer good."""
    clock = Clock()

    async def story() -> SimulatedAgent:
        transport = httpx.MockTransport(desk.answer)
        async with httpx.AsyncClient(base_url="http://desk.example", transport=transport) as client:
            agent = SimulatedAgent(
                name=f"{script.kind}-bot",
                mailbox="help@support-bot.acme.example",
                token="pra_token",
                script=script,
                client=client,
                clock=clock,
                seed=seed,
            )
            await asyncio.wait_for(agent.run(), 100)
            return agent

    return asyncio.run(story()), clock


@pytest.mark.parametrize("script", [SUPPORT, INVOICES, DIGEST, QUOTES])
def test_every_agent_sends_what_the_contract_asks_for(script: Script) -> None:
    desk = Desk(queued, until=60)
    agent, _ = play(script, desk)
    assert agent.counts == {"queued": 60, "unauthenticated": 1}
    for request, body in zip(desk.submitted, desk.bodies, strict=True):
        assert request.url.path == "/emails/send"
        assert request.headers["Authorization"] == "Bearer pra_token"
        assert body["from"] == "help@support-bot.acme.example"
        assert body["content_class"] == script.content_class
        run = body["run"]
        assert isinstance(run, dict)
        assert set(run) == {"id", "user", "via", "agent_version", "prompt_version", "tools_version", "tool_call"}
        assert "{" not in f"{body['subject']}{body['text']}"
    assert len({request.headers["Idempotency-Key"] for request in desk.submitted}) == 60


def test_same_seed_writes_the_same_mail_and_another_seed_does_not() -> None:
    desks = [Desk(queued, until=30) for _ in range(3)]
    for desk, seed in zip(desks, (1, 1, 2), strict=True):
        play(SUPPORT, desk, seed=seed)
    assert desks[0].bodies == desks[1].bodies
    assert desks[0].bodies != desks[2].bodies


def test_agent_that_is_told_to_wait_waits() -> None:
    def say(_: httpx.Request, n: int) -> httpx.Response:
        if n == 2:
            return httpx.Response(429, headers={"Retry-After": "37"}, json={"error": "rate_limited", "status": 429})
        if n == 3:
            return httpx.Response(403, json={"error": "agent_suspended", "status": 403})
        if n == 4:
            return httpx.Response(503, headers={"Retry-After": "9"}, json={"error": "desk_stopped", "status": 503})
        return queued(_, n)

    agent, clock = play(SUPPORT, Desk(say, until=6))
    assert agent.counts == {"queued": 3, "rate_limited": 1, "blocked": 1, "unavailable": 1, "unauthenticated": 1}
    assert agent.errors["agent_suspended"] == 1
    assert {37.0, 15.0, 9.0} <= set(clock.slept)


def test_lost_connection_is_tried_again_with_the_same_key() -> None:
    def say(request: httpx.Request, n: int) -> httpx.Response:
        if n == 1:
            raise httpx.ConnectError("refused")
        return queued(request, n)

    desk = Desk(say, until=3)
    agent, _ = play(SUPPORT, desk)
    first, second, third = (request.headers["Idempotency-Key"] for request in desk.submitted)
    assert first == second != third
    assert agent.counts["unreachable"] == 1


def test_agent_asks_what_became_of_its_pending_mail() -> None:
    def say(_: httpx.Request, n: int) -> httpx.Response:
        return httpx.Response(202, json={"status": "pending", "message_id": f"m{n}"})

    desk = Desk(say, until=40)
    agent, _ = play(replace(SUPPORT, asks=1.0), desk)
    assert agent.counts["pending"] == 40
    assert desk.asked[:2] == ["/emails/m1", "/emails/m2"]
    assert agent.outcomes["sent"] == 40


def test_rogue_agent_writes_to_everybody_in_one_run_and_heeds_nothing() -> None:
    def say(_: httpx.Request, n: int) -> httpx.Response:
        if n > 100:
            return httpx.Response(429, headers={"Retry-After": "3600"}, json={"error": "rate_limited", "status": 429})
        return queued(_, n)

    desk = Desk(say, until=500)
    agent, clock = play(replace(PIPELINE, fan_out=FanOut(after=0, total=500)), desk)
    assert agent.rogue
    assert (agent.counts["queued"], agent.counts["rate_limited"]) == (100, 400)
    runs = Counter(str(body["run"]["id"]) for body in desk.bodies if isinstance(body["run"], dict))
    assert len(runs) == 1
    assert len({str(body["to"]) for body in desk.bodies}) == 500
    assert max(clock.slept[:400]) == PIPELINE.rogue_pause


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (httpx.Response(200, json={"status": "sent", "message_id": "m1"}), "sent"),
        (httpx.Response(422, json={"error": "invalid_request", "status": 422}), "invalid_request"),
        (httpx.Response(502, text="<html>"), "http_502"),
        (httpx.Response(200, text="not json"), "accepted"),
    ],
)
def test_answer_is_read_by_its_code_and_stable_words(reply: httpx.Response, status: str) -> None:
    assert read_answer(reply).status == status


class Pile:
    """What waits for a reviewer, in pages of two; item p3 was decided by somebody faster."""

    def __init__(self, count: int, *, subject: str = "Your ticket") -> None:
        self.items: dict[str, dict[str, object]] = {
            f"p{n}": {"id": f"p{n}", "subject": subject, "digest": f"d{n}"} for n in range(count)
        }
        self.decided: dict[str, dict[str, object]] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer pro_token"
        if request.method == "GET":
            assert request.url.path == "/mailboxes/help@acme.example/pending"
            start = int(request.url.params.get("cursor", "0"))
            waiting = list(self.items.values())
            more = str(start + 2) if start + 2 < len(waiting) else None
            return httpx.Response(200, json={"messages": waiting[start : start + 2], "next_cursor": more})
        name = request.url.path.split("/")[2]
        if name == "p3":
            return httpx.Response(409, json={"error": "conflict", "status": 409})
        self.decided[name] = json.loads(request.content)
        return httpx.Response(200, json={})


def review(pile: Pile) -> SimulatedReviewer:
    async def story() -> SimulatedReviewer:
        transport = httpx.MockTransport(pile.answer)
        async with httpx.AsyncClient(base_url="http://desk.example", transport=transport) as client:
            reviewer = SimulatedReviewer(
                token="pro_token", mailboxes=["help@acme.example"], client=client, clock=Clock(), seed=1
            )
            await reviewer.review_once()
            return reviewer

    return asyncio.run(story())


def test_reviewer_reads_every_page_and_decides_exactly_what_was_shown() -> None:
    pile = Pile(41)
    reviewer = review(pile)
    assert reviewer.decisions["conflict"] == 1
    assert reviewer.decisions["approve"] > reviewer.decisions["reject"] > 0
    assert len(pile.decided) == 40
    for name, decision in pile.decided.items():
        assert decision["digest"] == f"d{name[1:]}"
        assert (decision["reason"] is None) == (decision["action"] == "approve")


def test_reviewer_leaves_what_fails_a_check_to_somebody_who_opens_it() -> None:
    pile = Pile(4)
    pile.items["p1"]["failed_checks"] = 1
    review(pile)
    assert sorted(pile.decided) == ["p0", "p2"]


def test_reviewer_is_wary_of_a_fan_out() -> None:
    reviewer = review(Pile(41, subject="Following up on our conversation"))
    assert reviewer.decisions["reject"] > reviewer.decisions["approve"]
