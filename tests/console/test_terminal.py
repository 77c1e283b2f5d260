"""The console in a real terminal: keys in, screen out. Over a pty with pyte for its screen, and in tmux where it is."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from console.keymap import TABS
from core.clock import SystemClock
from core.db import audit_log
from core.db.store import Store
from core.services.sending import delivery
from tests.console.other_keys import keys_file, other_keys
from tests.factories.database import new_store
from tests.factories.desk import WIDE as UNLIMITED
from tests.factories.desk import make_desk
from tests.factories.fork_server import postroom
from tests.terminal import PATIENCE, SMALL, WIDE, Size, Terminal, terminal

SIZES = pytest.mark.parametrize(
    "size", [pytest.param(WIDE, id="wide"), pytest.param(SMALL, id="small", marks=pytest.mark.thorough)]
)
"""Every picture is taken at both sizes; a whole terminal at the other one in the night."""

TOKEN = "pro_alice"
CLEAR = "\x15"  # ctrl+u


class Seen(Protocol):
    """A terminal, whichever: keys in, screen out."""

    def press(self, *keys: str) -> None: ...

    def until(self, condition: Callable[[str], bool]) -> str: ...


@dataclass(frozen=True)
class Desk:
    """A desk with held mail in a directory, as `postroom console --dir` opens it."""

    directory: Path
    store: Store

    @property
    def command(self) -> list[str]:
        return [*postroom(), *self.arguments]

    @property
    def arguments(self) -> list[str]:
        return ["console", "--dir", str(self.directory)]

    def log(self, *kinds: str) -> list[str]:
        """Which of these facts the log holds, in order."""
        with self.store.read() as conn:
            return [entry.event.type for entry in audit_log.read(conn, after=0) if entry.event.type in kinds]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "postroom.toml").write_text('name = "HARBOUR"\n')
    (tmp_path / "master.key").write_text(f"m1:{'A' * 43}")
    store = new_store(tmp_path, SystemClock())
    bench = make_desk(store, **UNLIMITED)
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    for n in range(4):
        bench.submit(f"jane{n}@example.com", subject=f"Your refund {n}")
    yield Desk(tmp_path, store)
    store.close()


def shows(seen: Seen, text: str) -> str:
    return seen.until(lambda screen: text in screen)


def answer(seen: Seen, *, asked: str, text: str) -> None:
    """Type into a dialog, which hears nothing in its first moments: until it does, what is asked stays in its line."""
    empty = re.compile(rf"│ {asked} +│")
    seen.until(lambda screen: empty.search(screen) is not None)
    while empty.search(seen.until(lambda _: True)):
        seen.press("z")
    seen.press(CLEAR)
    seen.until(lambda screen: empty.search(screen) is not None)
    seen.press(text)


def review(seen: Seen, desk: Desk, size: Size) -> None:
    """The story: look, approve two by typing how many, reject one, approve one and take it back, suspend the agent."""
    wide = size is WIDE
    screen = shows(seen, "support-bot")
    assert "HARBOUR" in screen.splitlines()[0]
    assert ("[1 Desk]" in screen) is wide
    seen.press("2")
    seen.until(lambda screen: all(f"Your refund {n}" in screen for n in range(4)))
    seen.press("G", "space", "k", "space")
    shows(seen, "marked(2)")
    seen.press("A")
    shows(seen, "Approve 2 ")
    answer(seen, asked="type 2", text="2 ")
    seen.until(lambda _: desk.log("email.approved") == ["email.approved"] * 2)
    seen.until(lambda screen: "marked(2)" not in screen and "Your refund 2" not in screen)
    seen.press("g", "x")
    shows(seen, "Reject m")
    answer(seen, asked="reason", text="wrong sum\r")
    seen.until(lambda screen: "Reject m" not in screen and desk.log("email.rejected") == ["email.rejected"])
    seen.press("G", "a")
    seen.until(lambda screen: "undo m" in screen and len(desk.log("email.approved")) == 3)
    seen.press("u")
    seen.until(lambda _: desk.log("email.approval_undone") == ["email.approval_undone"])
    seen.press("3")
    shows(seen, "SENT/h" if wide else "AGENT")
    seen.press("s")
    shows(seen, "Suspend")
    answer(seen, asked="reason", text="writes oddly\r")
    shows(seen, "SUSP")
    assert desk.log("agent.suspended") == ["agent.suspended"]


@SIZES
def test_held_mail_is_reviewed_through_a_terminal(desk: Desk, size: Size) -> None:
    with terminal(desk.command, env={"POSTROOM_TOKEN": TOKEN}, size=size) as seen:
        review(seen, desk, size)
        seen.press("q")
        assert seen.ended() == 0


def test_a_burst_of_keys_edits_a_line_in_their_order(desk: Desk) -> None:
    with terminal(desk.command, env={"POSTROOM_TOKEN": TOKEN}) as seen:
        shows(seen, "support-bot")
        seen.press("2")
        shows(seen, "Your refund 0")
        seen.press("/")
        shows(seen, "field:value")
        seen.press("789\x7f\x7f\x7frefund\x7f\x7f\x7fund\r")
        shows(seen, "Queue refund → 4 of 4")
        seen.press("esc")
        seen.until(lambda screen: "→" not in screen.splitlines()[0])
        seen.press("q")
        assert seen.ended() == 0


def test_the_first_frame_is_there_before_the_desk_is_open(desk: Desk) -> None:
    command = [sys.executable, "-m", "console.main", *desk.arguments]  # what a fork has imported, this waits for
    with terminal(command, env={"POSTROOM_TOKEN": TOKEN}) as seen:
        screen = seen.until(lambda screen: "Opening the desk ..." in screen)
        assert "[1 Desk]" in screen
        assert "opening" in screen.splitlines()[0]
        shows(seen, "support-bot")
        seen.press("q")
        assert seen.ended() == 0


def test_a_new_critical_problem_rings_under_a_persons_own_key_and_names_only_the_desk(desk: Desk) -> None:
    own = desk.directory / "config" / "postroom"
    own.mkdir(parents=True)
    (own / "keys.toml").write_text('[keys]\nsuspend = "f8"\nexplode = "f9"\n')
    command = [sys.executable, "-m", "console.main", *desk.arguments]  # a fork has read the registry already
    with terminal(command, env={"POSTROOM_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(own.parent)}) as seen:
        shows(seen, "no action 'explode'")  # a notice, which comes before the desk and does not stay
        shows(seen, "f8 suspend")
        seen.press("\x1b[19~")
        shows(seen, "Suspend")
        answer(seen, asked="reason", text="mallory\r")
        seen.writes(b"\x1b]2;\xe2\x9c\x961 HARBOUR\x1b\\\x07\x1b]9;Postroom HARBOUR: 1 critical problem\x1b\\")
        seen.press("q")
        seen.writes(b"\x1b[23;2t")
        assert seen.ended() == 0


def reads_help(seen: Terminal, key: str) -> str:
    """Open the help and close it; returns the page.

    It hears nothing at first, so it is moved until it does; one esc then, because what follows esc is read as alt+key.
    """
    seen.press(key)
    page = seen.until(lambda screen: "On " in screen and "↑ ↓ scroll" in screen)
    while "On " in seen.screen:
        seen.press("j")
        seen.read(0.2)
    seen.press("esc")
    seen.until(lambda screen: "↑ ↓ scroll" not in screen)
    return page


@pytest.mark.thorough  # test_own_keys_named.py does the same over Pilot
@SIZES
def test_every_screen_its_help_and_its_lines_are_used_with_a_persons_keys(desk: Desk, size: Size) -> None:
    """Each key is pressed once, when the screen shows what the one before it did."""
    keys, own = other_keys(), desk.directory / "config"
    keys_file(own / "postroom", keys)
    command = [sys.executable, "-m", "console.main", *desk.arguments]  # a fork has read the registry already
    with terminal(command, env={"POSTROOM_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(own)}, size=size) as seen:
        shows(seen, "support-bot")
        for tab in (*(tab for tab in TABS if tab != "trace"), "trace"):
            title = f"{keys[f'go_{tab}']} {tab.title()}"
            seen.press(keys[f"go_{tab}"])
            lines = shows(seen, f"[{title}]" if size is WIDE else title).splitlines()
            for line in (lines[0], lines[1] if size is WIDE else "", lines[-1]):
                usual = re.search(r"⏎|␣|\^[xg]|\besc |\? help|: command|(?:^|  )[a-zA-Z/!] [a-z]", line)
                assert not usual, f"{tab}: {line!r}"
            assert f"{keys['all_stop']} " in lines[-1]
            if tab != "trace":  # its line is typed into
                page = reads_help(seen, keys["help"])
                assert not re.search(r"^[ │]* (?:⏎|esc|ctrl\+\w|[a-zA-Z]) {2}", page, re.MULTILINE), page
            if tab == "queue":
                seen.press(keys["filter"])
                shows(seen, "field:value")
                seen.press(keys["back"] * 2)  # letters, in a line
                shows(seen, keys["back"] * 2)
                seen.press("esc")
                seen.until(lambda screen: keys["back"] * 2 not in screen)
        shows(seen, "esc leaves it")
        seen.press(keys["back"], "refund", "\r")
        shows(seen, "· unknown")  # that is asked, and the line is left
        seen.press(keys["quit"])
        assert seen.ended() == 0


def test_a_strangers_token_is_told_in_one_line_on_a_whole_terminal(desk: Desk) -> None:
    with terminal(desk.command, env={"POSTROOM_TOKEN": "pro_stranger"}) as seen:
        assert seen.ended() == 1
        assert "no operator has this token" in seen.until(lambda screen: "token" in screen)


def test_the_morning_is_watched_while_it_is_stopped(tmp_path: Path) -> None:
    command = [*postroom(), "demo", "--scenario", "morning", "--messages", "40000"]
    with terminal(command, env={"TMPDIR": str(tmp_path)}) as seen:
        screen = seen.until(lambda screen: "suspended: complaints" in screen, seconds=4 * PATIENCE)
        assert re.search(r" 04:0\d:\d\dZ$", screen.splitlines()[0].rstrip())
        assert "accounts-bot" in screen
        seen.press("q")
        assert seen.ended() == 0
        assert "You left the morning at 04:" in seen.screen
    assert list(tmp_path.iterdir()) == []


def processes_of(directory: Path) -> list[bytes]:
    """Command lines of processes that still work for a desk below this directory."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended since
            found.append(one.read_bytes())
    return [one for one in found if str(directory).encode() in one]


