from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.cli.cli_runner import ADDRESS, Clerk
from tests.factories.mail import hand_in

HOOK = "https://acme.test/hook"


def give_up(office: Clerk, *, seq: int) -> None:
    """What the gateway does after three days of a receiver that answers nothing."""
    with closing(sqlite3.connect(office.directory / "postroom.db")) as database:
        row = (1, seq, 1_700_000_000_000_000, "answered 500 Internal Server Error")
        database.execute("INSERT INTO dead_hook (mailbox_id, seq, at, error) VALUES (?, ?, ?, ?)", row)
        database.commit()


def test_a_webhook_is_told_of_the_events_it_asks_for(office: Clerk) -> None:
    named = ("--events", "email.sent,email.bounced")
    shown = office.ok("mailbox", "webhook", ADDRESS, HOOK, *named, who="olive")
    assert shown["webhook_events"] == ["email.bounced", "email.sent"]
    shown = office.ok("mailbox", "webhook", ADDRESS, "events", "--events", "email.sent", who="olive")
    assert (shown["webhook_events"], shown["approval_webhook"]) == (["email.sent"], HOOK)
    assert office.ok("mailbox", "webhook", ADDRESS, "rotate", who="olive")["webhook_events"] == ["email.sent"]
    assert office.ok("mailbox", "webhook", ADDRESS, "events", who="olive")["webhook_events"] is None
    said = office.refused("mailbox", "webhook", ADDRESS, "events", "--events", "email.opened", who="olive", code=2)
    assert "email.complained" in said


def test_dead_letters_are_listed_and_sent_again_by_who_may(office: Clerk) -> None:
    assert office.ok("webhook", "dead")["dead"] == []
    office.ok("mailbox", "webhook", ADDRESS, HOOK, who="olive")
    item = hand_in(office)
    entries = [json.loads(line) for line in office.run("audit", "export").out.splitlines()]
    seq = next(one["seq"] for one in entries if one["type"] == "email.pending")
    give_up(office, seq=seq)
    (dead,) = office.ok("webhook", "dead", ADDRESS)["dead"]
    assert (dead["mailbox"], dead["event"], dead["message_id"]) == (ADDRESS, "email.pending", item)
    assert office.ok("webhook", "dead", "other@acme.test")["dead"] == []
    office.refused("webhook", "replay", str(dead["id"]), who="dora")
    office.refused("webhook", "replay", who="alice", code=2)
    office.refused("webhook", "replay", "77", who="alice")
    assert office.ok("webhook", "replay", str(dead["id"]), who="alice")["replayed"] == 1
    assert office.ok("webhook", "dead")["dead"][0]["replayed_at"]
    last = json.loads(office.run("audit", "export").out.splitlines()[-1])
    assert (last["type"], last["actor"], last["data"]["seqs"]) == ("webhook.replayed", "alice", [seq])
    office.refused("webhook", "replay", "--mailbox", ADDRESS, who="alice")
    give_up(office, seq=seq - 1)
    assert office.ok("webhook", "replay", "--mailbox", ADDRESS, who="alice")["replayed"] == 1


def test_a_test_notification_needs_a_channel_and_says_which_failed(office: Clerk) -> None:
    assert "notify" in office.refused("notify", "test", who="alice")
    office.refused("notify", "test")
    policy = office.directory / "policy.toml"
    policy.write_text('[notify]\nurls = ["json://127.0.0.1:9", "nonsense://x"]\n')
    office.ok("policy", "apply", str(policy), "--reason", "people", who="gail")
    heard = office.run("notify", "test", "--json", who="alice")
    assert heard.code == 1
    assert [one["ok"] for one in heard.json["results"]] == [False, False]
    assert all(one["reason"] for one in heard.json["results"])
