"""Revocation is exercised at the real gateway: what was revoked opens nothing, what was restored does."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.cli.cli_runner import ADDRESS, DOMAIN, NOBODY, Clerk
from tests.cli.gateway_process import serving

BOX = f"/mailboxes/{ADDRESS}"
MAIL = {"from": ADDRESS, "to": ["jane@example.com"], "subject": "Your refund", "text": "It is on its way."}


@pytest.fixture
def agent(office: Clerk) -> Clerk:
    """The office, where `bot` is the agent with its token."""
    made = office.ok("token", "issue", "--agent", "support-bot", "--ttl", "2h", "--scopes", "send", who="gail")
    office.tokens["bot"] = made["token"]
    return office


def ask(url: str, token: str, method: str = "GET", path: str = BOX, body: object = None) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, f"{url}{path}", headers=headers, json=body, timeout=30, trust_env=False).status_code


def tokens(clerk: Clerk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clerk.ok("token", "list", "--agent", "support-bot")["tokens"]
    return found


def in_force(clerk: Clerk) -> list[int]:
    return [one["id"] for one in tokens(clerk) if one["revoked_at"] is None]


def events(clerk: Clerk, kind: str) -> list[dict[str, Any]]:
    return [one for one in clerk.ok("audit", "export")["events"] if one["type"] == kind]


def identity(clerk: Clerk) -> list[tuple[str, str, str]]:
    """What doctor says of identities: grade, about, text."""
    checks = clerk.run("doctor", "--json").json["checks"]
    return [(one["grade"], one["about"], one["text"]) for one in checks if one["check"] == "identity"]


@contextlib.contextmanager
def door(*, before: int, after: int) -> Iterator[str]:
    """Somebody else's HTTP server: answers `before` to a look and `after` to an attempt to send."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(before)

        def do_POST(self) -> None:
            self.answer(after)

        def answer(self, status: int) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_drill_ends_every_token_at_the_real_gateway_and_restores_the_agent_by_a_fresh_one(agent: Clerk) -> None:
    child = agent.ok("token", "delegate", "--run", "nightly-7", who="bot")
    held = sorted(in_force(agent))
    assert ("warn", "support-bot", "its revocation was never exercised") in identity(agent)
    with serving(agent) as url:
        assert {ask(url, agent.tokens["bot"]), ask(url, child["token"])} == {200}
        found = agent.ok("drill", "support-bot", who="gail")
        assert (found["passed"], found["failures"], found["gateways"]) == (True, [], [url])
        assert isinstance(found["closed_ms"], int)
        assert found["revoked"] == held
        assert [one["token"] for one in found["tried"]] == held
        for secret in (agent.tokens["bot"], child["token"]):
            assert ask(url, secret, "POST", "/emails/send", MAIL) == 401
        (fresh,) = found["restored"]
        assert ask(url, fresh["token"], "POST", "/emails/send", MAIL) == 202
        assert ask(url, fresh["token"], "GET", f"{BOX}/messages") == 403, "no wider than the token it replaces"
    old = next(one for one in tokens(agent) if one["id"] == fresh["replaces"])
    assert (fresh["scopes"], fresh["expires_at"] <= old["expires_at"]) == (["send"], True)
    assert in_force(agent) == [fresh["id"]]
    assert identity(agent) == [("ok", "", "1 identity: owned, in use, revocation exercised")]


def test_a_drill_leaves_its_result_in_the_log_the_trace_and_the_inventory(agent: Clerk) -> None:
    with serving(agent):
        found = agent.ok("drill", "support-bot", who="gail")
    (event,) = events(agent, "identity.drilled")
    assert (event["actor"], event["data"]["passed"], event["data"]["restored"]) == (
        "gail", True, [one["id"] for one in found["restored"]],
    )  # fmt: skip
    assert found["revoked"][0] in [one["data"]["token"] for one in events(agent, "token.revoked")]
    assert (
        "gail drilled its revocation (1 token revoked, 1 issued afresh): passed"
        in agent.run("trace", "support-bot").out
    )
    (row,) = agent.ok("inventory")["identities"]
    assert (row["last_drill_result"], row["last_drill_by"]) == ("passed", "gail")
    assert "never_drilled" not in {one["code"] for one in row["findings"]}


