"""An input line that applies its keys in order, however fast they come."""

from __future__ import annotations

from textual import events
from textual.binding import NoBinding
from textual.widgets import Input

from console.keymap import stop_of


class EditLine(Input):
    """An `Input` that runs its own edit keys itself.

    Textual inserts a printable key at once, but sends backspace, home or enter up to the app first, which returns with
    the action later: in a burst (a lagging connection, a repeating key) `789`, three backspaces and `6` became `7`, and
    that number was confirmed.

    A screen's line has no key to cut with, where that key stops the desk: the footer promises it while one types.
    """

    async def _on_key(self, event: events.Key) -> None:
        if not event.is_printable and not self.screen.is_modal and (stop := stop_of(event.key)) is not None:
            event.stop()
            event.prevent_default()
            await self.run_action(f"app.perform('{stop.name}')")
            return
        try:
            bound = self._bindings.get_bindings_for_key(event.key)
        except NoBinding:
            return  # Textual's own handler runs next: it inserts what is printable
        event.stop()
        event.prevent_default()
        await self.run_action(bound[0].action)
