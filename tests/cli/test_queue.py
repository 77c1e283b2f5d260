from __future__ import annotations

from pathlib import Path

import pytest

from core.clock import SystemClock
from core.db.store import Store
from core.model import Outcome, Reply
from core.settings import load
from tests.cli.cli_runner import ADDRESS, DOMAIN, Clerk
from tests.factories.delivery import attempt, claim, settle
from tests.factories.mail import hand_in


def test_held_mail_is_listed_shown_and_approved(office: Clerk) -> None:
    item = hand_in(office)
    listed = office.ok("queue", "pending")
    assert listed["next_cursor"] is None
    held = listed["messages"][0]
    assert held["id"] == item
    promised = {"id", "kind", "to", "subject", "body_preview", "reasons", "submitted_at", "expires_at", "digest"}
    assert promised <= set(held)
    shown = office.ok("queue", "show", item, "--source", who="alice")
    assert shown["status"] == "pending"
    assert "Subject: Your refund" in shown["source"]
    assert office.ok("queue", "show", item[0] + item[-5:])["digest"] == held["digest"]
    assert "no message has an id like" in office.refused("queue", "show", "m7zzz")
    assert office.ok("queue", "show", item)["review"]["opened_by"] == "alice"
    said = office.ok("queue", "approve", item, "--digest", held["digest"], who="alice")
    [decided] = said["decided"]
    assert (decided["id"], decided["status"], decided["approvals_missing"]) == (item, "approved", 0)
    assert said["refused"] == []
    assert office.ok("queue", "show", item)["status"] == "queued"
    assert office.ok("queue", "lanes")["lanes"][0]["depth"] == 1


def test_what_would_deceive_a_reviewer_is_shown_without_a_screen_too(office: Clerk) -> None:
    item = hand_in(office, text="Look here: https://ex\u0430mple.com/pay \u202ereversed\n")
    shown = office.ok("queue", "show", item, who="alice")
    assert {one["code"] for one in shown["checks"]} >= {"hidden_characters"}
    text = office.run("queue", "show", item, who="alice").out
    assert "hidden or bidi characters: subject 0, body 1" in text
    assert "\u202e" not in text
    plain = office.ok("queue", "show", hand_in(office, to="bob@example.com"), who="alice")
    assert plain["checks"] == []


def test_what_was_decided_meanwhile_does_not_take_the_others_with_it(office: Clerk) -> None:
    first, second = hand_in(office), hand_in(office, to="bob@example.com")
    office.ok("queue", "reject", first, "--reason", "wrong customer", who="alice")
    heard = office.run("queue", "approve", first, second, "--json", who="alice")
    assert heard.code == 1
    assert [one["id"] for one in heard.json["decided"]] == [second]
    assert [(one["id"], one["error"]) for one in heard.json["refused"]] == [(first, "conflict")]
    assert heard.err.count("\n") == 1
    assert first in heard.err
    assert "already rejected" in heard.err
    assert "already rejected" in office.refused("queue", "approve", first, who="alice")


def test_who_approves_without_reading_is_told_so(office: Clerk) -> None:
    items = [hand_in(office, to=f"r{n}@example.com") for n in range(3)]
    said = office.ok("queue", "approve", *items, who="alice")
    assert said["hurried"] == "alice approved 3 in a minute, 3 of them read for less than 3 s"


def test_what_is_released_has_no_undo(office: Clerk) -> None:
    item = hand_in(office)
    office.ok("queue", "approve", item, who="alice")
    assert "no undo" in office.refused("queue", "undo", item, who="alice")


def test_approving_is_for_reviewers(office: Clerk) -> None:
    assert "reviewer may" in office.refused("queue", "approve", hand_in(office), who="gail")


def test_a_lane_is_paused_and_goes_on(office: Clerk) -> None:
    office.ok("queue", "approve", hand_in(office), who="alice")
    lane = office.ok("queue", "lanes")["lanes"][0]["id"]
    office.ok("lane", "pause", str(lane), "--reason", "they asked", who="alice")
    assert office.ok("queue", "lanes")["lanes"][0]["paused_by"] == "alice"
    office.ok("lane", "resume", str(lane), "--reason", "ready", who="dora")


