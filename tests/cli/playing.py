"""Somebody who sets up a desk by hand: types what was printed, answers what is asked, in a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.factories.fork_server import postroom
from tests.terminal import Terminal, terminal

PATIENCE = 200.0
ENTER = "\r"


@dataclass
class Player:
    """A shell in `place`. `answers` are given to prompts that hold their key; every other prompt gets its default."""

    place: Path
    env: Mapping[str, str]
    answers: Mapping[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, place: Path, *, answers: Mapping[str, str], **more: str) -> Player:
        """Where `uv` and `pip` have done their work already: they may want the network for it. `postroom` is forked."""
        shims = place / ".shims"
        shims.mkdir()
        for name, text in {
            "uv": '#!/bin/sh\nexport UV_RUN_RECURSION_DEPTH=1\nshift\nexec "$@"\n',
            "pip": "#!/bin/sh\n",
            "postroom": f'#!/bin/sh\nexec {shlex.join(postroom("console.entry"))} "$@"\n',
        }.items():
            (shims / name).write_text(text)
            (shims / name).chmod(0o755)
        path = os.pathsep.join((str(shims), str(Path(sys.executable).parent), os.environ["PATH"]))
        return cls(place, {"PATH": path, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", **more}, answers)

    @contextlib.contextmanager
    def shell(self, command: str) -> Iterator[Terminal]:
        """The command in a terminal of its own, counted as typed."""
        self.typed.append(command)
        clean = f"cd {shlex.quote(str(self.place))} && {command}"
        unset = [f"-u{name}" for name in os.environ if name.startswith(("POSTROOM_", "UV_"))]
        with terminal(["env", *unset, "bash", "-c", clean], env=self.env) as shell:
            yield shell

    def run(self, command: str) -> str:
        """What the command said, with the answers in it; it must succeed."""
        with self.shell(command) as shell:
            said = self._talk(shell)
            assert shell.program.wait(PATIENCE) == 0, said
        return said

    def _talk(self, shell: Terminal) -> str:
        said, answered, end = "", 0, time.monotonic() + PATIENCE
        while True:
            come = shell.read(0.2).decode(errors="replace")
            said += come.replace("\r\n", "\n")
            assert time.monotonic() < end, f"it never ended: {said}"
            if not come:
                if shell.program.poll() is not None:
                    return said
                asked = said[answered:].rpartition("\n")[2]
                if asked.rstrip().endswith((":", "?", "]")) and asked.endswith(" "):
                    answered = len(said)
                    shell.press(self._answer(asked) + ENTER)

    def _answer(self, asked: str) -> str:
        return next((answer for key, answer in self.answers.items() if key in asked), "")


def steps(said: str) -> list[str]:
    """The command lines that were printed to be typed next, in their order."""
    return re.findall(r"^  ((?:POSTROOM_TOKEN=.*|(?:uv run )?)postroom .*)$", said, re.MULTILINE)


def blocks(said: str) -> dict[str, str]:
    """The five lines of curl, and those of Python."""
    lines = said.split("\n")
    heads = {"printf ": ("curl", 5), "import ": ("python", 6)}  # one of them is empty
    return {
        name: "\n".join(lines[n : n + count])
        for head, (name, count) in heads.items()
        for n, line in enumerate(lines)
        if line.startswith(head)
    }


def await_ready(shell: Terminal, port: int) -> None:
    """Return once the gateway answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        shell.read(0.1)
        assert shell.program.poll() is None, shell.screen
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            if answer.status == 200:
                return
    raise AssertionError(f"it never came up: {shell.screen}")
