from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from tests.cli.cli_runner import DOMAIN, Clerk
from tests.smtp.receiver import certificate


def _graded(clerk: Clerk, check: str) -> list[tuple[str, str]]:
    return [(one["grade"], one["about"]) for one in _checks(clerk) if one["check"] == check]


def _checks(clerk: Clerk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clerk.run("doctor", "--json").json["checks"]
    assert all(one["fix"] for one in found if one["grade"] == "fail")
    return found


def test_a_new_desk_lacks_a_stream_a_gateway_and_a_name(clerk: Clerk) -> None:
    heard = clerk.run("doctor", "--json")
    assert (heard.code, heard.json["ok"]) == (0, True)
    warned = {(one["check"], one["about"]) for one in heard.json["checks"] if one["grade"] == "warn"}
    assert {("stream", ""), ("gateway", ""), ("settings", "mail_host"), ("settings", "public_url")} <= warned


def test_a_person_reads_every_finding_and_what_to_do_whole(clerk: Clerk) -> None:
    checks = _checks(clerk)
    told = clerk.run("doctor").out.splitlines()
    assert any(len(one["fix"] or "") > 60 for one in checks)
    for one in checks:
        assert any(line.endswith(one["text"]) for line in told), one
        assert one["fix"] is None or f"      -> {one['fix']}" in told, one


def test_the_name_of_the_desk_in_feedback_id_and_the_complaint_address_are_told(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:9", who="dora")
    (own,) = [one["text"] for one in _checks(clerk) if one["about"] == "sender_id"]
    assert re.search(r"ends in pr[a-z2-7]{10},", own)
    with (clerk.directory / "postroom.toml").open("a") as file:
        file.write('[feedback]\nreport_token = "pipe"\nsender_id = "acme-mail"\n')
    told = {(one["check"], one["about"]): one["text"] for one in _checks(clerk)}
    assert "ends in acme-mail," in told["settings", "sender_id"]
    assert f"fbl@bounces.{DOMAIN}" in told["feedback", DOMAIN]


def test_a_route_that_does_not_answer_fails(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:9", who="dora")
    assert _graded(clerk, "route") == [("fail", DOMAIN)]
    assert ("ok", DOMAIN) in _graded(clerk, "keys")
    assert ("warn", DOMAIN) in _graded(clerk, "feedback")
    assert ("warn", DOMAIN) in _graded(clerk, "commercial")
    assert clerk.run("doctor").code == 1


def test_a_master_key_of_another_desk_is_found_out(clerk: Clerk, tmp_path: Path) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:9", who="dora")
    other = Clerk(tmp_path / "other")
    other.ok("init")
    (clerk.directory / "master.key").write_bytes((other.directory / "master.key").read_bytes())
    assert _graded(clerk, "keys") == [("fail", DOMAIN)]


def test_a_key_that_others_can_read_fails(clerk: Clerk) -> None:
    (clerk.directory / "master.key").chmod(0o640)
    assert ("fail", "master.key") in _graded(clerk, "master key")


def test_a_database_that_others_can_read_is_said_with_what_to_do(clerk: Clerk) -> None:
    assert ("ok", "postroom.db") in _graded(clerk, "database")
    file = clerk.directory / "postroom.db"
    file.chmod(0o644)
    (found,) = [one for one in _checks(clerk) if one["about"] == "postroom.db"]
    assert found["grade"] == "warn"
    assert found["fix"].startswith(f"chmod 600 {file}")


def test_a_policy_that_is_broken_on_disk_fails(clerk: Clerk) -> None:
    (clerk.directory / "policy.toml").write_text("[nonsense")
    assert ("fail", "policy.toml") in _graded(clerk, "policy")


def test_a_log_that_was_changed_in_the_database_fails(clerk: Clerk) -> None:
    assert _graded(clerk, "log") == [("ok", "")]
    with contextlib.closing(sqlite3.connect(clerk.directory / "postroom.db")) as conn, conn:
        conn.execute("DROP TRIGGER event_no_update")
        conn.execute("UPDATE event SET actor = 'mallory' WHERE seq = (SELECT max(seq) FROM event)")
    assert _graded(clerk, "log") == [("fail", "")]


def test_a_database_older_than_the_head_that_was_seen_fails(clerk: Clerk) -> None:
    (clerk.directory / "log-head.json").write_text('{"seq": 9999, "head": "00", "at": 4000000000000000}')
    assert _graded(clerk, "log") == [("fail", "")]


def test_webhooks_that_cannot_be_verified_yet_are_counted(clerk: Clerk) -> None:
    assert "cannot be verified yet" not in clerk.run("doctor").out
    with contextlib.closing(sqlite3.connect(clerk.directory / "postroom.db")) as conn, conn:
        at = int(time.time() * 1_000_000) - 3 * 3_600_000_000
        row = "('ses', ?, x'7b7d', ?, 0, 0)"
        into = f"INSERT INTO kept_webhook (source, digest, body, received_at, tries, next_at) VALUES {row}"
        conn.executemany(into, [("a", at), ("b", at + 1)])
    (found,) = [one for one in _checks(clerk) if "cannot be verified yet" in one["text"]]
    assert (found["grade"], found["text"]) == ("warn", "2 webhooks cannot be verified yet; the oldest has waited 3 h")
    assert "sns.REGION.amazonaws.com" in found["fix"]


def test_a_desk_that_tells_nobody_of_a_suspension_is_a_finding(clerk: Clerk) -> None:
    assert _graded(clerk, "notify") == [("warn", "")]
    file = clerk.directory / "policy.toml"
    told = file.read_text().replace("urls = [] ", 'urls = ["json://pager.example/x"] ')
    file.write_text(told)
    clerk.ok("policy", "apply", str(file), "--reason", "somebody hears", who="gail")
    assert _graded(clerk, "notify") == [("ok", "")]
    file.write_text(told.replace('"agent.suspended", ', ""))
    clerk.ok("policy", "apply", str(file), "--reason", "quieter", who="gail")
    (found,) = [one for one in _checks(clerk) if one["check"] == "notify"]
    assert (found["grade"], found["text"]) == ("warn", "no notifications for agent.suspended")


def test_tokens_in_clear_text_and_a_certificate_that_cannot_be_used_are_found(clerk: Clerk, tmp_path: Path) -> None:
    assert _graded(clerk, "tls") == []
    settings = clerk.directory / "postroom.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f'listen = "0.0.0.0:8025"\n{text}', encoding="utf-8")
    assert _graded(clerk, "tls") == [("warn", "0.0.0.0:8025")]
    certificate(tmp_path, "localhost")
    file = tmp_path / "server.pem"
    settings.write_text(f'tls_certificate = "{file}"\ntls_key = "{file}"\n{text}', encoding="utf-8")
    assert _graded(clerk, "tls") == [("ok", str(file))]
    file.write_text("nothing")
    assert _graded(clerk, "tls") == [("fail", str(file))]
