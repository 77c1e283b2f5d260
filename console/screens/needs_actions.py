"""Acknowledge and snooze what needs somebody: the others see who knows about it, and it is quiet for a while."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from console import record_operations as operations
from console.dialogs import Choice, ChoiceDialog
from console.safe_text import fill, make_safe
from console.screens.desk_screen import DeskScreen
from core.desk_client.interface import Json
from core.durations import DAY, HOUR, MINUTE, SECOND, read_stamp
from core.views.format import clock
from core.views.live import Need

USUAL: Final = HOUR // SECOND
SPANS: Final = (
    (15 * MINUTE, "15 minutes"), (HOUR, "1 hour"), (4 * HOUR, "4 hours"), (8 * HOUR, "8 hours, a shift"),
    (DAY, "a day"), (7 * DAY, "a week"),
)  # fmt: skip
WAKE: Final = "wake"


class NeedsScreen(DeskScreen):
    """A screen that shows what needs somebody."""

    def chosen_need(self) -> Need | None:
        """What `a` and `z` act on: the line under the cursor, if the keys go there."""
        raise NotImplementedError

    def why_not(self, name: str) -> str | None:
        if name not in {"acknowledge", "snooze"}:
            return super().why_not(name)
        need = self.chosen_need()
        if need is None:
            return "nothing that needs you is under the cursor: tab goes there"
        return None if need.id else "it cannot be acknowledged"

    def do_acknowledge(self) -> None:
        """Known for an hour; pressed again, shown again."""
        need = self.chosen_need()
        if need is None:
            return
        if need.quiet:
            self._wake(need)
        else:
            self._acknowledge(need, USUAL)

    def do_snooze(self) -> None:
        need = self.chosen_need()
        if need is None:
            return
        choices = [Choice(str(span // SECOND), Content(text)) for span, text in SPANS]
        if need.quiet:
            until = clock(need.quiet_until)
            known = fill("show it again (known to $who until $until)", who=need.quiet_by or "", until=until)
            choices.append(Choice(WAKE, known))
        dialog = ChoiceDialog(
            fill("How long is $subject quiet?", subject=need.subject),
            fill("$text. It is shown again at once if it gets worse.", text=need.text),
            choices=choices,
            clock=self.console.monotonic,
        )
        self.ask(dialog, lambda key: self._wake(need) if key == WAKE else self._acknowledge(need, int(key)))

    def _acknowledge(self, need: Need, seconds: int) -> None:
        subject = make_safe(need.subject).text

        def quiet(answer: Json) -> None:
            self.console.say(f"{subject} is quiet until {clock(read_stamp(answer['until']))}, unless it gets worse")

        self.console.run_operation(operations.acknowledge(need.id, int(need.level), seconds), quiet)

    def _wake(self, need: Need) -> None:
        subject = make_safe(need.subject).text
        self.console.run_operation(operations.wake(need.id), lambda _: self.console.say(f"{subject} is shown again"))
