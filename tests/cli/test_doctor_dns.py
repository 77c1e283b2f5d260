"""Doctor compares what DNS answers with what a stream needs: written otherwise is not wrong, too weak is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dns.resolver
import pytest

from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk
from tests.cli.test_stream_dns import configure, sent
from tests.nameserver import Nameserver

Records = dict[tuple[str, str], str]


@pytest.fixture
def world(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    """What the machine's resolver answers: at first exactly what `stream dns` printed."""
    configure(clerk, 'mail_host = "mail.acme.test"')
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://x@smtp.sendgrid.net:587", who="dora")
    server = Nameserver({}, silent=False)
    for one in clerk.ok("stream", "dns", DOMAIN)["records"]:
        strings = " ".join(f'"{part}"' for part in one["strings"])
        server.records[one["name"], one["type"]] = strings or one["value"]
    server.start()

    class Machine(dns.resolver.Resolver):
        def __init__(self) -> None:
            super().__init__(configure=False)
            self.nameservers, self.port = ["127.0.0.1"], server.socket.getsockname()[1]

    monkeypatch.setattr(dns.resolver, "Resolver", Machine)
    yield server.records
    server.socket.close()


def found(clerk: Clerk) -> list[dict[str, Any]]:
    return [one for one in clerk.run("doctor", "--json").json["checks"] if one["check"] == "dns"]


def test_what_was_printed_and_published_is_fine(clerk: Clerk, world: Records) -> None:
    (only,) = found(clerk)
    assert (only["grade"], only["text"]) == ("ok", f"all {len(world)} records are published")


def test_a_relay_on_this_machine_hands_mail_on_so_its_records_are_looked_up(clerk: Clerk, world: Records) -> None:
    clerk.ok("stream", "set", DOMAIN, "--relay", "smtp://127.0.0.1:25", "--reason", "a Postfix of ours", who="dora")
    world.clear()
    grades = [one["grade"] for one in found(clerk)]
    assert grades.count("fail") > 1
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    said = clerk.run("mailbox", "approve", ADDRESS, "--as", "deliverability", "--affirm", "all", "--json", who="dora")
    assert "keys_published" in said.json["found_false"]
    assert "DNS does not have the keys" in clerk.refused("stream", "rotate", DOMAIN, who="dora")


def test_whoever_signs_is_shown_what_doctor_sees(clerk: Clerk, world: Records) -> None:
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    approve = ("mailbox", "approve", ADDRESS, "--as", "deliverability")

    def seen(item: str) -> tuple[bool | None, str]:
        sheet = clerk.run(*approve, "--json", who="dora").json["checklist"]
        return next((one["found"], one["detail"]) for one in sheet if one["item"] == item)

    assert seen("keys_published") == (True, f"All {len(world) - 1} records are published.")  # no MX for replies
    assert seen("subdomain_own")[0] is True
    del world[f"_dmarc.{DOMAIN}", "TXT"]
    assert found(clerk)[0]["grade"] == "fail"
    said = clerk.run(*approve, "--affirm", "all", "--json", who="dora").json
    assert said["found_false"] == ["keys_published", "feedback_connected"]
    assert seen("keys_published")[1].startswith("1 of 8 records are missing or wrong: TXT _dmarc.")
    world.clear()
    assert "acme.test does not exist in DNS" in seen("subdomain_own")[1]
    reasons = [f"{item}=goes out on Tuesday" for item in ("keys_published", "feedback_connected", "subdomain_own")]
    signed = clerk.ok(
        *approve, "--affirm", "all", *(part for one in reasons for part in ("--override", one)), who="dora"
    )
    assert set(signed["signoffs"][0]["reasons"]) == {"keys_published", "feedback_connected", "subdomain_own"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (DOMAIN, '"v=spf1 include:_spf.google.test INCLUDE:sendgrid.net ~all"'),
        (f"_dmarc.{DOMAIN}", '"v=DMARC1;p=reject;rua=mailto:someone@acme.test"'),
        (f"_dmarc.{DOMAIN}", '"v=DMARC1; p=quarantine; pct=100; rua=mailto:a@acme.test,mailto:b@acme.test"'),
    ],
)
def test_what_does_the_same_in_other_words_is_fine(clerk: Clerk, world: Records, name: str, value: str) -> None:
    world[name, "TXT"] = value
    assert [one["grade"] for one in found(clerk)] == ["ok"]


