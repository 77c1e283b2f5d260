"""Large messages are composed elsewhere; a process that dies or takes too long is a clear answer and nothing more."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.api import app as api_app
from core.api.compose_pool import INLINE, READ_INLINE, ComposePool
from core.db import audit_log
from core.db.store import Store
from core.errors import Invalid, TooLarge, Unavailable
from core.model import Mode
from core.settings import TOML
from tests.api.api_client import Visitor, mail, opened, problem
from tests.factories.desk import ADDRESS, make_desk
from tests.factories.fork_server import postroom

WORK = "import os, sys, time; from core.cli.compose_process import serve; from core.errors import Invalid\n"
OPENED = "serve(sys.stdin.buffer, sys.stdout.buffer, work)"


@pytest.fixture
def free(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    (tmp_path / TOML).write_text("")
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS), tmp_path) as visitor:
        yield visitor


def told(visitor: Visitor, composers: ComposePool, *bodies: dict[str, Any]) -> list[Any]:
    """What a door with these processes answers, all asked at once."""
    app = api_app.build(dataclasses.replace(visitor.desk, composers=composers), visitor.settings)

    async def story() -> list[Any]:
        asking = [visitor.at(app).ask("POST", "/emails/send", json=mail(**body)) for body in bodies]
        answers = await asyncio.gather(*asking)
        await composers.close()
        return answers

    return asyncio.run(story())


def real(visitor: Visitor) -> ComposePool:
    command = (*postroom("core.cli.compose_process"), str(visitor.settings.dir))
    return ComposePool(command, os.environ, most=1)


def playing(work: str, *, seconds: float = 60.0) -> ComposePool:
    """A real process whose work is this."""
    return ComposePool((*postroom("-c"), f"{WORK}{work}\n{OPENED}"), os.environ, most=1, seconds=seconds)


def test_a_large_message_is_accepted_as_a_small_one_is(free: Visitor) -> None:
    large = "It is on its way.\n" * (INLINE // 10)
    first, second, wrong = told(
        free, real(free), {"text": large}, {"html": f"<p>{large}"}, {"text": large, "subject": "\n"}
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["status"] == "queued"
    problem(wrong, 422, "invalid_request")
    held = free.get(f"/emails/{first.json()['message_id']}").json()
    assert held["status"] == "queued"


def test_a_huge_request_is_read_elsewhere_and_others_are_answered_meanwhile(free: Visitor, tmp_path: Path) -> None:
    gate, reached = tmp_path / "gate", tmp_path / "reached"
    os.mkfifo(gate)
    os.mkfifo(reached)
    # The process says that it was asked, and waits to be let through before it reads.
    waiting = playing(
        f"def work(task):\n    open({str(reached)!r}, 'w').close()\n    open({str(gate)!r}).close()\n    return task()"
    )
    app = api_app.build(dataclasses.replace(free.desk, composers=waiting), free.settings)

    async def story() -> None:
        huge: dict[str, Any] = {"text": "x" * 2 * READ_INLINE, "unknown": 1}
        asking = asyncio.create_task(free.at(app).ask("POST", "/emails/send", json=mail(**huge)))
        try:
            await asyncio.wait(
                {asking, asyncio.create_task(asyncio.to_thread(reached.read_bytes))},
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert not asking.done(), "it was read in the event loop"
            answer = await free.at(app).ask("POST", "/emails/send", json=mail())
            assert (answer.status_code, asking.done()) == (202, False)
            await asyncio.to_thread(gate.write_bytes, b"")
            assert [one["field"] for one in problem(await asking, 422, "invalid_request")["errors"]] == ["unknown"]
        finally:
            os.close(os.open(reached, os.O_RDWR))  # whoever still waits there is let go
            await waiting.close()

    asyncio.run(story())


def test_a_huge_message_and_a_huge_reply_to_it_are_read_as_small_ones_are(free: Visitor) -> None:
    huge = base64.b64encode(os.urandom(READ_INLINE)).decode()
    files = [{"filename": "a.bin", "content": huge}]
    (first,) = told(free, real(free), {"attachments": files})
    assert first.status_code == 202
    pool = real(free)
    app = api_app.build(dataclasses.replace(free.desk, composers=pool), free.settings)
    body = {
        "message_id": first.json()["message_id"],
        "text": "As attached.",
        "attachments": files,
        "run": mail()["run"],
    }

    async def story() -> Any:
        answer = await free.at(app).ask("POST", "/emails/reply", json=body)
        await pool.close()
        return answer

    assert asyncio.run(story()).status_code == 202


def test_a_request_without_files_is_never_huge(free: Visitor) -> None:
    said = problem(
        free.operator("gail").patch(f"/mailboxes/{ADDRESS}", {"allow": ["a" * 200] * 4_000}), 413, "too_large"
    )
    assert "at most 512 KiB" in said["reason"]


def test_a_process_that_dies_accepts_nothing_and_the_next_message_finds_another(free: Visitor) -> None:
    dying = playing("def work(task): os._exit(9)")
    (answer,) = told(free, dying, {"text": "x" * 2 * INLINE})
    said = problem(answer, 503, "unavailable")
    assert "nothing was accepted" in said["reason"]
    with free.bench.store.read() as conn:
        assert audit_log.head(conn)[0] == 0
    (again,) = told(free, real(free), {"text": "x" * 2 * INLINE})
    assert again.status_code == 202


def test_a_message_that_takes_too_long_is_refused_and_its_process_ended(free: Visitor) -> None:
    slow = playing("def work(task): time.sleep(3600)", seconds=0.2)
    (answer,) = told(free, slow, {"text": "x" * 2 * INLINE})
    said = problem(answer, 413, "too_large")
    assert said["fix"]


def test_a_small_message_never_leaves_the_gateway(free: Visitor) -> None:
    (answer,) = told(free, ComposePool(("/nowhere",), {}, most=1), {})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("work", "error"),
    [
        ("raise Invalid('no such thing', problems=(('to', 'names nobody'),))", Invalid),
        ("raise MemoryError", TooLarge),
        ("raise KeyError('a bug')", Unavailable),
    ],
)
def test_what_a_process_raises_is_raised_here(work: str, error: type[Exception]) -> None:
    async def story() -> None:
        composers = playing(f"def work(task): {work}")
        try:
            with pytest.raises(error) as caught:
                await composers.prepare(None, token=None, implicit=False, now=0)  # type: ignore[arg-type]  # not looked at
        finally:
            await composers.close()
        if isinstance(caught.value, Invalid):
            assert caught.value.problems == (("to", "names nobody"),)

    asyncio.run(story())
