"""`stream dns` says what to publish, what each key does now, who may send, and what is to be tightened when."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from core.db.store import Store
from core.durations import DAY, MINUTE, stamp
from core.services.identity import stream_dns
from tests.cli.cli_runner import DOMAIN, Clerk

RELAY = ("--relay", "smtp://agents@smtp.acme.test:587")


def shown(clerk: Clerk, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = clerk.ok("stream", "dns", DOMAIN, *more)
    return found


def spf(clerk: Clerk) -> str:
    both = [one["value"] for one in shown(clerk)["records"] if one["value"].startswith("v=spf1")]
    assert len(both) == 2
    assert len(set(both)) == 1, "the stream and its return path"
    return str(both[0])


def dmarc(clerk: Clerk, *more: str) -> dict[str, Any]:
    (found,) = [one for one in shown(clerk, *more)["records"] if one["name"].startswith("_dmarc.")]
    return dict(found)


def open_questions(clerk: Clerk) -> set[str]:
    return {one["about"] for one in shown(clerk)["open"]}


def configure(clerk: Clerk, line: str) -> None:
    """Above the tables."""
    file = clerk.directory / "postroom.toml"
    kept = [one for one in file.read_text().splitlines() if not one.startswith(line.partition(" ")[0])]
    file.write_text("\n".join([line, *kept]))


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A person at a terminal types this."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)


# --- keys ---------------------------------------------------------------------------------------------------------


def test_each_selector_says_whether_it_signs_waits_or_is_retired_and_when_it_may_go(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")

    def states() -> list[str]:
        return sorted(one["state"] for one in shown(clerk)["records"] if "_domainkey" in one["name"])

    assert states() == ["signs", "signs", "waits", "waits"]
    clerk.ok("stream", "rotate", DOMAIN, "--force", who="dora")
    assert states() == ["retired", "retired", "signs", "signs", "waits", "waits"]
    records = shown(clerk)["records"]
    for one in [one for one in records if one["state"] == "retired"]:
        assert one["remove_at"] > one["revoke_at"] > stamp(0)
        assert one["revoke_at"][:10] in one["purpose"]
        assert one["value"].partition("p=")[2]
    assert all(one["remove_at"] is None for one in records if one["state"] in {"signs", "waits"})
    text = clerk.run("stream", "dns", DOMAIN).out
    assert text.count("signs now") == 2
    assert text.count("waits;") == 2
    assert text.count("retired;") == 2


def test_a_retired_key_is_revoked_after_a_week_and_may_go_a_month_later(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    clerk.ok("stream", "rotate", DOMAIN, "--force", who="dora")
    retired = [one["name"] for one in shown(clerk)["records"] if one["state"] == "retired"]
    back = stream_dns.IN_TRANSIT
    age(clerk, "UPDATE stream_key SET retired_at = retired_at - :back WHERE retired_at IS NOT NULL", back=back)
    revoked = [one for one in shown(clerk)["records"] if one["state"] == "revoked"]
    assert [one["name"] for one in revoked] == retired
    assert all(one["value"].endswith("p=") for one in revoked)
    assert all(one["remove_at"][:10] in one["purpose"] for one in revoked)
    back = stream_dns.REVOKED
    age(clerk, "UPDATE stream_key SET retired_at = retired_at - :back WHERE retired_at IS NOT NULL", back=back)
    now = shown(clerk)
    assert not set(retired) & {one["name"] for one in now["records"]}
    assert set(now["removable"]) == set(retired)
    assert "may go from DNS now" in clerk.run("stream", "dns", DOMAIN).out


def age(clerk: Clerk, statement: str, **values: int) -> None:
    """Let time pass in the database: commands read the machine's clock."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(clerk.directory / "postroom.db")) as conn, conn:
        conn.execute(statement, values)


