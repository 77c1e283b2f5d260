"""Every refusal is one line on stderr that says what to do next."""

from __future__ import annotations

from pathlib import Path

from tests.cli.cli_runner import ADDRESS, DOMAIN, Clerk
from tests.factories.mail import hand_in


def test_what_is_so_already_says_where_to_look(office: Clerk) -> None:
    assert "postroom agent list" in office.refused("agent", "resume", "support-bot", "--reason", "x", who="gail")
    office.ok("agent", "suspend", "support-bot", "--reason", "drill", who="alice")
    said = office.refused("agent", "suspend", "support-bot", "--reason", "drill", who="alice")
    assert "postroom agent show" in said
    said = office.refused("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    assert f"postroom stream set {DOMAIN}" in said


def test_files_that_are_not_there_say_what_to_name(clerk: Clerk, tmp_path: Path) -> None:
    assert "name a file" in clerk.refused("policy", "check", str(tmp_path / "no.toml"))
    heard = clerk.run("report", str(tmp_path / "no.eml"), "--json")
    assert (heard.code, heard.out, heard.err.count("\n")) == (1, "", 1)
    assert "name a file" in heard.err


def test_a_trace_of_nothing_says_so_beside_its_json(office: Clerk) -> None:
    heard = office.run("trace", "nosuch", "--json")
    assert heard.code == 1
    assert heard.json["steps"] == []
    assert heard.err.count("\n") == 1
    assert "nothing was found for 'nosuch'" in heard.err


def test_each_item_that_is_not_decided_has_its_line(office: Clerk) -> None:
    first, second, third = (hand_in(office, to=f"r{n}@example.com") for n in range(3))
    office.ok("queue", "reject", first, second, "--reason", "wrong customer", who="alice")
    heard = office.run("queue", "approve", first, second, third, who="alice")
    assert heard.code == 1
    assert [one.split(":")[1].strip() for one in heard.err.splitlines()[:2]] == [first, second]
    assert heard.out == f"{third}: approved\n"


def test_how_long_mail_waits_is_the_figure_in_force(office: Clerk) -> None:
    (listed,) = office.ok("mailbox", "list")["mailboxes"]
    shown = office.ok("mailbox", "show", ADDRESS)
    for one in (listed, shown):
        assert (one["pending_expiry"], one["pending_expiry_seconds"]) == ("72h", 72 * 3_600)
