"""The shell never lies: about freshness, about who may what, about what is there; and it survives what goes away."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from console.app import PostroomConsole
from console.factory import MODES
from console.keymap import ACTIONS, Asks, Scope, footer, of_scope, works_in
from console.local_desk import sign_in
from console.pages import PAGES
from console.ports import Parts
from console.screens.agent import AgentPage
from console.screens.dead_webhooks import DeadWebhooksPage
from console.screens.desk_screen import DeskScreen
from console.screens.event import WholeEventPage
from console.screens.groups import GroupsPage
from console.screens.handover import HandoverPage
from console.screens.history import HistoryPage
from console.screens.message import MessageScreen
from console.screens.queue import QueueScreen
from console.screens.waiting_policy import WaitingPolicyPage
from console.splash import opened
from console.state import DeskUpdate
from console.widgets.frame import FootLine
from core.db.tables import MESSAGE, REVIEW, WORKER
from core.durations import DAY, HOUR, MINUTE
from core.errors import Refused, Unauthenticated
from core.model import Mode
from core.services.control import emergency
from core.views.format import clock, stamp
from tests.console.harness import (
    Scene,
    drawn,
    furnish,
    lines,
    looking,
    open_queue,
    press,
    said,
    shows,
    strips,
    until,
)
from tests.factories import effort
from tests.factories.desk import ALICE, DOMAIN, WIDE, add_mailbox

pytestmark = pytest.mark.anyio
FORBIDDEN_KEYS = {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+left_square_bracket", "ctrl+s", "ctrl+q", "ctrl+b", "ctrl+k"}


# --- the registry -------------------------------------------------------------------------------------------------


def test_no_key_means_two_things_in_one_place() -> None:
    everywhere = [action for action in ACTIONS.values() if Scope.EVERYWHERE in action.scopes]
    for scope in Scope:
        keys = [key for action in {*of_scope(scope), *everywhere} for key in action.key.split(",") if key]
        assert len(keys) == len(set(keys)), scope


def test_every_action_is_done_by_somebody() -> None:
    further: tuple[type[DeskScreen], ...] = (
        AgentPage, MessageScreen, GroupsPage, WholeEventPage, HandoverPage, HistoryPage, DeadWebhooksPage,
        WaitingPolicyPage,
    )  # fmt: skip
    pages = {screen.scope: screen for screen in (*MODES.values(), *further)}
    for name, action in ACTIONS.items():
        for scope in action.scopes:
            doers = pages.values() if scope is Scope.EVERYWHERE else [pages[scope]] if scope in pages else []
            for screen in doers:
                opens = name.startswith("go_") or name in PAGES
                assert opens or hasattr(screen, f"do_{name}") or hasattr(PostroomConsole, f"do_{name}"), (name, scope)


def test_keys_that_terminals_take_for_themselves_are_left_alone() -> None:
    assert not FORBIDDEN_KEYS & {key for action in ACTIONS.values() for key in action.key.split(",")}


def test_loosening_is_typed_and_tightening_asks_why() -> None:
    loosening = {"resume", "resume_lane", "resume_stream", "all_start", "remove_suppression", "sign", "approve_marked"}
    loosening |= {"confirm_run", "confirm_policy", "replay_all"}
    tightening = {"suspend", "pause_lane", "pause_stream", "all_stop", "reject", "veto", "revoke_token", "drop_policy"}
    assert {name for name in loosening if ACTIONS[name].asks is not Asks.TYPED} == set()
    assert {name for name in tightening if ACTIONS[name].asks is not Asks.REASON} == set()


def test_footers_hold_what_works_there() -> None:
    for scope in Scope:
        assert all(works_in(action, scope) for action in footer(scope))


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_first_frame_waits_for_no_database() -> None:
    code = "import sys, console.app; assert not {'sqlalchemy', 'sqlmodel', 'fastapi'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_nobody_expected_while_a_desk_is_opened_ends_the_console_with_the_reason() -> None:
    def broken() -> Parts:
        raise ValueError("bad descriptor")

    with pytest.raises(Refused, match=r"could not be opened: ValueError\('bad descriptor'\)"):
        opened(broken)


async def test_an_unknown_token_ends_the_console_with_the_reason(scene: Scene) -> None:
    def refused() -> Parts:
        raise Unauthenticated("no operator has this token", fix="set POSTROOM_TOKEN")

    app = PostroomConsole(opener=refused)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_code == 1)
    assert isinstance(app.refused, Unauthenticated)


def test_signing_in_finds_the_operator_and_says_so_in_the_log(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text(f"m1:{'A' * 43}")
    (tmp_path / "postroom.toml").write_text('name = "HARBOUR"')
    parts = sign_in(tmp_path, "pro_alice")
    assert (parts.desk.actor, parts.name) == (ALICE, "HARBOUR")
    parts.desk.close()
    with pytest.raises(Unauthenticated):
        sign_in(tmp_path, "pro_nobody")


async def test_news_of_a_screen_that_is_still_being_drawn_do_not_end_the_following(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        for name in ("agents", "queue", "events"):
            app.go(name)
            app._receive_update(
                DeskUpdate(app.live, messages=frozenset({1}), left=frozenset({1}), agents=frozenset({1}), count=1)
            )
        scene.submit("later@example.com")
        await until(pilot, lambda: app.live.held == 1)
        assert "Internal error" not in said(app)


# --- getting about ------------------------------------------------------------------------------------------------


async def test_every_screen_is_one_key_away_at_both_sizes(scene: Scene) -> None:
    furnish(scene)
    for size in ((120, 36), (80, 24)):
        app = scene.app()
        async with looking(app, size=size) as pilot:
            for number, name in enumerate(MODES, start=1):
                await pilot.press("tab", str(number)) if name == "trace" else await pilot.press(str(number))
                title = MODES[name].title_word
                await until(pilot, lambda number=number, title=title: title in drawn(pilot))  # type: ignore[misc]  # a loop's lambda
                assert all(len(line) <= size[0] for line in lines(pilot))
                if name == "trace":
                    break


async def test_at_80_by_24_the_deciding_columns_stay(scene: Scene) -> None:
    scene.submit("jane@example.com", subject="A subject that decides")
    app = scene.app()
    async with looking(app, size=(80, 24)) as pilot:
        assert lines(pilot)[0].startswith("● ")
        assert "TEST LOCAL[RW] alice held 1" in lines(pilot)[0]
        assert "[1 Desk]" not in drawn(pilot)
        await open_queue(pilot, "A subject that decides")
        assert [word for word in ("AGE", "CHK", "AGENT", "TO", "SUBJECT") if word in lines(pilot)[1]] == [
            "AGE", "CHK", "AGENT", "TO", "SUBJECT",
        ]  # fmt: skip
        assert "2 Queue" in lines(pilot)[0]
        assert re.search(r" \^x STOP +1/1 \? help$", lines(pilot)[-1])
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")
        assert lines(pilot)[-1].endswith(" 1/1 ? help")


async def test_at_80_by_24_a_long_agent_name_moves_the_columns_and_the_position_follows_the_cursor(
    scene: Scene,
) -> None:
    long = "quarterly-statements-bot"
    furnish(scene)
    scene.store.transact(
        lambda tx: add_mailbox(
            tx, agent=long, address=f"statements@{DOMAIN}", stream=scene.bench.stream_id, mode=Mode.GATED_SEND, **WIDE
        )
    )
    app = scene.app()
    async with looking(app, size=(80, 24)) as pilot:
        await pilot.press("3")
        await shows(pilot, long)
        await until(pilot, lambda: " 1/6 ? help" in lines(pilot)[-1])
        assert "DAY" not in lines(pilot)[1]
        assert "SENT/h" in lines(pilot)[1]
        await pilot.press("j", "j")
        await until(pilot, lambda: " 3/6 ? help" in lines(pilot)[-1])
        await pilot.press("slash", *"agent:quote", "enter")
        await until(pilot, lambda: "3 agent:quote 1/6" in lines(pilot)[0])


async def test_help_and_palette_come_from_the_registry_and_the_palette_decides_nothing(scene: Scene) -> None:
    item = scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("question_mark")
        await shows(pilot, "On queue")
        await shows(pilot, "Approve exactly these bytes")
        await press(pilot, scene, "escape")
        offered = [command.title for command in app.get_system_commands(app.screen)]
        assert not [title for title in offered if title.startswith(("approve (", "undo"))]
        assert [title for title in offered if title.startswith("reject (")]
        await pilot.press("colon")
        await until(pilot, lambda: app.screen.__class__.__name__ == "CommandPalette")
        await pilot.press("escape")
        assert scene.store.rows(REVIEW.select().where(REVIEW.c.id == item))[0].status == "pending"


async def test_what_works_elsewhere_says_where(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        app.perform("approve")
        await until(pilot, lambda: "works on: queue, message" in said(app))


async def test_filters_show_what_matches_and_say_what_they_know(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your quote")
        await pilot.press("slash", *"!agent:quote-bot to:jane1", "enter")
        await shows(pilot, "→ 1 of 7")
        assert "jane1@example.com" in drawn(pilot)
        assert "Your quote" not in drawn(pilot)
        await pilot.press("slash", *" colour:red", "enter")
        await shows(pilot, "unknown field colour")
        await pilot.press("escape", "escape")
        await shows(pilot, "Your quote")
        await pilot.press("exclamation_mark")
        await shows(pilot, "Nothing matches the filter")


async def test_new_mail_is_announced_while_something_is_marked(scene: Scene) -> None:
    scene.submit("a@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "a@example.com")
        await pilot.press("space")
        scene.submit("b@example.com")
        await shows(pilot, "+1 new, . to load")
        assert "b@example.com" not in drawn(pilot)
        await pilot.press("full_stop")
        await shows(pilot, "b@example.com")


# --- freshness ----------------------------------------------------------------------------------------------------


async def test_a_pause_freezes_what_is_drawn_and_counts_what_waits(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Nothing is held")
        await pilot.press("Z")
        scene.submit()
        await shows(pilot, "◼ PAUSED 04:00:00Z, +2 waiting")
        assert "Your refund" not in drawn(pilot)
        await pilot.press("Z")
        await shows(pilot, "Your refund")


async def test_a_lost_database_is_said_survived_and_read_anew(scene: Scene, tmp_path: Path) -> None:
    scene.submit("a@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "a@example.com")
        away = tmp_path.with_name(f"{tmp_path.name}-away")
        tmp_path.rename(away)  # noqa: ASYNC240 - at once, and of a local disk
        scene.store.engine.dispose()
        await shows(pilot, "✖ LOST")
        await shows(pilot, "✖ NOT CURRENT: the desk's database")
        assert "bring it back, nothing was written" in drawn(pilot)
        assert "a@example.com" in drawn(pilot)
        await pilot.press("a")
        await until(pilot, lambda: "not done: the desk's database" in said(app))
        away.rename(tmp_path)
        scene.submit("b@example.com")
        await shows(pilot, "b@example.com")
        assert "NOT CURRENT" not in drawn(pilot)
        assert lines(pilot)[0].startswith("● live")


async def test_a_gateway_that_no_longer_beats_is_shown_and_agents_can_still_be_stopped(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        scene.store.transact(lambda tx: tx.write(WORKER.delete()))
        await pilot.press("ctrl+r")
        await shows(pilot, "✖ gateway down")
        await shows(pilot, "gateway is not running: postroom serve")
        await pilot.press("s")
        await press(pilot, scene, *"stop", "enter")
        await shows(pilot, "✖ SUSP")


async def test_a_gateway_that_was_killed_or_stopped_shows_since_when(scene: Scene) -> None:
    beat_at = scene.store.clock.now() - MINUTE
    app = scene.app()
    async with looking(app) as pilot:
        scene.store.transact(lambda tx: tx.write(update(WORKER).values(beat_at=beat_at)))
        await pilot.press("ctrl+r")
        await shows(pilot, f"down since {clock(beat_at)}: postroom serve")
        await shows(pilot, "why it ended: postroom logs")
        scene.store.transact(lambda tx: tx.write(update(WORKER).values(beat_at=beat_at - 2 * DAY)))
        await pilot.press("ctrl+r")
        await shows(pilot, f"down since {stamp(beat_at - 2 * DAY)}: postroom")


async def test_without_colour_every_fault_still_has_its_sign(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    scene.store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="spam", actor=ALICE))
    app = scene.app()
    async with looking(app) as pilot:
        await shows(pilot, "✖ CRIT")
        await shows(pilot, "✖ SUSP")
        assert any(line.startswith(">") for line in lines(pilot))
        for strip in strips(pilot):
            for segment in strip:
                colour = segment.style.color.triplet if segment.style and segment.style.color else None
                assert colour is None or app.no_color


async def test_very_many_held_messages_are_read_by_the_page(scene: Scene) -> None:
    many = effort.times(20_000, 100_000)
    pattern = scene.submit("first@example.com")
    message = scene.store.row(MESSAGE.select().where(MESSAGE.c.id == pattern))
    review = scene.store.row(REVIEW.select().where(REVIEW.c.id == pattern))
    assert message is not None
    assert review is not None
    values = review._asdict()
    rows = [values | {"id": pattern + n, "message_id": None, "target": "a", "kind": "read"} for n in range(1, many)]
    with scene.store.begin() as tx:
        tx.conn.execute(insert(REVIEW), rows)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("2")
        screen = app.screen
        assert isinstance(screen, QueueScreen)
        await until(pilot, lambda: len(screen.table.roster) == many)
        await shows(pilot, "first@example.com")
        await pilot.press("end")
        await until(pilot, lambda: len(screen._known) > 40)
        assert len(screen._known) < 500


async def test_a_clock_that_runs_on_ages_what_is_drawn(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        scene.clock.advance(micros=HOUR)
        await shows(pilot, "1h00")
        await shows(pilot, "oldest 1h00")
        assert lines(pilot)[0].startswith("● live 1h00")


async def test_a_key_that_cannot_be_used_now_is_dimmed_and_lights_up_when_it_can(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        await open_queue(pilot, "Your refund")
        await pilot.press("enter")
        await shows(pilot, "It is on its way.")

        def colour() -> object:
            foot = strips(pilot)[-1]
            return next(segment.style.color for segment in foot if segment.style and "approve" in segment.text)

        def open_colour() -> object:
            foot = strips(pilot)[-1]
            return next(segment.style.color for segment in foot if segment.style and "source" in segment.text)

        await until(pilot, lambda: colour() == open_colour())
        await pilot.press("a")
        await until(pilot, lambda: colour() != open_colour())


async def test_the_keys_below_a_dialog_stay_as_they_were(scene: Scene) -> None:
    scene.submit()
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "It is on its way.")
        foot = screen.query_one(FootLine)
        await pilot.pause()
        app._check_frame()
        before = foot.render()
        await pilot.press("x")
        await shows(pilot, "Reject")
        screen.check_frame()  # mail that comes now has the frame looked at as well
        app._check_frame()
        assert foot.render().is_same(before)


async def test_a_newcomer_is_told_what_to_press_and_loses_no_key_to_it(scene: Scene) -> None:
    for size in ((120, 36), (80, 24)):
        app = scene.app(hint="a demonstration: press 2 for held mail, a approves, x rejects, 3 for agents, s suspends")
        async with looking(app, size=size) as pilot:
            await shows(pilot, "press 2 for held mail")
            told = next(line for line in lines(pilot) if "press 2" in line)
            assert told.endswith("s suspends" if size[0] >= 100 else "3 for agents")
            assert "s suspend" in lines(pilot)[-1]
