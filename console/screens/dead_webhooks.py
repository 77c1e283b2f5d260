"""Dead webhooks: events that a receiver never took, with the reason, to be sent again once it works."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from console import record_operations as operations
from console.keymap import Scope
from console.safe_text import fill
from console.screens.desk_screen import bindings
from console.screens.record_list import ListScreen
from console.views.page_rows import DEAD, dead_row
from console.widgets.line_painter import Texts
from core.desk_client.interface import Json
from core.ids import read_id
from core.views.format import count, plural

KEPT = 10_000
"""Lines held in memory; what has been sent again makes room for the rest."""


class DeadWebhooksPage(ListScreen):
    """Pushed over any screen; the oldest first."""

    scope = Scope.WEBHOOKS
    tab = 0
    title_word = "Dead webhooks"
    columns = DEAD
    texts = Texts(loading="Loading ...", empty="✔ Every webhook event has been delivered, or is being tried.")
    event_prefixes = ("webhook.",)
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.WEBHOOKS)

    def __init__(self) -> None:
        super().__init__()
        self._dead: dict[int, Json] = {}
        self._more = False

    async def load(self) -> None:
        found: dict[int, Json] = {}
        after = 0
        while True:
            page = (await self.desk.ask(operations.dead_letters(after)))["dead"]
            found |= {one["id"]: one for one in page}
            if not page or len(found) >= KEPT:
                break
            after = page[-1]["id"]
        self._dead, self._more = found, len(found) >= KEPT
        self.show_rows([dead_row(one) for one in found.values()])

    def note(self) -> str:
        return f"{count(len(self._dead))}{'+' if self._more else ''} not delivered"

    def _letter(self) -> Json | None:
        cursor = self.table.cursor_id
        return None if cursor is None else self._dead.get(cursor)

    # -- doing --------------------------------------------------------------------------------------------------------

    def why_not(self, name: str) -> str | None:
        letter = self._letter()
        if name in {"replay", "replay_all", "open"} and letter is None:
            return "no webhook event is under the cursor"
        if name == "replay" and letter is not None and letter["replayed_at"]:
            return "it is already being sent again"
        if name == "open" and letter is not None and letter["message_id"] is None:
            return "it is about no message"
        return super().why_not(name)

    def do_open(self) -> None:
        letter = self._letter()
        message = read_id("m", (letter or {}).get("message_id") or "")
        if message is not None:
            self.console.open_message(message)

    def do_replay(self) -> None:
        if (letter := self._letter()) is not None:
            self.console.run_operation(operations.replay([letter["id"]]), self._replayed)

    def do_replay_all(self) -> None:
        letter = self._letter()
        if letter is None:
            return
        address = letter["mailbox"]
        of_mailbox = [one for one in self._dead.values() if one["mailbox"] == address]
        more = " or more" if self._more else ""
        self.ask_typed(
            fill("Send all of $address again?", address=address),
            Content(f"{plural(len(of_mailbox), 'event')}{more}, in the order of the log, ahead of newer ones."),
            expected=str(len(of_mailbox)),
            does="send them",
            reason=False,
            then=lambda _: self.console.run_operation(operations.replay_mailbox(address), self._replayed),
        )

    def _replayed(self, answer: Json) -> None:
        self.console.say(f"{plural(answer['replayed'], 'event')} sent again by the gateway")
        self.reload()
