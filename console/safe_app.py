"""An app that is careful with who sits before it: notices are never markup, and a stray click never acts."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.app import ReturnType
from textual.notifications import SeverityLevel

from console.safe_text import GuardedApp, clip, make_safe

NOTICE_LIMIT: Final = 300
"""Cells of a notice: a reason of 10 kB must not cover the screen."""
GLYPHS: Final[dict[SeverityLevel, str]] = {"information": "·", "warning": "▲", "error": "✖"}


class SafeApp(GuardedApp[ReturnType]):
    """What holds for the whole console, whatever it shows."""

    _refocused = False

    def say(self, text: str, severity: SeverityLevel = "information") -> None:
        """A notice. The text may be foreign; it is never markup."""
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
        """As Textual's, but the text is made safe and markup is never read, whoever calls."""
        del markup
        safe = f"{GLYPHS[severity]} {clip(make_safe(message, limit=NOTICE_LIMIT).text, NOTICE_LIMIT)}"
        super().notify(
            safe, title=make_safe(title, limit=NOTICE_LIMIT).text, severity=severity, timeout=timeout, markup=False
        )

    def action_help_quit(self) -> None:
        """ctrl+c, which ends nothing here. Textual's own notice is markup, and names a key that multiplexers keep."""
        self.say("q leaves a page, and from the first one the console; esc leaves a line first")

    def copy(self, text: str) -> None:
        """Copy safe text, and show it: over a terminal without OSC 52 the notice is all there is to copy from."""
        self.copy_to_clipboard(text)
        self.say(f"copied {text} (select it here if your terminal's clipboard stays empty)")

    def on_app_focus(self) -> None:
        self._refocused = True

    async def on_event(self, event: events.Event) -> None:
        # the click that brings the terminal to the front was aimed at the window, not at what lies under it
        if self._refocused and isinstance(event, events.MouseDown | events.MouseUp) and not event.is_forwarded:
            self._refocused = isinstance(event, events.MouseDown)
            return
        if isinstance(event, events.Key):
            self._refocused = False
        await super().on_event(event)
