"""An operator who talks to the console line by line: what they type, and what was said."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator

from console import factory, local_desk
from console.plain import main as plain
from console.plain.dialogue import Dialogue
from console.ports import Parts
from console.start import Start
from core.db import audit_log
from core.model import Actor
from tests.cli.cli_runner import Clerk
from tests.console.harness import Scene
from tests.factories.desk import ALICE, hire
from tests.factories.served import served

Step = str | Callable[[], object]
Say = Callable[..., str]
"""`say("alice", "queue", "open 1")`: what the console said to her."""


class Script(io.StringIO):
    """What an operator types; a step that is a function happens while they think."""

    def __init__(self, *steps: Step) -> None:
        super().__init__()
        self._steps = list(steps)

    def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]  # typeshed has two bases that disagree
        while self._steps:
            step = self._steps.pop(0)
            if isinstance(step, str):
                return f"{step}\n"
            step()
        return ""


def hire_known(scene: Scene, *people: Actor) -> None:
    for one in people:
        with contextlib.suppress(Exception):  # the scene has hired some of them
            hire(scene.store, one)


def talk(scene: Scene, *steps: Step, who: Actor = ALICE, start: Start | None = None) -> str:
    """What the console says to these lines."""
    return _said(scene.parts(who), *steps, start=start)


@contextlib.contextmanager
def talking(clerk: Clerk, *, over_http: bool) -> Iterator[Say]:
    """How somebody talks to a desk: on its host, or through a live gateway."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(served(clerk.directory)) if over_http else None

        def say(who: str, *steps: Step) -> str:
            token = clerk.tokens[who]
            parts = factory.sign_in(url, token) if url else local_desk.sign_in(clerk.directory, token)
            with contextlib.closing(parts.desk):
                return _said(parts, *steps)

        yield say


def _said(parts: Parts, *steps: Step, start: Start | None = None) -> str:
    target = io.StringIO()
    assert plain.run(parts.desk.direct, Dialogue(Script(*steps), target), start=start) == 0
    said = target.getvalue()
    assert "Internal error" not in said, said
    return said


def kinds(scene: Scene) -> list[str]:
    """The types of the log's events, in order."""
    with scene.store.read() as conn:
        return [entry.event.type for entry in audit_log.read(conn, after=0)]
