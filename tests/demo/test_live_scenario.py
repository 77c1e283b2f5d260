"""The live demonstration without its screen: a real gateway, and figures in which nothing is missing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from unittest.mock import patch

import pytest

from core.demo import correspondents
from core.demo.live_figures import PARTS, Figures
from core.demo.live_scenario import CAST, ROGUE, Live, headless
from core.demo.results import CaseFigures, ModeFigures
from core.errors import Unavailable
from tests.factories.fork_server import postroom

pytestmark = pytest.mark.slow
SECONDS = 5
MINE = {"POSTROOM_DATABASE": "sqlite:////nowhere/desk.db", "POSTROOM_DIR": "/nowhere", "POSTROOM_TOKEN": "pro_x"}
"""The caller's own desk, as the environment names it: none of the demonstration's business."""
TOLD_BESIDES = {
    "submitted",
    "bounced",
    "complained",
    "suppressed",
    "suspended",
    "departed_after_suspension",
    "received",
    "received_held",
}
ABOUT_THE_DESK = {"events", "audit_ok", "seconds"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, list[str]]:
    said: list[str] = []
    directory = Path(tmp_path_factory.mktemp("live")) / "desk"
    with patch.dict(os.environ, MINE | {"POSTROOM_LISTEN": "nonsense", "POSTROOM_EGRESS": "many"}):
        return asyncio.run(headless(directory, seconds=SECONDS, progress=said.append)), said


def test_the_parts_are_together_what_was_submitted(played: tuple[Figures, list[str]]) -> None:
    figures, _ = played
    assert sum(figures.parts().values()) == figures.submitted > 0
    assert figures.sent > 0
    assert figures.audit_ok
    assert figures.received == len(correspondents.LETTERS)


def test_every_figure_is_a_part_or_is_told_besides() -> None:
    assert {field.name for field in fields(Figures)} == set(PARTS) | TOLD_BESIDES | ABOUT_THE_DESK


def test_progress_is_told_from_the_first_answer_to_the_end(played: tuple[Figures, list[str]]) -> None:
    _, said = played
    assert "gateway is up" in next(line for line in said if "is starting" not in line)
    assert f"{SECONDS} of {SECONDS} s" in said[-2]
    assert said[-1] == "closing the desk ..."


def test_what_a_suspended_morning_left_behind_is_frozen_and_counted() -> None:
    stopped = ModeFigures("a", "autonomous", attempted=10, left=4, refused=3, waiting=3, suspended_at=1.0)
    going = ModeFigures("b", "monitored", attempted=5, left=3, held=1, waiting=1)
    figures = CaseFigures("widened", modes=[stopped, going]).together()
    assert (figures.frozen, figures.queued) == (3, 1)
    assert sum(figures.parts().values()) == figures.submitted == 15


def test_every_agent_has_a_budget_that_moves_and_the_rogue_one_room_to_be_caught() -> None:
    hours = {cast.agent: cast.limits["hour"] or 0 for cast, _ in CAST}
    assert max(hours.values()) == hours[ROGUE] <= 2_000


def test_a_gateway_that_does_not_come_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    async def story() -> str:
        live = Live(tmp_path / "desk")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(live.url.rpartition(":")[2])))
            taken.listen()
            with pytest.raises(Unavailable) as said:
                async with live.running():
                    pass
        return said.value.reason

    reason = asyncio.run(story())
    assert reason.startswith("the demonstration's gateway ended with exit code ")
    assert "Address already in use" in reason
    assert "Traceback" not in reason


@contextlib.contextmanager
def demonstration(seconds: int, **env: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*postroom("console.entry"), "demo", "--headless", "--seconds", str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | env,
    ) as program:  # fmt: skip
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.thorough
def test_the_callers_own_desk_is_none_of_the_demonstrations() -> None:
    with demonstration(1, POSTROOM_LISTEN="nonsense", POSTROOM_EGRESS="many", **MINE) as program:
        out, err = program.communicate(timeout=240)
    assert program.returncode == 0, err
    assert "audit verify" in out


def left_over(directory: str) -> list[bytes]:
    """Command lines of processes that still work in this directory."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended since
            found.append(one.read_bytes())
    return [one for one in found if directory.encode() in one]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads the process table as Linux shows it")
@pytest.mark.parametrize(
    ("by", "code"),
    [
        (signal.SIGKILL, -signal.SIGKILL),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.thorough),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.thorough),
    ],
)
def test_a_demonstration_that_is_ended_takes_its_gateway_along(by: signal.Signals, code: int, tmp_path: Path) -> None:
    with demonstration(3_600, **MINE, TMPDIR=str(tmp_path)) as program:
        assert program.stderr is not None
        while "the agents are at work" not in program.stderr.readline():
            pass
        assert left_over(str(tmp_path))
        program.send_signal(by)
        _, err = program.communicate(timeout=120)
    assert (program.returncode, "Traceback" in err) == (code, False)
    while by is signal.SIGKILL and left_over(str(tmp_path)):  # it drains; the test's own limit ends the wait
        time.sleep(0.05)
    assert not left_over(str(tmp_path))
