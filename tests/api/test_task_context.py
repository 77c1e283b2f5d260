"""Over HTTP: a run says what it is for, what leaves that waits for a person, a closed run's token is worth nothing."""

from __future__ import annotations

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
from tests.factories.desk import ADDRESS, GAIL, WIDE, issue, make_desk

SAYING: Final[JSON] = {"id": "run-1", "user": "ann@acme.test", "prompt_version": "p1", "tools_version": "t1"}
TASK: Final[JSON] = SAYING | {"purpose": "renew the contract of Acme", "targets": ["acme.com", "joe@one.test"]}


@pytest.fixture
def agent(sqlite_store: Store, tmp_path: Path) -> Iterator[Visitor]:
    """A mailbox that sends by itself."""
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS, **WIDE), tmp_path) as client:
        yield client


def handed(agent: Visitor, **more: Any) -> JSON:
    answer = agent.send(**more)
    assert answer.status_code == 202, answer.text
    told: JSON = answer.json()
    return told


def codes(told: JSON) -> list[str]:
    return [one["code"] for one in told.get("reasons", ())]


def bound(agent: Visitor, run: str = "run-1", **more: Any) -> Visitor:
    token = issue(agent.bench.store, agent.bench.agent_id, secret="pra_bound", run_key=run, **more)
    return agent.using(f"pra_bound{token.agent_id}False")


def tighten(agent: Visitor, **sections: Any) -> None:
    store, new = agent.bench.store, Policy.model_validate(sections)
    store.transact(lambda tx: policies.apply_policy(tx, new, reason="other times", actor=GAIL))
    assert isinstance(store.clock, FakeClock)
    store.clock.advance(seconds=2)


def pending(agent: Visitor) -> list[JSON]:
    listed: list[JSON] = agent.operator("alice").get(f"/mailboxes/{ADDRESS}/pending").json()["messages"]
    return listed


def leaving(agent: Visitor) -> int:
    pass_a_moment(agent.bench.store)
    return len(attempt(agent.bench.store, claim(agent.bench.store)))


# --- a closed run ---------------------------------------------------------------------------------------------------


