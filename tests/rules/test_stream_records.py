"""What a stream publishes."""

from __future__ import annotations

import datetime as dt

import pytest

from core.durations import DAY, MICROS
from core.errors import Invalid
from core.rules.stream_records import (
    Alignment,
    DmarcPlan,
    DnsRecord,
    PublishedKey,
    dmarc_plan,
    host_term,
    records,
    return_path,
    selector,
    sender_terms,
    tightening,
)

STREAM = "support-bot.acme.example"
DAY_1 = 1_790_000_000 * MICROS
KEYS = [
    PublishedKey("pr20261121a-rsa", "rsa", "M" * 392),
    PublishedKey("pr20261121a-ed25519", "ed25519", "E" * 44),
    PublishedKey("pr20261121b-rsa", "rsa", "N" * 392, "waits"),
    PublishedKey("pr20261121b-ed25519", "ed25519", "", "revoked", revoke_at=DAY_1, remove_at=DAY_1 + 30 * DAY),
]


def published(**settings: object) -> dict[tuple[str, str], DnsRecord]:
    options: dict[str, object] = {
        "keys": KEYS, "mail_host": "mx.acme.example", "senders": ["include:relay.example"], **settings
    }  # fmt: skip
    found = records(STREAM, **options)  # type: ignore[arg-type]  # options vary by test
    assert len({(record.type, record.name) for record in found}) == len(found)
    return {(record.type, record.name): record for record in found}


def test_two_slots_with_two_algorithms_are_four_selectors() -> None:
    found = published()
    for key in KEYS:
        record = found["TXT", f"{key.selector}._domainkey.{STREAM}"]
        assert record.value == f"v=DKIM1; k={key.algorithm}; h=sha256; p={key.public}"


def test_each_key_says_what_it_does_and_until_when_it_is_needed() -> None:
    found = published(keys=[*KEYS, PublishedKey("old", "rsa", "O", "retired", revoke_at=DAY_1, remove_at=DAY_1 + DAY)])
    purposes = {name.partition(".")[0]: one.purpose for (_, name), one in found.items() if "_domainkey" in name}
    assert "signs now" in purposes["pr20261121a-rsa"]
    assert "waits" in purposes["pr20261121b-rsa"]
    assert "may go from DNS from 2026-10-21 on" in purposes["pr20261121b-ed25519"]
    assert "until 2026-09-21" in purposes["old"]
    assert [one.state for one in found.values()][:5] == ["signs", "signs", "waits", "revoked", "retired"]


def test_selector_names_are_dated_and_differ_by_slot_and_algorithm() -> None:
    date = dt.date(2026, 11, 21)
    assert selector(date, slot="a", algorithm="rsa") == "pr20261121a-rsa"
    assert selector(date, slot="b", algorithm="ed25519") == "pr20261121b-ed25519"


def test_two_keys_under_one_selector_are_refused() -> None:
    with pytest.raises(Invalid, match="share a selector"):
        published(keys=[KEYS[0], KEYS[0]])


def test_a_long_key_is_cut_into_strings_of_255() -> None:
    record = published()["TXT", f"pr20261121a-rsa._domainkey.{STREAM}"]
    assert "".join(record.strings) == record.value
    assert max(map(len, record.strings)) == 255


def test_the_return_path_has_its_own_mx_and_spf() -> None:
    found = published()
    assert return_path(STREAM) == f"bounces.{STREAM}"
    assert found["MX", f"bounces.{STREAM}"].value == "10 mx.acme.example."
    for name in (STREAM, f"bounces.{STREAM}"):
        assert found["TXT", name].value == "v=spf1 include:relay.example -all"


def test_replies_have_an_mx_that_may_be_another_hosts() -> None:
    mx = published()["MX", STREAM]
    assert (mx.value, mx.required) == ("10 mx.acme.example.", False)


