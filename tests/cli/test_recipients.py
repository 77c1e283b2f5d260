from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.cli_runner import Clerk, founded

CORPUS = Path(__file__).parents[1] / "corpus"


def test_addresses_are_suppressed_listed_exported_and_let_go(clerk: Clerk, tmp_path: Path) -> None:
    assert clerk.ok("suppress", "add", "Jane@Example.com", who="alice")["added"] is True
    assert clerk.ok("suppress", "add", "jane@example.com", who="alice")["added"] is False
    sheet = tmp_path / "list.csv"
    sheet.write_text("address\nbob@example.com\nnot an address\n")
    imported = clerk.ok("suppress", "import", str(sheet), who="alice")
    assert (imported["added"], [one["line"] for one in imported["bad"]]) == (1, [3])
    exported = clerk.run("suppress", "export").out.splitlines()
    assert [line.partition(",")[0] for line in exported] == ["address", "jane@example.com", "bob@example.com"]
    assert len(clerk.ok("suppress", "export")["suppressions"]) == 2
    clerk.refused("suppress", "remove", "jane@example.com", "--reason", "x", who="alice")
    assert clerk.ok("suppress", "remove", "jane@example.com", "--reason", "she wrote", who="dora")["removed"] == 1
    assert clerk.ok("suppress", "list", "jane@example.com")["suppressions"] == []


