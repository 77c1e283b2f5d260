"""Simulated agents and a human reviewer. They use the desk over HTTP only, as real ones do.

An agent works through runs that a human started, names the tool call of each message, and obeys the desk's responses:
it waits when asked to, polls what is pending, and stops when its token is no longer valid. A rogue one does the same
until it is asked to follow up with everybody; then it ignores all refusals. Their mail is determined by a seed;
counters record the results.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from core.demo.scripts import DOMAINS, FIRST_NAMES, LAST_NAMES, PEOPLE, Draft, Script
from core.durations import MICROS
from core.model import Clock

_LONGEST_PAUSE: Final = 60.0
_SUSPENDED_PAUSE: Final = 15.0
_UNREACHABLE_PAUSE: Final = 1.0
_PAGES: Final = 100
_REFUSED_BECAUSE: Final = (
    "the figures need a second look before this goes out",
    "wrong tone for this customer; ask them first",
    "we promise something here that nobody agreed to",
    "this person was written to yesterday already",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The desk's response to one submission. `status` is the desk's, or the error's code if there is none."""

    status: str
    http: int | None = None
    error: str | None = None
    message_id: str | None = None
    retry_after: float = 0.0


class SimulatedAgent:
    """One agent with one mailbox. `client` has the desk's base URL; agents may share it.

    `counts` counts submissions by answer, `errors` refusals by code, `outcomes` the final statuses of pending mail.
    """

    def __init__(
        self, *, name: str, mailbox: str, token: str, script: Script, client: httpx.AsyncClient, clock: Clock, seed: int
    ) -> None:
        self.name = name
        self.mailbox = mailbox
        self.script = script
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.rogue = False
        self._client = client
        self._token = token
        self._clock = clock
        self._random = random.Random(f"{seed} {name}")  # noqa: S311 - the simulation is repeatable on purpose
        self._runs = 0
        self._pending: deque[str] = deque(maxlen=500)
        self._customers = tuple(self._somebody(n) for n in range(script.customers))

    async def run(self) -> None:
        """Work until cancelled, or until the token is no longer valid."""
        started = self._clock.now()
        while self.counts["unauthenticated"] == 0:
            fan_out = self.script.fan_out
            if fan_out is not None and not self.rogue and self._clock.now() - started >= fan_out.after * MICROS:
                await self.follow_up_with_everybody(total=fan_out.total)
            await self._work_through_a_run()

    async def follow_up_with_everybody(self, *, total: int, workers: int = 8, run_id: str | None = None) -> None:
        """Go rogue: `total` messages to as many people, as fast as the desk answers, in one run (`run_id`).

        Refusals are ignored; a short pause after each keeps the simulation from taking all the CPU.
        """
        self.rogue = True
        run = self._open_run("follow up with the whole pipeline")
        run["id"] = run_id or run["id"]
        turns = iter(range(total))

        async def work() -> None:
            for n in turns:
                if self.counts["unauthenticated"]:
                    return
                body = self._compose(n, to=self._somebody(100_000 + n), run=run, drafts=self.script.rogue_drafts)
                answer = await self._submit(body, key=f"{run['id']}-{n}")
                if answer.http is None or answer.http >= 400:
                    await self._clock.sleep(self.script.rogue_pause)

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())

    async def send(self, to: str, *, subject: str, text: str, key: str | None = None) -> Answer:
        """Send one message outside any script."""
        return await self._submit({"from": self.mailbox, "to": [to], "subject": subject, "text": text}, key=key)

    async def _work_through_a_run(self) -> None:
        run = self._open_run(self._random.choice(self.script.tasks))
        for n in range(self._random.randint(1, self.script.run_length)):
            await self._clock.sleep(self._random.expovariate(self.script.per_minute / 60))
            body = self._compose(n, to=self._random.choice(self._customers), run=run, drafts=self.script.drafts)
            answer = await self._submit(body, key=f"{run['id']}-{n}")
            while answer.http is None:
                await self._clock.sleep(_UNREACHABLE_PAUSE)
                answer = await self._submit(body, key=f"{run['id']}-{n}")
            if answer.status == "unauthenticated":
                return
            await self._heed(answer)
            await self._ask_after_the_oldest()

    async def _heed(self, answer: Answer) -> None:
        match answer.status:
            case "blocked" if answer.error == "agent_suspended":
                await self._clock.sleep(_SUSPENDED_PAUSE)
            case "rate_limited" | "unavailable":
                await self._clock.sleep(min(max(answer.retry_after, 1.0), _LONGEST_PAUSE))
            case _:
                pass

    async def _ask_after_the_oldest(self) -> None:
        if not self._pending or self._random.random() > self.script.asks:
            return
        message_id = self._pending.popleft()
        try:
            reply = await self._client.get(f"/emails/{message_id}", headers=self._authorization())
            status = _text(reply, "status") if reply.status_code == 200 else None
        except httpx.HTTPError:
            status = None
        if status is None or status == "pending":
            self._pending.append(message_id)
        else:
            self.outcomes[status] += 1

    async def _submit(self, body: Mapping[str, object], *, key: str | None) -> Answer:
        headers = self._authorization()
        if key is not None:
            headers["Idempotency-Key"] = key
        if self.script.wait:
            headers["Prefer"] = f"wait={self.script.wait}"
        try:
            answer = read_answer(await self._client.post("/emails/send", json=body, headers=headers))
        except httpx.HTTPError:
            answer = Answer("unreachable")
        self.counts[answer.status] += 1
        if answer.error is not None:
            self.errors[answer.error] += 1
        if answer.status == "pending" and answer.message_id is not None:
            self._pending.append(answer.message_id)
        return answer

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _open_run(self, task: str) -> dict[str, object]:
        self._runs += 1
        return {
            "id": f"{self.name}-{self._clock.now() // MICROS:x}-{self._runs}",
            "user": self._random.choice(PEOPLE),
            "via": ["planner"],
            "agent_version": "3.1",
            "prompt_version": self.script.prompt_version,
            "tools_version": "t4",
            "tool_call": {"name": self.script.tool, "arguments": {"task": task}},
        }

    def _compose(self, n: int, *, to: str, run: Mapping[str, object], drafts: Sequence[Draft]) -> dict[str, object]:
        draft = self._random.choice(drafts)
        placeholders = {
            "name": to.partition(".")[0].capitalize(),
            "number": self._random.randint(10_000, 99_999),
            "amount": f"{self._random.randint(20, 4_000)}.{self._random.randint(0, 99):02d}",
            "day": self._random.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")),
        }
        subject = draft.subject.format_map(placeholders)
        arguments = {"to": to, "subject": subject, "template": self.script.prompt_version, "step": n}
        return {
            "from": self.mailbox,
            "to": [to],
            "subject": subject,
            "text": draft.text.format_map(placeholders),
            "content_class": self.script.content_class,
            "run": {**run, "tool_call": {"name": self.script.tool, "arguments": arguments}},
            "tags": [self.script.kind],
        }

    def _somebody(self, n: int) -> str:
        first, last = self._random.choice(FIRST_NAMES), self._random.choice(LAST_NAMES)
        domains = self.script.domains or DOMAINS
        domain = self._random.choices(tuple(domains), weights=tuple(domains.values()))[0]
        return f"{first}.{last}{n}@{domain}"


