"""Held mail by template: one line for what differs only in its recipient, with two samples side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from console.batch_decision import Batch, Marked, batch_of
from console.dialogs import WaitingDialog
from console.keymap import Scope, key_of
from console.safe_text import clip, make_safe
from console.screens.desk_screen import bindings
from console.screens.held_actions import HeldScreen, marked
from console.screens.message import MessageScreen
from console.screens.table_screen import TableScreen
from console.state import DeskUpdate, Link
from console.table_messages import Highlighted
from console.views.group_rows import GROUPS, group_row, sample_text
from console.views.rows import Shelf
from console.widgets.line_painter import Texts
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.errors import PostroomError
from core.views.format import count, plural
from core.views.queue import HeldRow
from core.views.templates import Template

FETCHED: Final = 1_000
"""Lines of one request."""
SUBJECT: Final = 56
"""Cells of a subject in a dialog."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a dialog asks about a template, once its messages have been read."""

    batch: Batch
    marked: int
    note: str


class GroupsPage(HeldScreen, TableScreen):
    """Pushed over the queue, with its filter; esc goes back."""

    scope = Scope.GROUPS
    tab = 2
    title_word = "Templates"
    table_id = "groups"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.GROUPS)
    DEFAULT_CSS = """
    GroupsPage VirtualTable { height: 1fr; }
    GroupsPage #samples { height: 9; border-top: hkey $border; }
    GroupsPage #samples Static { width: 1fr; height: 100%; padding: 0 1; }
    GroupsPage.-low #samples { height: 8; }
    """

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted
        self._groups: dict[int, Template] = {}
        self._numbers: dict[tuple[str, int | None], int] = {}
        """Agent and likeness -> the template's row, which stays when its oldest message is decided."""
        self._shelf = Shelf()
        self._said = ""

    def compose_body(self) -> ComposeResult:
        yield VirtualTable(
            GROUPS, self._shelf, now=lambda: self.console.now, markable=False, id="groups",
            texts=Texts(loading="Loading ...", empty="✔ Nothing is held."),
        )  # fmt: skip
        with Horizontal(id="samples"):
            yield Static(id="first", markup=False)
            yield Static(id="last", markup=False)

    def place(self) -> str:
        wanted = f" {make_safe(self._wanted).text}" if self._wanted else ""
        return f"Queue by template{wanted}"

    def tally(self) -> str:
        return self._said

    async def load(self) -> None:
        found = await self.desk.read(reads.GROUPS, filter=self._wanted)
        first = not self._numbers
        self._groups = {self._number(group): group for group in found.groups if group.samples}
        more = "+" if found.more else ""
        without = f", {count(found.without)} without text" if found.without else ""
        self._said = f"{plural(len(self._groups), 'template')}{more}{without}"
        rows = [replace(group_row(group), id=number) for number, group in self._groups.items()]
        ids, changed = self._shelf.fill(rows)
        if first:
            self.table.show_rows(ids, filtered=bool(self._wanted))
        else:
            self.table.offer_rows(ids)  # no other template slips under the cursor
        self.table.touch_rows(changed)
        self.table.tick()
        self._draw_samples()
        self.check_frame()

    def _number(self, group: Template) -> int:
        sample = group.samples[0]
        return self._numbers.setdefault((sample.agent, sample.likeness), len(self._numbers))

    def apply_update(self, update: DeskUpdate) -> None:
        if update.live.link is Link.LOST:
            self.table.say_failed(update.live.lost_reason)
        elif update.everything or update.left or update.came:
            self.reload_in_turn()

    @on(Highlighted)
    def _draw_samples(self) -> None:
        group = self._group()
        samples = group.samples if group is not None else ()
        for place, name in enumerate(("first", "last")):
            text = sample_text(samples[place], place) if place < len(samples) else Content("")
            self.query_one(f"#{name}", Static).update(text)

    # -- doing --------------------------------------------------------------------------------------------------------

    def _group(self) -> Template | None:
        cursor = self.table.cursor_id
        return None if cursor is None else self._groups.get(cursor)

    def chosen(self) -> tuple[int, str | None, str] | None:
        return None  # a group is decided as a whole

    def about(self) -> Content:
        return Content("")

    def findings(self) -> tuple[str, ...]:
        return ()

    def tells_agent(self) -> bool:
        return True

    def decided(self, items: Sequence[int]) -> None:
        del items
        self.reload()

    def why_not(self, name: str) -> str | None:
        if name in {"open", "approve_group", "reject_group"} and self._group() is None:
            cursor = self.table.cursor_id
            gone = cursor is not None and self.table.is_gone(cursor)
            return "none of it is held any more" if gone else "no template is under the cursor"
        return super().why_not(name)

    def do_open(self) -> None:
        """Walk the group: J and K step through all of it."""
        if (group := self._group()) is not None:
            # its page opens at once: keys typed while the desk answers must not act on another screen
            page = self.console.open_message(group.samples[0].id)
            page.expect_list()
            self._read_list(group.samples[0].id, page)

    @work(group="group", exclusive=True, exit_on_error=False)
    async def _read_list(self, item: int, page: MessageScreen) -> None:
        ids: Sequence[int] = (item,)
        try:
            ids = (await self.desk.read(reads.ALIKE, id=item)).ids
        except PostroomError as error:
            self.console.say(f"could not load: {error}", "error")
        finally:
            page.take_list(ids)

    def do_approve_group(self) -> None:
        self._decide(approving=True)

    def do_reject_group(self) -> None:
        self._decide(approving=False)

    def _decide(self, *, approving: bool) -> None:
        """Ask about all that are like the chosen one now: their digests are read first."""
        group = self._group()
        if group is None:
            return
        waiting: WaitingDialog[Asked] = WaitingDialog(
            f"{'Approve' if approving else 'Reject'} a template",
            Content(f"{_subject(group)}\nLoading its messages ..."),
            clock=self.console.monotonic,
        )  # fmt: skip
        self.ask(waiting, lambda asked: self._ask_about(asked, approving=approving))
        self._read_batch(group, waiting, approving=approving)

    def _ask_about(self, asked: Asked, *, approving: bool) -> None:
        ask = self.approve_batch if approving else self.reject_batch
        ask(asked.batch, marked=asked.marked, hidden=0, note=asked.note, what="message")

    @work(group="group", exclusive=True, exit_on_error=False)
    async def _read_batch(self, group: Template, waiting: WaitingDialog[Asked], *, approving: bool) -> None:
        try:
            rows = await self._rows(group.samples[0].id)
        except PostroomError as error:
            waiting.failed(f"could not load: {error}")
            return
        known = {item: marked(row) for item, row in rows.items()}
        marks = {item: row.digest for item, row in rows.items()}
        opened = sum(self.console.session.has_seen(item, digest) for item, digest in marks.items())
        read = max(opened, group.seen)
        batch = batch_of(marks, known, seen=self._seen(known, any_read=read > 0), approving=approving)
        if not batch.ready:
            waiting.failed(
                f"none of them can be approved: open one first ({key_of('open')})"
                if approving
                else "none is held any more"
            )
            return
        note = f"{_subject(group)}\nYou have opened {count(read)} of {plural(len(marks), 'body', 'bodies')}."
        waiting.found(Asked(batch, len(marks), note))

    def _seen(self, known: Mapping[int, Marked], *, any_read: bool) -> Callable[[int, str | None], bool]:
        """Who has read one of a template knows the others, but not one that fails a check."""
        session = self.console.session
        return lambda item, digest: session.has_seen(item, digest) or (any_read and not known[item].findings)

    async def _rows(self, item: int) -> dict[int, HeldRow]:
        ids = list((await self.desk.read(reads.ALIKE, id=item)).ids)
        found: dict[int, HeldRow] = {}
        for at in range(0, len(ids), FETCHED):
            page = await self.desk.read(reads.QUEUE_ROWS, ids=ids[at : at + FETCHED])
            found |= {row.id: row for row in page.rows}
        return found


def _subject(group: Template) -> str:
    return clip(make_safe(group.samples[0].subject or "(no subject)").text, SUBJECT)
