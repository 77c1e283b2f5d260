"""4 Lanes: what waits to leave, lane by lane with what holds it back, or by site and age as qshape shows it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from console import operations
from console.keymap import Scope
from console.safe_text import fill, make_safe
from console.screens.desk_screen import bindings
from console.screens.record_list import ListScreen
from console.views.record_rows import (
    LANE_FIELDS,
    LANES,
    SITES,
    lane_fields,
    lane_row,
    scheduled_text,
    site_row,
    total_text,
)
from console.views.rows import Shelf
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.filter_fields import Listing
from core.filters import matches
from core.views.format import plural
from core.views.history import Of
from core.views.lanes import LaneRow, Scheduled


class LanesScreen(ListScreen):
    """The deepest lane first."""

    scope = Scope.LANES
    tab = 4
    title_word = "Lanes"
    listing = Listing.LANES
    filter_fields = LANE_FIELDS
    columns = LANES
    texts = Texts(loading="Loading lanes ...", empty="✔ No mail is waiting.")
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LANES)
    DEFAULT_CSS = """
    LanesScreen #sites { display: none; }
    LanesScreen.-sites #sites { display: block; }
    LanesScreen.-sites #list { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lanes: dict[int, LaneRow] = {}
        self._known = 0
        self._scheduled = Scheduled(0, None)
        self._sites = Shelf()

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        texts = Texts(empty="✔ No mail is waiting.")
        yield VirtualTable(SITES, self._sites, now=lambda: self.console.now, markable=False, id="sites", texts=texts)

    async def load(self) -> None:
        now = self.console.now
        if self.has_class("-sites"):
            sites = (await self.desk.read(reads.SITES)).sites
            table = self.query_one("#sites", VirtualTable)
            ids, changed = self._sites.fill(site_row(n, site) for n, site in enumerate(sites, start=1))
            table.show_rows(ids)
            table.touch_rows(changed)
            return
        waiting = await self.desk.read(reads.LANES)
        found, self._scheduled = waiting.lanes, waiting.scheduled
        shown = [one for one in found if matches(lane_fields(one.lane), self.wants)]
        self._lanes, self._known = {one.lane.id: one.lane for one in shown}, len(found)
        self.show_rows([lane_row(one, now=now, stopped=self.console.live.stopped) for one in shown])

    def tally(self) -> str:
        lanes = total_text(len(self._lanes), self._known, "lane")
        return f"{lanes}{scheduled_text(self._scheduled)}"

    def focus_body(self) -> None:
        self.query_one("#sites" if self.has_class("-sites") else "#list").focus()

    def history_subject(self) -> tuple[Of, str]:
        lane = self._lane()
        return super().history_subject() if lane is None else (Of.SITE, lane.site)

    # -- doing --------------------------------------------------------------------------------------------------------

    def _lane(self) -> LaneRow | None:
        cursor = self.table.cursor_id
        return None if cursor is None or self.has_class("-sites") else self._lanes.get(cursor)

    def why_not(self, name: str) -> str | None:
        if name not in {"pause_lane", "resume_lane", "pause_stream", "resume_stream", "open"}:
            return super().why_not(name)
        lane = self._lane()
        if lane is None:
            return "no lane is under the cursor"
        if name == "pause_lane" and lane.paused_at is not None:
            return f"it is already paused, by {make_safe(lane.paused_by or '').text}"
        if name == "resume_lane" and lane.paused_at is None:
            return "it is not paused"
        return None

    def do_shape(self) -> None:
        self.toggle_class("-sites")
        self.focus_body()
        self.reload()

    def do_open(self) -> None:
        if (lane := self._lane()) is not None:
            self.console.open_agent(lane.agent)

    def do_pause_lane(self) -> None:
        lane = self._lane()
        if lane is None:
            return
        self.ask_reason(
            fill("Pause the lane from $mailbox to $domain?", mailbox=lane.mailbox, domain=lane.domain),
            fill("Messages waiting in it: $depth. They stay queued.", depth=str(lane.depth)),
            "pauses it",
            lambda reason: self.console.run_operation(
                operations.pause_lane(lane.id, reason),
                lambda _: self.console.say(f"the lane to {lane.domain} is paused"),
            ),
        )

    def do_resume_lane(self) -> None:
        lane = self._lane()
        if lane is None:
            return
        self.ask_typed(
            fill("Resume the lane from $mailbox to $domain?", mailbox=lane.mailbox, domain=lane.domain),
            None,
            expected=make_safe(lane.domain).text,
            does="resume it",
            then=lambda answer: self.console.run_operation(
                operations.resume_lane(lane.id, answer.reason),
                lambda _: self.console.say(f"the lane to {lane.domain} is resumed"),
            ),
        )

    def do_pause_stream(self) -> None:
        lane = self._lane()
        if lane is None:
            return
        self.ask_reason(
            fill("Pause the whole stream $stream?", stream=lane.stream),
            fill("No delivery of any mailbox on $stream starts.", stream=lane.stream),
            "pauses the stream",
            lambda reason: self.console.run_operation(
                operations.pause_stream(lane.stream, reason),
                lambda paused: self.console.say(
                    f"{lane.stream} is paused: "
                    f"{plural(paused['in_flight'], 'delivery', 'deliveries')} had already started"
                ),
            ),
        )

    def do_resume_stream(self) -> None:
        lane = self._lane()
        if lane is None:
            return
        self.ask_typed(
            fill("Resume the stream $stream?", stream=lane.stream),
            None,
            expected=make_safe(lane.stream).text,
            does="resume it",
            then=lambda answer: self.console.run_operation(
                operations.resume_stream(lane.stream, answer.reason),
                lambda _: self.console.say(f"{lane.stream} is resumed"),
            ),
        )
