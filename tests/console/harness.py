"""A desk worth looking at, the console over it, and how to wait for what a test expects to see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic import SecretStr
from textual import events
from textual._context import visible_screen_stack
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip

from console import factory
from console.app import PostroomConsole
from console.dialogs import DEAF_FOR
from console.ports import Parts
from console.screens.queue import QueueScreen
from console.state import Link
from core.db import directory
from core.db.store import Store
from core.db.tables import STREAM_KEY, WORKER
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY
from core.ids import read_id
from core.model import Actor, Mode
from core.operations.local_desk import LocalDesk
from core.operations.operation import Resources
from core.services.control.read_log import EntryPoint
from core.services.identity import mailboxes
from core.settings import Feedback, Settings
from tests.factories.database import new_store
from tests.factories.desk import ALICE, DOMAIN, KEYRING, WIDE, Bench, add_mailbox, hire, issue, make_desk
from tests.factories.records import filing

PATIENCE: Final = 200.0
"""Seconds after which something will never happen: a machine may be fifty times as busy as ours."""
HOSTILE = (
    "[@click=app.perform('approve')]Please review[/] [/b] \u202egnp.exe\x1b]52;c;aGk=\x07\x9b2J\u200b wire [JIRA-12]"
)
HOSTILE_BODY = (
    "Dear \x1b[31mMs\x1b[0m Doe,\r\n"
    "\x1b]0;owned\x07 see [link=https://evil.example]here[/link] [@click=app.quit]x[/]\r\n"
    "https://pay.acme-invoice.example/q/1182 \u202etxt\u2066\r\n" + "long line " * 60
)
HOSTILE_HTML = (
    "<p>Hello <b>you</b></p><a href='https://evil.example/x'>www.bank.example</a>"
    "<span style='display:none'>hidden words</span><img src=x>"
)


@dataclass
class Monotonic:
    """The dialogs' clock: they hear at once when a test says so."""

    at: float = 100.0
    step: float = 0.0
    """How much later each reading is; more than `DEAF_FOR`, and no dialog ignores a key."""

    def __call__(self) -> float:
        self.at += self.step
        return self.at


@dataclass
class Scene:
    """A desk and the console that looks at it."""

    bench: Bench
    directory: Path
    clock: FakeClock
    monotonic: Monotonic
    local: bool = True
    """Whether its header says LOCAL, as on the desk's own host; through a gateway it does not."""

    @property
    def store(self) -> Store:
        return self.bench.store

    def submit(self, to: str | list[str] = "jane@example.com", **more: Any) -> int:
        """A message that is held; its item."""
        answer = self.bench.submit(to, **more)
        found = read_id("m", answer.message_id or "")
        assert found is not None
        return found

    def app(self, actor: Actor = ALICE, **more: Any) -> PostroomConsole:
        """The console of an operator, who is hired if they are new here."""
        with self.store.read() as conn:
            known = directory.operator(conn, actor.name)
        if known is None:
            hire(self.store, actor)
        return PostroomConsole(lambda: self.parts(actor), monotonic=self.monotonic, **more)

    def parts(self, actor: Actor = ALICE) -> Parts:
        """The desk on its own host, for this operator."""
        settings = Settings(dir=self.directory, name="TEST", feedback=Feedback(report_token=SecretStr("pfr_test")))
        resources = Resources(lambda: KEYRING, settings)
        desk = LocalDesk(self.store, resources, f"pro_{actor.name}", entry_point=EntryPoint.CONSOLE)
        desk.local = self.local
        return factory.build(desk, clock=self.clock)


def make_scene(path: Path, **more: Any) -> Scene:
    """A temporary SQLite desk with a gateway that beats."""
    clock = FakeClock()
    store = new_store(path, clock)
    bench = make_desk(store, **(WIDE | more))
    store.transact(lambda tx: tx.add(WORKER, {"id": 1, "pid": 1, "started_at": tx.now, "beat_at": tx.now + DAY}))
    return Scene(bench, path, clock, Monotonic())


