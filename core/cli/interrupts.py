"""Signals that end a command: it cleans up first, or, where a secret would be lost, goes on until that is printed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final, Never, Self

_KILLS: Final = (signal.SIGTERM, signal.SIGHUP)
_ENDING: Final = (signal.SIGINT, *_KILLS)
_STDERR: Final = 2
_FINISHING: Final = b"postroom: finishing: a secret must be printed first\n"


@contextlib.contextmanager
def killed_cleanly() -> Iterator[None]:
    """Let a command that is killed clean up, as after Ctrl-C: SIGTERM and SIGHUP raise `SystemExit`.

    Otherwise the process would end at once and leave the files of a desk that was never made. An ignored signal stays
    ignored (`nohup`). Only the main thread receives signals; in other threads this does nothing.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    heeded = [one for one in _KILLS if in_main_thread and signal.getsignal(one) is signal.SIG_DFL]
    for one in heeded:
        signal.signal(one, _raise_exit)
    try:
        yield
    finally:
        for one in heeded:
            signal.signal(one, signal.SIG_DFL)


def _raise_exit(number: int, _frame: FrameType | None) -> Never:
    raise SystemExit(128 + number)  # as shells report it


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
