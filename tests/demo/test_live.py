"""The live demonstration without its screen: a real gateway, and figures in which nothing is missing."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import pytest

from core.demo.live import CAST, PARTS, ROGUE, Figures, headless
from core.demo.tally import CaseFigures, ModeFigures

pytestmark = pytest.mark.slow
SECONDS = 8
TOLD_BESIDES = {"submitted", "bounced", "complained", "suppressed", "suspended", "departed_after_suspension"}
ABOUT_THE_DESK = {"events", "audit_ok", "seconds"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, list[str]]:
    said: list[str] = []
    directory = Path(tmp_path_factory.mktemp("live")) / "desk"
    return asyncio.run(headless(directory, seconds=SECONDS, progress=said.append)), said


def test_the_parts_are_together_what_was_submitted(played: tuple[Figures, list[str]]) -> None:
    figures, _ = played
    assert sum(figures.parts().values()) == figures.submitted > 0
    assert figures.sent > 0
    assert figures.audit_ok


def test_every_figure_is_a_part_or_is_told_besides() -> None:
    assert {field.name for field in fields(Figures)} == set(PARTS) | TOLD_BESIDES | ABOUT_THE_DESK


def test_progress_is_told_from_the_first_answer_to_the_end(played: tuple[Figures, list[str]]) -> None:
    _, said = played
    assert "gateway is up" in said[0]
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
