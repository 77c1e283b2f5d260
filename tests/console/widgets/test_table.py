"""The table draws what is visible, and a key means the row that was looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence

import pytest
from textual import on
from textual.app import ComposeResult
from textual.message import Message

from console.safe_text import GuardedApp, make_safe
from console.table_messages import Announced, FetchFailed, Highlighted, MarksChanged
from console.themes import install_themes, load_themes, theme_folder
from console.widgets.columns import Cell, Column, Row
from console.widgets.table import VirtualTable
from core.durations import HOUR, SECOND

pytestmark = pytest.mark.anyio
COLUMNS = (Column("age", "AGE", 4, align="right"), Column("subject", "SUBJECT", 10, grow=1))


class Shelf:
    """Rows by id, as a database would answer; it remembers what it was asked for."""

    def __init__(self) -> None:
        self.version: dict[int, int] = {}
        self.unseen: dict[int, int] = {}
        """Versions of what is read and not drawn."""
        self.lacks: set[int] = set()
        self.asked: list[Sequence[int]] = []
        self.fails: Exception | None = None
        self.hostile = False

    def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row]:
        self.asked.append(tuple(ids))
        if self.fails:
            raise self.fails
        return {row: self.row(row) for row in ids if row not in self.lacks}

    def row(self, row: int) -> Row:
        version = self.version.get(row, 1)
        subject = make_safe("[@click=app.bell]\u202ex[/]" if self.hostile else f"mail {row} v{version}")
        return Row(row, self.unseen.get(row, version), (Cell(since=0), Cell(subject.text)), digest=f"d{row}.{version}")


class SlowShelf(Shelf):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()

    def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row] | Awaitable[Mapping[int, Row]]:  # type: ignore[override]  # later
        async def later() -> Mapping[int, Row]:
            await self.let.wait()
            return Shelf.fetch(self, ids)

        return later()


class Host(GuardedApp[None]):
    CSS = "VirtualTable { height: 1fr; }"

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self.shelf = shelf
        self.now = 100 * SECOND
        self.news: list[Message] = []

    def compose(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, self.shelf, now=lambda: self.now)

    @property
    def table(self) -> VirtualTable:
        return self.query_one(VirtualTable)

    @on(Highlighted)
    @on(MarksChanged)
    @on(Announced)
    @on(FetchFailed)
    def note(self, message: Message) -> None:
        self.news.append(message)

    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.screen._compositor.render_strips()]

    def latest(self, kind: type[Message]) -> Message:
        return [message for message in self.news if isinstance(message, kind)][-1]


def ticks(app: Host) -> bool:
    """Whether the table still looks for something to read."""
    timer = app.table._ticks._timer
    return timer is None or timer._active.is_set()


def cursor_line(app: Host) -> int:
    return next(number for number, line in enumerate(app.lines()) if line.startswith(">"))


async def test_only_what_is_visible_is_fetched_of_a_million() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 1_000_001))
        await pilot.pause()
        assert app.lines()[:3] == ["    AGE SUBJECT", ">  1m40 mail 1 v1", "   1m40 mail 2 v1"]
        await pilot.press("end")
        assert app.lines()[-1] == ">  1m40 mail 1000000 v1"
        await pilot.press("pageup", "k", "home")
        assert app.table.cursor_id == 1
        assert sum(map(len, app.shelf.asked)) < 60


async def test_the_next_page_is_read_before_it_is_turned_to_and_only_once() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 1_000_001))
        await pilot.pause()
        app.table.tick()
        page = app.table.page_height
        asked = {row for ids in app.shelf.asked for row in ids}
        assert asked == set(range(1, 2 * page + 1))
        app.shelf.asked.clear()
        app.table.tick()
        assert app.shelf.asked == []
        await pilot.press("pagedown")
        app.table.tick()
        assert not asked & {row for ids in app.shelf.asked for row in ids}


async def test_the_scrollbar_covers_no_figure() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows([1])
        await pilot.pause()
        assert next(iter(reversed(app.table.render_line(0)))).cell_length == 60
        app.table.show_rows(range(1, 100))
        await pilot.pause()
        assert app.table.render_line(0).cell_length == 59


async def test_the_cursor_stays_on_its_row_and_its_line_when_rows_arrive_above() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(100, 200))
        await pilot.press("j", "j")
        before = cursor_line(app)
        app.table.offer_rows(range(50, 200))
        await pilot.pause()
        assert app.table.cursor_id == 102
        assert cursor_line(app) == before == 3


async def test_marks_freeze_the_order_and_what_is_new_is_announced() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(10, 20))
        app.table.toggle_mark()
        app.table.offer_rows(range(5, 25))
        await pilot.pause()
        assert app.lines()[1].startswith(" ● 1m40 mail 10")
        announced = app.latest(Announced)
        assert isinstance(announced, Announced)
        assert announced.fresh == 10
        app.table.load_offered()
        await pilot.pause()
        assert app.table.marks == {10: "d10.1"}
        assert app.latest(Announced).fresh == 0  # type: ignore[attr-defined]  # as above
        assert any("mail 5 v1" in line for line in app.lines()) or app.table.scroll_offset.y > 0


async def test_a_row_that_is_decided_elsewhere_stays_under_the_cursor_as_gone() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 6))
        await pilot.press("j")
        app.table.remove_rows([2, 4])
        await pilot.pause()
        assert (app.table.cursor_id, app.table.cursor_row) == (2, None)
        assert [line[:1] for line in app.lines()[1:5]] == [" ", ">", " ", " "]
        assert "mail 2" in app.lines()[2]
        assert "mail 4" not in "".join(app.lines())
        await pilot.press("j")
        assert app.table.cursor_id == 3
        assert "mail 2" not in "".join(app.lines())


async def test_a_range_is_marked_from_its_anchor_with_the_digests_that_were_drawn() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 10))
        await pilot.pause()
        app.table.toggle_range()
        await pilot.press("j", "j")
        assert [line[1] for line in app.lines()[1:5]] == ["●", "●", "●", " "]
        app.table.toggle_range()
        assert app.table.marks == {1: "d1.1", 2: "d2.1", 3: "d3.1"}
        app.shelf.version[1] = 2
        app.table.touch_rows([1])
        app.table.tick()
        assert app.table.marks[1] == "d1.1"
        app.table.clear_marks()
        assert not app.table.marks


async def test_marking_all_reads_the_digests_that_were_never_drawn() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 900))
        await pilot.pause()
        app.table.mark_all()
        while None in app.table.marks.values():
            app.table.tick()
        assert app.table.marks[899] == "d899.1"


async def test_a_tick_reads_only_the_dirty_rows_that_are_visible() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 1000))
        await pilot.pause()
        app.table.tick()  # the next page is read ahead
        app.shelf.asked.clear()
        app.shelf.version.update({2: 2, 500: 2})
        app.table.touch_rows([2, 500])
        app.table.tick()
        await pilot.pause()
        assert app.shelf.asked == [(2,)]
        assert app.lines()[2] == "   1m40 mail 2 v2"


async def test_a_table_with_nothing_to_read_does_not_tick_until_a_row_changes() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 1000))
        while ticks(app):
            await pilot.pause(0.05)
        app.shelf.version[2] = 2
        app.table.touch_rows([2])
        while app.lines()[2] != "   1m40 mail 2 v2":
            await pilot.pause(0.05)


async def test_ages_run_without_asking_again() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows([1])
        await pilot.pause()
        app.shelf.asked.clear()
        app.now += SECOND
        app.table.tick()
        await pilot.pause()
        assert app.lines()[1] == ">  1m41 mail 1 v1"
        assert app.shelf.asked == []


def drawn_anew(app: Host, monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Which rows are asked to be drawn again, from now on."""
    asked: list[set[int]] = []
    redraw = VirtualTable.redraw

    def noted(table: VirtualTable, rows: Iterable[int]) -> None:
        asked.append(set(rows))
        redraw(table, asked[-1])

    monkeypatch.setattr(VirtualTable, "redraw", noted)
    return asked


