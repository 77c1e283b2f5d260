"""Whoever is shown mail or records at the command line stands in the log, and only they."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.cli_runner import ADDRESS, NOBODY, Clerk
from tests.factories.mail import hand_in


def reads(office: Clerk) -> list[dict[str, Any]]:
    """Who the log says was shown what, in order; without who looks here."""
    lines = [json.loads(one) for one in office.run("audit", "export", who="victor").out.splitlines()]
    return [one for one in lines if one["type"] in ("email.read", "desk.read") and one["actor"] != "victor"]


@pytest.mark.parametrize(
    ("command", "kind", "what"),
    [
        (("queue", "pending"), "email.read", "pending"),
        (("queue", "pending", "--mailbox", ADDRESS), "email.read", "pending"),
        (("queue", "scheduled"), "email.read", "scheduled"),
        (("queue", "show", "ITEM"), "email.read", "message"),
        (("trace", "ITEM"), "email.read", "trace"),
        (("trace", "jane@example.com"), "email.read", "trace"),
        (("suppress", "list"), "desk.read", "suppressions"),
        (("suppress", "export"), "desk.read", "suppressions"),
        (("run", "list"), "desk.read", "runs"),
        (("consent", "list"), "desk.read", "consents"),
        (("consent", "export"), "desk.read", "consents"),
        (("audit", "export"), "desk.read", "log"),
        (("audit", "bundle", "--from", "1d", "--out", "OUT"), "desk.read", "evidence"),
    ],
)
def test_a_command_that_shows_mail_or_people_leaves_one_entry(
    office: Clerk, command: tuple[str, ...], kind: str, what: str
) -> None:
    item, out = hand_in(office), office.directory / "bundle.zip"
    asked = [item if one == "ITEM" else str(out) if one == "OUT" else one for one in command]
    for who in (NOBODY, "root"):
        office.refused(*asked, who=who)
    assert reads(office) == []
    for _ in range(2):
        out.unlink(missing_ok=True)
        assert office.run(*asked, who="alice").code == 0
    (read,) = reads(office)
    assert (read["type"], read["actor"], read["data"]["what"], read["data"]["door"]) == (kind, "alice", what, "cli")
    assert read["id"] == (item if kind == "email.read" and what not in ("pending", "scheduled") else None)
    assert "jane" not in json.dumps(read)


def test_what_is_not_there_was_not_read(office: Clerk) -> None:
    assert office.run("trace", "nobody@example.org", who="alice").code == 1
    office.refused("queue", "show", "m0000000000000", who="alice")
    assert reads(office) == []


def test_a_csv_export_names_messages_as_trace_takes_them(office: Clerk) -> None:
    item = hand_in(office)
    head, *rows = office.run("audit", "export", "--format", "csv").out.splitlines()
    place = head.split(",").index("id")
    named = [row.split(",")[place] for row in rows if ",email.submitted," in row]
    assert named == [item]
    assert office.ok("trace", named[0])["messages"] == [item]


def test_an_export_ends_with_what_happened_before_it(office: Clerk) -> None:
    office.ok("audit", "checkpoint", who="victor")
    for more in ((), ("--json",)):
        out = office.run("audit", "export", *more).out
        last = json.loads(out)["events"][-1] if more else json.loads(out.splitlines()[-1])
        assert last["type"] == ("desk.read" if more else "audit.checkpoint")
