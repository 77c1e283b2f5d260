"""The ladder: every action at every mode, and what further verdicts may and may not do to it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, Invalid
from core.model import Action, Block, Execute, Hold, Mode, Reason, Verdict
from core.rules.gate import moderate
from core.rules.modes import (
    TABLE,
    check_notification_target,
    check_pause,
    check_step,
    decide,
    is_raise,
    one_rung,
    raise_from,
)

EXPECTED = {
    Mode.READ_ONLY: {"send": "block", "reply": "block", "read": "execute", "tag": "block"},
    Mode.GATED_ALL: {"send": "hold", "reply": "hold", "read": "hold", "tag": "hold"},
    Mode.GATED_SEND: {"send": "hold", "reply": "hold", "read": "execute", "tag": "execute"},
    Mode.MONITORED: {"send": "notify", "reply": "notify", "read": "execute", "tag": "execute"},
    Mode.AUTONOMOUS: {"send": "execute", "reply": "execute", "read": "execute", "tag": "execute"},
}

reasons = st.builds(Reason, st.sampled_from(["run_cap", "class", "consent", "allow_list"]), st.sampled_from("abc"))
holds = st.builds(Hold, st.lists(reasons, min_size=1, max_size=3).map(tuple))
blocks = st.builds(Block, st.sampled_from(["consent_required", "agent_suspended"]), st.sampled_from("abc"))
verdicts = st.one_of(st.builds(Execute, st.booleans()), holds, blocks)


def word(verdict: Verdict) -> str:
    match verdict:
        case Execute(notify=True):
            return "notify"
        case Execute():
            return "execute"
        case Hold():
            return "hold"
        case Block():
            return "block"


@pytest.mark.parametrize(("mode", "action"), list(itertools.product(Mode, Action)))
def test_every_action_at_every_mode_is_as_the_ladder_says(mode: Mode, action: Action) -> None:
    assert word(decide(action, mode)) == EXPECTED[mode][action]


def test_the_table_has_every_mode_and_every_action() -> None:
    assert set(TABLE) == set(Mode)
    assert all(set(row) == set(Action) for row in TABLE.values())


@pytest.mark.parametrize("action", [Action.SEND, Action.REPLY, Action.TAG])
def test_read_only_refuses_in_the_words_of_the_contract(action: Action) -> None:
    assert decide(action, Mode.READ_ONLY) == Block("action_blocked", "oversight_mode is read_only")


@pytest.mark.parametrize("mode", [Mode.GATED_ALL, Mode.GATED_SEND])
def test_a_hold_by_mode_names_the_mode(mode: Mode) -> None:
    held = decide(Action.SEND, mode)
    assert isinstance(held, Hold)
    assert [reason.code for reason in held.reasons] == ["mode"]
    assert mode in held.reasons[0].text


@pytest.mark.parametrize("action", [Action.SEND, Action.REPLY])
def test_a_higher_rung_never_stops_mail_that_a_lower_one_lets_go(action: Action) -> None:
    order = ["block", "hold", "notify", "execute"]
    ranks = [order.index(word(decide(action, mode))) for mode in Mode]
    assert ranks == sorted(ranks)


def test_reasons_of_all_holds_add_up_in_the_order_given_each_once() -> None:
    cap, consent = Reason("run_cap", "over 100"), Reason("consent", "no record")
    mode = decide(Action.SEND, Mode.GATED_SEND)
    assert isinstance(mode, Hold)
    assert moderate(mode, [Hold((cap, consent)), Execute(), Hold((cap,))]) == Hold((*mode.reasons, cap, consent))


def test_an_autonomous_mailbox_is_still_held_by_one_further_hold() -> None:
    cap = Hold((Reason("run_cap", "over 100"),))
    assert moderate(decide(Action.SEND, Mode.AUTONOMOUS), [cap]) == cap


def test_the_first_block_is_the_answer_even_after_holds() -> None:
    first, second = Block("consent_required", "withdrawn"), Block("not_allow_listed", "outside")
    assert moderate(Hold((Reason("mode", "m"),)), [Hold((Reason("class", "c"),)), first, second]) == first


def test_nothing_further_leaves_the_mode_s_verdict_alone() -> None:
    assert moderate(Execute(notify=True)) == Execute(notify=True)


@given(verdicts, st.lists(verdicts, max_size=5))
def test_the_strictest_word_always_wins(verdict: Verdict, further: list[Verdict]) -> None:
    order = ["execute", "notify", "hold", "block"]
    said = [word(one) for one in (verdict, *further)]
    assert word(moderate(verdict, further)) == max(said, key=order.index)


@given(verdicts, st.lists(verdicts, max_size=4), st.lists(verdicts, max_size=4))
def test_moderating_in_two_steps_is_moderating_in_one(verdict: Verdict, one: list[Verdict], two: list[Verdict]) -> None:
    assert moderate(moderate(verdict, one), two) == moderate(verdict, [*one, *two])


@given(verdicts, st.lists(verdicts, max_size=5))
def test_no_reason_to_hold_is_lost(verdict: Verdict, further: list[Verdict]) -> None:
    result = moderate(verdict, further)
    if isinstance(result, Hold):
        given_reasons = {reason for one in (verdict, *further) if isinstance(one, Hold) for reason in one.reasons}
        assert set(result.reasons) == given_reasons
        assert len(result.reasons) == len(given_reasons)


@pytest.mark.parametrize(
    ("raised_at", "pause", "following"),
    [(None, 100, None), (900, 100, None), (901, 100, 1001), (1000, 0, None), (1500, 100, 1600)],
)
def test_the_pause_between_two_raises_counts_from_the_last_raise(
    raised_at: int | None, pause: int, following: int | None
) -> None:
    assert raise_from(raised_at, pause, now=1000) == following
    check_pause(Mode.MONITORED, Mode.READ_ONLY, raised_at=raised_at, pause=pause, now=1000)
    if following is None:
        check_pause(Mode.MONITORED, Mode.AUTONOMOUS, raised_at=raised_at, pause=pause, now=1000)
    else:
        with pytest.raises(Conflict, match="between two raises"):
            check_pause(Mode.MONITORED, Mode.AUTONOMOUS, raised_at=raised_at, pause=pause, now=1000)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(Mode, Mode)))
def test_modes_rise_one_rung_and_fall_any_number(old: Mode, new: Mode) -> None:
    steps = new.rung - old.rung
    assert is_raise(old, new) == (steps > 0)
    assert one_rung(old, new) == (steps in {-1, 1})
    if steps > 1:
        with pytest.raises(Conflict) as refused:
            check_step(old, new)
        assert list(Mode)[old.rung + 1] in (refused.value.fix or "")
    else:
        check_step(old, new)


def test_monitored_without_anybody_to_hear_it_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        check_notification_target(Mode.MONITORED, has_target=False)
    assert refused.value.problems == (("approval_webhook", "is needed for monitored"),)


@pytest.mark.parametrize("mode", Mode)
def test_a_heard_mailbox_may_have_any_mode_and_the_others_need_no_listener(mode: Mode) -> None:
    check_notification_target(mode, has_target=True)
    if mode is not Mode.MONITORED:
        check_notification_target(mode, has_target=False)
