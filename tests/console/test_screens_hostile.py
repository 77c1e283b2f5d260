"""A subject line must not drive the terminal: every screen is drawn over a hostile desk and looked at cell by cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.widgets import Input

from console.app import PostroomConsole
from console.ports import Parts
from console.views.message_lines import (
    MessageLines,
    body_lines,
    check_lines,
    difference_lines,
    header_lines,
    source_lines,
)
from core.db.tables import REVIEW
from core.model import Role
from core.rules.content import read_mail
from tests.console.fixtures_gallery import make_gallery, receive_mail
from tests.console.harness import (
    HOSTILE_BODY,
    HOSTILE_HTML,
    Scene,
    drawn,
    lines,
    looking,
    open_queue,
    press,
    shows,
    until,
)
from tests.console.hostile import DESKS, PAYLOADS, Written, assert_inert, mail_of, possess
from tests.factories.desk import ALICE, hire, person

pytestmark = pytest.mark.anyio
WIDE, SMALL = (120, 36), (80, 24)
EVERYTHING = frozenset(Role) - {Role.ADMIN}


@pytest.fixture
def with_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app writes what it draws, as it does to a terminal; the driver of the tests takes it."""
    monkeypatch.setattr(HeadlessDriver, "is_headless", property(lambda self: False))


class Tour:
    """Goes from screen to screen and looks at each."""

    def __init__(self, pilot: Pilot[int], scene: Scene) -> None:
        self.pilot = pilot
        self.scene = scene
        self.app: PostroomConsole = pilot.app  # type: ignore[assignment]  # ours
        self.seen: set[str] = set()

    async def look(self, where: str, *keys: str) -> None:
        """Press the keys, let the screen come to rest, look at it."""
        await self.pilot.press(*keys)
        before = ""
        for _ in range(60):
            await self.pilot.pause(0.05)
            before, now = drawn(self.pilot), before
            if now == before and "oading" not in now and "is still loading" not in now:
                break
        assert_inert(self.pilot, where)
        self.seen.add(where)

    async def dialog(self, where: str, *keys: str) -> None:
        """Open a dialog, look at it, leave it."""
        await self.look(where, *keys)
        await press(self.pilot, self.scene, "escape")
        await self.pilot.pause()
        assert_inert(self.pilot, f"after {where}")


async def go_round(tour: Tour, payload: str) -> None:
    await tour.look("desk")
    await tour.dialog("suspend from the desk", "j", "j", "s")
    await tour.dialog("mode of an agent", "m")
    await tour.dialog("end of the all-stop", "ctrl+g")
    await tour.look("agents", "3")
    await tour.look("agent", "enter")
    await tour.look("agent, its end", "end")
    await tour.look("history", "H")
    await tour.look("hand-over", "escape", "O")
    await tour.look("hand-over, its end", "end")
    await tour.pilot.press("escape")
    await tour.look("queue", "escape", "2")
    await tour.dialog("reject", "x")
    await tour.look("marked", "space", "space")
    await tour.dialog("reject many", "X")
    await tour.look("message", "enter")
    for key in "HVDB":
        await tour.look(f"message {key}", key)
        await tour.look(f"message {key}, its end", "end")
    await tour.dialog("suppress", "S")
    await tour.look("next message", "J")
    await tour.look("lanes", "4")
    await tour.dialog("pause of a lane", "s")
    await tour.dialog("pause of a stream", "P")
    await tour.look("sites", "b")
    await tour.look("events", "5")
    await tour.look("whole event", "end", "enter")
    await tour.pilot.press("escape")
    await tour.look("followed", "f")
    await tour.look("suppressions", "escape", "6")
    await tour.dialog("removal", "x")
    await tour.look("identities", "7")
    await tour.dialog("signature", "a")
    await tour.dialog("veto", "x")
    await tour.look("inbox", "escape", "9")
    await tour.look("received", "enter")
    for key in "HVB":
        await tour.look(f"received {key}", key)
    await tour.look("trace", "escape", "8")
    tour.app.screen.query_one("#key", Input).value = payload
    await tour.look("traced", "enter")
    await tour.look("help", "question_mark")
    await press(tour.pilot, tour.scene, "escape")
    await tour.look("palette", "ctrl+p")
    tour.app.screen.query_one(Input).value = payload
    await tour.look("palette, searched")
    await tour.pilot.press("escape")
    await tour.look("filter", "2", "slash")
    tour.app.screen.query_one("FilterLine", Input).value = payload
    await tour.look("filter, typed")
    await tour.look("filtered", "enter")


USUAL = {("all", WIDE)}
"""All kinds of text together; each kind alone, and the smaller screen, in the night."""
TOURS = [
    pytest.param(name, size, marks=[] if (name, size) in USUAL else [pytest.mark.thorough])
    for name in DESKS
    for size in (WIDE, SMALL)
]


