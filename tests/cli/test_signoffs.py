"""Signing at the command line: nothing by default, the desk's own NO in sight, a reason against it kept for good."""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk, connect_feedback
from tests.factories.fork_server import postroom
from tests.terminal import terminal

OTHER = f"offers@{DOMAIN}"
OFFERS = ("--agent", "offer-bot", *RECORD[2:], "--allow", "acme.com")
GOVERNANCE = ["ownership", "naming", "credential_type", "expiration", "logging", "revocation_path"]


@pytest.fixture
def asked(clerk: Clerk) -> Clerk:
    """A desk where an identity waits for its three signatures."""
    connect_feedback(clerk)
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    return clerk


@pytest.fixture
def shared(office: Clerk) -> Clerk:
    """A desk where a second agent asks for an address on a stream that is in use."""
    office.ok("mailbox", "request", OTHER, *OFFERS, who="alice")
    return office


def approve(kind: str, *more: str, address: str = ADDRESS) -> tuple[str, ...]:
    return ("mailbox", "approve", address, "--as", kind, *more)


def open_items(clerk: Clerk, *args: str, who: str) -> Any:
    """What a refusal for an open checklist says to a program; a person gets one line."""
    heard = clerk.run(*args, "--json", who=who)
    assert heard.code == 1
    assert heard.err.startswith("postroom: not signed: ")
    assert heard.err.count("\n") == 1
    assert heard.json["error"] == "checklist"
    return heard.json


def test_without_an_affirmation_nothing_is_signed_and_the_whole_checklist_is_shown(asked: Clerk) -> None:
    record = asked.ok("mailbox", "show", ADDRESS)["record_digest"]
    for kind, who in (("owner", "olive"), ("governance", "gail"), ("deliverability", "dora")):
        said = open_items(asked, *approve(kind), who=who)
        assert said["record_digest"] == record
        assert (said["found_false"], len(said["shown_digest"])) == ([], 64)
        found = {one["item"]: one["found"] for one in said["checklist"]}
        assert said["open"] == [item for item, so in found.items() if so is None]
        assert said["open"]
        assert all(one["sentence"] and one["detail"] for one in said["checklist"])
    assert asked.ok("mailbox", "show", ADDRESS)["signoffs"] == []


def test_the_owner_has_a_checklist_that_asks_for_the_need_of_a_standing_identity(asked: Clerk) -> None:
    said = open_items(asked, *approve("owner"), who="olive")
    assert said["open"] == ["purpose", "systems", "users", "standing_identity"]
    details = {one["item"]: one["detail"] for one in said["checklist"]}
    assert details["purpose"] == "answers tickets."
    assert "tickets, read only" in details["systems"]
    assert "It may write to anyone." in details["users"]
    rest = open_items(asked, *approve("owner", "--affirm", "purpose,systems", "--affirm", "users"), who="olive")
    assert rest["open"] == ["standing_identity"]
    signed = asked.ok(*approve("owner", "--affirm", "all"), who="olive")["signoffs"][0]
    assert signed["checklist"] == dict.fromkeys(said["open"], "signer")


