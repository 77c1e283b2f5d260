from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.cli_runner import DOMAIN, Clerk


def test_the_records_to_publish_have_four_selectors_spf_dmarc_and_the_return_path(clerk: Clerk) -> None:
    added = clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    assert len(added["selectors"]) == 4
    records = clerk.ok("stream", "dns", DOMAIN)["records"]
    assert {"type", "name", "value", "purpose"} <= set(records[0])
    keys = [one["name"] for one in records if "_domainkey" in one["name"]]
    assert sorted(keys) == sorted(f"{selector}._domainkey.{DOMAIN}" for selector in added["selectors"])
    assert any(one["value"].startswith("v=spf1") for one in records)
    assert any(one["name"] == f"_dmarc.{DOMAIN}" for one in records)
    assert [one["name"] for one in records if one["type"] == "MX"] == [f"bounces.{DOMAIN}", DOMAIN]


def test_a_relays_password_rests_sealed(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://user:s3cr3t%20word@127.0.0.1:2525", who="dora")
    assert clerk.ok("stream", "show", DOMAIN)["route"] == "smtp://user@127.0.0.1:2525"
    for file in clerk.directory.iterdir():
        assert b"s3cr3t" not in file.read_bytes()
    with closing(sqlite3.connect(clerk.directory / "postroom.db")) as database:
        assert database.execute("SELECT route_secret FROM stream").fetchone()[0]


def test_a_stream_has_one_way_out(clerk: Clerk) -> None:
    assert "--direct" in clerk.refused("stream", "add", DOMAIN, who="dora", code=2)
    clerk.refused("stream", "add", DOMAIN, "--direct", "--relay", "smtp://127.0.0.1:25", who="dora", code=2)
    assert clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")["route"] == "direct"


def test_streams_are_for_deliverability(clerk: Clerk) -> None:
    said = clerk.refused("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="alice")
    assert "deliverability" in said


def test_a_stream_is_paused_resumed_warmed_and_listed(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    assert clerk.ok("stream", "pause", DOMAIN, "--reason", "blocklisted", who="alice")["paused"] is True
    clerk.refused("stream", "resume", DOMAIN, "--reason", "delisted", who="alice")
    assert clerk.ok("stream", "resume", DOMAIN, "--reason", "delisted", who="dora")["paused"] is False
    assert clerk.ok("stream", "warmup", DOMAIN, "500", "--reason", "known", who="dora")["warm_cap"] == 500
    for cap in ("²", "9" * 20, "9" * 5_000):
        said = clerk.refused("stream", "warmup", DOMAIN, cap, "--reason", "known", who="dora", code=2)
        assert "give a number per day, or off" in said
    assert clerk.ok("stream", "warmup", DOMAIN, "off", "--reason", "known", who="dora")["warm"] is True
    assert [one["domain"] for one in clerk.ok("stream", "list")["streams"]] == [DOMAIN]


def test_keys_rotate_as_often_as_asked_and_no_selector_is_used_twice(clerk: Clerk) -> None:
    added = clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    seen = set(added["selectors"])
    for slot in ("b", "a", "b"):
        turned = clerk.ok("stream", "rotate", DOMAIN, who="dora")
        assert turned["active_slot"] == slot
        assert not seen & set(turned["publish"])
        seen |= set(turned["publish"])
    assert len(clerk.ok("stream", "dns", DOMAIN)["records"]) == len(seen) + 5


def test_what_commercial_mail_says_of_the_sender_is_set_later_and_doctor_says_what_lacks(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    assert "it has no organisation and no postal address" in commercial(clerk)["text"]
    named = ("--organisation", "Acme Ltd", "--postal-address", "1 Main St, Leeds", "--reason", "offers")
    clerk.refused("stream", "set", DOMAIN, *named, who="alice")
    shown = clerk.ok("stream", "set", DOMAIN, *named, who="dora")
    assert (shown["organisation"], shown["postal_address"]) == ("Acme Ltd", "1 Main St, Leeds")
    assert "not https" in commercial(clerk)["text"]
    link = ("--unsubscribe", "https://u.acme.test", "--reason", "a host of its own")
    assert clerk.ok("stream", "set", DOMAIN, *link, who="dora")["unsubscribe_url"] == "https://u.acme.test"
    assert commercial(clerk)["grade"] == "ok"
    taken = clerk.ok("stream", "set", DOMAIN, "--postal-address", "", "--reason", "moved out", who="dora")
    assert taken["postal_address"] is None
    log = clerk.run("audit", "export").out
    assert log.count('"stream.changed"') == 3
    assert "Main St" not in log


def test_a_streams_route_changes_with_its_password_or_loses_it(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://user:s3cr3t@127.0.0.1:2525", who="dora")
    moved = ("--relay", "smtp://other:n3w@127.0.0.1:2526", "--reason", "another relay")
    assert clerk.ok("stream", "set", DOMAIN, *moved, who="dora")["route"] == "smtp://other@127.0.0.1:2526"
    assert sealed(clerk)
    clerk.ok("stream", "set", DOMAIN, "--relay", "smtp://127.0.0.1:2527", "--reason", "no password", who="dora")
    assert not sealed(clerk)
    log = clerk.run("audit", "export").out
    assert "n3w" not in log
    assert "s3cr3t" not in log
    assert '["smtp://127.0.0.1:2525","smtp://127.0.0.1:2526"]' in log


def test_nothing_named_or_a_bad_link_changes_no_stream(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    clerk.refused("stream", "set", DOMAIN, "--reason", "x", who="dora", code=2)
    for url in ("http://u.acme.test", "ftp://u.acme.test", "https://u.acme.test/?a=b", "u.acme.test"):
        clerk.refused("stream", "set", DOMAIN, "--unsubscribe", url, "--reason", "x", who="dora", code=2)
    clerk.refused("stream", "set", DOMAIN, "--organisation", "Acme", who="dora", code=2)
    assert "stream.changed" not in clerk.run("audit", "export").out


def commercial(clerk: Clerk) -> dict[str, str]:
    checks = clerk.run("doctor", "--json").json["checks"]
    (found,) = [one for one in checks if one["check"] == "commercial"]
    return dict(found)


def sealed(clerk: Clerk) -> bool:
    with closing(sqlite3.connect(clerk.directory / "postroom.db")) as database:
        return bool(database.execute("SELECT route_secret FROM stream").fetchone()[0])


def test_what_a_route_takes_is_set_shown_and_taken_away(clerk: Clerk) -> None:
    wanted = ("--per-connection", "20", "--per-minute", "30")
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", *wanted, who="dora")
    shown = clerk.ok("stream", "show", DOMAIN)
    assert (shown["connection_messages"], shown["minute_messages"]) == (20, 30)
    set_ = ("stream", "set", DOMAIN, "--reason", "they said so")
    changed = clerk.ok(*set_, "--per-connection", "0", "--per-minute", "60", who="dora")
    assert (changed["connection_messages"], changed["minute_messages"]) == (None, 60)
    assert "1 to 1,000,000" in clerk.refused(*set_, "--per-minute", "1000001", who="dora", code=2)
