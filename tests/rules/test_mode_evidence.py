"""Evidence: what thirty days say about each rung, and that one bad signal outweighs them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Mode
from core.rules.mode_evidence import Advice, Figures, Rung, advised, signals, verdicts

GOOD = Figures(days=30, reviewed=200, approved=199, rejected=1, delivered=10_000)
BAD = {
    "suspended": replace(GOOD, suspensions=1),
    "complaints": replace(GOOD, complaints=3),
    "bounces": replace(GOOD, bounces=600),
    "rejections": replace(GOOD, approved=160, rejected=40),
    "expiry": replace(GOOD, expired=80),
}


def on(mode: Mode, figures: Figures) -> dict[Mode, Rung]:
    return {verdict.mode: verdict for verdict in verdicts(figures, mode)}


def codes(verdict: Rung) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize("mode", Mode)
def test_every_rung_gets_one_verdict_in_order(mode: Mode) -> None:
    assert [verdict.mode for verdict in verdicts(GOOD, mode)] == list(Mode)


@pytest.mark.parametrize("mode", list(Mode)[:-1])
def test_good_figures_advise_the_next_rung_and_no_other(mode: Mode) -> None:
    following = list(Mode)[mode.rung + 1]
    assert advised(GOOD, mode) is following
    for verdict in verdicts(GOOD, mode):
        if verdict.mode.rung > following.rung:
            assert verdict.advice is Advice.NOT_YET
            assert codes(verdict)[0] == "one_rung"


def test_at_the_top_good_figures_advise_to_stay() -> None:
    assert advised(GOOD, Mode.AUTONOMOUS) is Mode.AUTONOMOUS
    assert on(Mode.AUTONOMOUS, GOOD)[Mode.AUTONOMOUS].advice is Advice.STAY


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        (replace(GOOD, days=29), "days"),
        (replace(GOOD, reviewed=99, approved=99, rejected=0), "reviewed"),
        (replace(GOOD, approved=195, rejected=5), "approved"),
        (replace(GOOD, edited=11), "edited"),
        (replace(GOOD, hurried=21), "hurried"),
        (replace(GOOD, delivered=1_000, complaints=1), "complaints"),
        (replace(GOOD, delivered=100, bounces=3), "bounces"),
    ],
)
def test_each_shortfall_keeps_from_monitored_by_its_name(figures: Figures, code: str) -> None:
    verdict = on(Mode.GATED_SEND, figures)[Mode.MONITORED]
    assert verdict.advice is Advice.NOT_YET
    assert codes(verdict) == [code]


def test_a_new_mailbox_hears_all_that_it_lacks() -> None:
    verdict = on(Mode.GATED_SEND, Figures())[Mode.MONITORED]
    assert verdict.advice is Advice.NOT_YET
    assert [reason.text for reason in verdict.reasons] == [
        "0 of 30 days at the present mode",
        "0 of 100 messages reviewed",
    ]


def test_autonomous_asks_how_the_mail_was_received_and_not_how_it_was_reviewed() -> None:
    unreviewed = replace(GOOD, reviewed=0, approved=0, rejected=0)
    assert advised(unreviewed, Mode.MONITORED) is Mode.AUTONOMOUS
    assert codes(on(Mode.MONITORED, replace(unreviewed, delivered=499))[Mode.AUTONOMOUS]) == ["delivered"]


@pytest.mark.parametrize(("code", "mode"), list(itertools.product(BAD, list(Mode)[1:])))
def test_one_bad_signal_points_one_rung_down_and_says_which(code: str, mode: Mode) -> None:
    rungs = on(mode, BAD[code])
    below = list(Mode)[mode.rung - 1]
    assert advised(BAD[code], mode) is below
    assert rungs[below].advice is Advice.STEP_DOWN
    assert rungs[mode].advice is Advice.LEAVE
    assert codes(rungs[below]) == codes(rungs[mode]) == [code]


@pytest.mark.parametrize("code", BAD)
def test_from_the_lowest_rung_there_is_no_step_down_and_none_up(code: str) -> None:
    assert advised(BAD[code], Mode.READ_ONLY) is Mode.READ_ONLY


@pytest.mark.parametrize(
    "figures",
    [
        Figures(delivered=10, complaints=1),
        Figures(reviewed=9, rejected=9),
        Figures(expired=9),
        Figures(delivered=10, bounces=4),
    ],
)
def test_a_handful_is_an_accident_and_no_signal(figures: Figures) -> None:
    assert list(signals(figures)) == []


def test_complaints_without_a_delivery_in_the_window_do_not_read_as_none() -> None:
    assert [reason.code for reason in signals(Figures(complaints=2))] == ["complaints"]


def test_reasons_carry_their_figures() -> None:
    (reason,) = signals(BAD["complaints"])
    assert reason.text == "complaints: 3 of 10,000 (0.03 %), and receivers act at 0.1 %"


counts = st.integers(0, 300)
figures_of = st.builds(
    lambda approved, rejected, **rest: Figures(
        reviewed=approved + rejected, approved=approved, rejected=rejected, **rest
    ),
    approved=counts,
    rejected=st.integers(0, 20),
    days=st.integers(0, 30),
    edited=st.integers(0, 20),
    expired=st.integers(0, 30),
    hurried=st.integers(0, 20),
    delivered=st.integers(0, 20_000),
    complaints=st.integers(0, 5),
    bounces=counts,
    suspensions=st.integers(0, 1),
)


@given(figures_of, st.sampled_from(Mode))
def test_no_figures_ever_advise_more_than_one_rung(figures: Figures, mode: Mode) -> None:
    assert abs(advised(figures, mode).rung - mode.rung) <= 1


@given(figures_of, st.sampled_from(Mode))
def test_what_is_bad_never_climbs(figures: Figures, mode: Mode) -> None:
    if list(signals(figures)):
        assert advised(figures, mode).rung <= mode.rung


@given(
    figures_of, st.sampled_from(Mode), st.sampled_from(["complaints", "bounces", "expired", "edited", "suspensions"])
)
def test_more_of_a_bad_thing_never_advises_a_higher_rung(figures: Figures, mode: Mode, name: str) -> None:
    more = {"complaints": figures.complaints, "bounces": figures.bounces, "expired": figures.expired}
    more |= {"edited": figures.edited, "suspensions": figures.suspensions}
    worse = replace(figures, **{name: more[name] + 1})
    assert advised(worse, mode).rung <= advised(figures, mode).rung


@given(figures_of, st.sampled_from(Mode))
def test_whatever_is_advised_against_says_why(figures: Figures, mode: Mode) -> None:
    for verdict in verdicts(figures, mode):
        if verdict.advice in {Advice.NOT_YET, Advice.LEAVE, Advice.STEP_DOWN}:
            assert verdict.reasons