def test_the_people_an_identity_touches_stand_in_its_record(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", "--users", "people with a ticket", who="alice")
    assert clerk.ok("mailbox", "show", ADDRESS)["users"] == "people with a ticket"
    details = {one["item"]: one["detail"] for one in open_items(clerk, *approve("owner"), who="olive")["checklist"]}
    assert details["users"].startswith("people with a ticket.")


def test_a_signature_says_who_answers_for_each_item(asked: Clerk) -> None:
    heard = asked.run(*approve("governance", "--affirm", "all"), who="gail")
    lines = heard.out.splitlines()
    assert [line.split(":")[0] for line in lines[:6]] == [f"[x] {code}" for code in GOVERNANCE]
    assert lines[1].endswith("You affirmed it.")
    assert "The desk confirms: Its first request is entry" in lines[4]
    assert "You signed the record with the digest" in lines[6]


def test_an_item_that_does_not_exist_is_a_typing_error(asked: Clerk) -> None:
    asked.refused(*approve("governance", "--affirm", "everything"), who="gail", code=2)
    asked.refused(*approve("governance", "--affirm", ""), who="gail", code=2)
    asked.refused(*approve("governance", "--affirm", "all", "--override", "naming"), who="gail", code=2)
    asked.refused(*approve("governance", "--affirm", "all", "--override", "nothing=x"), who="gail", code=2)
    assert asked.ok("mailbox", "show", ADDRESS)["signoffs"] == []


def test_all_affirms_nothing_that_the_desk_found_false(shared: Clerk, tmp_path: Path) -> None:
    said = open_items(shared, *approve("deliverability", "--affirm", "all", address=OTHER), who="dora")
    assert (said["open"], said["found_false"]) == ([], ["subdomain_own"])
    details = {one["item"]: one["detail"] for one in said["checklist"]}
    assert "1 other agent (support-bot) send" in details["subdomain_own"]
    why = "support and offers are one team's until the spring"
    override = ("--affirm", "all", "--override", f"subdomain_own={why}")
    signed = shared.ok(*approve("deliverability", *override, address=OTHER), who="dora")["signoffs"][0]
    assert signed["checklist"]["subdomain_own"] == "override"
    assert signed["reasons"] == {"subdomain_own": why}
    assert signed["findings"]["subdomain_own"] == {"found": False, "detail": details["subdomain_own"]}
    assert f"(overrides the failed check subdomain_own: {why})" in shared.run("mailbox", "show", OTHER).out
    story = shared.run("trace", OTHER).out
    assert f"overrode the failed check subdomain_own ({details['subdomain_own']}): {why}" in story
    shared.ok("audit", "bundle", "--from", "1d", "--out", str(tmp_path / "evidence.zip"), who="victor")
    with zipfile.ZipFile(tmp_path / "evidence.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("signatures.csv").decode(), newline="")))
    against = [row for row in rows if row["answered_by"] == "override"]
    assert [(row["mailbox"], row["item"], row["item_reason"]) for row in against] == [(OTHER, "subdomain_own", why)]
    assert against[0]["desk_found_false"] == details["subdomain_own"]
    assert against[0]["shown_digest"] == signed["shown_digest"]


def test_a_signature_may_name_the_digest_of_all_that_was_shown(shared: Clerk) -> None:
    shown = open_items(shared, *approve("governance", address=OTHER), who="gail")["shown_digest"]
    shared.ok(*approve("owner", "--affirm", "all", address=OTHER), who="olive")
    # The owner has signed since: what the desk finds about ownership is another thing now.
    stale = shared.refused(
        *approve("governance", "--affirm", "all", "--digest", shown, address=OTHER), who="gail", code=1
    )
    assert "has changed since it was shown" in stale
    shown = open_items(shared, *approve("governance", address=OTHER), who="gail")["shown_digest"]
    signed = shared.ok(*approve("governance", "--affirm", "all", "--digest", shown, address=OTHER), who="gail")
    assert signed["signoffs"][-1]["shown_digest"] == shown


def test_no_identity_is_asked_for_beyond_the_longest_life_of_the_policy(asked: Clerk) -> None:
    longer = [value if value != "90d" else "366d" for value in RECORD]
    said = asked.refused("mailbox", "request", OTHER, *longer, "--allow", "*", who="alice", code=2)
    assert "at most 365d" in said


@pytest.mark.slow
def test_at_a_terminal_each_item_is_asked_for_and_a_no_signs_nothing(shared: Clerk) -> None:
    # A program of its own would ask this machine's DNS, whatever that says; on a desk for development it asks none.
    with closing(sqlite3.connect(shared.directory / "postroom.db")) as base, base:
        base.execute("update desk set development = 1")
    command = [*postroom(), *approve("deliverability", address=OTHER)]
    env = {"POSTROOM_DIR": str(shared.directory), "POSTROOM_TOKEN": shared.tokens["dora"]}
    with terminal(command, env=env) as seen:
        seen.shows("Reason to sign anyway")
        assert "Desk check failed: 1 other agent (support-bot)" in seen.screen
        seen.press("one team", "enter")
        seen.shows("Do you affirm it?")
        seen.press("no", "enter")
        assert seen.ended() == 1
        assert "not signed: keys_published is not affirmed" in seen.screen
    assert shared.ok("mailbox", "show", OTHER)["signoffs"] == []
    with terminal(command, env=env) as seen:
        seen.shows("Reason to sign anyway")
        seen.press("one team", "enter")
        for item in ("keys_published", "feedback_connected", "classes"):
            seen.until(lambda screen, item=item: f"] {item}" in screen.rpartition("yes/no")[0])  # type: ignore[misc]  # bound now
            seen.press("yes", "enter")
        seen.shows(f"Type {OTHER} to sign")
        seen.press(OTHER, "enter")
        assert seen.ended() == 0
    signed = shared.ok("mailbox", "show", OTHER)["signoffs"][0]
    assert (signed["checklist"]["subdomain_own"], signed["reasons"]) == ("override", {"subdomain_own": "one team"})
