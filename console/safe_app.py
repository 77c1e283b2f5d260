"""An app that is safe to type at: notices are never markup, a stray click never acts, keys act in their order.

Textual hands each key to the widget that has the focus when the key arrives, and a key that opens a line or a dialog
moves the focus later. Over a lagging connection keys arrive together: `/agent` opened the filter line and approved the
message under the cursor with its `a`. Here a key is handed on only when the one before it has done what it does.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from textual import events
from textual.app import ReturnType
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer

from console.safe_text import GuardedApp, clip, make_safe

NOTICE_LIMIT: Final = 300
"""Cells of a notice: a reason of 10 kB must not cover the screen."""
GLYPHS: Final[dict[SeverityLevel, str]] = {"information": "·", "warning": "▲", "error": "✖"}
PATIENCE: Final = 0.5
"""Seconds after which the next key is handed on even if nobody has reported the previous one as handled."""


class KeyHandled(Message):
    """Sent after each key, along the same path; when it reaches the app, the key has been handled everywhere."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class SafeApp(GuardedApp[ReturnType]):
    """What holds for the whole console, whatever it shows."""

    _refocused = False
    _key_number = 0
    _key_under_way = False
    _key_timer: Timer | None = None

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Show a notice. The text may be foreign; it is never parsed as markup."""
        self.notify(text, severity=severity)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """As Textual's, but the text is made safe and markup is never parsed, whoever calls."""
        del markup
        safe = f"{GLYPHS[severity]} {clip(make_safe(message, limit=NOTICE_LIMIT).text, NOTICE_LIMIT)}"
        super().notify(
            safe, title=make_safe(title, limit=NOTICE_LIMIT).text, severity=severity, timeout=timeout, markup=False
        )

    def action_help_quit(self) -> None:
        """ctrl+c, which ends nothing here.

        Textual's own notice uses markup, and names a key that multiplexers intercept.
        """
        self.say("q closes a page, and the console from its first page; esc leaves an input line first")

    def copy(self, text: str) -> None:
        """Copy safe text, and show it: on a terminal without OSC 52, the notice is the only thing to copy from."""
        self.copy_to_clipboard(text)
        self.say(f"copied {text} (select it here if your terminal's clipboard stays empty)")

    def on_app_focus(self) -> None:
        self._refocused = True

    async def on_event(self, event: events.Event) -> None:
        # the click that raised the terminal window was aimed at the window, not at what lies under it
        if self._refocused and isinstance(event, events.MouseDown | events.MouseUp) and not event.is_forwarded:
            self._refocused = isinstance(event, events.MouseDown)
            return
        if isinstance(event, events.Key):
            self._refocused = False
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.append(event)
            await self._hand_on()
            return
        await super().on_event(event)

    # -- keys in their order ------------------------------------------------------------------------------------------

    async def _hand_on(self) -> None:
        """Hand on what was typed, until a key is in progress."""
        while self._typed and not self._key_under_way:
            event = self._typed.popleft()
            target = self.focused or self.screen
            await super().on_event(event)
            self._key_number += 1
            self._key_under_way = True
            self._key_timer = self.set_timer(PATIENCE, self._key_handled)
            if not (event.is_forwarded and target.post_message(KeyHandled(self._key_number))):
                self.call_later(self._key_handled)

    def on_key_handled(self, message: KeyHandled) -> None:
        message.stop()
        if message.number == self._key_number:
            self.call_later(self._key_handled)  # after the change of focus that the key asked for

    async def _key_handled(self) -> None:
        if self._key_timer is not None:
            self._key_timer.stop()
        self._key_under_way = False
        await self._hand_on()
