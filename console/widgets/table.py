"""The one table: it draws only what is visible, so a million rows cost what forty do.

Textual's DataTable lays out every cell of every row: 100,000 rows freeze the screen for twenty seconds. Here the rows
are ids (`console.row_selection`), a page of them is fetched by key when it comes into view, and each drawn line is kept
by (id, version, cursor, mark, width). Events only mark ids dirty; one tick, four times a second, fetches and redraws
the dirty ones that are visible, and stops while there are none. A screen that is not visible does nothing.

Why our own: textual-fastdatatable wants all rows before the first is drawn. 100,000 take 2.7 s and 93 MB, ours 0.07 s
and 0.5 MB; nine rows changed four times a second take 30 % of a core, ours 1.8 % (`tests/bench/table.py`).

Data goes down through methods, messages come up. The table never decides: a click or a key moves the cursor, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.row_cache import DIGESTS_A_TURN, RowCache, RowSource
from console.row_reader import RowReader
from console.row_selection import RowSelection
from console.safe_text import make_safe
from console.table_messages import Announced, FetchFailed, Highlighted, MarksChanged
from console.widgets.columns import Column, Row
from console.widgets.line_cache import PlainLines
from console.widgets.line_painter import GROUNDS, LinePainter, Mark, Point, Showing, Texts
from console.widgets.ticks import Ticks
from core.durations import SECOND

TICK: Final = 0.25  # seconds between refreshes of what is dirty and visible
_TEXTS: Final = Texts()


class VirtualTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A table over ids. See `show_rows`, `offer_rows`, `touch_rows`, `remove_rows` for data, the messages for news."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    VirtualTable {
        background: $background; color: $foreground; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
        & > .table--head { background: $panel; color: $text-muted; }
        & > .table--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        & > .table--blurred { background: $block-cursor-blurred-background; color: $foreground; }
        & > .table--marked { background: $primary-muted; color: $foreground; }
        & > .table--gone { color: $text-muted; text-style: strike; }
        & > .table--sending { color: $text-muted; }
        & > .table--notice { color: $text-muted; }
        & > .table--failed { color: $text-error; text-style: bold; }
        &:ansi > .table--cursor { text-style: reverse; }
        &:ansi > .table--blurred { text-style: bold; }
        &:ansi > .table--marked { text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set(GROUNDS)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "top", show=False),
        Binding("end,G", "bottom", show=False),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource,
        *,
        now: Callable[[], int],
        markable: bool = True,
        texts: Texts = _TEXTS,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._styles_cache = PlainLines()
        self.roster = RowSelection()
        self.texts = texts
        self._now = now
        self._pages = RowCache()
        self._painter = LinePainter(self, columns, markable=markable)
        self._showing = Showing.LOADING
        self._filtered = False
        """Whether a filter is in force, whatever is shown now: nothing matches is not nothing at all."""
        self._reason = ""
        self._reader = RowReader(source, came=self._accept, failed=self._not_fetched, ended=self._want)
        self._aged_at = 0
        self._ahead = False
        self._ticks = Ticks(tick=self.tick, reads=self._reads)
        self._line_width = 0
        self.sending: Container[int] = ()
        """Ids whose act is on its way: their lines say so. Whoever changes it calls `redraw`."""

    # -- data goes down -----------------------------------------------------------------------------------------------

    def show_rows(self, ids: Iterable[int], *, filtered: bool = False, cursor: int | None = None) -> None:
        """Show these ids in this order now: the operator opened, sorted, filtered. The cursor stays on its id.

        `cursor` is the id that the row under the cursor has among these, if it is another than before.
        """
        self._filtered = filtered
        self._show_rows()
        before, announced = self.roster.cursor, self.roster.fresh

        def load() -> None:
            if cursor is not None:
                self.roster.cursor = cursor
            self.roster.load(ids)

        self._rearranged(load)
        self._ahead = True
        self.wake()
        if announced:
            self.post_message(Announced(self, 0))
        if self.roster.cursor != before:
            self.post_message(Highlighted(self, self.roster.cursor))
        self._post_marks()

    def offer_rows(self, ids: Iterable[int]) -> None:
        """A newer order: shown at once, or announced while anything is marked."""
        self._show_rows()
        before, announced = self.roster.cursor, self.roster.fresh
        self._rearranged(lambda: self.roster.offer(ids))
        if self.roster.fresh != announced:
            self.post_message(Announced(self, self.roster.fresh))
        if self.roster.cursor != before:
            self.post_message(Highlighted(self, self.roster.cursor))

    def load_offered(self) -> None:
        """Take what was announced (`.`)."""
        if self.roster.frozen or self.roster.fresh:
            self._rearranged(self.roster.load_offered)
            self.post_message(Announced(self, 0))
            self._post_marks()

    def touch_rows(self, ids: Iterable[int]) -> None:
        """These have changed; the next tick fetches those that are visible."""
        self._pages.touch(ids)
        self.wake()

    def touch_differing(self, rows: Mapping[int, Row]) -> None:
        """These were read beside the table: fetch those again that are drawn otherwise."""
        self.touch_rows(row for row, read in rows.items() if self.has_row(row) and self._pages.get(row) != read)

    def remove_rows(self, ids: Iterable[int]) -> None:
        """These have left. A marked or frozen one, and the one under the cursor, stays drawn as gone."""
        leaving = tuple(ids)
        had_marks = bool(self.roster.marks)
        lost: list[int] = []
        self._rearranged(lambda: lost.extend(self.roster.remove(leaving)))
        self._pages.drop(row for row in leaving if row not in self.roster.gone)
        if had_marks:
            self._post_marks(lost)
        if self.roster.cursor in self.roster.gone:
            self.post_message(Highlighted(self, self.roster.cursor))

    def say_failed(self, reason: str) -> None:
        """The rows cannot be had, or are stale: rows already drawn stay, under a head that says so."""
        self._showing, self._reason = Showing.FAILED, make_safe(reason).text
        self._repaint()

    def say_current(self) -> None:
        """Take back `say_failed`: what is drawn is current again."""
        self._show_rows()
        self.forget()

    @property
    def may_hide(self) -> tuple[Column, ...]:
        """Columns that can be left out: those that a narrow screen would drop."""
        return self._painter.may_hide

    @property
    def hidden(self) -> frozenset[str]:
        return self._painter.hidden

    def hide(self, columns: Iterable[str]) -> None:
        """Leave out these columns, by key; those that are never dropped stay."""
        if self._painter.hide(columns):
            self.refresh()

    def _show_rows(self) -> None:
        self._showing = Showing.FILTERED if self._filtered else Showing.ROWS

    def forget(self) -> None:
        """Fetch everything visible again."""
        self._pages.touch_all()
        self.wake()
        self._repaint()

    # -- what is pointed at -------------------------------------------------------------------------------------------

    @property
    def cursor_id(self) -> int | None:
        """The id under the cursor, even if it is gone: ask `is_gone`."""
        return self.roster.cursor

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor as it was drawn; None while unread, or gone. Actions are keyed to it."""
        return None if (cursor := self.roster.cursor) is None or cursor in self.roster.gone else self._pages.get(cursor)

    def has_row(self, row: int) -> bool:
        """Whether this row has been read and can be drawn without asking again."""
        return self._pages.get(row) is not None

    def is_gone(self, row: int) -> bool:
        return row in self.roster.gone

    @property
    def marks(self) -> Mapping[int, str | None]:
        """Marked ids with the digest that was drawn when they were marked (None: never drawn, still being read)."""
        return self.roster.marks

    def toggle_mark(self) -> None:
        """Mark or unmark the row under the cursor and move down."""
        if (cursor := self.roster.cursor) is None:
            return
        self._rearranged(lambda: self.roster.toggle(cursor, self._pages.digest(cursor)))
        self.wake()
        self._post_marks()
        self.action_move(1)

    def toggle_range(self) -> None:
        """`v`: the first press starts a range at the cursor, the second marks all of it."""
        if self.roster.anchor is None:
            self.roster.anchor = self.roster.cursor
        else:
            self._mark(self.roster.span())
            self.roster.anchor = None
        self._repaint()

    def cancel_range(self) -> bool:
        """Forget a range that was started. False if there was none."""
        started, self.roster.anchor = self.roster.anchor is not None, None
        self._repaint()
        return started

    def mark_all(self, only: Container[int] | None = None) -> None:
        """`*`: mark everything shown, or only these."""
        self._mark(row for row in self.roster.ids if only is None or row in only)

    def clear_marks(self) -> None:
        self._rearranged(self.roster.clear_marks)
        self._post_marks()

    def seek(self, row: int) -> bool:
        """Put the cursor on an id, if it is shown."""
        if (index := self.roster.index_of(row)) is not None:
            self._go(index)
        return index is not None

    def _mark(self, ids: Iterable[int]) -> None:
        self.roster.mark({row: self._pages.digest(row) for row in ids})
        self.wake()
        self._post_marks()
        self._repaint()

    def _post_marks(self, lost: Sequence[int] = ()) -> None:
        marked, hidden = len(self.roster.marks), len(self.roster.hidden_marks)
        self.post_message(MarksChanged(self, marked=marked, hidden=hidden, lost=tuple(lost)))

    # -- moving -------------------------------------------------------------------------------------------------------

    @property
    def page_height(self) -> int:
        """Rows that fit below the head."""
        return max(1, self.size.height - 1)

    def action_move(self, by: int) -> None:
        self._go(self.roster.cursor_index + by)

    def action_page(self, by: int) -> None:
        self._go(self.roster.cursor_index + by * max(1, self.page_height - 1))

    def action_top(self) -> None:
        self._go(0)

    def action_bottom(self) -> None:
        self._go(len(self.roster) - 1)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y > 0 and (index := offset.y - 1 + self.scroll_offset.y) < len(self.roster):
            self._go(index)

    def _go(self, index: int) -> None:
        size, old = len(self.roster), self.roster.cursor
        if not self.roster.move_to(index):
            return
        if self.roster.anchor is not None or len(self.roster) != size:
            self._resized()
        else:
            self.redraw(row for row in (old, self.roster.cursor) if row is not None)
        self._follow_cursor()
        self.post_message(Highlighted(self, self.roster.cursor))

    def _follow_cursor(self) -> None:
        at, top = self.roster.cursor_index, self.scroll_offset.y
        if at < top:
            self.scroll_to(y=at, animate=False)
        elif at >= top + self.page_height:
            self.scroll_to(y=at - self.page_height + 1, animate=False)

    def _rearranged(self, change: Callable[[], object]) -> None:
        """Run a change of the order and keep the cursor's row on the line of the screen where it was."""
        line = self.roster.cursor_index - self.scroll_offset.y
        change()
        self._resized()
        if 0 <= line < self.page_height:
            self.scroll_to(y=max(0, self.roster.cursor_index - line), animate=False)
        else:
            self._follow_cursor()

    def _resized(self) -> None:
        self.virtual_size = Size(1, len(self.roster) + 1)
        self._repaint()

    # -- rows come ----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        super().on_mount()  # type: ignore[no-untyped-call]  # Textual's own is not annotated
        self._resized()
        self._ticks.start(self.set_interval, TICK)

    def on_unmount(self) -> None:
        self._reader.close()

    def on_resize(self) -> None:
        self._follow_cursor()
        self._repaint()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ahead = True
        self.wake()
        self._want()

    def wake(self) -> None:
        """There may be something to read."""
        self._ticks.wake()

    def _reads(self) -> bool:
        """Whether anything is being read, or will be."""
        waits = self._reader.busy or self._ahead or self._pages.has_dirty
        return waits and self.is_mounted and self.screen.is_active

    def tick(self) -> None:
        """Bring what is visible up to date: dirty rows, running ages, digests of marks that were never drawn."""
        if not self.is_mounted or not self.screen.is_active:
            return
        if self._reader.busy:
            return
        visible = self._visible()
        self._pages.settle(visible)
        self._want(visible, unread_too=True)
        if not self._reader.busy:  # what is being read is drawn when it comes: each drawing has its own cost
            self.redraw(self._aged(visible))

    def draw_ages(self) -> None:
        """Draw the running ages that have changed. The frame's clock calls this, so that both are one drawing."""
        if self.is_mounted and not self._reader.busy:
            self.redraw(self._aged(self._visible()))

    def _aged(self, visible: Sequence[int]) -> list[int]:
        """The visible rows whose age is drawn otherwise by now; looked at once a second."""
        now, before = self._now(), self._aged_at
        if now // SECOND == before // SECOND:
            return []
        self._aged_at = now
        return [
            row for row in visible if (cached := self._pages.get(row)) and cached.ages(now) != cached.ages(before)
        ]  # fmt: skip

    @property
    def in_view(self) -> Sequence[int]:
        """The ids in view."""
        return self._visible()

    def _visible(self) -> Sequence[int]:
        top = self.scroll_offset.y
        return self.roster.ids[top : top + self.page_height]

    def _neighbours(self) -> Sequence[int]:
        """A page below and one above: read while the operator looks, so that the next page key waits for nothing."""
        top, page = self.scroll_offset.y, self.page_height
        return self.roster.ids[max(0, top - page) : top + 2 * page]

    def _want(self, visible: Sequence[int] | None = None, *, unread_too: bool = False) -> None:
        """Ask for the visible rows that are missing or dirty; one request at a time, so that scrolling coalesces."""
        if self._reader.busy or not self.is_mounted or not self.screen.is_current:
            return
        missing = self._pages.wanted(self._visible() if visible is None else visible, gone=self.roster.gone)
        if not missing and self._ahead:
            self._ahead = False
            missing = self._pages.wanted(self._neighbours(), gone=self.roster.gone)
        if not missing and unread_too:
            missing = [row for row, digest in self.roster.marks.items() if digest is None][:DIGESTS_A_TURN]
        if not missing:
            return
        self._pages.asked(missing)
        self._reader.ask(missing)

    def _not_fetched(self, requested: Sequence[int], error: Exception) -> None:
        self.touch_rows(requested)
        self.post_message(FetchFailed(self, error))

    def _accept(self, requested: Sequence[int], rows: Mapping[int, Row]) -> None:
        drawn = {row: known.cells for row in rows if (known := self._pages.get(row)) is not None}
        changed = self._pages.accept(rows, visible=self._visible())
        self.roster.mark({row: rows[row].digest for row in rows if self.roster.marks.get(row, "") is None})
        if lost := [row for row in requested if row not in rows]:
            self.remove_rows(lost)
        # what is read and not drawn, as an expiry, costs no drawing
        self.redraw({*self._aged(self._visible()), *(row for row in changed if drawn.get(row) != rows[row].cells)})
        if self._painter.learn(rows.values()):
            self.refresh()
        if self.roster.cursor in changed:
            self.post_message(Highlighted(self, self.roster.cursor, again=self.roster.cursor in drawn))

    # -- drawing ------------------------------------------------------------------------------------------------------

    def _repaint(self) -> None:
        self.refresh()
        self._want()

    def redraw(self, rows: Iterable[int]) -> None:
        """Draw the lines of these ids again, as far as they are on the screen."""
        chosen = set(rows)
        if not chosen:
            return
        regions: list[Region] = []
        for line, row in enumerate(self._visible(), start=1):
            if row not in chosen:
                continue
            if regions and regions[-1].bottom == line:  # neighbours are one region: each region has its own cost
                regions[-1] = regions[-1].grow((0, 0, 1, 0))
            else:
                regions.append(Region(0, line, self.size.width, 1))
        if regions:
            self.refresh(*regions)

    def notify_style_update(self) -> None:
        self._painter.forget()
        super().notify_style_update()

    def render_lines(self, crop: Region) -> list[Strip]:
        # `size` still counts the cell under the scrollbar, and a figure at the right edge would lose its last digit
        self._line_width = self.scrollable_content_region.width
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self._line_width or self.scrollable_content_region.width
        if y == 0:
            if self._showing is Showing.FAILED and len(self.roster):
                return self._painter.text_line(" ✖ NOT CURRENT", width, "failed")  # why: the frame has room for it
            return self._painter.head(width)
        index = self.scroll_offset.y + y - 1
        if index < len(self.roster):
            return self._line(index, width)
        text = self.texts.of(self._showing, self._reason) if not len(self.roster) and y == 2 else ""
        return self._painter.text_line(f"  {text}", width, "failed" if self._showing is Showing.FAILED else "notice")

    def _line(self, index: int, width: int) -> Strip:
        row = self.roster.ids[index]
        point: Point = "" if row != self.roster.cursor else "cursor" if self.has_focus else "blurred"
        mark: Mark = "marked" if self.roster.is_marked(index) else ""
        mark = "gone" if row in self.roster.gone else "sending" if row in self.sending else mark
        return self._painter.row(row, self._pages.get(row), width=width, point=point, mark=mark, now=self._now())
