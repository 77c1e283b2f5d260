"""What DNS and the settings say about a stream before somebody signs for it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import update

from core.db import directory
from core.db.store import Store
from core.db.tables import DESK
from core.dns_check import Zone
from core.rules import stream_records
from core.rules.stream_records import PublishedKey
from core.services.identity import sender_checks, stream_dns, streams
from core.services.identity.sender_checks import Look, Lookups, Wanted
from core.settings import Settings
from tests.factories.records import SALES, make_keyed_desk, request
from tests.nameserver import nameserver

DOMAIN = "bot.acme.test"
KEYS = [PublishedKey(f"{slot}-{kind}", kind, "AAAA") for slot in "ab" for kind in streams.ALGORITHMS]
SENDERS = ("a:mail.acme.test",)
PUBLISHED = stream_records.records(DOMAIN, keys=KEYS, mail_host="mail.acme.test", senders=SENDERS)
RECORDS = tuple(record for record in PUBLISHED if record.required)
READY = Look(True, "set up")
OUT: dict[tuple[str, str], str] = {(record.name, record.type): record.value for record in RECORDS}
"""All that the stream publishes."""


def seen(records: Mapping[tuple[str, str], str], *, domain: str = DOMAIN) -> Lookups:
    """What is found where DNS holds these records and no others."""
    with nameserver(records) as zone:
        return sender_checks.look(Wanted(domain, local=False, records=RECORDS, feedback=READY, unsubscribe=READY), zone)


def test_all_records_and_the_parent_are_seen() -> None:
    found = seen(OUT | {("_dmarc.acme.test", "TXT"): "v=DMARC1; p=reject"})
    assert found.published == Look(True, f"All {len(RECORDS)} records are published.")
    assert found.zone == Look(True, "acme.test has a DMARC policy: v=DMARC1; p=reject.")


def test_what_is_missing_or_has_another_value_is_counted_and_named() -> None:
    found = seen(
        {key: value for key, value in OUT.items() if "_dmarc" not in key[0]} | {(DOMAIN, "TXT"): "v=spf1 -all"}
    )
    assert found.published.found is False
    assert found.published.detail.startswith(f"2 of {len(RECORDS)} records are missing or wrong: ")
    assert f"TXT {DOMAIN} (published with another value)" in found.published.detail
    assert f"TXT _dmarc.{DOMAIN} (not published)" in found.published.detail


def test_a_parent_that_does_not_exist_is_no_parent() -> None:
    found = seen({})
    assert (found.published.found, found.zone.found) == (False, False)
    assert found.zone.detail == "acme.test does not exist in DNS, so nothing below it can be published."


def test_the_registered_domain_is_the_parent_whatever_is_between_or_above() -> None:
    deep, british = "bot.eu.acme.test", "bot.acme.co.uk"
    policy = {("_dmarc.acme.test", "TXT"): "v=DMARC1; p=reject", ("_dmarc.eu.acme.test", "TXT"): "v=DMARC1; p=none"}
    # RFC 7489 6.6.3: receivers ask the name itself and its organisational domain, and nothing between
    assert seen(policy, domain=deep).zone == Look(True, "acme.test has a DMARC policy: v=DMARC1; p=reject.")
    found = seen({("shop.co.uk", "TXT"): "here is co.uk"}, domain=british).zone
    assert found == Look(False, "acme.co.uk does not exist in DNS, so nothing below it can be published.")


def test_a_parent_without_dmarc_is_remarked_on() -> None:
    assert seen(OUT).zone == Look(True, "acme.test has no DMARC policy.")


def test_others_that_may_send_as_the_stream_are_named_and_left_to_the_signer() -> None:
    found = seen(OUT | {(DOMAIN, "TXT"): "v=spf1 a:mail.acme.test include:shop.example -all"})
    assert found.zone.found is None
    assert "also lets include:shop.example send" in found.zone.detail


def test_dns_that_does_not_answer_proves_nothing() -> None:
    with nameserver({}, silent=True) as zone:
        found = sender_checks.look(
            Wanted(DOMAIN, local=False, records=RECORDS, feedback=READY, unsubscribe=READY), zone
        )
    silent = Look(None, "DNS did not answer.")
    assert (found.published, found.zone, found.feedback) == (silent, silent, READY)


def test_where_mail_stays_on_this_machine_nothing_is_asked_and_nothing_claimed() -> None:
    wanted = Wanted(DOMAIN, local=True, records=RECORDS, feedback=READY, unsubscribe=READY)
    found = sender_checks.look(wanted, Zone())
    assert {one.found for one in (found.published, found.zone, found.feedback, found.unsubscribe)} == {None}


def test_mail_stays_on_this_machine_by_the_mark_of_the_desk_and_not_by_where_its_relay_is(store: Store) -> None:
    make_keyed_desk(store)
    request(store)

    def local() -> tuple[bool, bool]:
        with store.read() as conn:
            record = directory.mailbox(conn, SALES)
            assert record is not None
            found = sender_checks.wanted(conn, record, Settings(), now=store.clock.now())
            return found.local, stream_dns.publication(conn, SALES.partition("@")[2], mail_host="m", now=0).spf_known

    with store.read() as conn:
        assert "127.0.0.1" in streams.show(conn, SALES.partition("@")[2]).route
    assert local() == (False, False)
    store.transact(lambda tx: tx.write(update(DESK).values(development=True)))
    assert local() == (True, True)


@pytest.mark.parametrize(
    ("more", "ways"),
    [
        ({}, (False, False)),
        ({"feedback": {"report_token": "t" * 40}}, (True, False)),
        ({"feedback": {"report_open": True}, "public_url": "https://desk.acme.test"}, (True, True)),
    ],
    ids=["nothing", "report token", "open and https"],
)
def test_ways_in_for_feedback_and_unsubscribes_are_those_of_the_settings(
    store: Store, more: dict[str, object], ways: tuple[bool, bool]
) -> None:
    make_keyed_desk(store)
    request(store)
    with store.read() as conn:
        record = directory.mailbox(conn, SALES)
        assert record is not None
        found = sender_checks.wanted(conn, record, Settings.model_validate(more), now=store.clock.now())
    assert (found.feedback.found, found.unsubscribe.found) == ways
    assert found.domain == record.domain
