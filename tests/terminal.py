"""A program in a terminal of its own: keys in, screen out. A pty carries the bytes, pyte makes a screen of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

import pyte

KEYS: Final = {
    "up": "\x1b[A", "down": "\x1b[B", "enter": "\r", "esc": "\x1b", "tab": "\t", "space": " ", "ctrl+x": "\x18",
    "ctrl+r": "\x12",
}  # fmt: skip
PATIENCE: Final = 200.0


@dataclass(frozen=True, slots=True)
class Size:
    columns: int
    rows: int


WIDE: Final = Size(120, 36)
SMALL: Final = Size(80, 24)


class Terminal:
    """One running program. What it writes is kept in `screen` as a person would see it."""

    def __init__(self, program: subprocess.Popen[bytes], master: int, size: Size) -> None:
        self.program = program
        self._master = master
        self._screen = pyte.Screen(size.columns, size.rows)
        self._stream = pyte.ByteStream(self._screen)
        self._unseen = bytearray()
        self._poll = select.poll()  # select() ends at 1,024 open files
        self._poll.register(self._master, select.POLLIN)

    @property
    def open(self) -> bool:
        return self._master >= 0

    @property
    def screen(self) -> str:
        """All lines as they are now, without the blanks at their ends."""
        while self.read(0):
            pass
        self._stream.feed(bytes(self._unseen))
        self._unseen.clear()
        return "\n".join(line.rstrip() for line in self._screen.display)

    def hang_up(self) -> None:
        """Close the terminal under the program, as the window of a terminal does that crashes."""
        self._poll.unregister(self._master)
        os.close(self._master)
        self._master = -1

    def press(self, *keys: str) -> None:
        """Type keys by their names, or text as it is."""
        assert "escape" not in keys, "the key is esc; this would type the word"
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def read(self, seconds: float) -> bytes:
        """What is written within this time; empty if nothing is, or the program has ended."""
        if not self._poll.poll(seconds * 1_000):
            return b""
        try:
            written = os.read(self._master, 65_536)
        except OSError:  # EIO: the other end is closed
            return b""
        self._unseen += written
        return written

    def until(self, condition: Callable[[str], bool], *, seconds: float = PATIENCE) -> str:
        """Read until the screen is so; returns it."""
        end = time.monotonic() + seconds
        while not condition(seen := self.screen):
            assert time.monotonic() < end, f"never came to be; the screen says:\n{seen}"
            self.read(0.2)
        return seen

    def shows(self, text: str, *, seconds: float = PATIENCE) -> str:
        """Wait until this is on the screen; returns the screen."""
        return self.until(lambda seen: text in seen, seconds=seconds)

    def writes(self, wanted: bytes, *, seconds: float = PATIENCE) -> float:
        """Read until these bytes have come, without making a screen of them; returns the moment they did."""
        end, come = time.monotonic() + seconds, b""
        while wanted not in come:
            assert time.monotonic() < end, f"never written: {wanted!r}"
            come = come[-len(wanted) :] + self.read(0.2)
        return time.monotonic()

    def ended(self, *, seconds: float = PATIENCE) -> int:
        """Read until the program ends; returns its exit code."""
        end = time.monotonic() + seconds
        while self.program.poll() is None:
            assert time.monotonic() < end, f"never ended; the screen says:\n{self.screen}"
            self.read(0.2)
        return self.program.returncode


@contextlib.contextmanager
def terminal(
    args: Sequence[str], *, env: Mapping[str, str], size: Size = WIDE, stderr: IO[bytes] | None = None
) -> Iterator[Terminal]:
    """Run a program; it is killed at the end if it has not ended by itself. `stderr`: where that goes instead."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))
    surroundings = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    program = subprocess.Popen(
        args, stdin=slave, stdout=slave, stderr=stderr or slave, start_new_session=True,
        env={**surroundings, "TERM": "xterm-256color", **env},
    )  # fmt: skip
    os.close(slave)
    try:
        seen = Terminal(program, master, size)
        yield seen
    finally:
        program.kill()
        program.wait()
        if seen.open:
            os.close(master)
