from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

from tests.cli.cli_runner import ADDRESS, NOBODY, Clerk
from tests.factories.mail import hand_in


def bundled(office: Clerk, *more: str, who: str | None = "alice") -> dict[str, object]:
    found: dict[str, object] = office.ok("audit", "bundle", "--from", "1d", *more, who=who)
    return found


def tampered(office: Clerk, statement: str) -> None:
    """Do what somebody with the database's own tools would: take the guards away first."""
    with closing(sqlite3.connect(office.directory / "postroom.db")) as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement)
        database.commit()


def checked(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Checked as an auditor does, by the program in it and nothing else."""
    with zipfile.ZipFile(file) as opened:
        program = file.with_name("verify.py")
        program.write_bytes(opened.read("verify.py"))
    command = [sys.executable, "-I", str(program), str(file), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent)


def test_a_bundle_of_a_real_desk_is_checked_without_it(office: Clerk, tmp_path: Path) -> None:
    item = hand_in(office)
    office.ok("queue", "approve", item, who="alice")
    file = tmp_path / "evidence.zip"
    made = bundled(office, "--out", str(file))
    checkpoint = made["checkpoint"]
    assert isinstance(checkpoint, dict)
    key = str(checkpoint["key"])
    found = checked(file, "--key", key)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert "signed by the key you gave" in found.stdout
    assert checked(file, "--key", "A" * 43 + "=").returncode == 1
    with zipfile.ZipFile(file) as opened:
        members = {name: opened.read(name).decode() for name in opened.namelist()}
    assert item in members["decisions.csv"]
    assert "alice" in members["decisions.csv"]
    assert ADDRESS in members["modes.csv"]
    assert "policies/version-1.json" in members
    for framework in ("EU AI Act", "CAN-SPAM", "ASI03", "NHI", "NIST AI RMF"):
        assert framework in members["MAPPING.md"]
    assert not any("jane@example.com" in content for content in members.values())


def test_the_key_that_init_shows_is_the_one_that_signs(tmp_path: Path) -> None:
    clerk = Clerk(tmp_path / "desk")
    made = clerk.ok("init")
    clerk.tokens = {one["name"]: one["token"] for one in made["operators"]}
    assert clerk.ok("audit", "checkpoint", who="victor")["key"] == made["checkpoint_key"]


def test_a_bundle_of_one_agent_leaves_the_others_events_out(office: Clerk, tmp_path: Path) -> None:
    hand_in(office)
    file = tmp_path / "one.zip"
    bundled(office, "--agent", "support-bot", "--out", str(file))
    with zipfile.ZipFile(file) as opened:
        kinds = {json.loads(line)["type"] for line in opened.read("events.jsonl").decode().splitlines()}
    assert "email.submitted" in kinds
    assert "operator.added" not in kinds
    assert checked(file).returncode == 0
    office.refused("audit", "bundle", "--from", "1d", "--agent", "nobody", who="alice")


def test_a_bundle_is_for_who_may_read_the_log_and_overwrites_nothing(office: Clerk, tmp_path: Path) -> None:
    file = tmp_path / "evidence.zip"
    for who in (NOBODY, "root"):
        office.refused("audit", "bundle", "--from", "1d", "--out", str(file), who=who)
    assert not file.exists()
    assert bundled(office, "--out", str(file), who="victor")["checkpoint"] is not None
    assert checked(file).returncode == 0
    assert "already exists" in office.refused("audit", "bundle", "--from", "1d", "--out", str(file))
    office.refused("audit", "bundle", "--from", "2026-02-01", "--to", "2026-01-01", code=2)
    office.refused("audit", "bundle", "--from", "yesterday", code=2)


def test_a_checkpoint_kept_elsewhere_finds_a_log_that_was_cut_off(office: Clerk, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    for _ in range(2):
        hand_in(office)
        made = office.ok("audit", "checkpoint", "--out", str(kept), who="alice")
    assert made["sent"] == [{"place": f"file {kept}", "ok": True, "reason": None}]
    against = ("audit", "verify", "--against", str(kept), "--key", made["key"])
    assert office.ok(*against)["finding"] == "whole"
    tampered(office, f"DELETE FROM event WHERE seq > {made['seq'] - 2}")
    assert office.ok("audit", "verify")["ok"] is True, "the chain alone cannot tell"
    heard = office.run(*against, "--json")
    assert (heard.code, heard.json["finding"]) == (1, "truncated")


def test_a_checkpoint_kept_elsewhere_finds_a_changed_log_and_a_forged_checkpoint(office: Clerk, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    made = office.ok("audit", "checkpoint", "--out", str(kept), who="alice")
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(made | {"head": "00" * 32}))
    assert office.run("audit", "verify", "--against", str(forged), "--json").json["finding"] == "forged"
    tampered(office, "UPDATE event SET actor = 'nobody' WHERE seq = 3")
    heard = office.run("audit", "verify", "--against", str(kept), "--json")
    assert (heard.code, heard.json["finding"], heard.json["first_bad_seq"]) == (1, "broken", 3)


def test_a_checkpoint_goes_where_the_settings_say(office: Clerk, tmp_path: Path) -> None:
    settings = office.directory / "postroom.toml"
    there, gone = tmp_path / "there.jsonl", tmp_path / "no" / "where"
    before = settings.read_text()
    settings.write_text(before + f"\n[checkpoints]\nfile = {json.dumps(str(there))}\n")
    assert office.ok("audit", "checkpoint", who="alice")["sent"][0]["ok"] is True
    settings.write_text(before + f"\n[checkpoints]\nfile = {json.dumps(str(gone))}\n")
    heard = office.run("audit", "checkpoint", "--json", who="alice")
    assert (heard.code, heard.json["sent"][0]["ok"]) == (1, False)
    again = office.run("audit", "verify", "--against", str(there), "--json")
    assert again.json["finding"] == "whole"


def test_a_checkpoint_is_signed_in_somebodys_name(office: Clerk) -> None:
    office.refused("audit", "checkpoint", who=NOBODY)
    office.refused("audit", "checkpoint", who="root")
    office.ok("audit", "checkpoint", who="victor")
    last = json.loads(office.run("audit", "export").out.splitlines()[-1])
    assert (last["type"], last["actor"]) == ("audit.checkpoint", "victor")