@pytest.mark.parametrize(("name", "size"), TOURS, ids=str)
async def test_no_screen_obeys_a_hostile_desk(
    tmp_path: Path, name: str, size: tuple[int, int], with_terminal: None
) -> None:
    payload = DESKS[name]
    scene = make_gallery(tmp_path)
    receive_mail(scene)
    possess(scene, payload)
    decided = _decisions(scene)
    app = scene.app(person(payload, *EVERYTHING))
    app.desk_name = "TEST"
    async with looking(app, size=size) as pilot:
        written = Written(app)
        tour = Tour(pilot, scene)
        await go_round(tour, payload)
        assert len(tour.seen) > 40
        written.assert_clean(with_="held")
    assert _decisions(scene) == decided
    scene.store.close()


def _decisions(scene: Scene) -> list[Any]:
    c = REVIEW.c
    return [tuple(row) for row in scene.store.rows(REVIEW.select().with_only_columns(c.id, c.status))]


async def test_notices_take_foreign_text(scene: Scene, with_terminal: None) -> None:
    app = scene.app()
    async with looking(app, notices=True) as pilot:
        for name, payload in PAYLOADS.items():
            written = Written(app)
            for severity in ("information", "warning", "error"):
                app.say(payload, severity)
                app.notify(payload, title=payload, severity=severity, markup=True)
            await until(pilot, lambda: len(app._notifications) == 6)
            for _ in range(5):
                await pilot.pause(0.03)
                assert_inert(pilot, f"notice, {name}")
            written.assert_clean(with_="✖")
            app.clear_notifications()
            await until(pilot, lambda: not app._notifications)


HEADERS = [
    pytest.param(name, marks=[] if name in {"markup", "escapes", "wide"} else [pytest.mark.thorough])
    for name in PAYLOADS
]
"""One of each sort; test_unicode_safety asserts for every character what may be left of it."""


@pytest.mark.parametrize("name", HEADERS)
async def test_the_header_takes_a_hostile_desk_operator_and_hint(scene: Scene, name: str) -> None:
    payload = PAYLOADS[name]
    hire(scene.store, person(payload, *ALICE.roles))

    def named() -> Parts:
        return replace(scene.parts(person(payload, *ALICE.roles)), name=payload)

    app = PostroomConsole(named, hint=payload)
    async with looking(app) as pilot:
        await pilot.press("2", "4")
        await pilot.pause(0.2)
        assert_inert(pilot, "frame")


LETTERS = [
    pytest.param("long", marks=pytest.mark.thorough),
    *(name for name in PAYLOADS if name != "long"),
    "surrogates",
]
"""What is only long takes longer than all others together."""


@pytest.mark.parametrize("name", LETTERS)
def test_the_bytes_of_a_message_become_lines_that_may_be_drawn(name: str) -> None:
    payload = PAYLOADS.get(name, "a\ud800b\udfffc")
    mail = read_mail(mail_of(payload))
    letter = MessageLines(1, "m1", None, None, mail)
    for view in (body_lines, header_lines, source_lines, difference_lines, check_lines):
        for line in view(letter):
            text = "".join(piece.text for piece in line)
            assert text.isprintable(), text


async def test_every_click_on_a_hostile_queue_decides_nothing(scene: Scene) -> None:
    scene.submit(subject="[@click=app.perform('approve')]click me[/]")
    app = scene.app()
    async with looking(app, size=(120, 20)) as pilot:
        await open_queue(pilot, "[@click=app.perform")
        for x in range(0, 118, 6):
            await pilot.click(offset=(x, 3))
        await pilot.press("enter")
        await shows(pilot, "Subj")
        for x in range(0, 60, 6):
            await pilot.click(offset=(x, lines(pilot).index(next(one for one in lines(pilot) if "Subj" in one))))
        assert app.session.approvals == []
        assert app.live.held == 1


async def test_hostile_words_reach_the_screen_as_they_are_spelled(scene: Scene) -> None:
    scene.submit(
        ["cfo@acme.example", "x@b.example"],
        subject="Re: revised terms \u202egnp.exe [@click=app.perform('approve')]a[/] [/b] [JIRA-12]",
        text=HOSTILE_BODY, html=HOSTILE_HTML, run="run-[@click=app.quit]x[/]",
    )  # fmt: skip
    app = scene.app()
    async with looking(app, size=(240, 50)) as pilot:
        await open_queue(pilot, "Re: revised")
        await pilot.press("enter")
        await shows(pilot, "⟨U+202E⟩gnp.exe [@click=app.perform('approve')]a[/] [/b] [JIRA-12]")
        await shows(pilot, "run-[@click=app.quit]x[/]")
        await shows(pilot, "Dear ⟨U+001B⟩[31mMs⟨U+001B⟩[0m Doe,")
        await shows(pilot, "hidden or bidi characters: subject 1, body 6")
        await shows(pilot, "a link says www.bank.example and goes to evil.example")
        await shows(pilot, "the HTML hides text from its reader")


async def test_a_wide_and_hostile_subject_breaks_no_column(scene: Scene) -> None:
    scene.submit("plain@example.com", subject="plain")
    scene.submit("wide@example.com", subject="\u6f22\u5b57" * 90)
    scene.submit("joined@example.com", subject="\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f44d\U0001f3fd" * 30)
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "wide@example.com")
        await shows(pilot, "⟨U+200D⟩")
        assert_inert(pilot, "queue")
        assert {line.index("▏") for line in lines(pilot)[3:5]} <= set(range(60, 80))