DEMONSTRATION = """
import dataclasses, sys
from console import entry
from core.demo import live_scenario, scripts
live_scenario.Live.__init__.__kwdefaults__["rogue_after"] = 2.0
rogue = dataclasses.replace(scripts.PIPELINE, fan_out=scripts.FanOut(after=0, total=250))
live_scenario.CAST = (*live_scenario.CAST[:-1], (live_scenario.CAST[-1][0], rogue))
sys.exit(entry.main())
"""
"""`postroom`, whose rogue agent waits for no visitor to look round, and whose list is no longer than need be.

It is suspended for complaints about the first hundred. What it goes on to submit, and is refused, costs time.
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads the process table of Linux")
def test_the_live_demonstration_is_watched_until_its_rogue_is_suspended(tmp_path: Path) -> None:
    mine = {
        "POSTROOM_DATABASE": "sqlite:////nowhere/desk.db", "POSTROOM_DIR": "/nowhere", "POSTROOM_TOKEN": "pro_x",
        "POSTROOM_URL": "http://127.0.0.1:9", "POSTROOM_DESK": "nowhere", "POSTROOM_LISTEN": "nonsense",
        "POSTROOM_EGRESS": "many",
    }  # fmt: skip
    command = [sys.executable, "-c", DEMONSTRATION, "demo"]  # a fork works in the directory of its server
    with terminal(command, env={"TMPDIR": str(tmp_path), **mine}) as seen:
        seen.writes(b"gateway is starting")  # the last of what it waits for; the screen has moved on soon after
        seen.shows("pipeline-bot", seconds=2 * PATIENCE)
        assert processes_of(tmp_path)
        screen = seen.shows("the desk itself suspended pipeline-bot", seconds=2 * PATIENCE)
        assert "none of its mail left since" in screen.splitlines()[2]
        assert re.search(r"CRIT +pipeline-bot +suspended: complaints", screen)
        seen.press("q")
        assert seen.ended() == 0
        told = "".join(seen.screen.split())  # long lines are wrapped by the terminal
    assert "closingthedesk" in told
    assert "thedeskdidsobyitself,andhasrefused" in told
    assert "departedafterasuspension:0" in told
    assert re.search(r"auditverify:[\d,]+events,whole", told)
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


# --- tmux ---------------------------------------------------------------------------------------------------------


class Tmux:
    """A session of a server of its own, so that nobody's tmux is touched."""

    def __init__(self, command: list[str], size: Size) -> None:
        self._server = f"postroom-{uuid.uuid4().hex}"
        self._run(
            "new-session", "-d", "-x", str(size.columns), "-y", str(size.rows),
            f"POSTROOM_TOKEN={TOKEN} TERM=screen-256color {shlex.join(command)}; echo ended with $?; exec cat",
        )  # fmt: skip

    def press(self, *keys: str) -> None:
        for key in keys:
            self._run("send-keys", "-l", {"space": " "}.get(key, key))

    def until(self, condition: Callable[[str], bool]) -> str:
        end = time.monotonic() + PATIENCE
        while not condition(screen := self._run("capture-pane", "-p")):
            assert time.monotonic() < end, f"never came to be; the screen says:\n{screen}"
        return screen

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *args: str) -> str:
        unwanted = {"NO_COLOR", "TMUX", "COLUMNS", "LINES"}  # a size in the environment outweighs the terminal's own
        surroundings = {name: value for name, value in os.environ.items() if name not in unwanted}
        done = subprocess.run(
            ["tmux", "-L", self._server, "-f", "/dev/null", *args], check=True, capture_output=True,
            env=surroundings | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return done.stdout.decode()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed here (Debian package: tmux)")
@SIZES
def test_held_mail_is_reviewed_in_tmux(desk: Desk, size: Size) -> None:
    seen = Tmux(desk.command, size)
    try:
        review(seen, desk, size)
        seen.press("q")
        shows(seen, "ended with 0")
    finally:
        seen.close()