# --- SPF ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "terms"),
    [
        (("--relay", "smtp://AKIA@email-smtp.eu-west-1.amazonaws.com:587"), "include:amazonses.com"),
        (("--relay", "smtp://apikey@smtp.sendgrid.net:587"), "include:sendgrid.net"),
        (("--relay", "smtp://x@bot.acme.test@smtp.eu.mailgun.org:587"), "include:mailgun.org"),
        (("--relay", "smtp://x@smtp.postmarkapp.com:587"), "include:spf.mtasv.net"),
        (("--relay", "smtp://x@vpce-1.acme.test:587", "--provider", "ses"), "include:amazonses.com"),
        ((*RELAY, "--spf", "include:_spf.acme.test ip4:192.0.2.0/28"), "include:_spf.acme.test ip4:192.0.2.0/28"),
        ((*RELAY, "--spf", "_spf.acme.test"), "include:_spf.acme.test"),
        (("--relay", "smtp://x@smtp.sendgrid.net:587", "--spf", "ip4:192.0.2.7"), "ip4:192.0.2.7"),
        (("--direct",), "a:mail.acme.test"),
    ],
)
def test_spf_lets_the_relay_send(clerk: Clerk, way: tuple[str, ...], terms: str) -> None:
    configure(clerk, 'mail_host = "mail.acme.test"')
    clerk.ok("stream", "add", DOMAIN, *way, who="dora")
    assert spf(clerk) == f"v=spf1 {terms} -all"
    assert open_questions(clerk) == {"dmarc_reports"}


def test_a_relay_that_nobody_knows_is_a_question_until_it_is_answered(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, *RELAY, who="dora")
    assert spf(clerk) == "v=spf1 a:smtp.acme.test -all"
    assert open_questions(clerk) == {"spf", "mail_host", "dmarc_reports"}
    heard = clerk.run("stream", "dns", DOMAIN)
    assert "--spf include:_spf.relay.example" in heard.err
    assert (doctor(clerk)[0], "--spf" in doctor(clerk)[1]) == ("warn", True)
    answer = ("stream", "set", DOMAIN, "--spf", "include:_spf.acme.test", "--reason", "the mail team says so")
    clerk.refused(*answer, who="alice")
    assert clerk.ok(*answer, who="dora")["spf"] == "include:_spf.acme.test"
    assert spf(clerk) == "v=spf1 include:_spf.acme.test -all"
    assert "spf" not in open_questions(clerk)
    taken = clerk.ok("stream", "set", DOMAIN, "--spf", "", "--reason", "another relay soon", who="dora")
    assert taken["spf"] is None


def test_spf_of_a_relay_on_this_machine_names_its_own_way_out_which_is_asked_for(clerk: Clerk) -> None:
    configure(clerk, 'mail_host = "mail.acme.test"')
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:25", who="dora")
    assert spf(clerk) == "v=spf1 a:mail.acme.test -all"
    assert open_questions(clerk) == {"spf", "dmarc_reports"}
    assert "SPF must name its own way out" in clerk.run("stream", "dns", DOMAIN).err
    texts = [one["text"] for one in clerk.run("doctor", "--json").json["checks"] if one["check"] == "dns"]
    assert "SPF names mail_host only, and the relay on this machine may hand mail on to other hosts" in texts
    clerk.ok("stream", "set", DOMAIN, "--spf", "include:_spf.acme.test", "--reason", "our smarthost", who="dora")
    assert open_questions(clerk) == {"dmarc_reports"}


def doctor(clerk: Clerk) -> tuple[str, str]:
    checks = clerk.run("doctor", "--json").json["checks"]
    (found,) = [one for one in checks if one["check"] == "dns" and "SPF names the relay's host" in one["text"]]
    return found["grade"], found["fix"]


@pytest.mark.parametrize("terms", ["+all", "redirect=evil.test", "include:"])
def test_spf_terms_that_let_everybody_send_are_refused(clerk: Clerk, terms: str) -> None:
    clerk.refused("stream", "add", DOMAIN, *RELAY, "--spf", terms, who="dora", code=2)
    assert clerk.ok("stream", "list")["streams"] == []


def test_a_person_at_a_terminal_is_asked_for_the_relay_s_spf_and_the_answer_is_kept(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "_spf.acme.test\n")
    assert clerk.run("stream", "add", DOMAIN, *RELAY, who="dora").code == 0
    assert spf(clerk) == "v=spf1 include:_spf.acme.test -all"


