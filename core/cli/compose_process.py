"""A child process that composes large messages for a gateway (api/compose_pool.py), until the gateway's pipe closes."""

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
from core.process_log import log_as_child
from core.services.sending.prepare import prepare
from core.settings import load

MEMORY: Final = 2 * 2**30
"""Address space limit in bytes: more than any message needs, little enough to spare the machine."""
POLITE: Final = 5
"""Niceness: requests that the gateway serves itself have priority."""


class _Told(SystemClock):
    """The gateway's time, sent with each message."""

    def __init__(self) -> None:
        self.at = super().now()

    def now(self) -> int:
        return self.at


def main() -> None:
    """Compose for the desk in the directory given as the first argument."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keep output of libraries from mixing with our answers
    os.nice(POLITE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    settings = load(Path(sys.argv[1]))
    log_as_child(settings.dir, process="content")
    clock = _Told()
    store, ctx = Store(settings.database_url, clock=clock, readers=1), make_context(settings)

    def work(task: Any) -> object:
        if isinstance(task, Call):
            return task()
        submission, token, implicit, clock.at = task
        prepared = prepare(store, submission, token=token, ctx=ctx, implicit=implicit)
        return prepared.looked_at()

    with contextlib.suppress(BrokenPipeError):  # the gateway exited in mid-transfer
        serve(sys.stdin.buffer, answers, work)


def serve(tasks: BinaryIO, answers: BinaryIO, work: Callable[[Any], object]) -> None:
    """Answer tasks until the pipe closes; a `PostroomError` is sent back as an answer too."""
    _say(answers, "ready")
    while len(head := tasks.read(HEAD)) == HEAD:
        task = pickle.loads(tasks.read(int.from_bytes(head, "big")))  # noqa: S301 - our own parent wrote it
        try:
            answer: tuple[str, object] = ("done", work(task))
        except PostroomError as error:
            answer = ("raised", error)
        except MemoryError:
            answer = ("raised", TooLarge("its content takes too much memory to read", fix="send less"))
        _say(answers, answer)


def _say(answers: BinaryIO, what: object) -> None:
    octets = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    answers.write(len(octets).to_bytes(HEAD, "big") + octets)
    answers.flush()


if __name__ == "__main__":
    main()
