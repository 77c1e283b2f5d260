"""An app that is safe to type at: notices are never markup, a stray click never acts, keys act in their order.

Textual hands each key to the widget that has the focus when the key arrives, and a key that opens a line or a dialog
moves the focus later. Over a lagging connection keys arrive together: `/agent` opened the filter line and approved the
message under the cursor with its `a`. Here a key is handed on only when the one before it has been handled by every
widget on its way, and the focus is where it put it.

What a key starts in the background (a read, a decision that is written) is not waited for, and no key is kept back
longer than `HANDLED_TIMEOUT`. So a question must open, or at least `WaitingDialog`, while its key is handled: never
only after a background operation.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final

from textual import events
from textual.app import ReturnType
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.timer import Timer
from textual.widget import Widget

from console.keymap import key_while_typing, with_keys
from console.safe_text import GuardedApp, clip, make_safe

NOTICE_LIMIT: Final = 300
"""Cells of a notice: a reason of 10 kB must not cover the screen."""
GLYPHS: Final[dict[SeverityLevel, str]] = {"information": "·", "warning": "▲", "error": "✖"}
HANDLED_TIMEOUT: Final = 5.0
"""Seconds after which the next key is handed on although the one before it is not known to be handled."""
CHECK_EVERY: Final = 0.25
"""Seconds between two looks whether the widget that should report a key is still there."""
ROUNDS: Final = 4
"""Times that `KeyHandled` must come back from one focus. Enter in the palette takes three messages to open a dialog."""


class KeyHandled(Message):
    """Sent after each key, along the same path; when it reaches the app, the key has been handled everywhere on it.

    A widget may answer a key with a message of its own, which opens a dialog, which moves the focus. So it is sent
    again to whatever has the focus by then, until that has stayed the same for `ROUNDS`.
    """

    def __init__(self, number: int, sent_to: Widget, *, rounds: int) -> None:
        super().__init__()
        self.number = number
        self.sent_to = sent_to
        self.rounds = rounds


class SafeApp(GuardedApp[ReturnType]):
    """What holds for the whole console, whatever it shows."""

    _refocused = False
    _key_number = 0
    _key_under_way = False
    _key_checks = 0
    _key_timer: Timer | None = None
    _reports: Widget | None = None
    """The widget that has been asked to report the key in progress."""

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
        self.say(
            with_keys("{quit} closes a page, and the console from its first page; ")
            + f"{key_while_typing('back')} leaves an input line first"
        )

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
            await self._dispatch_typed()
            return
        await super().on_event(event)

    # -- keys in their order ------------------------------------------------------------------------------------------

    async def _dispatch_typed(self) -> None:
        """Hand on what was typed, until a key is in progress."""
        while self._typed and not self._key_under_way:
            event = self._typed.popleft()
            target = self._keys_go_to
            await super().on_event(event)
            self._key_number += 1
            self._key_under_way, self._key_checks = True, 0
            self._key_timer = self.set_interval(CHECK_EVERY, partial(self._check_key, self._key_number))
            self._send_handled(target if event.is_forwarded else self._keys_go_to, rounds=ROUNDS)

    @property
    def _keys_go_to(self) -> Widget:
        return self.focused or self.screen

    def _send_handled(self, target: Widget, *, rounds: int) -> None:
        """Learn when what this widget has been sent by now is handled there and above it."""
        self._reports = target
        target.post_message(KeyHandled(self._key_number, target, rounds=rounds))  # one that closes drops it

    async def _check_key(self, number: int) -> None:
        """A widget that its key removed reports nothing: ask the one that has the focus now."""
        if number != self._key_number or not self._key_under_way:
            return
        self._key_checks += 1
        if self._key_checks * CHECK_EVERY >= HANDLED_TIMEOUT:
            await self._end_key(number)
        elif self._reports is not None and not self._reports.is_running:
            self._send_handled(self._keys_go_to, rounds=ROUNDS)

    def on_key_handled(self, message: KeyHandled) -> None:
        message.stop()
        if message.number != self._key_number or not self._key_under_way:
            return
        target = self._keys_go_to
        rounds = message.rounds - 1 if target is message.sent_to else ROUNDS
        if rounds:
            self._send_handled(target, rounds=rounds)
        else:
            self.call_later(self._end_key, message.number)

    async def _end_key(self, number: int) -> None:
        if number != self._key_number or not self._key_under_way:
            return  # the clock ended this key already: its late report must not end the key that came after it
        if self._key_timer is not None:
            self._key_timer.stop()
        self._key_under_way = False
        await self._dispatch_typed()