def test_replies_that_another_host_takes_are_fine(clerk: Clerk, world: Records) -> None:
    world[DOMAIN, "MX"] = "5 mx.office.test."
    assert [one["grade"] for one in found(clerk)] == ["ok"]


def taken(record: str) -> Callable[[Records], None]:
    def take(world: Records) -> None:
        kind, name = record.split()
        del world[name, kind]

    return take


@pytest.mark.parametrize(
    ("change", "about", "grade"),
    [
        (
            lambda world: world.update({(DOMAIN, "TXT"): '"v=spf1 include:elsewhere.test -all"'}),
            f"TXT {DOMAIN}",
            "fail",
        ),
        (lambda world: world.update({(DOMAIN, "TXT"): '"v=spf1 include:sendgrid.net +all"'}), f"TXT {DOMAIN}", "fail"),
        (
            lambda world: world.update({(f"_dmarc.{DOMAIN}", "TXT"): '"v=DMARC1; p=none"'}),
            f"TXT _dmarc.{DOMAIN}",
            "fail",
        ),
        (
            lambda world: world.update({(f"_dmarc.{DOMAIN}", "TXT"): '"v=DMARC1; p=maybe; rua=mailto:a@b.test"'}),
            f"TXT _dmarc.{DOMAIN}",
            "fail",
        ),
        (
            lambda world: world.update({(f"bounces.{DOMAIN}", "MX"): "5 mx.office.test."}),
            f"MX bounces.{DOMAIN}",
            "fail",
        ),
        (taken(f"MX bounces.{DOMAIN}"), f"MX bounces.{DOMAIN}", "fail"),
        (taken(f"MX {DOMAIN}"), f"MX {DOMAIN}", "warn"),
        (taken(f"TXT _dmarc.{DOMAIN}"), f"TXT _dmarc.{DOMAIN}", "fail"),
    ],
    ids=[
        "no relay",
        "everybody",
        "no reports",
        "no policy",
        "bounces elsewhere",
        "no bounces",
        "no replies",
        "no dmarc",
    ],
)
def test_what_is_missing_or_wrong_is_named(
    clerk: Clerk, world: Records, change: Callable[[Records], None], about: str, grade: str
) -> None:
    change(world)
    (only,) = found(clerk)
    assert (only["about"], only["grade"]) == (about, grade)
    assert only["fix"] == f"postroom stream dns {DOMAIN}"


def test_a_policy_that_only_reports_is_due_to_be_tightened_after_two_weeks_of_mail(
    clerk: Clerk, world: Records
) -> None:
    sent(clerk, days=20)
    assert "p=none although" in due(clerk)["text"]
    assert due(clerk)["fix"].endswith("--dmarc quarantine")
    world[f"_dmarc.{DOMAIN}", "TXT"] = '"v=DMARC1; p=quarantine; rua=mailto:a@acme.test"'
    assert [one["grade"] for one in found(clerk)] == ["ok"]
    sent(clerk, days=40)
    assert due(clerk)["fix"].endswith("--dmarc reject")
    world[f"_dmarc.{DOMAIN}", "TXT"] = '"v=DMARC1; p=reject; rua=mailto:a@acme.test"'
    assert [one["grade"] for one in found(clerk)] == ["ok"]


def due(clerk: Clerk) -> dict[str, Any]:
    (warned,) = [one for one in found(clerk) if one["grade"] == "warn"]
    return warned
