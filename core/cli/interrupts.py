"""Defer Ctrl-C in commands that must not stop half-way: they end at a point where nothing is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Final, Self

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR: Final = 2
_FINISHING: Final = b"postroom: finishing: a secret must be printed first\n"


class Interrupts:
    """Context manager: signals that would end the process set `asked`; the first is answered on stderr.

    Raising `KeyboardInterrupt` would not help: it can come at any instruction, also between the commit that issues a
    token and the line that keeps its secret. Only the main thread receives signals; in other threads this does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._note) for one in _ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler if handler is not None else signal.SIG_DFL)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.asked:
            with contextlib.suppress(OSError):  # not sys.stderr: the signal may have interrupted a write to it
                os.write(_STDERR, _FINISHING)
        self.asked = True
