"""The hand-over for the next shift: what waits, what happened, who did what, and the notes."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from console import record_operations as operations
from console.dialogs import Choice, ChoiceDialog
from console.form_dialogs import ValueDialog
from console.keymap import Scope, key_of
from console.safe_text import fill, make_safe
from console.screens.desk_screen import DeskScreen, bindings
from console.state import DeskUpdate
from console.themes import Tone
from console.views.handover_lines import handover_lines
from console.widgets.columns import Piece
from console.widgets.pane import TextPane
from core.durations import DAY, HOUR

SPANS: Final = (
    (2 * HOUR, "2 hours"), (8 * HOUR, "8 hours"), (12 * HOUR, "12 hours"), (DAY, "24 hours"), (3 * DAY, "3 days"),
    (7 * DAY, "7 days"),
)  # fmt: skip
_WORDS: Final = dict(SPANS)


class HandoverPage(DeskScreen):
    """Pushed over any screen; esc goes back."""

    scope = Scope.HANDOVER
    tab = 0
    title_word = "Hand-over"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HANDOVER)
    DEFAULT_CSS = """
    HandoverPage TextPane { height: 1fr; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._span = 8 * HOUR
        self._read = False

    def compose_body(self) -> ComposeResult:
        yield TextPane(id="handover")

    def on_mount(self) -> None:
        self._pane.show_lines([[Piece("Loading ...", Tone.MUTED)]])
        self.focus_body()

    @property
    def _pane(self) -> TextPane:
        return self.query_one("#handover", TextPane)

    def focus_body(self) -> None:
        self._pane.focus()

    def place(self) -> str:
        return f"Hand-over, the last {_WORDS[self._span]}"

    def note(self) -> str:
        return f"{key_of('refresh')} reads it again"

    async def load(self) -> None:
        span = self._span
        found = await self.desk.ask(operations.handover(span))
        if span == self._span:
            self._pane.show_lines(handover_lines(found), top=not self._read)
            self._read = True

    def failed(self, reason: str) -> None:
        if self._read:
            super().failed(reason)
        else:
            self._pane.show_lines([[Piece(f"✖ {make_safe(reason).text}", Tone.FAULT)]])

    def apply_update(self, update: DeskUpdate) -> None:
        """A page that is being read does not move; a note of somebody belongs on it at once."""
        if update.everything or "review.noted" in update.kinds:
            self.reload_in_turn()

    # -- doing --------------------------------------------------------------------------------------------------------

    def do_since(self) -> None:
        def chosen(key: str) -> None:
            self._span, self._read = int(key), False
            self.reload()
            self.check_frame()

        choices = [Choice(str(span), Content(text)) for span, text in SPANS]
        self.ask(ChoiceDialog("How far back?", choices=choices, clock=self.console.monotonic), chosen)

    def do_note_incident(self) -> None:
        dialog = ValueDialog(
            "Note on which incident?", Content("A name of your own: whoever looks for it finds all its notes."),
            asks="a name, as INC-431", clock=self.console.monotonic,
        )  # fmt: skip
        self.ask(dialog, self._ask_note)

    def _ask_note(self, incident: str) -> None:
        self.ask_reason(
            fill("Note on $incident", incident=incident),
            None,
            "saves the note",
            lambda text: self.console.run_operation(
                operations.note_on_incident(incident, text), lambda _: self.console.say("noted")
            ),
            asks="note",
        )
