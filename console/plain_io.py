"""Lines in, lines out: what `postroom console --plain` is read from and written to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TextIO

from console.safe_text import make_safe

WORDS: Final = {"✖": "failed:", "▲": "warning:", "✔": "ok:", "■": "stopped:", "·": "note:"}
"""What a screen reader says for a glyph at the beginning of a line."""
_GLYPH: Final = re.compile(r"^(\s*)([✖▲✔■·]) ?(?=\S)")
_ANYWHERE: Final = re.compile(r"([✖▲✔■]) ?")


class Ended(Exception):
    """There is no more input: nothing that was being asked is done."""


class Dialogue:
    """One conversation over two streams."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source = source
        self._target = target
        self._echoes = not source.isatty()

    def say(self, *lines: str) -> None:
        """Print lines. Whatever they hold, nothing in them controls the terminal."""
        for line in lines:
            self._target.write(make_safe(line.rstrip()).text + "\n")
        self._target.flush()

    def ask(self, prompt: str) -> str:
        """One line of input, without the blanks around it. Raises `Ended`."""
        self._target.write(make_safe(prompt).text + " ")
        self._target.flush()
        line = self._source.readline()
        if not line:
            self._target.write("\n")
            raise Ended
        typed = " ".join("".join(char if char.isprintable() else " " for char in line).split())
        if self._echoes:  # a log of a pipe shows what was answered
            self._target.write(make_safe(typed).text + "\n")
        return typed

    def choose(self, choices: Sequence[str], *, zero: str) -> int:
        """The number of a choice, from 1; 0 for `zero`. Asks again until it is one of them."""
        self.say("", *(f"{number} {choice}" for number, choice in enumerate(choices, start=1)), f"0 {zero}")
        while True:
            typed = self.ask("Number:")
            if typed.isdecimal() and len(typed) < 5 and int(typed) <= len(choices):
                return int(typed)
            self.say(f"{typed[:40] or 'An empty line'} is not a choice: type a number from 0 to {len(choices)}.")

    def reason(self, question: str) -> str | None:
        """A reason, or None if the operator gave none and so cancelled."""
        self.say(question)
        typed = self.ask("Reason (empty cancels):")
        if not typed:
            self.say("Cancelled: a reason is required.")
        return typed[:300] or None

    def typed(self, question: str, expected: str) -> bool:
        """Whether exactly this was typed."""
        self.say(question)
        if self.ask(f"Type {expected} to go on (anything else cancels):") == expected:
            return True
        self.say("Cancelled.")
        return False


def spoken(line: str, *, anywhere: bool = False) -> str:
    """A drawn line with the word for the glyph at its beginning, or for each one in it; `·` parts words elsewhere."""
    if anywhere:
        return _ANYWHERE.sub(lambda found: f"{WORDS[found[1]]} ", line).rstrip()
    return _GLYPH.sub(lambda found: f"{found[1]}{WORDS[found[2]]} ", line)
