"""Lines in, lines out: what `postroom console --plain` is read from and written to."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Sequence
from typing import Final, TextIO

from console.safe_text import make_safe

WORDS: Final = {
    "✖": "failed:", "▲": "warning:", "✔": "ok:", "■": "stopped:", "·": "note:", "○": "open:", "…": "waiting:",
}  # fmt: skip
"""What a screen reader says for a glyph at the beginning of a line."""
_GLYPH: Final = re.compile(r"^(\s*)([✖▲✔■·○]) ?(?=\S)")
_ANYWHERE: Final = re.compile(r"([✖▲✔■○]) ?")
REASON_LIMIT: Final = 300


class Ended(Exception):
    """There is no more input: nothing that was being asked is done."""


class Dialogue:
    """One conversation over two streams."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source = source
        self._target = target
        self._echoes = not source.isatty()
        self._waited = 0
        self.ahead = False
        """Whether the line that was read last had been typed before `mark`."""

    def say(self, *lines: str) -> None:
        """Print lines. Whatever they hold, nothing in them controls the terminal."""
        for line in lines:
            self._target.write(make_safe(line.rstrip()).text + "\n")
        self._target.flush()

    def mark(self) -> None:
        """Lines that wait now were typed before what was said last; those of a pipe always wait, and do not count."""
        self._target.flush()
        self._waited = self._waiting()

    def _waiting(self) -> int:
        """Bytes of whole lines that were typed at a terminal and not read yet."""
        if self._echoes:
            return 0
        with contextlib.suppress(OSError, ImportError):
            import fcntl  # noqa: PLC0415 - not on every platform
            import termios  # noqa: PLC0415

            found = fcntl.ioctl(self._source.fileno(), termios.FIONREAD, bytes(4))
            return int(struct.unpack("i", found)[0])
        return 0

    def ask(self, prompt: str, *, fresh: bool = False) -> str:
        """One line of input, without the blanks around it. Raises `Ended`.

        `fresh`: it answers this question, so a line that was typed before the question was there is not taken.
        """
        self._prompt(prompt)
        if fresh:
            self.mark()
        typed = self._read()
        while fresh and self.ahead:
            self.say(f"Not taken, because it was typed before the question: {typed}")
            self._prompt(prompt)
            typed = self._read()
        return typed

    def _prompt(self, prompt: str) -> None:
        self._target.write(make_safe(prompt).text + " ")
        self._target.flush()

    def _read(self) -> str:
        waited = min(self._waited, self._waiting())  # Ctrl-C empties the terminal's queue
        try:
            line = self._source.readline()
        except KeyboardInterrupt:
            self._target.write("\n")
            raise
        self.ahead = waited > 0
        self._waited = max(0, waited - len(line.encode(errors="replace")))
        if not line:
            self._target.write("\n")
            raise Ended
        typed = " ".join("".join(char if char.isprintable() else " " for char in line).split())
        if self._echoes:  # a log of a pipe shows what was answered
            self._target.write(make_safe(typed).text + "\n")
        return typed

    def choose(self, question: str, choices: Sequence[str]) -> int | None:
        """The place of a choice; None if none was made. Asks again until it is one of them."""
        self.say(question, *(f"{number} {choice}" for number, choice in enumerate(choices, start=1)), "0 None of these")
        while True:
            typed = self.ask("Number:", fresh=True)
            if not typed:
                self.say("Cancelled.")
                return None
            if (number := read_number(typed)) is not None and number <= len(choices):
                return number - 1 if number else None
            self.say(f"{typed[:40]} is not a choice: type a number from 0 to {len(choices)}.")

    def reason(
        self, question: str, *, asks: str = "Reason", needed: str = "a reason is required", urgent: bool = False
    ) -> str | None:
        """A reason, or None if the operator gave none and so cancelled.

        `urgent`: it stops something that can go on again, so one that was typed ahead over a slow line is taken.
        """
        if question:
            self.say(question)
        typed = self.ask(f"{asks} (empty cancels):", fresh=not urgent)
        if not typed:
            self.say(f"Cancelled: {needed}.")
        return typed[:REASON_LIMIT] or None

    def reason_then_typed(self, question: str, expected: str) -> str | None:
        """What loosens takes both: a reason, and then exactly `expected`; None: the operator cancelled."""
        reason = self.reason(question)
        return reason if reason is not None and self.typed(expected) else None

    def typed(self, expected: str, *, question: str = "") -> bool:
        """Whether exactly this was typed, after it was asked for."""
        if question:
            self.say(question)
        wanted = make_safe(expected).text
        typed = self.ask(f"Type {wanted} to go on (anything else cancels):", fresh=True)
        if wanted and typed == wanted:
            return True
        self.say("Cancelled.")
        return False


def read_number(typed: str) -> int | None:
    """A number that was typed, None for anything else."""
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else None


def spoken(line: str, *, anywhere: bool = False) -> str:
    """A drawn line with the word for the glyph at its beginning, or for each one in it; `·` parts words elsewhere."""
    if anywhere:
        return _ANYWHERE.sub(lambda found: f"{WORDS[found[1]]} ", line).rstrip()
    return _GLYPH.sub(lambda found: f"{found[1]}{WORDS[found[2]]} ", line)
