"""However a command is ended, it ends: by Ctrl-C while it starts, by SIGTERM, by the loss of its terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from tests.factories.database import new_store
from tests.factories.desk import WIDE, make_desk
from tests.factories.fork_server import postroom
from tests.terminal import PATIENCE, Terminal, terminal

AT_IMPORT = """
import os, signal, sys

class Strike:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(strike)
            os.kill(os.getpid(), signal.{signal})

strike = Strike()
sys.meta_path.insert(0, strike)
sys.argv[0] = "postroom"
from console import entry
sys.exit(entry.main())
"""
"""The signal comes at the very moment a module is imported, whatever the machine is doing besides."""


def struck(module: str, by: str, *args: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    program = AT_IMPORT.format(module=module, signal=by)
    return subprocess.run(
        [sys.executable, "-c", program, *args], env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "postroom.toml").write_text('name = "HARBOUR"\n')
    (tmp_path / "master.key").write_text(f"m1:{'A' * 43}")
    store = new_store(tmp_path, SystemClock())
    make_desk(store, **WIDE)
    store.close()
    return tmp_path


def early_and_late(*between: str) -> list[Any]:
    """A module that is imported first and one that comes last; those between them in the night."""
    return ["typer", *(pytest.param(name, marks=pytest.mark.thorough) for name in between), "sqlalchemy"]


@pytest.mark.parametrize("module", early_and_late("core.cli.output", "console.main", "core.operations.local_desk"))
def test_ctrl_c_while_a_command_starts_leaves_no_traceback(desk: Path, module: str) -> None:
    ended = struck(module, "SIGINT", "stream", "list", "--dir", str(desk))
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.parametrize("module", ["core.gateway", "uvicorn"])
def test_ctrl_c_while_the_gateway_is_imported_leaves_no_traceback(desk: Path, module: str) -> None:
    ended = struck(module, "SIGINT", "serve", "--dir", str(desk), "--listen", "127.0.0.1:0")
    assert (ended.returncode, ended.stderr) == (130, "")


@pytest.mark.parametrize("module", early_and_late("core.operations.local_desk"))
def test_sigterm_while_a_command_starts_leaves_no_traceback(desk: Path, module: str) -> None:
    ended = struck(module, "SIGTERM", "stream", "list", "--dir", str(desk))
    assert ended.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)  # before and after a command cleans up
    assert ended.stderr == ""


def console(desk: Path, *python: str) -> list[str]:
    return [*(python or postroom("console.entry")), "console", "--dir", str(desk)]


def close(seen: Terminal) -> None:
    seen.hang_up()


def hang_up(seen: Terminal) -> None:
    os.kill(seen.program.pid, signal.SIGHUP)


def term(seen: Terminal) -> None:
    os.kill(seen.program.pid, signal.SIGTERM)


@pytest.mark.parametrize(("lose", "code"), [(close, 129), (hang_up, 129), (term, 143)])
def test_a_console_that_loses_its_terminal_ends(desk: Path, lose: Callable[[Terminal], None], code: int) -> None:
    python = (sys.executable, "-m", "console.entry") if lose is close else ()
    with terminal(console(desk, *python), env={"POSTROOM_TOKEN": "pro_alice"}) as seen:
        seen.shows("HARBOUR")
        lose(seen)
        assert (seen.ended() if seen.open else seen.program.wait(PATIENCE)) == code


IGNORING = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_a_console_that_ignores_the_hang_up_notices_that_its_terminal_is_gone(desk: Path) -> None:
    """As under nohup. Once it was alone it read an end of file for ever, at half a processor."""
    ignoring = [sys.executable, "-c", IGNORING, *console(desk, "-m", "console.entry")]
    with terminal(ignoring, env={"POSTROOM_TOKEN": "pro_alice"}) as seen:
        seen.shows("HARBOUR")
        seen.hang_up()
        assert seen.program.wait(PATIENCE) == 129