async def test_a_row_that_changed_in_nothing_that_is_drawn_is_told_but_not_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows([1, 2])
        await pilot.pause()
        app.news.clear()
        asked = drawn_anew(app, monkeypatch)
        app.shelf.unseen[1] = 7
        app.shelf.version[2] = 2
        app.table.touch_rows([1, 2])
        app.table.tick()
        await pilot.pause()
        assert set().union(*asked) == {2}
        assert app.lines()[1:3] == [">  1m40 mail 1 v1", "   1m40 mail 2 v2"]
        assert app.table.cursor_row == app.shelf.row(1)
        assert isinstance(app.latest(Highlighted), Highlighted), "a preview beside it may show what has changed"


async def test_an_age_in_hours_is_drawn_again_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.now = 2 * HOUR
        app.table.show_rows([1])
        await pilot.pause()
        app.table.tick()
        asked = drawn_anew(app, monkeypatch)
        for _ in range(59):
            app.now += SECOND
            app.table.tick()
        assert not set().union(*asked)
        app.now += SECOND
        app.table.tick()
        await pilot.pause()
        assert set().union(*asked) == {1}
        assert app.lines()[1] == ">  2h01 mail 1 v1"


async def test_a_table_may_have_a_border() -> None:
    class Framed(Host):
        CSS = "VirtualTable { height: 1fr; border: round red; }"

    app = Framed(Shelf())
    async with app.run_test(size=(30, 6)) as pilot:
        app.table.show_rows([1])
        await pilot.pause()
        assert [app.lines()[at] for at in (0, 2)] == [f"╭{'─' * 28}╮", f"│>  1m40 mail 1 v1{' ' * 11}│"]