def test_the_token_of_a_closed_run_sends_reads_and_tags_no_more(agent: Visitor) -> None:
    mine = bound(agent)
    first = handed(mine, run=SAYING)
    assert first["status"] == "queued"
    answer = agent.operator("alice").post("/runs/run-1/close", {"agent": "support-bot"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    for refused in (
        mine.send(run=SAYING), mine.send(run={"id": "run-2"}), mine.send(run=None),
        mine.post("/emails/reply", {"message_id": first["message_id"], "text": "And another thing."}),
        mine.post(f"/emails/{first['message_id']}/tags", {"tags": ["x"]}),
        mine.get(f"/mailboxes/{ADDRESS}/messages"),
    ):  # fmt: skip
        assert (refused.status_code, refused.json()["error"]) == (403, "run_closed"), refused.text
        assert "run-1 is closed" in refused.json()["reason"]
    blocked = events(agent.bench.store, "email.blocked")
    assert {getattr(one, "error", None) for one in blocked} == {"run_closed"}, "and each leaves a fact"
    assert mine.get(f"/emails/{first['message_id']}").status_code == 200, "how its mail stands it may still ask"
    assert leaving(agent) == 1, "what was accepted before leaves"


def test_a_token_of_another_run_goes_on(agent: Visitor) -> None:
    mine = bound(agent)
    handed(mine)
    assert handed(agent, run={"id": "run-2"})["status"] == "queued"
    agent.operator("alice").post("/runs/run-1/close", {"agent": "support-bot"})
    assert handed(agent, run={"id": "run-2"})["status"] == "queued"
    assert mine.send().status_code == 403


# --- what a run must say --------------------------------------------------------------------------------------------


def test_mail_of_a_run_that_does_not_say_what_policy_requires_is_held_and_says_what(agent: Visitor) -> None:
    tighten(agent, runs={"require": ("user", "prompt_version", "tools_version")})
    assert handed(agent, run=SAYING)["status"] == "queued"
    told = handed(agent, run={"id": "run-2", "user": "ann@acme.test"})
    assert (told["status"], codes(told)) == ("pending", ["run_incomplete"])
    assert "prompt_version, tools_version" in told["reasons"][0]["text"]
    assert codes(handed(agent, run=None)) == ["run_incomplete"], "mail of no run says nothing"
    assert handed(agent, run={"id": "run-1"})["status"] == "queued", "the run has said it in an earlier message"
    assert handed(agent, run={"id": "run-2", "prompt_version": "p", "tools_version": "t"})["status"] == "queued"
    shown = agent.operator("alice").get("/trace/run-2").json()
    assert any("prompt p" in step["text"] for step in shown["steps"]), "what was said late is kept"


def test_policy_may_refuse_what_does_not_say(agent: Visitor) -> None:
    tighten(agent, runs={"require": ("user", "prompt_version"), "missing": "refuse"})
    refused = agent.send(run={"id": "run-2"})
    assert (refused.status_code, refused.json()["error"]) == (403, "run_incomplete")
    assert "user, prompt_version" in refused.json()["reason"].replace("prompt_version, user", "user, prompt_version")
    assert refused.json()["fix"]
    assert handed(agent, run=SAYING)["status"] == "queued"


@pytest.mark.parametrize("missing", ["hold", "refuse"])
def test_what_policy_requires_since_is_asked_of_mail_that_waits(agent: Visitor, missing: str) -> None:
    silent = handed(agent, run={"id": "run-2"})
    handed(agent, to=["joe@one.test"], run=SAYING)
    tighten(agent, runs={"require": ("prompt_version",), "missing": missing})
    assert leaving(agent) == 1
    assert [(one["id"], codes(one)) for one in pending(agent)] == [(silent["message_id"], ["run_incomplete"])]
    agent.operator("alice").post(f"/emails/{silent['message_id']}/decide", {"action": "approve"})
    assert leaving(agent) == 1, "a person saw that it does not say"


def test_what_one_message_of_no_run_says_is_said_for_no_other(agent: Visitor) -> None:
    handed(agent, to=["joe@one.test"], run={"prompt_version": "p"})
    silent = handed(agent, run=None)
    tighten(agent, runs={"require": ("prompt_version",)})
    assert leaving(agent) == 1
    assert [(one["id"], codes(one)) for one in pending(agent)] == [(silent["message_id"], ["run_incomplete"])]


# --- what a run is for ----------------------------------------------------------------------------------------------


def test_what_leaves_the_task_of_its_run_is_held_and_says_so(agent: Visitor) -> None:
    assert handed(agent, to=["eve@acme.com"], run=TASK)["status"] == "queued"
    assert handed(agent, to=["joe@one.test"], run={"id": "run-1"})["status"] == "queued"
    told = handed(agent, to=["eve@acme.com", "eve@evil.test"], run={"id": "run-1"})
    assert (told["status"], codes(told)) == ("pending", ["outside_task"])
    assert told["reasons"][0]["text"] == (
        "1 recipient is not among those that run-1 is for (renew the contract of Acme)"
    )
    shown = agent.operator("alice").get(f"/trace/{told['message_id']}").json()
    assert any("renew the contract of Acme" in step["text"] for step in shown["steps"])
    assert handed(agent, to=["eve@evil.test"], run={"id": "run-2"})["status"] == "queued", "another run has no task"


def test_an_agent_does_not_widen_its_own_task(agent: Visitor) -> None:
    handed(agent, to=["eve@acme.com"], run=TASK)
    for targets in (["evil.test"], ["*"], ["acme.com", "evil.test"]):
        told = handed(agent, to=["eve@acme.com"], run={"id": "run-1", "targets": targets})
        assert set(codes(told)) == {"outside_task"}, targets
    told = handed(agent, to=["eve@evil.test"], run={"id": "run-1", "targets": ["evil.test"]})
    assert set(codes(told)) == {"outside_task"}
    assert handed(agent, to=["eve@acme.com"], run={"id": "run-1", "targets": ["eve@acme.com"]})["status"] == "queued"
    told = handed(agent, to=["dan@acme.com"], run={"id": "run-1", "targets": ["eve@acme.com"]})
    assert codes(told) == ["outside_task"], "a message may say less than its run, and is held to it"


def test_a_person_may_say_what_a_run_is_for_before_it_starts_and_while_mail_waits(agent: Visitor) -> None:
    said = {"agent": "support-bot", "id": "run-1", "purpose": "renewals", "targets": ["acme.com"]}
    opened_run = agent.operator("alice").post("/runs", said)
    assert (opened_run.status_code, opened_run.json()["targets"]) == (201, ["*@acme.com"])
    assert codes(handed(bound(agent), to=["eve@evil.test"])) == ["outside_task"]
    waits = handed(agent, to=["eve@evil.test"], run={"id": "run-2"})
    assert waits["status"] == "queued"
    assert agent.operator("alice").post("/runs", said | {"id": "run-2"}).status_code == 201
    assert leaving(agent) == 0
    assert (waits["message_id"], ["outside_task"]) in [(one["id"], codes(one)) for one in pending(agent)]
    again = agent.operator("alice").post("/runs", said | {"id": "run-2", "targets": ["evil.test"]})
    assert again.status_code == 409, "what a run has said stays"
    assert agent.post("/runs", said | {"id": "run-3"}).status_code in (401, 403), "an agent is nobody here"
    assert [getattr(one, "targets", None) for one in events(agent.bench.store, "run.declared")] == [1, 1]


def test_a_declaration_counts_what_the_run_names_and_stands_in_the_log_only_when_something_changed(
    agent: Visitor,
) -> None:
    def declared() -> list[tuple[str, int]]:
        return [(one.actor, one.targets) for one in events(agent.bench.store, "run.declared")]  # type: ignore[attr-defined]  # these have it

    operator = agent.operator("alice")
    targets = {"agent": "support-bot", "id": "run-1", "targets": ["acme.com", "one.test"]}
    assert operator.post("/runs", targets).status_code == 201
    assert declared() == [("alice", 2)]
    assert operator.post("/runs", targets).status_code == 201
    assert operator.post("/runs", {"agent": "support-bot", "id": "run-1"}).status_code == 201
    assert len(declared()) == 1, "what stands already is no news"
    handed(agent, to=["eve@acme.com"], run={"id": "run-1", "purpose": "renewals", "targets": ["acme.com"]})
    assert declared()[1:] == [("agent:support-bot", 2)], "the run names two, whatever this message repeats"
    handed(agent, to=["eve@acme.com"], run={"id": "run-1", "user": "ann", "purpose": "renewals"})
    handed(agent, to=["eve@acme.com"], run={"id": "run-2", "user": "ann"})
    assert len(declared()) == 2
    assert operator.post("/runs", targets | {"id": "run-2"}).status_code == 201
    assert declared()[2:] == [("alice", 2)]


def test_targets_that_are_no_addresses_are_refused_with_their_field(agent: Visitor) -> None:
    refused = agent.send(run={"id": "run-1", "targets": ["acme.com", "not an address"]})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].startswith("run.targets")