def furnish(scene: Scene) -> list[int]:
    """Several agents, held mail of each sort, a request for an identity; the items that are held."""
    store, stream = scene.store, scene.bench.stream_id
    others = {}
    for name, mode in (("quote-bot", Mode.GATED_SEND), ("invoice-bot", Mode.GATED_ALL), ("digest-bot", Mode.READ_ONLY)):
        address = f"{name.removesuffix('-bot')}@{DOMAIN}"

        def build(tx: Transaction, name: str = name, mode: Mode = mode, address: str = address) -> tuple[int, int]:
            return add_mailbox(tx, agent=name, address=address, stream=stream, mode=mode, **WIDE)

        agent, _ = store.transact(build)
        others[name] = Bench(store, scene.bench.ctx, agent, stream, 0, issue(store, agent, secret=name))
    items = [scene.submit(f"jane{n}@example.com", subject=f"Your refund {n}") for n in range(3)]
    scene.clock.advance(seconds=75)
    quote = others["quote-bot"]
    for n in range(4):
        answer = quote.submit(f"ops{n}@beta.example", sender=f"quote@{DOMAIN}", subject=f"Your quote Q-118{n}")
        items.append(read_id("m", answer.message_id or "") or 0)
    scene.clock.advance(seconds=14 * 60)
    store.transact(lambda tx: tx.create(STREAM_KEY, {
        "stream_id": stream, "slot": "a", "algorithm": "rsa", "selector": "s2026a", "private": b"", "public": "",
        "created_at": tx.now,
    }))  # fmt: skip
    store.transact(lambda tx: mailboxes.request(tx, filing(store), actor=ALICE))
    return items


def request_identity(scene: Scene) -> None:
    scene.store.transact(lambda tx: mailboxes.request(tx, filing(scene.store), actor=ALICE))


@asynccontextmanager
async def looking(
    app: PostroomConsole, *, size: tuple[int, int] = (120, 36), notices: bool = False, faulty: bool = False
) -> AsyncIterator[Pilot[int]]:
    """The console with its desk open. Notices are drawn only if asked for: they cover what a test looks at.

    They stay up: on a busy machine one would be gone before its test looks.

    The console survives a mistake of ours; a test does not, unless it makes one (`faulty`).
    """
    mistakes: list[BaseException | None] = []
    report = app.report

    def fail(error: BaseException | None) -> None:
        mistakes.append(error)
        report(error)

    app.report = fail  # type: ignore[method-assign]  # seen by the test too
    app.NOTIFICATION_TIMEOUT = 2 * PATIENCE  # type: ignore[misc]  # of this console alone
    async with app.run_test(size=size, notifications=notices) as pilot:
        await until(
            pilot,
            lambda: (
                (app.live.link is Link.LIVE and "opening" not in next(iter(lines(pilot)), "opening"))
                or app.refused is not None
            ),
        )
        assert app.refused is None
        yield pilot
    assert faulty or not mistakes, mistakes


async def until(pilot: Pilot[int], condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Let the console work until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never came to be; the screen says:\n{drawn(pilot)}"
        await asyncio.sleep(0.02)
    await pilot.pause()


async def handled(pilot: Pilot[int], app: PostroomConsole) -> None:
    """Wait until everything typed has had its effect, and what it started in the background has ended."""
    await until(pilot, lambda: not (app._typed or app._key_under_way or app._under_way))


def burst(app: App[Any], *typed: str) -> None:
    """Keys that arrive together, as over a connection that lags: nothing is handled between two of them."""
    for key in typed:
        name = {"/": "slash", "*": "asterisk", ":": "colon", "?": "question_mark", "_": "underscore"}.get(key, key)
        app.post_message(events.Key(name, key if len(key) == 1 else None))


def strips(pilot: Pilot[int]) -> list[Strip]:
    """What is on the screen, with what a dialog lies over: without that a blank is drawn, and kept for next time.

    Composed once per frame: `until` asks fifty times a second.
    """
    screen = pilot.app.screen
    frame: int = screen._compositor.frame  # type: ignore[attr-defined]  # of tests.factories.shortcuts
    if (kept := _composed.get(screen)) is None or kept[0] != frame or screen._dirty_widgets:
        visible_screen_stack.set(pilot.app._background_screens)
        _composed[screen] = kept = frame, screen._compositor.render_strips()
    return kept[1]


_composed: WeakKeyDictionary[Screen[Any], tuple[int, list[Strip]]] = WeakKeyDictionary()


def lines(pilot: Pilot[int]) -> list[str]:
    return [strip.text.rstrip() for strip in strips(pilot)]


def drawn(pilot: Pilot[int]) -> str:
    return "\n".join(lines(pilot))


async def shows(pilot: Pilot[int], text: str) -> None:
    """Wait until this is on the screen."""
    await until(pilot, lambda: text in drawn(pilot))


async def open_queue(pilot: Pilot[int], text: str) -> QueueScreen:
    """The queue, once it shows this."""
    await pilot.press("2")
    await shows(pilot, text)
    screen = pilot.app.screen
    assert isinstance(screen, QueueScreen)
    return screen


async def press(pilot: Pilot[int], scene: Scene, *keys: str) -> None:
    """Press keys into a dialog that has been open for long enough."""
    await pilot.pause()
    scene.monotonic.at += DEAF_FOR + 0.1
    await pilot.press(*keys)


def said(app: PostroomConsole) -> str:
    """All notices that are up."""
    return "\n".join(str(notice.message) for notice in app._notifications)