def test_a_drill_says_which_dns_records_stop_signatures_and_which_would_remain(agent: Clerk) -> None:
    published = agent.ok("stream", "dns", DOMAIN)["records"]
    with serving(agent):
        found = agent.ok("drill", "support-bot", who="gail")
    keys = {one["name"] for one in published if "_domainkey" in one["name"]}
    assert {one["name"] for one in found["remove_to_stop_signatures"]} == keys
    remain = [(one["type"], one["name"]) for one in found["records_that_remain"]]
    assert ("TXT", f"_dmarc.{DOMAIN}") in remain
    assert ("MX", f"bounces.{DOMAIN}") in remain
    assert ("TXT", DOMAIN) in remain
    assert found["shared_with"] == []


def test_without_a_gateway_nothing_is_revoked(agent: Clerk) -> None:
    before = in_force(agent)
    said = agent.refused("drill", "support-bot", who="gail")
    assert "nothing was revoked" in said
    assert "postroom serve" in said
    assert in_force(agent) == before
    assert events(agent, "token.revoked") == events(agent, "identity.drilled") == []


def test_a_gateway_that_does_not_know_the_probe_stops_the_drill_before_anything_is_revoked(agent: Clerk) -> None:
    before = in_force(agent)
    with door(before=401, after=401) as url:
        assert "nothing was revoked" in agent.refused("drill", "support-bot", "--url", url, who="gail")
    assert in_force(agent) == before
    assert events(agent, "identity.drilled") == []
    assert ("warn", "support-bot", "its revocation was never exercised") in identity(agent)


def test_a_door_that_still_opens_fails_the_drill_and_the_agent_is_restored_all_the_same(agent: Clerk) -> None:
    with door(before=200, after=202) as url:
        heard = agent.run("drill", "support-bot", "--url", url, "--json", who="gail")
    assert heard.code == 1
    found = heard.json
    assert not found["passed"]
    assert found["closed_ms"] is None
    assert [one for one in found["failures"] if "still accepts" in one and "202" in one]
    assert in_force(agent) == [one["id"] for one in found["restored"]]
    (event,) = events(agent, "identity.drilled")
    assert event["data"]["failures"] == found["failures"]
    (grade, about, text) = next(one for one in identity(agent) if "failed" in one[2])
    assert (grade, about) == ("fail", "support-bot")
    assert "still accepts" in text
    assert agent.ok("inventory")["identities"][0]["last_drill_result"] == "failed"


def test_an_agent_without_a_token_is_drilled_by_a_probe_and_gets_none(office: Clerk) -> None:
    with serving(office):
        found = office.ok("drill", "support-bot", who="gail")
    assert (found["passed"], found["revoked"], found["restored"]) == (True, [], [])
    assert [one["token"] for one in found["tried"]] == [None]
    assert in_force(office) == []


@pytest.mark.parametrize("who", ["alice", "olive", "dora", "root", "victor"])
def test_only_governance_drills_for_only_it_can_restore(agent: Clerk, who: str) -> None:
    before = in_force(agent)
    with door(before=200, after=401) as url:
        assert "governance" in agent.refused("drill", "support-bot", "--url", url, who=who)
    assert in_force(agent) == before


def test_who_is_not_there_or_is_suspended_is_not_drilled(agent: Clerk) -> None:
    with door(before=200, after=401) as url:
        assert "no agent" in agent.refused("drill", "nobody", "--url", url, who="gail")
        agent.ok("agent", "suspend", "support-bot", "--reason", "wrong customers", who="alice")
        assert "suspended" in agent.refused("drill", "support-bot", "--url", url, who="gail")
    assert "token" in agent.refused("drill", "support-bot", who=NOBODY)
    assert in_force(agent) != []