def test_dmarc_begins_with_reports_alone_strict_for_the_signature_and_relaxed_for_the_return_path() -> None:
    record = published()["TXT", f"_dmarc.{STREAM}"]
    assert record.value == f"v=DMARC1; p=none; adkim=s; aspf=r; rua=mailto:dmarc-reports@bounces.{STREAM}"
    assert "p=quarantine 2 weeks after its first mail" in record.purpose
    named = published(report_address="dmarc@acme.example", dmarc="reject")["TXT", f"_dmarc.{STREAM}"]
    assert named.value == "v=DMARC1; p=reject; adkim=s; aspf=r; rua=mailto:dmarc@acme.example"


def test_dmarc_may_be_tightened_after_two_weeks_of_mail_and_again_after_four() -> None:
    assert dmarc_plan(None, now=DAY_1) == DmarcPlan("none", "quarantine", None)
    assert dmarc_plan(DAY_1, now=DAY_1 + 14 * DAY - 1) == DmarcPlan("none", "quarantine", DAY_1 + 14 * DAY)
    assert dmarc_plan(DAY_1, now=DAY_1 + 14 * DAY) == DmarcPlan("quarantine", "reject", DAY_1 + 28 * DAY)
    assert dmarc_plan(DAY_1, now=DAY_1 + 28 * DAY) == DmarcPlan("reject", None, None)


@pytest.mark.parametrize(
    ("policy", "days", "said"),
    [
        ("none", 3, "p=quarantine from 2026-10-05 on"),
        ("none", 15, "p=quarantine is due now"),
        ("none", 99, "p=quarantine is due now"),
        ("quarantine", 15, "p=reject from 2026-10-19 on"),
        ("quarantine", 99, "p=reject is due now"),
        ("reject", 99, "not ours"),
        ("quarantine", 3, "stricter than"),
        ("reject", 15, "stricter than"),
    ],
)
def test_what_comes_next_is_said_with_its_day(policy: Alignment, days: int, said: str) -> None:
    assert said in tightening(policy, dmarc_plan(DAY_1, now=DAY_1 + days * DAY))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("_spf.relay.example", ("include:_spf.relay.example",)),
        ("include:a.example  ip4:192.0.2.0/24", ("include:a.example", "ip4:192.0.2.0/24")),
        ("ip6:2001:db8::/32 a:smtp.relay.example mx", ("ip6:2001:db8::/32", "a:smtp.relay.example", "mx")),
    ],
)
def test_spf_terms_are_taken_as_the_relay_names_them(text: str, terms: tuple[str, ...]) -> None:
    assert sender_terms(text) == terms


@pytest.mark.parametrize("text", ["+all", "-all", "all", "redirect=x.example", "include:", "v=spf1", 'a" "b', "ptr"])
def test_what_would_open_spf_to_everybody_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        sender_terms(text)


def test_a_host_is_named_by_its_addresses_or_its_name() -> None:
    assert host_term("smtp.acme.example") == "a:smtp.acme.example"
    assert (host_term("192.0.2.7"), host_term("2001:db8::7")) == ("ip4:192.0.2.7", "ip6:2001:db8::7")


def test_foreign_report_address_needs_the_consent_of_its_domain() -> None:
    found = published(report_address="in@reports.example")
    assert found["TXT", f"{STREAM}._report._dmarc.reports.example"].value == "v=DMARC1"
    assert not any("_report" in name for _, name in published(report_address="dmarc@acme.example"))
    assert not any("_report" in name for _, name in published())


@pytest.mark.parametrize(
    ("stream", "reports", "asked"),
    [
        ("bot.acme.co.uk", "dmarc@reports.acme.co.uk", False),  # a sister of the stream: one organisation
        ("bot.acme.co.uk", "dmarc@other.co.uk", True),
        ("bot.acme.github.io", "dmarc@other.github.io", True),
    ],
)
def test_consent_is_asked_of_another_organisation_alone(stream: str, reports: str, asked: bool) -> None:  # noqa: FBT001
    found = records(stream, keys=(), mail_host=f"mx.{stream}", senders=("mx",), report_address=reports)
    assert any("._report._dmarc." in record.name for record in found) is asked
