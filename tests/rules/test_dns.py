"""What a stream publishes."""

from __future__ import annotations

import datetime as dt

import pytest

from core.errors import Invalid
from core.rules.dns import DnsRecord, PublishedKey, records, return_path, selector

STREAM = "support-bot.acme.example"
KEYS = [
    PublishedKey("pr20261121a-rsa", "rsa", "M" * 392),
    PublishedKey("pr20261121a-ed25519", "ed25519", "E" * 44),
    PublishedKey("pr20261121b-rsa", "rsa", "N" * 392),
    PublishedKey("pr20261121b-ed25519", "ed25519", ""),
]


def published(**settings: object) -> dict[tuple[str, str], DnsRecord]:
    options: dict[str, object] = {"keys": KEYS, "mail_host": "mx.acme.example", **settings}
    found = records(STREAM, **options)  # type: ignore[arg-type]  # options vary by test
    assert len({(record.type, record.name) for record in found}) == len(found)
    return {(record.type, record.name): record for record in found}


def test_two_slots_with_two_algorithms_are_four_selectors() -> None:
    found = published()
    for key in KEYS:
        record = found["TXT", f"{key.selector}._domainkey.{STREAM}"]
        assert record.value == f"v=DKIM1; k={key.algorithm}; h=sha256; p={key.public}"


def test_a_revoked_key_says_so() -> None:
    assert "revoked" in published()["TXT", f"pr20261121b-ed25519._domainkey.{STREAM}"].purpose


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
    found = published(spf_include=["relay.example"])
    assert return_path(STREAM) == f"bounces.{STREAM}"
    assert found["MX", f"bounces.{STREAM}"].value == "10 mx.acme.example."
    for name in (STREAM, f"bounces.{STREAM}"):
        assert found["TXT", name].value == "v=spf1 a:mx.acme.example include:relay.example -all"


def test_dmarc_is_strict_for_the_signature_and_relaxed_for_the_return_path() -> None:
    record = published(report_address="dmarc@acme.example")["TXT", f"_dmarc.{STREAM}"]
    assert record.value == "v=DMARC1; p=reject; adkim=s; aspf=r; rua=mailto:dmarc@acme.example"


def test_foreign_report_address_needs_the_consent_of_its_domain() -> None:
    found = published(report_address="in@reports.example")
    assert found["TXT", f"{STREAM}._report._dmarc.reports.example"].value == "v=DMARC1"
    assert not any("_report" in name for _, name in published(report_address="dmarc@acme.example"))
