"""The gate's rule on its own: what bars, what holds, and what a person's approval covers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from core.model import Block, ContentClass, Execute, Hold, Reason, Verdict
from core.rules.gate import (
    MODE,
    GateInput,
    GateRecipient,
    Moment,
    SenderFacts,
    approved_rules,
    bar,
    covers,
    decide,
    moderate,
    open_to,
)

FREE = SenderFacts(mailbox="help@bot.acme.example", agent="bot", stream="bot.acme.example")


def asked(moment: Moment = Moment.DEPARTURE, **more: Any) -> GateInput:
    values: dict[str, Any] = {
        "moment": moment,
        "sender": FREE,
        "mode": Execute(),
        "content_class": ContentClass.TRANSACTIONAL,
        "classes": (ContentClass.TRANSACTIONAL,),
        "signed_off": ("transactional",),
        "recipients": (GateRecipient(n=0), GateRecipient(n=1)),
    }
    return GateInput(**(values | more))


def rules(said: Verdict) -> set[str]:
    assert isinstance(said, Hold)
    return {rule for reason in said.reasons for rule in reason.rules}


# --- what bars --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "at_acceptance", "at_departure"),
    [
        ({}, None, None),
        ({"suspended": "complaints"}, "agent_suspended", "agent_suspended"),
        ({"inactive": "retired"}, "mailbox_not_active", "mailbox_not_active"),
        ({"stopped": "fire"}, "desk_stopped", "desk_stopped"),
        ({"paused": True}, None, "paused"),
        ({"protected": True}, "mailbox_not_active", None),
        ({"run_closed": "run-1"}, "run_closed", None),
    ],
    ids=lambda case: next(iter(case), "free") if isinstance(case, dict) else None,
)
def test_each_bar_closes_the_moments_that_it_concerns(
    sender: dict[str, Any], at_acceptance: str | None, at_departure: str | None
) -> None:
    """New mail for a paused stream is accepted and waits; a brake on what is ours already makes it wait too."""
    for moment, error in ((Moment.ACCEPTANCE, at_acceptance), (Moment.DEPARTURE, at_departure)):
        barred = bar(dataclasses.replace(FREE, **sender), moment)
        assert (barred.error if barred else None) == error


def test_a_brake_makes_mail_wait_at_departure_and_refuses_it_at_acceptance() -> None:
    stopped = dataclasses.replace(FREE, stopped="fire")
    refused, waits = (decide(asked(moment, sender=stopped)) for moment in Moment)
    assert isinstance(refused.verdict, Block)
    assert refused.waits is None
    assert waits.waits is not None
    assert waits.waits.code == "desk_stopped"


# --- who is left out --------------------------------------------------------------------------------------------------


def test_a_suppressed_recipient_is_left_out_and_the_others_go() -> None:
    some = asked(recipients=(GateRecipient(n=0, suppressed="bounce"), GateRecipient(n=1)))
    found = decide(some)
    assert (list(found.excluded), found.verdict, open_to(some)) == ([0], Execute(), frozenset({1}))


def test_refused_consent_refuses_new_mail_and_only_its_recipient_of_queued_mail() -> None:
    """At departure the others were promised delivery; at acceptance the agent can still correct its list."""
    no = Block("consent_required", "withdrawn")
    people = (GateRecipient(n=0, consent=((ContentClass.COLD_OUTREACH, no),)), GateRecipient(n=1))
    new, queued = (decide(asked(moment, recipients=people)) for moment in Moment)
    assert (new.verdict, new.excluded) == (no, {})
    assert (queued.verdict, dict(queued.excluded)) == (Execute(), {0: no})


def test_who_is_outside_the_allow_list_is_held_or_left_out_as_policy_says() -> None:
    people = (GateRecipient(n=0, allowed=False), GateRecipient(n=1))
    held, left_out = (decide(asked(recipients=people, outside=said)) for said in ("hold", "block"))
    assert rules(held.verdict) == {"allow_list:0"}
    assert (list(left_out.excluded), left_out.verdict) == ([0], Execute())


# --- what holds, and what an approval covers --------------------------------------------------------------------------


def test_one_sentence_about_two_recipients_is_one_reason_that_names_both_rules() -> None:
    """An approval of it must cover both, or the second recipient holds the message again after the yes."""
    first, second = (Hold((Reason("consent", "no record of consent", (f"consent:{n}",)),)) for n in (0, 1))
    found = moderate(Execute(), [first, second])
    assert isinstance(found, Hold)
    assert [reason.rules for reason in found.reasons] == [("consent:0", "consent:1")]


def test_a_block_wins_over_a_hold_and_a_hold_over_execution() -> None:
    block, hold = Block("no", "no"), Hold((Reason("why", "why"),))
    assert moderate(Execute(), [hold, block]) == block
    assert moderate(hold, [Execute()]) == hold
    assert moderate(Execute(), [Execute(notify=True)]) == Execute(notify=True)


def test_an_approval_covers_the_mode_and_the_rules_it_saw_and_no_other() -> None:
    gated = Hold((Reason(MODE, "a person approves every message"),))
    approved = approved_rules([{"code": "allow_list", "text": "", "rules": ["allow_list:0"]}])
    outside = (GateRecipient(n=0, allowed=False), GateRecipient(n=1))
    both = (GateRecipient(n=0, allowed=False), GateRecipient(n=1, allowed=False))
    assert decide(asked(mode=gated, recipients=outside, approved=approved)).verdict == Execute()
    again = decide(asked(mode=gated, recipients=both, approved=approved)).verdict
    assert rules(again) == {"allow_list:0", "allow_list:1"}


def test_every_rule_must_be_approved_by_itself_or_by_its_code() -> None:
    assert covers({"allow_list:0"}, ["allow_list:0"])
    assert covers({"allow_list"}, ["allow_list:0", "allow_list:7"])
    assert not covers({"allow_list:0"}, ["allow_list:0", "allow_list:1"])


def test_a_reason_stored_before_rules_were_stands_for_its_code() -> None:
    assert approved_rules([{"code": "class", "text": "held"}]) == {MODE, "class"}


@pytest.mark.parametrize(("missing", "held"), [(0, False), (1, True)])
def test_one_missing_approval_holds(missing: int, held: bool) -> None:  # noqa: FBT001 - a case
    assert isinstance(decide(asked(approvals_missing=missing)).verdict, Hold) is held


def test_an_approval_does_not_cover_a_second_one_that_is_missing() -> None:
    found = decide(asked(approvals_missing=1, approved=approved_rules([{"code": "class", "rules": ["class:x"]}])))
    assert rules(found.verdict) == {"four_eyes"}