async def test_loading_empty_filtered_and_failed_are_four_texts() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        seen = [app.lines()[2]]
        app.table.show_rows([])
        await pilot.pause()
        seen.append(app.lines()[2])
        app.table.show_rows([], filtered=True)
        await pilot.pause()
        seen.append(app.lines()[2])
        app.table.say_failed("database is [b]locked[/]\x1b[2J")
        await pilot.pause()
        seen.append(app.lines()[2])
        assert len(set(seen)) == 4
        assert seen[3] == "  ✖ Not available: database is [b]locked[/]⟨U+001B⟩[2J"
        app.table.say_current()
        await pilot.pause()
        assert app.lines()[2] == seen[2]  # back again, with the same filter
        app.table.say_failed("gone")
        app.table.offer_rows([])
        await pilot.pause()
        assert app.lines()[2] == seen[2]


async def test_a_lost_database_leaves_the_rows_and_says_they_are_not_current() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 4))
        await pilot.pause()
        app.shelf.fails = OSError("gone")
        app.table.touch_rows([1])
        app.table.tick()
        await pilot.pause()
        failed = app.latest(FetchFailed)
        assert isinstance(failed, FetchFailed)
        app.table.say_failed(str(failed.error))
        await pilot.pause()
        assert app.lines()[:2] == [" ✖ NOT CURRENT", ">  1m40 mail 1 v1"]
        app.shelf.fails = None
        app.shelf.version[1] = 2
        app.table.say_current()
        await pilot.pause()
        assert app.lines()[1] == ">  1m40 mail 1 v2"


async def test_a_row_the_source_no_longer_knows_leaves() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.shelf.lacks = {2}
        app.table.show_rows([1, 2, 3])
        await pilot.pause()
        assert [line[8:] for line in app.lines()[1:4]] == ["mail 1 v1", "mail 3 v1", ""]


async def test_a_slow_source_is_asked_one_page_at_a_time_and_blocks_nothing() -> None:
    shelf = SlowShelf()
    app = Host(shelf)
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 1000))
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert app.table.cursor_id == 31
        shelf.let.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert any(line.startswith(">") and "mail 31 v1" in line for line in app.lines())
        assert len(shelf.asked) <= 3


async def test_a_click_moves_the_cursor_and_does_nothing_else() -> None:
    app = Host(Shelf())
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 10))
        await pilot.click(VirtualTable, offset=(10, 4))
        await pilot.click(VirtualTable, offset=(10, 0))
        assert app.table.cursor_id == 4
        assert {type(message) for message in app.news} == {Highlighted, MarksChanged}
        assert not app.table.marks


async def test_hostile_rows_carry_no_action_link_or_control() -> None:
    shelf = Shelf()
    shelf.hostile = True
    app = Host(shelf)
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 10))
        await pilot.pause()
        assert "[@click=app.bell]⟨U+202E⟩x[/]" in app.lines()[1]
        for strip in app.screen._compositor.render_strips():
            assert strip.text.isprintable()
            assert all(not segment.style or not (segment.style.meta or segment.style.link) for segment in strip)


async def test_a_new_theme_repaints_and_sixteen_colours_show_the_cursor_reversed() -> None:
    app = Host(Shelf())
    install_themes(app, load_themes(theme_folder())[0])
    app.theme = "postroom-dark"
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.show_rows(range(1, 5))
        app.table.focus()
        await pilot.pause()
        dark = next(iter(app.table.render_line(1))).style
        app.theme = "sixteen"
        await pilot.pause()
        sixteen = next(iter(app.table.render_line(1))).style
        assert dark is not None
        assert sixteen is not None
        assert dark.bgcolor is not None
        assert dark.bgcolor.name == "#223a5e"
        assert sixteen.reverse
