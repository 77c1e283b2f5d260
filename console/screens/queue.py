"""2 Queue: held mail. A hundred thousand ids, the rows in view, and what is done with one or with all that match."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from console.batch_decision import Marked, batch_of
from console.copying import Source
from console.keymap import Scope, key_of, with_keys
from console.safe_text import make_safe
from console.screens.desk_screen import bindings
from console.screens.groups import GroupsPage
from console.screens.held_actions import marked, short
from console.screens.preview import PreviewScreen
from console.screens.team_actions import TeamScreen, not_for_team
from console.state import DeskUpdate, Link
from console.table_messages import Announced, MarksChanged
from console.views.rows import HELD, held_row
from console.widgets.columns import Row
from console.widgets.line_cache import SideBySide
from console.widgets.line_painter import Texts
from console.widgets.pane import TextPane
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.errors import PostroomError
from core.filter_fields import Listing, fields
from core.filters import Want
from core.ids import spell_id
from core.views.format import count
from core.views.queue import HeldRow, Order

ORDERS: Final = tuple(Order)
FIRST: Final = 200
RELOAD_AFTER: Final = 0.3
"""Seconds from the first new message to reading the order again; `RELOAD_SHARE` times what that took, if longer."""
RELOAD_SHARE: Final = 40
BULK: Final = frozenset({"mark", "range", "mark_all", "mark_alike", "approve_marked", "reject_marked"})
"""What takes the shown rows for those that are meant."""
CLOCK_AGAIN: Final = 5.0
"""Seconds before what changes without any event is read again: a filter by age, and who is on the rows in view."""
ABOUT: Final = (3, 4, 5)
"""The cells of a row that say whom and what it is about: agent, recipient, subject."""
CLAIMS: Final = frozenset({"review.claimed", "review.claim_released"})
"""Events that change what a filter by `mine` shows."""
BY_CLOCK: Final = frozenset({"age", "expires", "mine"})
FACTS_KEPT: Final = 20_000


class QueueScreen(TeamScreen, PreviewScreen):
    """Held mail, worst first."""

    scope = Scope.QUEUE
    tab = 2
    title_word = "Queue"
    table_id = "queue"
    listing = Listing.QUEUE
    filter_fields = fields(Listing.QUEUE)
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.QUEUE)
    DEFAULT_CSS = """
    QueueScreen VirtualTable { width: 3fr; }
    QueueScreen #preview { width: 2fr; border-left: vkey $border; padding: 0 0 0 1; display: none; }
    QueueScreen.-wide.-previews #preview { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0
        self._held = 0
        self._fresh = 0
        self._marked = (0, 0)
        self._known: dict[int, Marked] = {}
        self._took = 0.0
        self._asked = False
        self._seeking = False
        self._applied: tuple[Want, ...] = ()

    def compose_body(self) -> ComposeResult:
        with SideBySide():
            yield VirtualTable(
                HELD,
                self,
                now=lambda: self.console.now,
                id="queue",
                texts=Texts(loading="Loading the queue ...", empty="✔ Nothing is held."),
            )
            yield TextPane(id="preview")

    def on_mount(self) -> None:
        self.table.sending = self.console.session.sending
        self.set_interval(CLOCK_AGAIN, self._age)

    def place(self) -> str:
        fresh = f" (+{self._fresh} new, {key_of('load')} to load)" if self._fresh else ""
        if self.wants:
            return f"Queue {make_safe(self.filter_text).text} → {count(self._shown)} of {count(self._held)}{fresh}"
        order = ORDERS[self._order].value
        return f"Queue, {order} first{fresh}"

    def brief(self) -> str:
        order = ORDERS[self._order].value
        return super().brief() if self.wants or not self._order else f"Queue {order}"

    def shown_of(self) -> str:
        return f"{count(self._shown)}/{count(self._held)}"

    def note(self) -> str:
        if self.table.roster.anchor is not None:
            return with_keys("range: press {range} again to mark it, {back} cancels")
        marked, hidden = self._marked
        if sending := super().note():
            return sending
        if not marked:
            return self.console.alarm_text
        unseen = f", {hidden} hidden" if hidden else ""
        return with_keys(f"{{approve_marked}}/{{reject_marked}} marked({marked}{unseen})")

    # -- rows ---------------------------------------------------------------------------------------------------------

    async def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row]:
        """The lines of these ids: what the table asks for when they come into view."""
        items = list(ids)
        found = {row.id: row for row in (await self.desk.read(reads.QUEUE_ROWS, ids=items)).rows}
        if len(self._known) > FACTS_KEPT:
            # the facts of a row that can still be drawn stay: without them nothing can be done about it
            table = self.table
            self._known = {
                item: facts for item, facts in self._known.items() if item in table.marks or table.has_row(item)
            }
        self._known |= {item: marked(held) for item, held in found.items()}
        self.check_frame_with_rows()
        return self._rows(found.values())

    def _rows(self, found: Iterable[HeldRow]) -> dict[int, Row]:
        now, viewer = self.console.now, self.console.actor.name
        return {held.id: held_row(held, now=now, viewer=viewer) for held in found}

    async def load(self) -> None:
        wants = self.wants
        asked = {"filter": self.filter_text, "order": ORDERS[self._order]}
        if not self._asked:
            # visible rows come first, however many lie below
            ids = (await self.desk.read(reads.QUEUE, **asked, limit=FIRST)).ids
            self._asked = True
            self._applied = wants
            self.table.show_rows(ids, filtered=bool(wants))
        started = time.monotonic()
        found = await self.desk.read(reads.QUEUE, **asked)
        ids, self._held = found.ids, found.held
        self._took = time.monotonic() - started
        self._shown = len(ids)
        self.table.offer_rows(ids)
        self.check_frame()

    @property
    def _order(self) -> int:
        wanted = self.console.preferences.sort.get("queue")
        return next((at for at, order in enumerate(ORDERS) if order.value == wanted), 0)

    @property
    def rows_pending(self) -> bool:
        return not self._asked or self._seeking

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            self.table.say_failed(update.live.lost_reason)
            return
        if update.everything:
            self.table.say_current()
            self.reload()
            return
        if update.left:
            self.table.remove_rows(update.left)
            # each group they left now holds one fewer
            groups = {self._known[item].likeness for item in update.left if item in self._known} - {None}
            self.table.touch_rows(item for item, facts in self._known.items() if facts.likeness in groups)
        if touched := update.messages - update.left:
            self.table.touch_rows(touched)
        claimed = not update.kinds.isdisjoint(CLAIMS) and any(
            one.field == "mine" for want in self.wants for one in want.either
        )
        if update.came or claimed:
            self.reload_soon(max(RELOAD_AFTER, RELOAD_SHARE * self._took))

    def _age(self) -> None:
        if self.app.screen is not self or self.console.paused_at is not None:
            return
        if any(one.field in BY_CLOCK for want in self.wants for one in want.either):
            self.reload_in_turn()
        self._look_who()

    @work(group="who", exclusive=True, exit_on_error=False)
    async def _look_who(self) -> None:
        """See who is on the rows in view: to open a message, and to let a claim lapse, are no events.

        A read that fails is not repeated: whether the desk answers is said by what follows it.
        """
        table = self.table
        with contextlib.suppress(PostroomError):
            found = (await self.desk.read(reads.QUEUE_ROWS, ids=list(table.in_view))).rows
            table.touch_differing(self._rows(found))

    def filtered(self) -> None:
        self._asked = False
        self.reload()
        self.check_frame()

    fault_filter = "check:!"

    @on(Announced)
    def _announce(self, event: Announced) -> None:
        self._fresh = event.fresh
        self.check_frame()

    @on(MarksChanged)
    def _count_marks(self, event: MarksChanged) -> None:
        self._marked = (event.marked, event.hidden)
        if lost := len(self.console.session.not_mine(event.lost)):
            self.console.say(f"{lost} marked {'was' if lost == 1 else 'were'} decided by someone else", "warning")
        self.check_frame()

    # -- doing --------------------------------------------------------------------------------------------------------

    def chosen(self) -> tuple[int, str | None, str] | None:
        row = self.table.cursor_row
        return None if row is None else (row.id, row.digest, spell_id("m" if row.digest else "a", row.id))

    def about(self) -> Content:
        row = self.table.cursor_row
        return Content(" · ".join(row.cells[at].text for at in ABOUT if row.cells[at].text)) if row else Content("")

    def why_not(self, name: str) -> str | None:
        if name in BULK and (undecided := self._unfiltered()) is not None:
            return undecided
        match name:
            case "approve" | "reject" | "open" | "mark" | "claim" | "note" | "return" | "edit":
                return self._why_not_here(name)
            case "next_alike" | "mark_alike":
                facts = self._known.get(self.table.cursor_id or 0)
                return None if facts is not None and facts.alike > 1 else "no other message is like this one"
            case "approve_marked" | "reject_marked" | "clear_marks":
                return None if self.table.marks else "nothing is marked"
            case "load":
                return None if self._fresh else "nothing new has arrived"
            case _:
                return super().why_not(name)

    def _unfiltered(self) -> str | None:
        """Why the rows shown may not be those that the filter means; a batch of them would include others."""
        if (undecided := self.filter_undecided) is not None:
            return undecided
        return None if self._applied == self.wants else "the filter is not applied yet"

    def _why_not_here(self, name: str) -> str | None:
        cursor, row = self.table.cursor_id, self.table.cursor_row
        if cursor is None:
            return "nothing is under the cursor"
        if self.table.is_gone(cursor):
            return f"{short(spell_id('m', cursor))} is no longer pending: already decided"
        facts = self._known.get(cursor)
        if row is None or facts is None:
            return "it is still loading"
        if (unfit := not_for_team(name, message=row.digest is not None, received=facts.received)) is not None:
            return unfit
        if name == "approve" and facts.opened_first and not self.console.session.has_seen(cursor, row.digest):
            return with_keys("it failed a check, or is held for a reason other than its mode: open it first ({open})")
        return None

    def findings(self) -> tuple[str, ...]:
        facts = self._known.get(self.table.cursor_id or 0)
        return facts.findings if facts is not None else ()

    def claimed_by_me(self) -> bool:
        facts = self._known.get(self.table.cursor_id or 0)
        claim = facts.claim if facts is not None else None
        return claim is not None and claim.holds(self.console.now) and claim.operator == self.console.actor.name

    def tells_agent(self) -> bool:
        facts = self._known.get(self.table.cursor_id or 0)
        return facts is None or not facts.received

    def decided(self, items: Sequence[int]) -> None:
        self.table.remove_rows(items)
        self.check_frame()

    def copied(self) -> Source | None:
        item = self.table.cursor_id
        facts = self._known.get(item or 0)
        return Source(spell_id("m", item), facts.address if facts else "") if item is not None else None

    def do_open(self) -> None:
        cursor = self.table.cursor_id
        if cursor is not None:
            marks = list(self.table.marks)
            self.console.open_message(cursor, marks if cursor in marks else self.table.roster.ids)

    def do_mark(self) -> None:
        self.table.toggle_mark()

    def do_range(self) -> None:
        self.table.toggle_range()
        self.check_frame()

    def do_mark_all(self) -> None:
        self.table.mark_all()

    def do_mark_alike(self) -> None:
        self._with_alike(self.table.mark_all)

    def do_next_alike(self) -> None:
        self._seeking = True
        self._with_alike(self._go_next)

    def _go_next(self, group: frozenset[int]) -> None:
        order, at = self.table.roster.ids, self.table.roster.cursor_index
        further = (order[n % len(order)] for n in range(at + 1, at + len(order)))
        following = next((item for item in further if item in group), None)
        if following is None:
            self.console.say("no other message like this one is shown")
        else:
            self.table.seek(following)

    @work(group="alike", exclusive=True, exit_on_error=False)
    async def _with_alike(self, then: Callable[[frozenset[int]], None]) -> None:
        item, ids = self.table.cursor_id, None
        try:
            if item is not None:
                ids = (await self.desk.read(reads.ALIKE, id=item)).ids
        except PostroomError as error:
            self.console.say(f"could not load: {error}", "error")
        self._seeking = False
        if ids is not None:
            then(frozenset(ids))

    def do_groups(self) -> None:
        self.app.push_screen(GroupsPage(self.filter_text))

    def do_clear_marks(self) -> None:
        self.table.clear_marks()

    def do_load(self) -> None:
        self.table.load_offered()

    def do_sort(self) -> None:
        following = ORDERS[(self._order + 1) % len(ORDERS)]
        self.console.remember(self.console.preferences.sorted_by("queue", following.value))
        self.filtered()

    def do_approve_marked(self) -> None:
        marks = self.table.marks
        batch = batch_of(marks, self._known, seen=self.console.session.has_seen, approving=True)
        if not batch.ready:
            self.console.say("no marked message can be approved: open those with ✖ or ▲ first", "warning")
            return
        self.approve_batch(batch, marked=len(marks), hidden=self._marked[1])

    def do_reject_marked(self) -> None:
        marks = self.table.marks
        batch = batch_of(marks, self._known, seen=self.console.session.has_seen, approving=False)
        self.reject_batch(batch, marked=len(marks), hidden=self._marked[1])

    def go_back(self) -> bool:
        if self.table.cancel_range():
            self.check_frame()
            return True
        return super().go_back()
