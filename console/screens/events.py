"""5 Events: the log as it grows, newest on top; one key jumps to the next error or warning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import orjson
from textual import on, work
from textual.binding import BindingType

from console.copying import Source
from console.keymap import Scope
from console.screens.desk_screen import bindings
from console.screens.event import WholeEventPage
from console.screens.record_list import ListScreen
from console.state import DeskUpdate, Link
from console.table_messages import Highlighted
from console.views.record_rows import EVENTS, event_row
from console.widgets.line_painter import Texts
from core import filters
from core.desk_client import reads
from core.durations import stamp
from core.errors import PostroomError
from core.filter_fields import Listing, fields
from core.filters import term
from core.ids import spell_id
from core.views.events import EventRow, Severity
from core.views.folding import Folded, fold, repeated
from core.views.format import count, plural

FULL: Final = 500
"""Entries that the desk answers at most: there are more behind so many."""
KEPT: Final = 5_000
"""Events held in memory: an hour of a busy desk must not fill it."""


class EventsScreen(ListScreen):
    """The tail of the log."""

    scope = Scope.EVENTS
    tab = 5
    title_word = "Events"
    listing = Listing.EVENTS
    filter_fields = fields(Listing.EVENTS)
    columns = EVENTS
    texts = Texts(loading="Loading events ...", empty="Nothing has happened yet.")
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EVENTS)

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[int, EventRow] = {}
        self._older: int | None = None
        self._newer = 0
        self._fresh = True
        self._folds = True
        self._opened: frozenset[int] = frozenset()
        self._lines: dict[int, Folded] = {}

    # -- reading ------------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        if self._fresh:
            page = await self.desk.read(reads.EVENTS, filter=self.filter_text)
            self._events, self._older = {}, page.older
            self._fresh = False
        else:
            page = await self.desk.read(reads.EVENTS, filter=self.filter_text, after=self._newer)
            # after a burst one page is not all of it, and a quiet desk gives no other reason to read on
            behind = self._newer < (page.newer or 0) < self.console.live.seq
            self._again = self._again or behind or len(page.rows) >= FULL
        self._newer = page.newer or self._newer
        self._take(page.rows, newer=True)

    @work(group="older", exclusive=True, exit_on_error=False)
    async def _load_older(self) -> None:
        before = self._older
        if before is None or len(self._events) >= KEPT:
            return
        await self._read_older(before)

    async def _read_older(self, before: int) -> Sequence[EventRow] | None:
        """Take the page before this entry; None: it failed, or another list is shown by now."""
        text = self.filter_text
        try:
            page = await self.desk.read(reads.EVENTS, filter=text, before=before)
        except PostroomError as error:
            self.failed(str(error))
            return None
        if (text, before) != (self.filter_text, self._older):
            return None
        self._older = page.older
        self._take(page.rows, newer=False)
        return page.rows

    def _take(self, rows: Sequence[EventRow], *, newer: bool) -> None:
        """Draw these too, newest first. A view at the top stays at the top."""
        table = self.table
        at_top = table.roster.cursor_index == 0 and newer
        self._events |= {row.seq: row for row in rows}
        order = sorted(self._events, reverse=True)[:KEPT]
        self._events = {seq: self._events[seq] for seq in order}
        self._draw()
        if at_top:
            table.action_top()

    def _draw(self) -> None:
        """Repeats as one line, unless they were spread out."""
        rows = self._events.values()
        lines = fold(rows, opened=self._opened) if self._folds else [Folded(row, row.at, (row.seq,)) for row in rows]
        under = self._lines.get(self.table.cursor_id or 0)
        self._lines = {line.id: line for line in sorted(lines, key=lambda line: -line.row.seq)}
        cursor = None
        if under is not None and under.id not in self._lines:
            # an older event has joined its line, or its oldest was let go: the line has another id now
            cursor = next((line.id for line in self._lines.values() if under.row.seq in line.seqs), None)
        self.show_rows([event_row(line.row, line.id, repeated(line)) for line in self._lines.values()], cursor=cursor)

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            self.table.say_failed(update.live.lost_reason)
        elif update.everything:
            self._fresh = True
            self.reload()
        elif update.count:
            self.reload_in_turn()

    def filtered(self) -> None:
        self._fresh = True
        self._opened = frozenset()
        super().filtered()

    fault_filter = "sev>=warn"

    @on(Highlighted)
    def _near_the_end(self) -> None:
        if self.table.roster.cursor_index >= len(self._lines) - 2 and self._older is not None:
            self._load_older()

    def position(self) -> str:
        return super().position() + ("+" if self._older is not None else "")

    def tally(self) -> str:
        events, lines = len(self._events), len(self._lines)
        return f"{count(events)} shown" + (f" in {count(lines)} lines" if lines < events else "")

    # -- doing --------------------------------------------------------------------------------------------------------

    def _event(self) -> EventRow | None:
        cursor = self.table.cursor_id
        line = None if cursor is None else self._lines.get(cursor)
        return None if line is None else line.row

    def why_not(self, name: str) -> str | None:
        if name in {"follow", "open", "copy", "hide_type"} and self._event() is None:
            return "no event is under the cursor"
        return super().why_not(name)

    def do_error_next(self) -> None:
        self._seek(1, Severity.ERROR)

    def do_error_previous(self) -> None:
        self._seek(-1, Severity.ERROR)

    def do_warning_next(self) -> None:
        self._seek(1, Severity.WARN)

    def do_warning_previous(self) -> None:
        self._seek(-1, Severity.WARN)

    def _seek(self, step: int, severity: Severity) -> None:
        """Jump to the next event of this severity; going down reads further back, as far as events are kept."""
        seqs = list(self._lines)
        at = self.table.roster.cursor_index + step
        while 0 <= at < len(seqs):
            if self._lines[seqs[at]].row.severity is severity:
                self.table.seek(seqs[at])
                return
            at += step
        if step > 0 and self._older is not None:
            self._seek_older(severity)
        else:
            self.console.say(f"no more {severity.value} events {'below' if step > 0 else 'above'}")

    @work(group="older", exclusive=True, exit_on_error=False)
    async def _seek_older(self, severity: Severity) -> None:
        while (before := self._older) is not None and len(self._events) < KEPT:
            rows = await self._read_older(before)
            if rows is None:
                return
            older = {row.seq for row in rows if row.severity is severity}
            found = next((line.id for line in self._lines.values() if not older.isdisjoint(line.seqs)), None)
            if found is not None:
                self.table.seek(found)
                return
        end = (
            "below" if self._older is None else f"among the newest {KEPT:,}; filter sev:{severity.value} to search all"
        )
        self.console.say(f"no more {severity.value} events {end}")

    def do_follow(self) -> None:
        """Show only events about the same subject."""
        event = self._event()
        if event is None:
            return
        if event.message is not None:
            self.filter_by(term("id", ":", spell_id("m", event.message)))
        elif "@" in event.target:
            self.filter_by(term("mailbox", "=", event.target))
        elif event.agent is not None:
            self.filter_by(term("agent", "=", event.target))
        else:
            self.filter_by(f"type:{event.type.partition('.')[0]}.*")

    def do_hide_type(self) -> None:
        """Leave out events of this type."""
        if (event := self._event()) is not None:
            self.set_filter([*self.wants, *filters.parse(f"!type={event.type}", self.filter_fields)])

    def do_fold(self) -> None:
        """Repeats as one line each, or every event by itself."""
        self._folds, self._opened = not self._folds, frozenset()
        self._draw()

    def do_open(self) -> None:
        event = self._event()
        if event is None:
            return
        cursor = self.table.cursor_id
        if cursor is not None and self._lines[cursor].count > 1:
            self._opened |= {cursor}
            self._draw()
            return
        self.app.push_screen(WholeEventPage(event))

    def copied(self) -> Source | None:
        event = self._event()
        return Source(event.target) if event is not None else None

    def do_save(self) -> None:
        """Write what is shown as JSON lines, in the directory the console was started in."""
        path = Path(f"postroom-events-{self._newer}.jsonl")
        lines = [orjson.dumps(_exported(event)) + b"\n" for event in reversed(self._events.values())]
        try:
            path.write_bytes(b"".join(lines))
        except OSError as error:
            self.console.say(f"not saved: {error.strerror}", "error")
            return
        self.console.say(f"{plural(len(lines), 'event')} in {path}")


def _exported(event: EventRow) -> dict[str, object]:
    return {
        "seq": event.seq,
        "at": stamp(event.at),
        "type": event.type,
        "actor": event.actor,
        "target": event.target,
        "data": event.data,
        "hash": event.hash,
    }