class SimulatedReviewer:
    """An operator who reads pending items, mostly approves, sometimes rejects, and gives a reason for each rejection.

    `decisions` counts `approve`, `reject`, `conflict` (somebody was faster) and `refused` (the desk rejected the
    decision).
    """

    def __init__(
        self,
        *,
        token: str,
        mailboxes: Sequence[str],
        client: httpx.AsyncClient,
        clock: Clock,
        seed: int,
        approves: float = 0.92,
        wary_of: Sequence[str] = ("following up", "last chance"),
        reads_for: tuple[float, float] = (0.1, 1.0),
    ) -> None:
        self.decisions: Counter[str] = Counter()
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._mailboxes = tuple(mailboxes)
        self._client = client
        self._clock = clock
        self._random = random.Random(f"{seed} reviewer")  # noqa: S311 - the simulation is repeatable on purpose
        self._approves = approves
        self._wary_of = tuple(phrase.lower() for phrase in wary_of)
        self._reads_for = reads_for

    async def run(self) -> None:
        """Review until cancelled; poll every second when there was nothing to decide."""
        while True:
            if await self.review_once() == 0:
                await self._clock.sleep(1.0)

    async def review_once(self) -> int:
        """Go through everything that is pending now. Returns how many decisions the desk accepted."""
        taken = 0
        for mailbox in self._mailboxes:
            for item in await self._pending(mailbox):
                if item.get("failed_checks"):
                    continue  # left to somebody who opens it
                await self._clock.sleep(self._random.uniform(*self._reads_for))
                taken += await self._decide(item)
        return taken

    async def _pending(self, mailbox: str) -> list[Mapping[str, object]]:
        items: list[Mapping[str, object]] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            try:
                reply = await self._client.get(
                    f"/mailboxes/{mailbox}/pending",
                    params={"cursor": cursor} if cursor else None,
                    headers=self._authorization,
                )
            except httpx.HTTPError:
                break
            page = _members(reply)
            listed = page.get("messages")
            if reply.status_code != 200 or not isinstance(listed, list):
                break
            items += listed
            cursor = _text(reply, "next_cursor")
            if cursor is None:
                break
        return items

    async def _decide(self, item: Mapping[str, object]) -> int:
        subject = str(item.get("subject") or "").lower()
        chance = self._approves * (0.3 if any(phrase in subject for phrase in self._wary_of) else 1.0)
        approve = self._random.random() < chance
        action = "approve" if approve else "reject"
        body = {
            "action": action,
            "reason": None if approve else self._random.choice(_REFUSED_BECAUSE),
            "digest": item.get("digest"),
        }
        try:
            reply = await self._client.post(f"/emails/{item['id']}/decide", json=body, headers=self._authorization)
        except httpx.HTTPError:
            self.decisions["unreachable"] += 1
            return 0
        if reply.is_success:
            self.decisions[action] += 1
            return 1
        self.decisions["conflict" if reply.status_code == 409 else "refused"] += 1
        return 0


def read_answer(reply: httpx.Response) -> Answer:
    """Parse the desk's response as an agent does; it branches on the HTTP status and the stable codes only."""
    error = _text(reply, "error")
    retry_after = reply.headers.get("Retry-After", "")
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    match reply.status_code:
        case 200 | 202:
            status = _text(reply, "status") or "accepted"
            return Answer(status, reply.status_code, message_id=_text(reply, "message_id") or _text(reply, "id"))
        case 403:
            return Answer("blocked", 403, error)
        case 429:
            return Answer("rate_limited", 429, error, retry_after=seconds)
        case 401:
            return Answer("unauthenticated", 401, error)
        case 503:
            return Answer("unavailable", 503, error, retry_after=seconds)
        case code:
            return Answer(error or f"http_{code}", code, error)


def _members(reply: httpx.Response) -> Mapping[str, object]:
    try:
        members = reply.json()
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _text(reply: httpx.Response, name: str) -> str | None:
    value = _members(reply).get(name)
    return value if isinstance(value, str) else None
