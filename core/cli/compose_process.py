"""A process that composes large messages for a gateway (api/compose_pool.py), until the gateway's pipe closes."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from core.api.compose_pool import HEAD, Call
from core.clock import SystemClock
from core.db.store import Store
from core.errors import PostroomError, TooLarge
from core.process import make_context
from core.services.sending.prepare import prepare
from core.settings import load

MEMORY: Final = 2 * 2**30
"""Bytes of address space: more than any message needs, less than would hurt the machine."""
POLITE: Final = 5
"""Niceness: whoever is answered by the gateway goes first."""


class _Told(SystemClock):
    """The gateway's time, told with each message."""

    def __init__(self) -> None:
        self.at = super().now()

    def now(self) -> int:
        return self.at


def main() -> None:
    """Compose for the desk in the directory named by the first argument."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between our answers
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    settings = load(Path(sys.argv[1]))
    clock = _Told()
    store, ctx = Store(settings.database_url, clock=clock, readers=1), make_context(settings)

    def work(task: Any) -> object:
        if isinstance(task, Call):
            return task()
        submission, token, implicit, clock.at = task
        prepared = prepare(store, submission, token=token, ctx=ctx, implicit=implicit)
        return prepared.looked_at()

    with contextlib.suppress(BrokenPipeError):  # the gateway ended in the middle
        serve(sys.stdin.buffer, answers, work)


def serve(tasks: BinaryIO, answers: BinaryIO, work: Callable[[Any], object]) -> None:
    """Answer task after task until the pipe closes; an error of the tree is an answer too."""
    _say(answers, "ready")
    while len(head := tasks.read(HEAD)) == HEAD:
        task = pickle.loads(tasks.read(int.from_bytes(head, "big")))  # noqa: S301 - our own parent wrote it
        try:
            told: tuple[str, object] = ("done", work(task))
        except PostroomError as error:
            told = ("raised", error)
        except MemoryError:
            told = ("raised", TooLarge("its content takes too much memory to read", fix="send less"))
        _say(answers, told)


def _say(answers: BinaryIO, what: object) -> None:
    octets = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    answers.write(len(octets).to_bytes(HEAD, "big") + octets)
    answers.flush()


if __name__ == "__main__":
    main()
