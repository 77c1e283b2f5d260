"""The runaway morning at one 300th of its size: what stops it, what leaves after that, and what it costs others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.db.store import Store
from core.db.tables import AGENT
from core.demo import incident, incident_runner
from core.demo.clock import START
from core.demo.incident import DEFAULT, SPAN, WIDENED
from core.demo.incident_runner import Outcome
from core.demo.live_figures import Figures
from core.demo.results import CaseFigures, ModeFigures
from core.durations import MINUTE
from core.errors import Unavailable

pytestmark = pytest.mark.slow
MESSAGES = 250
A_DAY = 10
RESETS_A_MINUTE = 1
"""Of the transactional stream; each message costs milliseconds."""
TURNS = 40
"""In which the morning passes. Each costs tens of milliseconds, with the gateway's periodic tasks."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """Both cases in this process. The processes of their own are below."""
    place = tmp_path_factory.mktemp("morning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incident, "RESETS_A_MINUTE", RESETS_A_MINUTE)
        patch.setattr(incident, "FEWEST_TURNS", TURNS)
        yield Outcome(
            incident.play(DEFAULT, place / "default", messages=MESSAGES),
            incident.play(WIDENED, place / "widened", messages=MESSAGES),
            seconds=1,
        )


@pytest.mark.thorough
def test_two_processes_play_both_cases_to_their_end(tmp_path: Path) -> None:
    outcome = asyncio.run(incident_runner.run(tmp_path, messages=MESSAGES))
    assert mode(outcome.default, "autonomous").left == A_DAY
    assert mode(outcome.widened, "autonomous").suspended_for is not None
    assert [case.transactional.submitted for case in (outcome.default, outcome.widened)] == [1_200, 1_200]
    assert outcome.as_json()["audit_ok"]


def mode(case: CaseFigures, name: str) -> ModeFigures:
    return next(one for one in case.modes if one.mode == name)


def test_default_budgets_let_ten_a_day_leave_and_a_gate_lets_none(outcome: Outcome) -> None:
    assert mode(outcome.default, "gated_send").left == 0
    assert mode(outcome.default, "monitored").left == A_DAY
    assert mode(outcome.default, "autonomous").left == A_DAY


def test_what_default_budgets_do_not_let_leave_is_held_for_a_human(outcome: Outcome) -> None:
    for one in outcome.default.modes:
        assert one.held == MESSAGES - one.left


@pytest.mark.parametrize("name", ["monitored", "autonomous"])
def test_complaints_stop_an_agent_that_nothing_else_would(outcome: Outcome, name: str) -> None:
    one = mode(outcome.widened, name)
    assert one.suspended_for is not None
    assert one.left == one.left_until_then
    assert A_DAY < one.left < MESSAGES / 2
    assert one.refused > MESSAGES / 2


def test_no_delivery_starts_after_a_suspension(outcome: Outcome) -> None:
    for case in (outcome.default, outcome.widened):
        assert [one.left_after_suspension for one in case.modes] == [0, 0, 0]
        for one in case.modes:
            if one.left_until_then is not None:
                assert one.left <= one.left_until_then + one.in_flight


def test_a_gate_holds_a_confirmed_run_all_the_same(outcome: Outcome) -> None:
    one = mode(outcome.widened, "gated_send")
    assert (one.left, one.held) == (0, MESSAGES)


def test_every_message_is_accounted_for(outcome: Outcome) -> None:
    for case in (outcome.default, outcome.widened):
        for one in case.modes:
            assert one.left + one.held + one.refused + one.rate_limited + one.waiting == one.attempted == MESSAGES


def test_the_transactional_stream_does_not_notice(outcome: Outcome) -> None:
    for case in (outcome.default, outcome.widened):
        assert case.transactional.submitted == RESETS_A_MINUTE * SPAN // MINUTE
        assert case.transactional.effect == "none"


def test_both_logs_verify(outcome: Outcome) -> None:
    assert outcome.default.audit_ok
    assert outcome.widened.audit_ok


def test_its_json_is_that_of_every_demonstration_with_both_tables(outcome: Outcome) -> None:
    told = outcome.as_json()
    assert set(told) == {field.name for field in fields(Figures)} | {"cases"}
    assert told["submitted"] == 3 * MESSAGES
    assert told["departed_after_suspension"] == 0
    assert told["sent"] == sum(one["left"] for one in told["cases"][1]["modes"])
    assert {one["agent"] for one in told["suspended"]} == {"pipeline-monitored", "pipeline-autonomous"}
    assert [case["transactional"]["effect"] for case in told["cases"]] == ["none", "none"]


def test_a_morning_is_watched_by_its_own_time_and_ended_when_nobody_watches(tmp_path: Path) -> None:
    # So many that on a busy machine, too, it is far from its end when this test looks at it.
    playing = incident_runner.Playing(WIDENED, tmp_path / "desk", messages=80 * MESSAGES, watched=True)
    try:
        assert playing.wait_for_progress() == 0.0  # founded, and the first calls are in
        begun = playing.clock.now()
        assert START <= begun < START + SPAN
        while playing.clock.now() == begun:
            time.sleep(0.05)
        store = Store(f"sqlite:///{tmp_path}/desk/postroom.db", clock=playing.clock)
        assert store.row(select(func.count()).select_from(AGENT)) == (4,)
        store.close()
        assert isinstance(playing.so_far(), float), "it is not done"
    finally:
        playing.stop()
    ended = playing.clock.now()
    assert ended < START + SPAN
    time.sleep(0.5)
    assert playing.clock.now() == ended


def test_a_morning_that_breaks_off_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "desk").write_text("where a desk should be")
    playing = incident_runner.Playing(WIDENED, tmp_path / "desk", messages=10)
    with pytest.raises(Unavailable, match="broke off"):
        playing.wait_for_progress()
    playing.stop()
    assert "NotADirectoryError" in capfd.readouterr().err