def test_a_person_who_does_not_know_goes_on_and_a_known_relay_is_not_asked_about(
    clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "\n")
    assert clerk.run("stream", "add", DOMAIN, *RELAY, who="dora").code == 0
    assert "spf" in open_questions(clerk)
    typed(monkeypatch, "")
    added = clerk.run("stream", "add", "two.acme.test", "--relay", "smtp://x@smtp.sendgrid.net:587", who="dora")
    assert (added.code, "postroom docs sendgrid" in added.out) == (0, True)


def test_another_relay_brings_its_provider_with_it(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://x@smtp.sendgrid.net:587", who="dora")
    moved = ("stream", "set", DOMAIN, "--relay", "smtp://x@smtp.postmarkapp.com:587", "--reason", "moved")
    assert clerk.ok(*moved, who="dora")["provider"] == "postmark"
    assert "the providers are" in clerk.refused(
        "stream", "set", DOMAIN, "--provider", "pigeons", "--reason", "x", who="dora", code=2
    )


# --- DMARC and MX -------------------------------------------------------------------------------------------------


def test_dmarc_begins_with_reports_and_says_when_to_tighten(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    assert dmarc(clerk)["value"].startswith("v=DMARC1; p=none;")
    assert f"rua=mailto:dmarc-reports@bounces.{DOMAIN}" in dmarc(clerk)["value"]
    assert "2 weeks after its first mail" in dmarc(clerk)["purpose"]
    assert shown(clerk)["dmarc"] == {"policy": "none", "due": "none", "next": "quarantine", "next_at": None}


def test_dmarc_counts_from_the_first_mail_and_the_stricter_record_is_one_option_away(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    first = sent(clerk, days=20)
    assert shown(clerk)["dmarc"] == {
        "policy": "none", "due": "quarantine", "next": "reject", "next_at": stamp(first + 28 * DAY),
    }  # fmt: skip
    assert "p=quarantine is due now" in dmarc(clerk)["purpose"]
    assert dmarc(clerk, "--dmarc", "quarantine")["value"].startswith("v=DMARC1; p=quarantine;")
    assert stamp(first + 28 * DAY)[:10] in dmarc(clerk, "--dmarc", "quarantine")["purpose"]
    assert clerk.ok("stream", "show", DOMAIN)["first_sent_at"] == stamp(first)


def sent(clerk: Clerk, *, days: int) -> int:
    """Count one mail as sent so many days ago, as settling does; returns that day."""
    from core.clock import SystemClock
    from core.services.identity import streams

    store = Store(f"sqlite:///{clerk.directory / 'postroom.db'}", clock=SystemClock())
    try:
        with store.read() as conn:
            stream = streams.show(conn, DOMAIN)
        day = (store.clock.now() - days * DAY) // DAY * DAY
        store.transact(lambda tx: tx.bump("stream", str(stream.id), "sent_1d", minute=day // MINUTE))
    finally:
        store.close()
    return day


def test_reports_go_to_whoever_is_named_and_a_foreign_domain_must_agree(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    configure(clerk, 'dmarc_reports = "in@reports.test"')
    assert dmarc(clerk)["value"].endswith("rua=mailto:in@reports.test")
    assert f"{DOMAIN}._report._dmarc.reports.test" in {one["name"] for one in shown(clerk)["records"]}
    assert "dmarc_reports" not in open_questions(clerk)


def test_mail_that_comes_back_and_replies_have_an_mx(clerk: Clerk) -> None:
    configure(clerk, 'mail_host = "mail.acme.test"')
    clerk.ok("stream", "add", DOMAIN, "--direct", who="dora")
    mx = {one["name"]: (one["value"], one["required"]) for one in shown(clerk)["records"] if one["type"] == "MX"}
    assert mx == {f"bounces.{DOMAIN}": ("10 mail.acme.test.", True), DOMAIN: ("10 mail.acme.test.", False)}
