"""Over HTTP: a person says yes, policy is tightened, and the message asks again, unless they saw the rule."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from core.db.store import Store
from core.demo.clock import FakeClock
from core.model import Mode
from core.rules.policy import Policy
from core.services.control import policy as policies
from tests.api.api_client import JSON, Visitor, opened
from tests.factories.delivery import attempt, claim, events, pass_a_moment
from tests.factories.desk import ADDRESS, GAIL, WIDE, make_desk

BEFORE: Final[JSON] = {"disclosure": {"header": False, "footer": ""}}
TIGHTER: Final[dict[str, tuple[JSON, str]]] = {
    "a class is held": ({"classes": {"hold": ("transactional",)}}, "class"),
    "a class needs consent": ({"consent": {"require": ("transactional",)}}, "consent"),
    "two people must approve": ({"review": {"four_eyes": ("transactional",)}}, "four_eyes"),
    "a run must say more": ({"runs": {"require": ("prompt_version",)}}, "run_incomplete"),
    "what does not say is refused": ({"runs": {"require": ("prompt_version",), "missing": "refuse"}}, "run_incomplete"),
    "words make a commitment": ({"classes": {"commitment_phrases": ("on its way",)}}, "class_not_signed_off"),
    "a disclosure header": ({"disclosure": {"header": True, "footer": ""}}, "disclosure"),
    "a disclosure footer": ({"disclosure": {"header": False, "footer": "By a machine."}}, "disclosure"),
}


@pytest.fixture
def agent(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """A mailbox whose mail people approve."""
    desk = make_desk(sqlite_store, mode=Mode.GATED_SEND, policy=Policy.model_validate(BEFORE), **WIDE)
    with opened(desk, tmp_path) as client:
        yield client


def tighten(agent: Visitor, sections: JSON) -> None:
    store, new = agent.bench.store, Policy.model_validate_json(json.dumps(BEFORE | sections))
    store.transact(lambda tx: policies.apply_policy(tx, new, reason="other times", actor=GAIL))
    assert isinstance(store.clock, FakeClock)
    store.clock.advance(seconds=2)


def held(agent: Visitor, **more: Any) -> str:
    answer = agent.send(**more)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending"), answer.text
    return str(answer.json()["message_id"])


def approve(agent: Visitor, message: str, *, who: str = "alice") -> None:
    answer = agent.operator(who).post(f"/emails/{message}/decide", {"action": "approve"})
    assert answer.status_code == 200, answer.text


def pending(agent: Visitor) -> dict[str, list[str]]:
    listed = agent.operator("alice").get(f"/mailboxes/{ADDRESS}/pending").json()["messages"]
    return {one["id"]: [reason["code"] for reason in one["reasons"]] for one in listed}


def leaving(agent: Visitor) -> int:
    pass_a_moment(agent.bench.store)
    return len(attempt(agent.bench.store, claim(agent.bench.store)))


@pytest.mark.parametrize("name", TIGHTER)
def test_a_policy_that_is_tightened_after_a_person_s_yes_applies_and_says_which_rule(agent: Visitor, name: str) -> None:
    sections, code = TIGHTER[name]
    message = held(agent)
    approve(agent, message)
    tighten(agent, sections)
    assert leaving(agent) == 0
    assert pending(agent)[message][0] == code
    assert getattr(events(agent.bench.store, "email.pending")[-1], "reasons", None) == pending(agent)[message]
    approve(agent, message)
    if code == "four_eyes":
        assert leaving(agent) == 0, "one person's second yes is no second person's"
        approve(agent, message, who="bob")
    assert leaving(agent) == 1, "they saw the rule and said yes"


def test_words_of_an_attachment_are_looked_for_under_a_tighter_policy_too(agent: Visitor) -> None:
    file = {"filename": "terms.txt", "content": base64.b64encode(b"The meadow is green.").decode()}
    message = held(agent, attachments=[file])
    approve(agent, message)
    tighten(agent, {"classes": {"commitment_phrases": ("meadow",)}})
    assert leaving(agent) == 0
    assert pending(agent)[message][0] == "class_not_signed_off"


@pytest.mark.parametrize("name", [name for name in TIGHTER if "disclosure" not in name])
def test_an_approval_that_saw_the_rule_is_not_asked_for_again(agent: Visitor, name: str) -> None:
    sections, code = TIGHTER[name]
    if code == "run_incomplete":
        sections = {"runs": {"require": ("prompt_version",)}}
    tighten(agent, sections)
    message = held(agent)
    approve(agent, message)
    if code == "four_eyes":
        approve(agent, message, who="bob")
    tighten(agent, sections | {"quota": {"messages": 10}})
    assert leaving(agent) == 1
    assert pending(agent) == {}


def test_what_no_policy_concerns_leaves_under_a_tighter_one(agent: Visitor) -> None:
    message = held(agent)
    approve(agent, message)
    tighten(agent, {"classes": {"hold": ("notification",), "commitment_phrases": ("on our account",)}})
    assert leaving(agent) == 1


def test_a_run_s_cap_that_is_lowered_holds_what_waits_beyond_it(agent: Visitor) -> None:
    messages = [held(agent, to=f"r{n}@example.com") for n in range(4)]
    for message in messages:
        approve(agent, message)
    change = {"limits": {"run": 2}, "change_reason": "too many"}
    answer = agent.operator("alice").patch(f"/mailboxes/{ADDRESS}", change)
    assert answer.status_code == 200, answer.text
    gone = 0
    for _ in range(4):
        gone += leaving(agent)
    assert gone == 2
    assert pending(agent) == {messages[2]: ["run_cap"], messages[3]: ["run_cap"]}
    confirm = {"agent": "support-bot", "up_to": 4, "reason": "these are right"}
    assert agent.operator("olive").post("/runs/run-1/confirm", confirm).status_code == 200
    for _ in range(3):
        gone += leaving(agent)
    assert gone == 4
