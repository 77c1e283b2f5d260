"""An agent's tokens at the command line: issued by governance, passed on by the agent itself."""

from __future__ import annotations

import io

import keyring
import pytest
from keyring.backends import fail

from tests.cli.cli_runner import NOBODY, Clerk


@pytest.fixture
def agent(office: Clerk) -> Clerk:
    """The office, where `bot` is the agent with its token."""
    office.tokens["bot"] = office.ok("token", "issue", "--agent", "support-bot", "--ttl", "2h", who="gail")["token"]
    return office


def test_an_agent_passes_on_a_narrower_token_for_one_run(agent: Clerk) -> None:
    made = agent.ok("token", "delegate", "--run", "nightly-7", "--ttl", "8h", "--user", "ann@acme.test", who="bot")
    assert made["token"].startswith("pra_")
    assert (made["scopes"], made["run"], made["user"], made["test"]) == (["send"], "nightly-7", "ann@acme.test", False)
    parent, child = agent.ok("agent", "show", "support-bot", who="alice")["tokens"][1::-1]
    assert (child["id"], child["parent"], child["run"]) == (made["id"], parent["id"], "nightly-7")
    assert child["expires_at"] == parent["expires_at"] == made["expires_at"]
    assert child["issued_by"] == "agent:support-bot"
    agent.tokens["tool"] = made["token"]
    assert "cannot be delegated further" in agent.refused("token", "delegate", "--run", "nightly-7", who="tool")


def test_a_token_is_not_passed_on_wider_or_without_a_run(agent: Clerk) -> None:
    agent.refused("token", "delegate", who="bot", code=2)
    agent.refused("token", "delegate", "--run", "r", "--scopes", "fly", who="bot", code=2)
    agent.tokens["reader"] = agent.ok(
        "token", "issue", "--agent", "support-bot", "--scopes", "read", "--run", "r", who="gail"
    )["token"]
    assert "lacks send" in agent.refused("token", "delegate", "--run", "r", who="reader")
    assert "bound to its run" in agent.refused("token", "delegate", "--run", "s", "--scopes", "read", who="reader")
    assert agent.ok("token", "delegate", "--scopes", "read", who="reader")["run"] == "r"


def test_only_an_agents_own_living_token_is_passed_on(agent: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    passing_on = ("token", "delegate", "--run", "r")
    assert "operator's token" in agent.refused(*passing_on, who="gail")
    assert "POSTROOM_TOKEN" in agent.refused(*passing_on, who=NOBODY)
    agent.tokens["eve"] = "pra_stranger"
    assert "no agent has this token" in agent.refused(*passing_on, who="eve")
    own = agent.ok("agent", "show", "support-bot", who="alice")["tokens"][0]["id"]
    agent.ok("token", "revoke", str(own), "--reason", "found in a log", who="alice")
    assert "has expired" in agent.refused(*passing_on, who="bot")


def test_a_rotated_token_is_shown_also_where_the_keyring_does_not_keep_it(office: Clerk) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]  # the library's
    try:
        heard = office.run("operator", "rotate", "--keep", "--json", who="gail")
    finally:
        keyring.set_keyring(before)
    assert (heard.code, "the OS keyring is not available here" in heard.err) == (1, True)
    office.tokens["gail"] = heard.json["token"]  # the old one has ended
    office.ok("token", "issue", "--agent", "support-bot", who="gail")


def test_an_owner_issues_an_enrolment_token_with_the_prompt_for_the_agent(office: Clerk) -> None:
    made = office.ok("token", "enrol", "--agent", "sales-bot", "--ttl", "2h", who="olive")
    assert (made["scopes"], made["owner"], made["token"] in made["prompt"]) == (["request"], "olive", True)
    assert "/skill.md" in made["prompt"]
    assert "owner may" in office.refused("token", "enrol", "--agent", "sales-bot", who="gail")
    office.tokens["bot"] = made["token"]
    assert "does nothing else" in office.refused("token", "delegate", "--run", "r", who="bot")
