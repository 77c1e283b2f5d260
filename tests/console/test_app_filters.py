"""A filter that cannot be read is an error on the line; until it is read nothing is marked or decided in bulk."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from console.screens.queue import QueueScreen
from tests.console.harness import Scene, drawn, furnish, looking, open_queue, press, said, shows, until

pytestmark = pytest.mark.anyio


async def test_a_value_that_cannot_be_read_is_said_on_the_line_and_changes_nothing(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "Your quote")
        await pilot.press("slash", *"agent:quote-bot", "enter")
        await shows(pilot, "→ 4 of 7")
        await pilot.press("slash", *" check:>=many", "enter")
        await shows(pilot, "✖ check: 'many' is no number, at 2; write check:2")
        assert "→ 4 of 7" in drawn(pilot)
        assert screen.query_one(Input).has_focus
        for name in ("mark_all", "approve_marked", "reject_marked", "mark_alike", "range", "mark"):
            assert "invalid filter" in (screen.why_not(name) or ""), name
        app.screen.set_focus(screen.table)  # as a click on the table does
        await pilot.press("asterisk")
        await until(pilot, lambda: "invalid filter" in said(app))
        assert not screen.table.marks
        await pilot.press("slash", "backspace")
        await until(pilot, lambda: "is no number" not in drawn(pilot))
        assert "you are typing a filter" in (screen.why_not("mark_all") or "")
        await pilot.press("escape")
        assert screen.why_not("mark_all") is None
        await pilot.press("asterisk")
        await until(pilot, lambda: len(screen.table.marks) == 4)


async def test_rows_of_the_filter_before_are_not_marked_for_the_one_that_is_still_read(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "Your quote")
        screen.filter_by("agent:quote-bot")
        assert screen.why_not("mark_all") == "the filter is not applied yet"
        await shows(pilot, "→ 4 of 7")
        assert screen.why_not("mark_all") is None


async def test_a_filter_is_shown_again_as_it_was_typed(scene: Scene) -> None:
    scene.submit(subject="two words")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "two words")
        await pilot.press("slash", *'subject:"two words"', "enter")
        await shows(pilot, "→ 1 of 1")
        await pilot.press("slash", "enter")
        await until(pilot, lambda: not screen.query_one(Input).has_focus)
        assert screen.filter_text == 'subject:"two words"'
        await shows(pilot, "→ 1 of 1")


UNREADABLE = (
    ("3", "agents", "mode:loose", "mode has no value 'loose', at 1; values are read_only, gated_all"),
    ("4", "lanes", "depth:deep", "depth: 'deep' is no number"),
    ("5", "events", "sev:loud", "sev has no value 'loud', at 1; values are info, warn, error"),
    ("5", "events", "type:nothing.such", "type has no value 'nothing.such', at 1; such as"),
    ("6", "suppressions", "colour:red", "unknown field colour, at 1; use address, to, domain, cause"),
    ("7", "identities", "level:worse", "level has no value 'worse', at 1; values are bad"),
)


async def test_every_list_refuses_what_it_cannot_read(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        for tab, mode, line, wrong in UNREADABLE:
            await pilot.press(tab)
            await until(pilot, lambda mode=mode: app.current_mode == mode)  # type: ignore[misc]  # bound now
            await pilot.press("slash", *line, "enter")
            await shows(pilot, wrong)
            await pilot.press("escape")
            await until(pilot, lambda wrong=wrong: wrong not in drawn(pilot))  # type: ignore[misc]  # bound now


async def test_events_by_severity_show_that_severity(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("5")
        await shows(pilot, "email.pending")
        await pilot.press("slash", *"sev:CRIT", "enter")
        await shows(pilot, "Nothing matches the filter")
        assert not isinstance(app.screen, QueueScreen)


BURST = [
    *(("7", "7"), ("8", "8"), ("9", "9")),
    *[("backspace", "\x7f")] * 3,
    ("6", "6"),
    ("home", None),
    ("4", "4"),
    ("end", None),
    ("2", "2"),
]


async def test_keys_that_come_in_a_burst_edit_in_their_order(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "Nothing is held")
        await pilot.press("slash")
        line = screen.query_one(Input)
        await until(pilot, lambda: line.has_focus)
        for key, character in BURST:
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: len(line.value) >= 3 and line.value.endswith("2"))
        assert line.value == "462"


async def test_a_burst_in_a_dialog_is_the_number_that_was_meant(scene: Scene) -> None:
    for n in range(6):
        scene.submit(f"r{n}@example.com")
    app = scene.app()
    async with looking(app) as pilot:
        screen = await open_queue(pilot, "r5@example.com")
        await pilot.press("asterisk", "A")
        await shows(pilot, "Approve 6 of 6")
        scene.monotonic.at += 5
        for key, character in [*BURST[:7], ("space", " ")]:
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: len(app.session.approvals) == 1)
        assert len(app.session.approvals[0].items) == 6
        assert not screen.table.marks


async def test_a_bad_address_is_refused_before_its_reason_is_asked_for(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("6")
        await shows(pilot, "No address is suppressed")
        await pilot.press("n")
        await shows(pilot, "Suppress an address")
        await press(pilot, scene, *"jane@", "enter")
        await shows(pilot, "▲ ")
        assert "Suppress an address" in drawn(pilot)
        await pilot.press(*"x.example", "enter")
        await shows(pilot, "Suppress jane@x.example?")


async def test_ctrl_c_says_how_to_leave_without_markup(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "q closes a page" in said(app))
        assert "[b]" not in said(app)


async def test_nothing_is_copied_where_nothing_is(scene: Scene) -> None:
    app = scene.app()
    async with looking(app) as pilot:
        await pilot.press("8", "escape")
        await until(pilot, lambda: app.current_mode == "trace")
        app.perform("copy")
        await until(pilot, lambda: "there is nothing" in said(app))
        assert "copied" not in said(app)


async def test_a_filter_being_typed_is_completed_and_counted_and_then_stands_in_the_narrow_header(scene: Scene) -> None:
    furnish(scene)
    app = scene.app()
    async with looking(app, size=(80, 24)) as pilot:
        screen = await open_queue(pilot, "Your quote")
        await pilot.press("slash", *"agen")
        await shows(pilot, "tab: agent:")
        await pilot.press("tab", *"quote")
        await shows(pilot, "4 match")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: screen.filter_text == "agent:quote-bot")
        await shows(pilot, "2 agent:quote-bot 4/7")