def test_a_run_is_listed_found_by_its_id_and_confirmed(office: Clerk) -> None:
    hand_in(office, run="spring")
    assert [one["id"] for one in office.ok("run", "list")["runs"]] == ["spring"]
    assert office.ok("run", "show", "spring")["agent"] == "support-bot"
    assert office.ok("run", "show", "support-bot/spring")["user"] == "ann@acme.test"
    confirmed = office.ok(
        "run", "confirm", "spring", "--agent", "support-bot", "--up-to", "500", "--reason", "letter", who="gail"
    )
    assert confirmed["up_to"] == 500
    assert office.ok("run", "close", "spring", who="alice")["accepted"] == 1
    assert "run list" in office.refused("run", "show", "autumn")


def test_a_run_is_opened_with_what_it_is_for_and_what_leaves_that_says_so(office: Clerk) -> None:
    task = ("--agent", "support-bot", "--purpose", "renew Acme", "--target", "acme.com")
    opened = office.ok("run", "open", "renewals", *task, "--user", "ann@acme.test", who="alice")
    assert (opened["purpose"], opened["targets"]) == ("renew Acme", ["*@acme.com"])
    assert office.ok("run", "show", "renewals") == opened
    item = hand_in(office, run="renewals")
    shown = office.ok("queue", "show", item)
    assert (shown["purpose"], shown["targets"]) == ("renew Acme", ["*@acme.com"])
    assert "1 recipient is not among those that renewals is for (renew Acme)" in [
        reason["text"] for reason in shown["review"]["reasons"]
    ]
    assert "already" in office.refused("run", "open", "renewals", *task[:3], "something else", who="alice")
    assert "agent" in office.refused("run", "open", "x", "--agent", "nobody", who="alice")
    assert "may" in office.refused("run", "open", "x", "--agent", "support-bot", who="root")


def test_an_agent_is_suspended_and_resumed_by_somebody_else(office: Clerk) -> None:
    hand_in(office)
    stopped = office.ok("agent", "suspend", "support-bot", "--reason", "odd", who="alice")
    assert (stopped["status"], stopped["pending"]) == ("suspended", 1)
    office.refused("agent", "resume", "support-bot", "--reason", "fixed", who="alice")
    office.ok("agent", "resume", "support-bot", "--reason", "fixed", who="gail")
    shown = office.ok("agent", "show", "support-bot")
    assert shown["status"] == "active"
    assert [box["address"] for box in shown["mailboxes"]] == [ADDRESS]
    assert office.ok("token", "revoke", str(shown["tokens"][0]["id"]), who="alice")["revoked"] == 1


def test_the_story_of_a_message_is_told_by_any_of_its_names(office: Clerk) -> None:
    item = hand_in(office)
    message_id = office.ok("queue", "show", item)["rfc_message_id"]
    for key in (item, message_id, "jane@example.com", "run-7", "support-bot"):
        assert office.ok("trace", key)["messages"] == [item], key
    heard = office.run("trace", f"<forged@{DOMAIN}>", "--json")
    assert (heard.code, heard.json["ours"]) == (0, False)
    assert office.run("trace", "nobody@example.org").code == 1


def test_a_message_shows_how_often_it_was_tried_and_what_the_receiver_said(office: Clerk) -> None:
    item = hand_in(office)
    office.ok("queue", "approve", item, who="alice")
    store = Store(load(office.directory).database_url, clock=SystemClock())
    taken = claim(store)
    attempt(store, taken)
    said = Reply(Outcome.FAILED, 550, "5.7.1", "5.7.1 on our block list (S3150)", "rcpt", "mx.example")
    settle(store, taken, reply=said)
    store.close()
    shown = office.run("queue", "show", item, who="alice")
    assert "jane@example.com: failed, 1 attempt: 550 5.7.1 on our block list (S3150)" in shown.out
    assert office.ok("queue", "show", item)["recipients"][0]["reply"] == "550 5.7.1 on our block list (S3150)"


