"""Both cases of the 80,000-message incident in parallel, each with a desk and a process of its own, for two cores."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

from core.demo import temporary
from core.demo.clock import START, FollowingClock, Shown
from core.demo.incident import DEFAULT, WIDENED, Case, play
from core.demo.results import CaseFigures
from core.errors import Unavailable

MESSAGES: Final = 80_000
Progress = Callable[[str, float], None]
"""Called with the case and the share of it that is done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of both cases."""

    default: CaseFigures
    widened: CaseFigures
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The agents' figures of the widened case, in the shape every demonstration uses, and both tables."""
        together = self.widened.together()
        together.audit_ok = self.default.audit_ok and self.widened.audit_ok
        together.seconds = self.seconds
        return together.as_json() | {"cases": [self.default.as_json(), self.widened.as_json()]}


async def run(directory: Path, *, messages: int = MESSAGES, progress: Progress | None = None) -> Outcome:
    """Play both cases below `directory`, `messages` for each agent. Raises `Unavailable` if one fails."""
    started = time.monotonic()
    default, widened = await asyncio.gather(
        *(
            asyncio.to_thread(_elsewhere, case, directory / place, messages, progress)
            for case, place in ((DEFAULT, "default"), (WIDENED, "widened"))
        )
    )
    return Outcome(default, widened, seconds=round(time.monotonic() - started, 1))


class Playing:
    """A case being played in a process of its own."""

    def __init__(self, case: Case, directory: Path, *, messages: int = MESSAGES, watched: bool = False) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit this process's threads and connections
        shown = context.RawValue(ctypes.c_longlong, START)
        self._case = case
        self.clock = FollowingClock(shown)
        """The scenario's time, if it is `watched`."""
        self._pipe, there = context.Pipe(duplex=False)
        arguments = (case, directory, messages, there, shown if watched else None)
        self._process = context.Process(target=_play, args=arguments, daemon=True)
        self._process.start()
        there.close()
        self._latest: float | CaseFigures = 0.0

    def wait_for_progress(self) -> float | CaseFigures:
        """Wait for the next progress, or for the figures: its last message. Raises `Unavailable`."""
        try:
            self._latest = self._pipe.recv()
        except EOFError as error:
            self._process.join()  # it closes its pipe first, then prints the error
            raise Unavailable(f"the morning with {self._case.name} broke off; its process has said why") from error
        return self._latest

    def so_far(self) -> float | CaseFigures:
        """Return its latest message without waiting for more. Raises `Unavailable`."""
        while not isinstance(self._latest, CaseFigures) and self._pipe.poll():
            self.wait_for_progress()
        return self._latest

    def stop(self) -> None:
        """Stop it, whether or not it is done."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()


def _elsewhere(case: Case, directory: Path, messages: int, progress: Progress | None) -> CaseFigures:
    """Play a case in a process of its own and wait for its figures."""
    playing = Playing(case, directory, messages=messages)
    try:
        while not isinstance(figures := playing.wait_for_progress(), CaseFigures):
            if progress is not None:
                progress(case.name, figures)
    finally:
        playing.stop()
    return figures


def _play(case: Case, directory: Path, messages: int, pipe: Pipe, shown: Shown | None) -> None:
    temporary.move_in(directory)
    with pipe:
        pipe.send(play(case, directory, messages=messages, progress=pipe.send, shown=shown))
