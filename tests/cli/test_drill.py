"""Revocation is exercised at the real gateway: what was revoked opens nothing, what was restored does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.clock import SystemClock
from core.db.store import Store
from core.desk_client import drill_gateways
from core.desk_client.http_desk import DeskClient
from core.durations import SECOND
from core.errors import Conflict, Invalid
from core.model import SILENT
from core.security import credentials
from core.services.control import gateway_registry
from tests.cli.cli_runner import ADDRESS, DOMAIN, NOBODY, Clerk
from tests.cli.gateway_process import serving
from tests.factories.fork_server import postroom
from tests.factories.served import served
from tests.terminal import terminal

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


@dataclass
class Door:
    """Somebody else's HTTP server: answers `before` to a look and `after` to an attempt to send.

    `at` is called with the method and the number of the request of this method, before it is answered.
    """

    before: int
    after: int
    error: str = ""
    at: Callable[[str, int], None] = lambda _method, _number: None
    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Method and token of each request that carried one."""

    def answer(self, method: str, secret: str) -> int:
        if not secret:
            return 200
        self.seen.append((method, secret))
        self.at(method, sum(method == one for one, _ in self.seen))
        return self.before if method == "GET" else self.after


@contextlib.contextmanager
def standing(door: Door) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = door.answer(self.command, self.headers.get("Authorization", "").removeprefix("Bearer "))
            body = json.dumps({"error": door.error}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


def door(*, before: int, after: int, error: str = "") -> contextlib.AbstractContextManager[str]:
    return standing(Door(before, after, error))


def sql(clerk: Clerk, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(clerk.directory / "postroom.db", timeout=60)) as database:
        database.execute(statement)
        database.commit()


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


def test_a_drill_from_another_machine_ends_and_restores_as_on_the_host(agent: Clerk) -> None:
    held = sorted(in_force(agent))
    with serving(agent) as url:
        env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
        env |= {"POSTROOM_URL": url, "POSTROOM_TOKEN": agent.tokens["gail"]}
        done = subprocess.run(
            [*postroom(), "drill", "support-bot", "--json"], env=env, capture_output=True, check=False
        )
        found = json.loads(done.stdout)
        assert (done.returncode, found["result"], found["gateways"], found["unreached"]) == (0, "passed", [url], [])
        assert (found["revoked"], isinstance(found["closed_ms"], int)) == (held, True)
        (fresh,) = found["restored"]
        assert ask(url, agent.tokens["bot"], "POST", "/emails/send", MAIL) == 401
        assert ask(url, fresh["token"], "POST", "/emails/send", MAIL) == 202
        refused = subprocess.run(
            [*postroom(), "drill", "support-bot"], env=env | {"POSTROOM_TOKEN": agent.tokens["alice"]},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (refused.returncode, refused.stdout, "governance" in refused.stderr) == (1, "", True)
    assert in_force(agent) == [fresh["id"]]
    (event,) = events(agent, "identity.drilled")
    assert (event["actor"], event["data"]["passed"], event["data"]["revoked"]) == ("gail", True, held)
    assert set(found["remove_to_stop_signatures"][0]) == {"type", "name", "purpose"}


def test_what_a_drill_reports_cannot_hide_a_token_that_is_still_in_force(agent: Clerk) -> None:
    held = in_force(agent)
    with served(agent.directory) as url, contextlib.closing(DeskClient(url, agent.tokens["gail"])) as gail:
        made = credentials.new_agent_token()
        started = gail.call("drill.start", agent="support-bot", probes=[made.digest.hex()])
        step = {
            "agent": "support-bot", "started": started["started"], "probes": [one["id"] for one in started["probes"]]
        }  # fmt: skip
        nothing: dict[str, Any] = {
            name: [] for name in ("failures", "gateways", "unreached", "revoked", "restored", "records", "remaining")
        }
        told = gail.call("drill.finish", **step, **nothing)
        found = [*(f"token {n} is still in force" for n in held), "no gateway was tried"]
        assert (told["result"], told["failures"]) == ("failed", found)
        with pytest.raises(Conflict, match="has ended"):
            gail.call("drill.revoke", **step)
    assert in_force(agent) == held


def test_a_drills_probes_are_its_own_and_its_digests_nobodys_yet(agent: Clerk) -> None:
    held = in_force(agent)
    taken = hashlib.sha256(agent.tokens["bot"].encode()).hexdigest()
    new = [credentials.new_agent_token().digest.hex() for _ in range(2)]
    with served(agent.directory) as url, contextlib.closing(DeskClient(url, agent.tokens["gail"])) as gail:
        with pytest.raises(Conflict, match="was issued before"):
            gail.call("drill.start", agent="support-bot", probes=[taken])
        with pytest.raises(Invalid, match="twice"):
            gail.call("drill.start", agent="support-bot", probes=[new[0], new[0]])
        started = gail.call("drill.start", agent="support-bot", probes=new[:1])
        step = {"agent": "support-bot", "started": started["started"]}
        for act in ("drill.abandon", "drill.revoke"):
            with pytest.raises(Invalid, match=f"token {held[0]} is no probe"):
                gail.call(act, **step, probes=held)
        probes = [one["id"] for one in started["probes"]]
        revoked = gail.call("drill.revoke", **step, probes=probes)["revoked"]
        assert revoked == held
        with pytest.raises(Conflict, match="has revoked tokens of support-bot"):
            gail.call("drill.abandon", **step, probes=probes)
        with pytest.raises(Conflict, match="was issued before"):
            gail.call("drill.restore", **step, probes=probes, revoked=revoked, fresh=[taken, *new[1:]])
    assert in_force(agent) == []


def test_a_drill_is_abandoned_though_somebody_else_revoked_a_token_meanwhile(agent: Clerk) -> None:
    (held,) = in_force(agent)
    with served(agent.directory) as url, contextlib.closing(DeskClient(url, agent.tokens["gail"])) as gail:
        made = credentials.new_agent_token().digest.hex()
        started = gail.call("drill.start", agent="support-bot", probes=[made])
        gail.call("token.revoke", id=held)
        step = {"agent": "support-bot", "started": started["started"]}
        gail.call("drill.abandon", **step, probes=[one["id"] for one in started["probes"]])
    assert in_force(agent) == []
    assert events(agent, "identity.drilled") == []


def test_a_drill_leaves_its_result_in_the_log_the_trace_and_the_inventory(agent: Clerk) -> None:
    with serving(agent):
        found = agent.ok("drill", "support-bot", who="gail")
    (event,) = events(agent, "identity.drilled")
    assert (event["actor"], event["data"]["passed"], event["data"]["restored"]) == (
        "gail", True, [one["id"] for one in found["restored"]],
    )  # fmt: skip
    assert found["revoked"][0] in [one["data"]["token"] for one in events(agent, "token.revoked")]
    assert "gail ran a revocation drill (1 token revoked, 1 reissued): passed" in agent.run("trace", "support-bot").out
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


def test_a_person_whose_stderr_goes_to_a_file_is_asked_at_the_terminal(agent: Clerk, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console.main", "drill", "support-bot"]
    env = {"POSTROOM_DIR": str(agent.directory), "POSTROOM_TOKEN": agent.tokens["gail"]}
    before = in_force(agent)
    with (tmp_path / "log").open("wb") as log, terminal(command, env=env, stderr=log) as seen:
        seen.shows("Go on?")
        seen.press("n", "enter")
        assert seen.ended() == 130
    assert (tmp_path / "log").read_text().strip() == ""
    assert in_force(agent) == before


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


# --- what must not go wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "method", "number"),
    [(signal.SIGTERM, "POST", 1), (signal.SIGINT, "GET", 3)],
    ids=["sigterm while it tries the probes", "ctrl-c while it tries the fresh tokens"],
)
def test_whoever_ends_a_drill_after_the_revocation_still_gets_the_fresh_tokens(
    agent: Clerk, end: signal.Signals, method: str, number: int
) -> None:
    agent.ok("token", "issue", "--agent", "support-bot", who="gail")

    def interrupt(said: str, count: int) -> None:
        if (said, count) == (method, number):
            os.kill(os.getpid(), end)

    with standing(Door(200, 401, at=interrupt)) as url:
        heard = agent.run("drill", "support-bot", "--url", url, "--json", who="gail")
    found = heard.json
    assert (heard.code, found["result"]) == (1, "failed")
    assert [one for one in found["failures"] if "interrupted" in one]
    assert len(found["restored"]) == 2
    assert sorted(in_force(agent)) == [one["id"] for one in found["restored"]]
    (event,) = events(agent, "identity.drilled")
    assert event["data"]["restored"] == [one["id"] for one in found["restored"]]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_the_revocation_leaves_everything_as_it_was(agent: Clerk) -> None:
    before = in_force(agent)
    door = Door(200, 401, at=lambda _method, _number: os.kill(os.getpid(), signal.SIGINT))
    with standing(door) as url:
        assert "nothing was revoked" in agent.refused("drill", "support-bot", "--url", url, who="gail")
    assert in_force(agent) == before
    assert "POST" not in [method for method, _ in door.seen]


def test_fresh_tokens_are_printed_also_where_the_result_cannot_be_recorded(agent: Clerk) -> None:
    sql(agent, "CREATE TRIGGER full BEFORE UPDATE OF drilled_at ON agent BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with door(before=200, after=401) as url:
        heard = agent.run("drill", "support-bot", "--url", url, "--json", who="gail")
    assert heard.code == 1
    assert [one for one in heard.json["failures"] if "not recorded" in one and "no room" in one]
    assert in_force(agent) == [one["id"] for one in heard.json["restored"]] != []
    sql(agent, "DROP TRIGGER full")


def test_a_drill_that_cannot_issue_fresh_tokens_says_so_and_is_recorded(agent: Clerk) -> None:
    def no_room(method: str, _number: int) -> None:
        if method == "POST":
            sql(agent, "CREATE TRIGGER full BEFORE INSERT ON token BEGIN SELECT RAISE(ABORT, 'no room'); END")

    with standing(Door(200, 401, at=no_room)) as url:
        heard = agent.run("drill", "support-bot", "--url", url, "--json", who="gail")
    assert (heard.code, heard.json["restored"]) == (1, [])
    assert [one for one in heard.json["failures"] if "no fresh token" in one and "no room" in one]
    (event,) = events(agent, "identity.drilled")
    assert (event["data"]["restored"], event["data"]["passed"]) == ([], False)
    assert in_force(agent) == []
    sql(agent, "DROP TRIGGER full")


def test_a_revocation_that_breaks_off_changes_nothing(agent: Clerk) -> None:
    before = in_force(agent)
    sql(agent, "CREATE TRIGGER full BEFORE UPDATE OF revoked_at ON token WHEN NEW.test = 0 "
        "BEGIN SELECT RAISE(ABORT, 'no room'); END")  # fmt: skip
    door = Door(200, 401)
    with standing(door) as url:
        assert "no room" in agent.refused("drill", "support-bot", "--url", url, who="gail")
    assert in_force(agent) == before
    assert events(agent, "identity.drilled") == []
    sql(agent, "DROP TRIGGER full")
    with standing(door) as url:
        agent.ok("drill", "support-bot", "--url", url, who="gail")


def test_a_fresh_token_never_crosses_a_network_in_clear(agent: Clerk) -> None:
    door = Door(200, 401)
    with standing(door) as url:
        # The same door by a name that is no loopback address to whoever reads it.
        named = url.replace("127.0.0.1", "127.1")
        found = agent.ok("drill", "support-bot", "--url", named, who="gail")
        (fresh,) = found["restored"]
        assert (found["result"], found["fresh_not_tried_at"]) == ("passed", [named])
        assert fresh["token"] not in {secret for _, secret in door.seen}
        found = agent.ok("drill", "support-bot", "--url", url, who="gail")
        assert found["fresh_not_tried_at"] == []
        assert door.seen[-1] == ("GET", found["restored"][0]["token"])


@pytest.mark.parametrize(
    ("status", "error", "opened"),
    [
        (200, "", True), (403, "insufficient_scope", True), (204, "", False), (401, "", False), (404, "", False),
        (403, "not_your_mailbox", False), (421, "misdirected", False), (429, "rate_limited", False), (503, "", False),
    ],
    ids=str,
)  # fmt: skip
def test_only_some_answers_show_that_a_gateway_knew_the_token(status: int, error: str, *, opened: bool) -> None:
    with door(before=status, after=401, error=error) as url:
        answer = drill_gateways.ask(url, "pra_x", "GET", BOX)
    assert answer.opened is opened


def test_an_answer_that_does_not_show_that_the_probe_was_known_stops_the_drill(agent: Clerk) -> None:
    before = in_force(agent)
    with door(before=429, after=401, error="rate_limited") as url:
        said = agent.refused("drill", "support-bot", "--url", url, who="gail")
    assert "429 rate_limited" in said
    assert "nothing was revoked" in said
    assert in_force(agent) == before


def test_a_drill_that_reached_not_every_gateway_is_incomplete_everywhere(agent: Clerk) -> None:
    elsewhere = gateway_registry.Place(7, "elsewhere.test", 1, "127.0.0.1:8025")
    with contextlib.closing(Store(f"sqlite:///{agent.directory}/postroom.db", clock=SystemClock())) as store:
        store.transact(lambda tx: gateway_registry.start(tx, elsewhere, is_running=lambda _host, _pid: None))
        soon = store.clock.now() + SILENT - SECOND  # so that a slow machine still takes it for alive
        sql(agent, f"UPDATE gateway SET beat_at = {soon}")
    missed = "127.0.0.1:8025 on elsewhere.test"
    with door(before=200, after=401) as url:
        heard = agent.run("drill", "support-bot", "--url", url, "--json", who="gail")
    found = heard.json
    assert (heard.code, found["result"], found["passed"], found["unreached"]) == (1, "incomplete", False, [missed])
    (event,) = events(agent, "identity.drilled")
    assert (event["data"]["unreached"], event["data"]["passed"]) == ([missed], False)
    assert [(grade, missed in text) for grade, _, text in identity(agent) if "incomplete" in text] == [("warn", True)]
    assert f"incomplete: not tried at {missed}" in agent.run("trace", "support-bot").out
    assert agent.ok("inventory")["identities"][0]["last_drill_result"] == "incomplete"


def test_a_gateway_that_is_named_by_another_url_is_known_again_and_not_taken_for_unreached(agent: Clerk) -> None:
    with serving(agent) as url:
        named = url.replace("127.0.0.1", "localhost")
        found = agent.ok("drill", "support-bot", "--url", named, who="gail")
    assert (found["result"], found["gateways"], found["unreached"]) == ("passed", [named], [])
