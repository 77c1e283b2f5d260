"""1 Desk: what needs attention, how the mail flows, every agent on one line, worst first."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Sequence
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from console.keymap import Scope, action_of, key_of, works_in
from console.screens.agents import AgentsScreen, put
from console.screens.desk_screen import bindings
from console.screens.needs_actions import NeedsScreen
from console.state import Link, Live
from console.themes import Tone
from console.views.gauges import sparkline
from console.views.rows import CAUSE_LINES, NEEDS, Shelf, need_rows
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.views.format import per_minute, rate
from core.views.live import AgentLine, Need

LEAST: Final = 8
LEAST_LOW: Final = 6
"""Lines of the first part, with its head, on a screen of 30 lines and more, and of fewer."""
ROOMY: Final = 1_000
SPARK: Final = 16
SETTLED: Final = 0.3
"""Seconds after which the layout is settled: a screen that turns narrow is laid out more than once."""


class DeskOverview(NeedsScreen, AgentsScreen):
    """The first screen."""

    scope = Scope.DESK
    tab = 1
    title_word = "Desk"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DESK)
    DEFAULT_CSS = """
    DeskOverview #glance { height: 8; }
    DeskOverview.-low #glance { height: 6; }
    DeskOverview #needs { width: 3fr; }
    DeskOverview #flow { width: 2fr; min-width: 46; padding: 0 1; }
    DeskOverview.-low #flow, DeskOverview.-narrow #flow { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._needs_shelf = Shelf()
        self._needs: dict[int, Need] = {}
        """What is drawn, by its number. While the console is paused, the desk itself is further on."""
        self._numbers: dict[tuple[str, int], int] = {}
        self._next = itertools.count(1)
        self._placed = False
        """Whether the cursor was placed: in what needs somebody if that is critical, else in the agents."""

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="glance"):
            yield VirtualTable(
                NEEDS,
                self._needs_shelf,
                now=lambda: self.console.now,
                markable=False,
                id="needs",
                texts=Texts(empty="✔ Nothing needs you."),
            )
            yield Static(id="flow", markup=False)
        yield from super().compose_body()

    def place(self) -> str:
        mode = self.console.live.default_mode
        return f"default mode {mode}" if mode and not self.wants else super().place()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_again)  # a cause is wrapped to the current width

    def show(self, live: Live) -> None:
        needs = self.query_one("#needs", VirtualTable)
        if live.link is Link.LOST:
            needs.say_failed(live.lost_reason)
        elif live.link is Link.LIVE:
            width = needs.scrollable_content_region.width - 1
            self._number(live.needs)
            draw = partial(need_rows, self._needs, width=width, now=self.console.now, key_of=self._key_of)
            rows = draw(room=self._grow(len(draw(room=ROOMY)), agents=len(live.agents)))
            put(needs, self._needs_shelf.fill(rows), cursor=self._still(needs.cursor_id, {row.id for row in rows}))
            self.call_after_refresh(self._wrap_again, width)
            self.set_timer(SETTLED, lambda: self._wrap_again(width))
            self.query_one("#flow", Static).update(flow(live))
        super().show(live)
        if not self._placed and live.link is Link.LIVE:
            self._placed = True
            if live.faults:
                needs.focus()

    def _grow(self, wanted: int, *, agents: int) -> int:
        """Give the needs the lines that the agents leave free, as far as they want them; returns how many they have."""
        glance = self.query_one("#glance")
        least = LEAST_LOW if self.has_class("-low") else LEAST
        free = glance.size.height + self.table.size.height - agents - 1
        height = max(least, min(wanted + 1, free))
        glance.styles.height = height
        return height - 1

    def _wrap_again(self, width: int) -> None:
        """A scrollbar that these causes need has made them one column narrower."""
        if self.query_one("#needs", VirtualTable).scrollable_content_region.width - 1 != width:
            self._show_again()

    def _show_again(self) -> None:
        """Draw what is drawn once more: while the console is paused, the desk itself is further on."""
        self.show(self._drawn or self.console.live)

    def _number(self, needs: Sequence[Need]) -> None:
        """A need keeps its number while it lasts, so that the cursor and a key mean the one that was looked at."""
        times: Counter[str] = Counter()
        names = []
        for need in needs:
            times[need.id] += 1
            names.append((need.id, times[need.id]))
        self._numbers = {name: self._numbers.get(name) or next(self._next) for name in names}
        self._needs = dict(zip(map(self._numbers.__getitem__, names), needs, strict=True))

    def _still(self, cursor: int | None, shown: Container[int]) -> int | None:
        """The first line of the need under the cursor, if the line of it that was chosen is no longer drawn."""
        if cursor is None or cursor in shown or cursor // CAUSE_LINES not in self._needs:
            return None
        return cursor // CAUSE_LINES * CAUSE_LINES

    def _key_of(self, operation: str) -> str:
        """The key that performs an operation on this screen, if one does; enter, if it opens a page."""
        action = action_of(operation)
        if action is not None and not action.key:
            return key_of("open")
        return action.keycap if action is not None and works_in(action, self.scope) else ""

    def position(self) -> str:
        if not self.query_one("#needs").has_focus:
            return super().position()
        number = self._chosen()
        return f"{[*self._needs].index(number) + 1}/{len(self._needs)}" if number in self._needs else ""

    # -- doing --------------------------------------------------------------------------------------------------------

    def chosen_agent(self) -> AgentLine | None:
        if not self.query_one("#needs").has_focus:
            return super().chosen_agent()
        need = self._need()
        if need is None:
            return None
        name = need.key if need.go == "agent" else need.subject if need.next in {"run.confirm", "drill.start"} else ""
        return next((line for line in self.console.live.agents if line.name == name), None)

    def chosen_need(self) -> Need | None:
        return self._need() if self.query_one("#needs").has_focus else None

    def _need(self) -> Need | None:
        number = self._chosen()
        return None if number is None else self._needs.get(number)

    def _chosen(self) -> int | None:
        """The number of the need under the cursor; each takes one or more rows."""
        cursor = self.query_one("#needs", VirtualTable).cursor_id
        return None if cursor is None else cursor // CAUSE_LINES

    def why_not(self, name: str) -> str | None:
        if name == "open" and self.query_one("#needs").has_focus:
            return None if self._need() else "nothing needs you"
        return super().why_not(name)

    def do_open(self) -> None:
        need = self._need() if self.query_one("#needs").has_focus else None
        action = action_of(need.next) if need is not None else None
        if need is None or need.go == "agent":
            super().do_open()
        elif action is not None and not action.key:
            self.console.perform(action.name)
        else:
            self.console.go(need.go)


def flow(live: Live) -> Content:
    """What the last quarter of an hour looked like, one line per kind."""
    sent = sum(live.flow.get("sent", ()))
    lines = [Content.styled("FLOW, 15 MIN", Tone.MUTED)]
    for kind, label in (("sent", "sent"), ("held", "held"), ("deferred", "deferred")):
        series = live.flow.get(kind, ())
        lines.append(_flow_line(label, series, per_minute(max(series[-2:], default=0)), Tone.INFO))
    for kind, label in (("bounced", "bounced"), ("complained", "compl.")):
        series = live.flow.get(kind, ())
        tone = Tone.WARN if sum(series) else Tone.INFO
        lines.append(_flow_line(label, series, f"{sum(series):,} · {rate(sum(series), sent)}", tone))
    return Content("\n").join(lines)


def _flow_line(label: str, series: tuple[int, ...], figure: str, tone: Tone) -> Content:
    return Content.assemble((f"{label:<9}", Tone.MUTED), (sparkline(series, SPARK), tone), f"  {figure}")
