"""6 Suppressions: addresses the desk no longer writes to, and why."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Input

from console import operations
from console.copying import Source
from console.dialogs import Dialog, Prompt
from console.keymap import Scope
from console.safe_text import fill, make_safe
from console.screens.desk_screen import bindings
from console.screens.record_list import ListScreen
from console.screens.suppress_action import suppress
from console.themes import Tone
from console.views.record_rows import SUPPRESSIONS, suppression_row
from console.widgets.line_painter import Texts
from core.desk_client import reads
from core.errors import Invalid
from core.filter_fields import Listing, fields
from core.rules.addresses import parse_address
from core.views.agents import SuppressionRow
from core.views.format import plural

PAGE: Final = 500
"""Records that the desk answers at most."""


class AddressDialog(Dialog[str]):
    """Ask for one address."""

    def compose_question(self) -> ComposeResult:
        yield Prompt(id="address", placeholder="name@example.com")

    def hint(self) -> Content:
        return Content.assemble(("enter ", Tone.INFO), "continues   ", ("esc ", Tone.INFO), "cancel")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        address = self.query_one("#address", Prompt).line
        try:
            self.dismiss(parse_address(address).normalised)
        except Invalid as error:  # said before the reason is asked for, not after it was typed
            self.say(Content.assemble((f"▲ {make_safe(error.reason).text}", Tone.WARN), "   esc cancel"))


class SuppressionsScreen(ListScreen):
    """The newest first."""

    scope = Scope.SUPPRESSIONS
    tab = 6
    title_word = "Suppressions"
    listing = Listing.SUPPRESSIONS
    filter_fields = fields(Listing.SUPPRESSIONS)
    columns = SUPPRESSIONS
    texts = Texts(loading="Loading suppressions ...", empty="No address is suppressed.")
    event_prefixes = ("suppression.", "email.complained", "email.bounced", "email.unsubscribed")
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.SUPPRESSIONS)

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[int, SuppressionRow] = {}
        self._past = False

    async def load(self) -> None:
        now = self.console.now
        found = (await self.desk.read(reads.SUPPRESSIONS, filter=self.filter_text, past=self._past)).rows
        self._records = {one.id: one for one in found}
        self.show_rows([suppression_row(one, now=now) for one in found])

    def tally(self) -> str:
        most = f", the newest {PAGE}" if len(self._records) >= PAGE else ""
        return plural(len(self._records), "record") + most

    def copied(self) -> Source | None:
        record = self._record()
        return Source("", record.address) if record is not None else None

    def _record(self) -> SuppressionRow | None:
        cursor = self.table.cursor_id
        return None if cursor is None else self._records.get(cursor)

    def why_not(self, name: str) -> str | None:
        if name in {"remove_suppression", "open"}:
            record = self._record()
            if record is None:
                return "no record is under the cursor"
            if name == "remove_suppression" and not record.in_force(self.console.now):
                return "it is no longer in force"
        return super().why_not(name)

    def do_past(self) -> None:
        self._past = not self._past
        self.reload()

    def do_open(self) -> None:
        if (record := self._record()) is not None:
            self.console.open_trace(record.address)

    def do_add_suppression(self) -> None:
        body = Content("No agent will be able to mail this address.")
        self.ask(
            AddressDialog("Suppress an address", body, clock=self.console.monotonic),
            lambda address: suppress(self, address),
        )

    def do_remove_suppression(self) -> None:
        record = self._record()
        if record is None:
            return
        self.ask_typed(
            fill("Allow mail to $address again?", address=record.address),
            fill(
                "Suppressed for: $cause, by $by.$why",
                cause=record.cause,
                by=record.added_by,
                why=f" {record.reason}" if record.reason else "",
            ),
            expected=make_safe(record.address).text,
            does="remove it",
            then=lambda answer: self.console.run_operation(
                operations.unsuppress(record.address, answer.reason),
                lambda _: self.console.say(f"{record.address} can be mailed again"),
            ),
        )