def test_a_list_from_stdin_is_read_as_one_from_a_file(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte that is not UTF-8 costs its line."""
    piped = b"\xef\xbb\xbfaddress\r\njane@example.com\r\nj\xff@example.com\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped), encoding="utf-8"))
    imported = clerk.ok("suppress", "import", "-", who="alice")
    assert (imported["added"], [one["line"] for one in imported["bad"]]) == (1, [3])


def test_consent_is_recorded_imported_and_withdrawn(clerk: Clerk, tmp_path: Path) -> None:
    clerk.ok(
        "consent", "add", "jane@example.com", "--basis", "opt_in", "--source", "form", "--region", "DE", who="olive"
    )
    clerk.refused("consent", "add", "x@example.com", "--basis", "opt_in", "--source", "form", who="alice")
    sheet = tmp_path / "list.csv"
    sheet.write_text("subject,basis,source,given_at\nbob@example.com,opt_in,form,2026-01-01\n")
    assert clerk.ok("consent", "import", str(sheet), who="olive")["added"] == 1
    assert clerk.ok("consent", "withdraw", "jane@example.com", who="alice")["withdrawn"] == 1
    listed = clerk.ok("consent", "list")["consents"]
    assert [(one["subject"], one["withdrawn_at"] is None) for one in listed] == [
        ("jane@example.com", False),
        ("bob@example.com", True),
    ]
    assert clerk.ok("consent", "export")["consents"] == listed
    exported = clerk.run("consent", "export").out
    assert exported.splitlines()[0].startswith("subject,basis,source,scope,region,stream,given_at")
    sheet.write_text(exported)
    again = clerk.ok("consent", "import", str(sheet), who="olive")
    assert (again["added"], again["known"], again["bad"]) == (0, 2, [])
    other = founded(tmp_path / "other")
    assert other.ok("consent", "import", str(sheet), who="olive")["added"] == 2
    moved = other.ok("consent", "list")["consents"]
    kept = ("subject", "basis", "scope", "source", "region")
    assert [[one[name] for name in kept] for one in moved] == [[one[name] for name in kept] for one in listed]
    assert [one["withdrawn_at"] is None for one in moved] == [False, True]


def test_a_person_is_erased_by_governance_alone(clerk: Clerk) -> None:
    clerk.ok("consent", "add", "jane@example.com", "--basis", "opt_in", "--source", "a form", who="olive")
    reason = ("--reason", "request 17")
    clerk.ok("suppress", "add", "joe@example.com", "--reason", "as jane@example.com asked", who="alice")
    clerk.refused("recipient", "erase", "jane@example.com", *reason, who="alice")
    erased = clerk.ok("recipient", "erase", "jane@example.com", *reason, who="gail")
    assert (erased["messages"], erased["records"]) == (0, 2), "the consent, and the mention in Joe's suppression"
    assert clerk.ok("consent", "list")["consents"] == []


def test_a_report_is_a_line_a_file_and_needs_no_desk(tmp_path: Path) -> None:
    files = [str(CORPUS / "arf-abuse.eml"), str(CORPUS / "163.eml")]
    heard = Clerk(tmp_path / "nowhere").run("report", *files, "--json")
    assert heard.code == 0
    read = [json.loads(line) for line in heard.out.splitlines()]
    assert [(one["file"], one["kind"]) for one in read] == [(files[0], "complaint"), (files[1], "bounce")]
    assert set(read[1]["recipients"][0]) >= {
        "address",
        "event",
        "status",
        "permanent",
        "diagnostic",
        "cause",
        "suppress",
    }


def test_a_file_that_is_not_there_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    heard = Clerk(tmp_path).run("report", str(tmp_path / "no.eml"), str(CORPUS / "163.eml"), "--json")
    assert (heard.code, heard.out.count("\n")) == (1, 1)
    assert "no.eml" in heard.err


def test_the_log_is_exported_and_verified(clerk: Clerk) -> None:
    clerk.run("audit", "export")  # the first in an hour is entered in the log; what follows reads the same entries
    lines = clerk.run("audit", "export", "--format", "jsonl").out.splitlines()
    verified = clerk.ok("audit", "verify")
    assert verified["ok"] is True
    assert verified["events"] == len(lines) == 8
    assert verified["first_bad_seq"] is None
    assert verified["head"] == json.loads(lines[-1])["hash"]
    assert [json.loads(line)["seq"] for line in clerk.run("audit", "export", "--after", "5").out.splitlines()] == [
        6,
        7,
        8,
    ]
    table = clerk.run("audit", "export", "--format", "csv").out.splitlines()
    assert table[0].startswith("seq,at,type,actor,")
    assert len(table) == 9
    for form in ("jsonl", "csv"):
        whole = clerk.ok("audit", "export", "--format", form, "--after", "2")
        assert whole == {"events": [json.loads(line) for line in lines[2:]]}
    assert clerk.ok("audit", "export", "--after", "8") == {"events": []}


def test_a_changed_entry_is_named_and_exits_1(clerk: Clerk) -> None:
    with closing(sqlite3.connect(clerk.directory / "postroom.db")) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE event SET actor = 'somebody else' WHERE seq = 4")
        database.commit()
    heard = clerk.run("audit", "verify", "--json")
    assert heard.code == 1
    assert (heard.json["ok"], heard.json["first_bad_seq"]) == (False, 4)


def test_a_policy_is_checked_applied_shown_and_replayed(clerk: Clerk, tmp_path: Path) -> None:
    looser = tmp_path / "policy.toml"
    looser.write_text("[budgets.run]\ncap = 500\n")
    checked = clerk.ok("policy", "check", str(looser))
    assert [(one["path"], one["direction"]) for one in checked["changes"]] == [("budgets.run.cap", "loosens")]
    clerk.refused("policy", "apply", str(looser), "--reason", "more", who="alice")
    assert clerk.ok("policy", "apply", str(looser), "--reason", "more", who="gail")["version"] == 2
    shown = clerk.ok("policy", "show")
    assert (shown["version"], shown["policy"]["budgets"]["run"]["cap"]) == (2, 500)
    assert (clerk.directory / "policy.toml").read_text() == looser.read_text()
    assert 'oversight.pending_expiry = "72h"' in clerk.run("policy", "show").out
    assert clerk.ok("policy", "replay", str(looser), "--days", "30")["messages"] == 0


def test_a_bad_policy_names_every_mistake(clerk: Clerk, tmp_path: Path) -> None:
    bad = tmp_path / "policy.toml"
    bad.write_text("[budgets.run]\ncap = -1\n[guards.bounces]\nwran = 0.1\n")
    heard = clerk.run("policy", "check", str(bad), "--json")
    assert heard.code == 1
    assert {one["key"] for one in heard.json["problems"]} == {"budgets.run.cap", "guards.bounces.wran"}


def test_people_come_claim_their_own_token_and_go(clerk: Clerk) -> None:
    added = clerk.ok("operator", "add", "bob", "--role", "reviewer,owner", who="root")
    assert (added["roles"], added["claimed"]) == ([], False)
    claimed = clerk.ok("operator", "claim", "bob")
    clerk.tokens["bob"] = claimed["token"]
    assert "not confirmed yet" in clerk.refused("stop", "--reason", "a test", who="bob")
    assert "not the fingerprint" in clerk.refused(
        "operator", "confirm", "bob", "--fingerprint", "AAAA-BBBB-CCCC", who="gail"
    )
    seen = claimed["fingerprint"]
    assert "governance may" in clerk.refused("operator", "confirm", "bob", "--fingerprint", seen, who="root")
    assert clerk.ok("operator", "confirm", "bob", "--fingerprint", seen, who="gail")["roles"] == ["reviewer", "owner"]
    rotated = clerk.ok("operator", "rotate", "--ttl", "90d", who="bob")
    clerk.refused("stop", "--reason", "a test", who="bob")
    clerk.tokens["bob"] = rotated["token"]
    clerk.ok("stop", "--reason", "a test", who="bob")
    clerk.ok("operator", "disable", "bob", who="root")
    clerk.refused("stop", "--reason", "again", who="bob")
