"""`--filter` on commands that list: one grammar, on the desk's host and through a gateway."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.cli_runner import ADDRESS, Clerk
from tests.cli.test_short_ids import Runner, typed
from tests.factories.fork_server import postroom
from tests.factories.mail import hand_in

__all__ = ["typed"]


def test_lists_take_a_filter_with_the_fields_of_their_rows(office: Clerk, typed: Runner) -> None:
    hand_in(office)
    for address, cause in (("jane@gmail.com", "complaint"), ("jo@acme.com", "manual")):
        office.ok("suppress", "add", address, "--cause", cause, who="alice")
    for args, member, hits in (
        (("agent", "list", "--filter", "held>0 stream:acme"), "agents", 1),
        (("agent", "list", "--filter", "state:suspended"), "agents", 0),
        (("mailbox", "list", "--filter", f"address={ADDRESS} owner:olive expires>80d"), "mailboxes", 1),
        (("mailbox", "list", "--filter", "!owner:olive"), "mailboxes", 0),
        (("suppress", "list", "--filter", "domain=gmail.com cause:complaint"), "suppressions", 1),
        (("suppress", "list", "--filter", "domain=gmail.com OR by:alice"), "suppressions", 2),
        (("audit", "list", "--filter", "type:suppression.added actor:alice age<1h"), "events", 2),
        (("audit", "list", "--filter", "age>1h"), "events", 0),
    ):
        heard = typed(*args, "--json")
        assert heard.code == 0, heard.err
        assert len(heard.json[member]) == hits, args
    assert typed("agent", "list", "--filter", "state:suspended").out == "no agent matches\n"


@pytest.mark.parametrize("command", ["agent list", "mailbox list", "suppress list", "audit list", "audit tail"])
def test_a_filter_that_cannot_be_read_is_an_error_on_the_line(typed: Runner, command: str) -> None:
    heard = typed(*command.split(), "--filter", "nonsense:1")
    assert (heard.code, heard.out) == (2, "")
    assert "unknown field nonsense, at 1; use " in heard.err
    assert heard.err.count("\n") == 1


def test_without_a_filter_the_answers_are_as_they_were(office: Clerk, typed: Runner) -> None:
    hand_in(office)
    office.ok("suppress", "add", "jane@gmail.com", who="alice")
    assert set(typed("agent", "list", "--json").json) == {"agents"}
    assert set(typed("mailbox", "list", "--json").json) == {"mailboxes", "next_cursor"}
    assert set(typed("suppress", "list", "--json").json) == {"suppressions"}


def test_the_log_is_listed_newest_page_first_and_folded_on_request(office: Clerk, typed: Runner) -> None:
    for n in range(3):
        hand_in(office, to=f"r{n}@example.com")
    page = typed("audit", "list", "--limit", "5", "--json").json
    assert len(page["events"]) == 5
    before = typed("audit", "list", "--limit", "5", "--before", str(page["older"]), "--json").json["events"]
    assert [one["seq"] for one in before] == [page["events"][0]["seq"] - n for n in range(5, 0, -1)]
    folded = typed("audit", "list", "--filter", "type:token.issued", "--fold", "--json").json["events"]
    assert [one["count"] for one in folded] == [3]
    assert "token.issued x3" in typed("audit", "list", "--filter", "type:token.issued", "--fold").out


def test_the_tail_of_the_log_follows_what_happens_until_ctrl_c(office: Clerk, tmp_path: Path) -> None:
    office.ok("suppress", "add", "old@example.com", who="alice")
    command = [
        *postroom(),
        "audit",
        "tail",
        "--filter",
        "type:suppression.added",
        "--json",
        "--dir",
        str(office.directory),
    ]
    environment = {"POSTROOM_TOKEN": office.tokens["alice"], "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        office.ok("suppress", "add", "new@example.com", who="alice")
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert first["type"] == second["type"] == "suppression.added"
    assert second["seq"] > first["seq"]