def test_a_template_is_one_line_and_its_number_confirms_what_is_done_with_it(office: Clerk) -> None:
    items = [hand_in(office, to=f"r{n}@example.com", subject=f"Your quote {n}") for n in range(3)]
    other = hand_in(office, to="zoe@example.com", subject="Something else")
    office.ok("queue", "show", items[0], who="alice")
    found = office.ok("queue", "pending", "--group", who="alice")["groups"]
    assert [(one["id"], one["count"], one["seen"]) for one in found] == [(items[0], 3, 1), (other, 1, 0)]
    assert "x3 " in office.run("queue", "pending", "--group", "--filter", "subject:quote", who="alice").out
    asked = office.refused("queue", "approve", "--group", items[1], who="alice", code=2)
    assert "3 messages of" in asked
    assert "you have opened 1 of 3" in asked
    assert "--count 3" in asked
    assert "not 2" in office.refused("queue", "approve", "--group", items[1], "--count", "2", who="alice")
    said = office.ok("queue", "approve", "--group", items[1], "--count", "3", who="alice")
    assert [one["id"] for one in said["decided"]] == items
    rest = ("queue", "reject", "--group", other, "--count", "1", "--reason", "not now")
    assert [one["id"] for one in office.ok(*rest, who="alice")["decided"]] == [other]


def test_a_filter_that_cannot_be_read_says_where(office: Clerk) -> None:
    first, _ = hand_in(office, to="ann@example.com"), hand_in(office, to="bob@example.com")
    found = office.ok("queue", "pending", "--filter", "to:ann OR to:nobody check:0")
    assert [one["id"] for one in found["messages"]] == [first]
    wrong = office.run("queue", "pending", "--filter", "to:ann check:many", who="alice")
    assert (wrong.code, wrong.out) == (2, "")
    assert "check: 'many' is no number, at 8" in wrong.err
    assert office.ok("queue", "lanes", "--filter", "site:example.com")["lanes"] == []


def test_what_is_acknowledged_is_quiet_no_longer_than_it_stays_as_bad_as_it_is(office: Clerk) -> None:
    hand_in(office)
    assert "\n    id:   queue:held" in office.run("attention", "now").out
    office.ok("attention", "acknowledge", "queue:held", "--until", "4h", who="alice")
    [known] = office.ok("attention", "list")["acknowledged"]
    *_, need = office.ok("attention", "now")["needs"]  # what is quiet comes last
    assert (need["id"], need["quiet_by"], known["level"], need["level"]) == ("queue:held", "alice", "info", "info")
    assert "attention now lists the ids" in office.refused("attention", "acknowledge", "queue:hold", who="alice")
    office.ok("attention", "acknowledge", "queue:overdue", "--level", "warn", who="alice")
    assert {one["level"] for one in office.ok("attention", "list")["acknowledged"]} == {"info", "warn"}


def test_an_editor_that_fails_changes_nothing_and_is_named(office: Clerk) -> None:
    item = hand_in(office)
    digest = office.ok("queue", "show", item)["digest"]
    for command, why in (("false", "Editing failed"), (r"sed -i s/refund/\\xff/", "can't decode byte")):
        office.surroundings["EDITOR"] = command
        refused = office.refused("queue", "edit", item, who="alice", code=2)
        assert "nothing was changed: " in refused
        assert why in refused
        assert "look at $EDITOR" in refused
    assert office.ok("queue", "show", item)["digest"] == digest


def test_what_was_written_in_the_editor_is_kept_when_it_is_refused(
    office: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = hand_in(office)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    office.surroundings["EDITOR"] = "sed -i -e s/refund/money/ -e s/---.text.---//"
    heard = office.run("queue", "edit", item, who="alice")
    assert (heard.code, "the line --- text --- is missing" in heard.err) == (2, True)
    [kept] = tmp_path.glob(f"postroom-{item}-*.eml")
    assert f"queue edit {item} --file {kept}" in heard.err
    assert "Subject: Your money" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_bytes(b"Subject: \xff\n")
    assert "not UTF-8" in office.refused("queue", "edit", item, "--file", str(kept), who="alice", code=2)
