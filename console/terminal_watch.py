"""A console ends when its terminal does.

A closed terminal is always readable and never has anything to read, so that Textual's input thread would spin on it for
ever, at the cost of a processor. Where the shell does not pass on SIGHUP (nohup, a container, a terminal that crashed)
nothing else would end it. What is watched is the terminal itself; SIGHUP and SIGTERM take the same way out.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

EVERY: Final = 0.5
"""Seconds between looks for a signal; the loss of the terminal is noticed at once."""
GRACE: Final = 10.0
"""Seconds the app has to end in order. Then the process ends: nobody can see it any more."""
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL


class TerminalWatch(threading.Thread):
    """Watches the terminal, and calls `leave` until the app has gone. `code` is what the process then exits with."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__(name="postroom-lifeline", daemon=True)
        self._leave = leave
        self._left = threading.Event()
        self.code: int | None = None

    def run(self) -> None:
        terminal = select.poll()
        terminal.register(sys.stdin.fileno(), 0)  # a hang-up is reported unasked
        while self.code is None and not self._left.is_set():
            if any(event & _GONE for _, event in terminal.poll(EVERY * 1_000)):
                self.code = 128 + signal.SIGHUP
        for _ in range(round(GRACE / EVERY)):
            if self._left.is_set():
                return
            # In a thread of its own: an app that is stuck in a write to a full terminal would hold this one as well.
            threading.Thread(target=self._try, daemon=True).start()
            self._left.wait(EVERY)
        if not self._left.is_set():
            os._exit(self.code or 1)

    def _try(self) -> None:
        with contextlib.suppress(Exception):  # the app is not running yet, or not any more
            self._leave()

    def heed(self, signum: int, frame: FrameType | None) -> None:
        """What a signal does: it is taken up within `EVERY`."""
        del frame
        self.code = 128 + signum

    def let_go(self) -> None:
        self._left.set()


@contextlib.contextmanager
def held(leave: Callable[[], None]) -> Iterator[TerminalWatch]:
    """Watch while the block runs. An error in it that comes of a lost terminal is not raised: nobody would see it."""
    line = TerminalWatch(leave)
    heeded = [one for one in (signal.SIGHUP, signal.SIGTERM) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, line.heed) for one in heeded}
    line.start()
    try:
        yield line
    except Exception:
        if line.code is None:
            raise
    finally:
        line.let_go()
        for signum, handler in before.items():
            signal.signal(signum, handler)
