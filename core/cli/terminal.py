"""The terminal that a command runs at: remarks for a person, questions to one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from core.cli.interrupts import Interrupts
from core.cli.output import plain


class Terminal:
    """`as_json`: the command runs with --json. `until_printed` is closed once the command's output is printed."""

    def __init__(self, *, as_json: bool, until_printed: contextlib.ExitStack | None = None) -> None:
        self.as_json = as_json
        self._until_printed = until_printed or contextlib.ExitStack()

    @property
    def interactive(self) -> bool:
        """Whether there is a person at a terminal to answer questions. They are asked within `asking`."""
        return not self.as_json and sys.stdin.isatty()

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Ask at the terminal where the answer is typed: in a file (`2>log`), a question would wait unseen."""
        with contextlib.ExitStack() as stack:
            if not sys.stderr.isatty():
                with contextlib.suppress(OSError):  # no terminal of its own, as in tests
                    terminal = Path(os.ttyname(sys.stdin.fileno())).open("w")  # noqa: SIM115 - the stack closes it
                    stack.enter_context(contextlib.redirect_stderr(stack.enter_context(terminal)))
            yield

    def hold_interrupts(self) -> Interrupts:
        """Until the output is printed, record Ctrl-C and SIGTERM instead of exiting.

        For secrets that are shown once: between commit and print, this process holds the only copy.
        """
        return self._until_printed.enter_context(Interrupts())

    def note(self, text: str) -> None:
        """Print a remark for a person on stderr, unless the command runs with --json."""
        if not self.as_json:
            sys.stderr.write(plain(text) + "\n")
            sys.stderr.flush()
