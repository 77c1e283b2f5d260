"""An agent waits for mail and is answered by the commit; nothing is shown that it could not read otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select, update

from core.api import inbox_waiter, shared_reader
from core.db import audit_log
from core.db.store import Store
from core.db.tables import AGENT, TAINT
from core.demo.clock import FakeClock
from core.events import EmailRead
from core.ids import spell_id
from core.model import Mode
from core.services.receiving.read_mail import read_mail
from core.services.receiving.receive import Handover, receive
from tests.api.api_client import Visitor, opened
from tests.factories.desk import ADDRESS, WIDE, issue, make_desk
from tests.factories.inbound import JANE, arrive, mail, received

WAIT: Final = f"/mailboxes/{ADDRESS}/wait"
CODE: Final = "Your login code is 482913.\n\nOr open https://a.test/verify?t=1"
JSON = dict[str, Any]


@pytest.fixture
def agent(store: Store, tmp_path: Path) -> Iterator[Visitor]:
    with opened(make_desk(store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as visitor:
        yield visitor


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - of a condition that nothing announces
        await asyncio.sleep(0.005)


async def asked(visitor: Visitor, query: str = "") -> asyncio.Task[httpx.Response]:
    """A request that waits, once nothing that is committed from now on can escape it."""
    before = len(visitor.desk.arrivals._waiting)
    task = asyncio.create_task(visitor.ask("GET", f"{WAIT}?timeout=60{query}"))
    await until(lambda: task.done() or len(visitor.desk.arrivals._waiting) > before)
    return task


async def comes(visitor: Visitor, text: str = CODE, *, sender: str = JANE, **more: Any) -> None:
    """Mail that this gateway commits."""
    raw = mail(text, sender=sender, **more)
    handed = Handover(mail=read_mail(raw), sender=sender, recipients=[ADDRESS], source="lmtp")
    await visitor.desk.writer.do(lambda tx: receive(tx, handed, ctx=visitor.bench.ctx))


def newest(store: Store) -> str:
    return spell_id("m", received(store)[-1].id)


@pytest.mark.both_databases
def test_a_commit_answers_who_waits_with_the_code_and_the_links_of_the_mail(agent: Visitor) -> None:
    async def story() -> JSON:
        waiting = await asked(agent, f"&from={JANE}&subject_contains=LOGIN")
        await comes(agent, "no", subject="Something else", message_id="<1@x>")
        await comes(agent, subject="Login from Jane", sender="jane@other.example.com", message_id="<2@x>")
        await comes(agent, subject="Your login", message_id="<3@x>")
        answer: JSON = (await waiting).json()
        return answer

    found = asyncio.run(story())
    assert (found["timed_out"], found["code"], found["links"]) == (False, "482913", ["https://a.test/verify?t=1"])
    assert found["message"]["subject"] == "Your login"
    assert found["message"]["unread"], "waiting marks nothing as read"
    store = agent.bench.store
    with store.read() as conn:
        reads = [e.event for e in audit_log.read(conn, after=0, limit=1_000) if isinstance(e.event, EmailRead)]
    assert [(one.what, spell_id("m", one.message or 0)) for one in reads] == [("body", newest(store))]
    assert len(store.rows(select(TAINT.c.id))) == 1, "who was shown a code has read the mail"


def test_mail_that_came_between_a_look_and_the_wait_is_found_after_it(agent: Visitor) -> None:
    arrive(agent.bench, mail("old"), sender=JANE)
    known = newest(agent.bench.store)
    arrive(agent.bench, mail("first", message_id="<1@x>", subject="First"), sender=JANE)
    arrive(agent.bench, mail("second", message_id="<2@x>", subject="Second"), sender=JANE)
    first = agent.get(f"{WAIT}?after={known}").json()
    second = agent.get(f"{WAIT}?after={first['after']}").json()
    assert [one["message"]["subject"] for one in (first, second)] == ["First", "Second"]
    assert agent.get(f"{WAIT}?after=x").status_code == 422
    assert agent.get(f"{WAIT}?timeout=4").status_code == 422


def test_a_wait_that_ends_without_mail_is_no_error_and_shows_nothing(agent: Visitor, clock: FakeClock) -> None:
    async def story() -> httpx.Response:
        waiting = await asked(agent)
        while not waiting.done():
            clock.advance(seconds=30)
            await asyncio.sleep(0.005)
        return await waiting

    answer = asyncio.run(story())
    assert answer.status_code == 200
    assert {key: answer.json()[key] for key in ("timed_out", "message", "code", "links")} == {
        "timed_out": True, "message": None, "code": None, "links": [],
    }  # fmt: skip
    assert not agent.desk.arrivals._waiting


def test_mail_that_another_gateway_commits_is_found_at_the_next_look(agent: Visitor, clock: FakeClock) -> None:
    async def story() -> JSON:
        waiting = await asked(agent)
        await asyncio.to_thread(arrive, agent.bench, mail(CODE), sender=JANE)  # not by this process's writer
        while not waiting.done():
            clock.advance(seconds=shared_reader.LOOK)
            await asyncio.sleep(0.005)
        answer: JSON = (await waiting).json()
        return answer

    assert asyncio.run(story())["code"] == "482913"


def test_an_answer_to_one_message_is_waited_for_by_its_id(agent: Visitor) -> None:
    sent = agent.send().json()

    async def story() -> list[JSON]:
        ours = await asked(agent, f"&in_reply_to={sent['message_id']}")
        named = await asked(agent, f"&in_reply_to={sent['rfc_message_id']}")
        await comes(agent, "no answer", message_id="<1@x>")
        await comes(agent, "yes", message_id="<2@x>", more=f"In-Reply-To: {sent['rfc_message_id']}\n")
        return [(await one).json() for one in (ours, named)]

    found = [one["message"]["id"] for one in asyncio.run(story())]
    assert found == [newest(agent.bench.store)] * 2


def test_who_hangs_up_waits_no_more(agent: Visitor) -> None:
    """Otherwise clients that give up would use up what their token may wait for."""

    async def story() -> None:
        scope = {
            "type": "http", "method": "GET", "path": WAIT, "raw_path": WAIT.encode(), "query_string": b"timeout=60",
            "headers": [(b"authorization", f"Bearer {agent.token}".encode()), (b"host", b"desk.test")],
            "http_version": "1.1", "scheme": "http", "server": ("desk.test", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        hung_up = asyncio.Event()
        sent: list[Any] = []

        async def receive_() -> JSON:
            if not sent:
                sent.append(None)
                return {"type": "http.request", "body": b"", "more_body": False}
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(_: Any) -> None:
            pass

        request = asyncio.create_task(agent.app(scope, receive_, send))
        await until(lambda: len(agent.desk.arrivals._waiting) == 1)
        hung_up.set()
        await request
        assert not agent.desk.arrivals._waiting
        assert not agent.desk.arrivals._of_token

    asyncio.run(story())


def test_a_token_waits_in_a_bounded_number_of_requests(agent: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_waiter, "PER_TOKEN", 1)

    async def story() -> httpx.Response:
        waiting = await asked(agent)
        refused = await agent.ask("GET", f"{WAIT}?timeout=60")
        agent.desk.arrivals.close()  # as a gateway that stops
        assert (await waiting).json()["timed_out"]
        return refused

    refused = asyncio.run(story())
    assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
    assert refused.headers["retry-after"]


def test_who_may_not_read_now_is_shown_nothing_however_the_wait_began(agent: Visitor) -> None:
    store, bench = agent.bench.store, agent.bench
    issue(store, bench.agent_id, secret="pra_send", scopes=["send"])
    assert agent.using(f"pra_send{bench.agent_id}False").get(WAIT).status_code == 403

    async def story() -> httpx.Response:
        waiting = await asked(agent)
        await agent.desk.writer.do(lambda tx: tx.write(update(AGENT).values(status="suspended")))
        await comes(agent)
        return await waiting

    answer = asyncio.run(story())
    assert (answer.status_code, answer.json()["error"]) == (403, "agent_suspended")
    assert "482913" not in answer.text
    assert agent.get(WAIT).status_code == 403


def test_held_mail_wakes_nobody_until_a_person_releases_it(agent: Visitor) -> None:
    async def story() -> JSON:
        waiting = await asked(agent)
        await comes(agent, "hi", more="X: " + "a" * 300_000 + "\n", message_id="<h@x>")
        held = newest(agent.bench.store)
        assert not waiting.done()
        await agent.operator("alice").ask("POST", f"/emails/{held}/decide", json={"action": "approve"})
        answer: JSON = (await waiting).json()
        assert answer["message"]["id"] == held
        return answer

    assert not asyncio.run(story())["timed_out"]


def test_in_gated_all_a_person_approves_the_wait_and_its_one_answer(store: Store, tmp_path: Path) -> None:
    with opened(make_desk(store, mode=Mode.GATED_ALL, **WIDE), tmp_path) as agent:
        held = agent.get(f"{WAIT}?from={JANE}")
        assert (held.status_code, held.json()["status"]) == (202, "pending")
        done = agent.operator("alice").post(f"/emails/{held.json()['action_id']}/decide", {"action": "approve"})
        assert done.status_code == 200

        async def story() -> JSON:
            waiting = await asked(agent, f"&from={JANE}")
            await comes(agent)
            answer: JSON = (await waiting).json()
            return answer

        assert asyncio.run(story())["code"] == "482913"
        assert agent.get(f"{WAIT}?from={JANE}").status_code == 202, "it was used up"
