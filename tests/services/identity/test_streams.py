"""Streams come with four keys, rotate without a gap, and warm up as they are told."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from core.db.store import Store
from core.db.tables import STREAM_KEY
from core.demo.clock import FakeClock
from core.durations import DAY, MICROS
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import StreamAdded, StreamKeyRotated
from core.model import Mode
from core.rules import stream_records
from core.services.identity import stream_dns, streams
from core.services.identity.streams import NewStream, SealedKey
from tests.factories.delivery import claim, events, pass_a_moment
from tests.factories.desk import ALICE, DOMAIN, DORA, WIDE, make_desk

SALES = "sales-bot.acme.test"


def keys(store: Store, *slots: stream_records.Slot) -> tuple[SealedKey, ...]:
    """As the caller would generate and seal them today."""
    today = dt.datetime.fromtimestamp(store.clock.now() / MICROS, tz=dt.UTC).date()
    return tuple(
        SealedKey(slot, algorithm, name, private=b"sealed", public=f"public of {name}")
        for slot in slots
        for algorithm in streams.ALGORITHMS
        for name in [stream_records.selector(today, slot=slot, algorithm=algorithm)]
    )


def new(store: Store, **more: Any) -> NewStream:
    values: dict[str, Any] = {"domain": SALES, "route": "smtp://relay.acme.test:587", "keys": keys(store, "a", "b")}
    return NewStream(**(values | more))


def add(store: Store, **more: Any) -> int:
    return store.transact(lambda tx: streams.add(tx, new(store, **more), actor=DORA))


def rotate(store: Store, *, slot: stream_records.Slot) -> stream_records.Slot:
    fresh = keys(store, slot)
    return store.transact(lambda tx: streams.rotate(tx, SALES, fresh=fresh, actor=DORA))


def published(store: Store, domain: str = SALES) -> dict[str, str]:
    """Selector -> what its record says."""
    with store.read() as conn:
        records = stream_dns.publication(conn, domain, mail_host="mail.acme.test", now=store.clock.now()).records
    return {r.name.partition(".")[0]: r.value.partition("p=")[2] for r in records if "_domainkey" in r.name}


def signing(store: Store) -> list[str]:
    """As departures choose their keys."""
    k = STREAM_KEY.c
    with store.read() as conn:
        stream = streams.show(conn, SALES)
        rows = conn.execute(
            select(k.selector).where(k.stream_id == stream.id, k.slot == stream.active_slot, k.retired_at.is_(None))
        )
        return sorted(row.selector for row in rows)


def test_a_stream_begins_with_four_published_keys_and_slot_a_signing(store: Store) -> None:
    make_desk(store)
    stream = add(store, provider="ses", protected=True, owners=("support-bot",))
    assert len(published(store)) == 4
    assert signing(store) == ["pr20260105a-ed25519", "pr20260105a-rsa"]
    with store.read() as conn:
        records = stream_dns.publication(conn, SALES, mail_host="mail.acme.test", now=store.clock.now()).records
        shown = streams.show(conn, SALES)
    assert any("include:amazonses.com" in record.value for record in records)
    assert any(record.type == "MX" and record.name == f"bounces.{SALES}" for record in records)
    assert (shown.id, shown.protected, shown.owners, shown.active_slot) == (stream, True, ("support-bot",), "a")
    [told] = events(store, "stream.added")
    assert isinstance(told, StreamAdded)
    assert (told.stream, told.domain, len(told.selectors)) == (stream, SALES, 4)
    assert (told.connection_messages, told.minute_messages) == (None, None)


def test_the_limits_that_a_stream_begins_with_are_in_the_log(store: Store) -> None:
    make_desk(store)
    add(store, connection_messages=20, minute_messages=300)
    [told] = events(store, "stream.added")
    assert isinstance(told, StreamAdded)
    assert (told.connection_messages, told.minute_messages) == (20, 300)


def test_two_streams_of_one_day_have_the_same_selectors_each_in_its_domain(store: Store) -> None:
    make_desk(store)
    add(store)
    add(store, domain="hr-bot.acme.test")
    assert published(store) == published(store, "hr-bot.acme.test")


def test_what_a_stream_must_not_begin_with(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        store.transact(lambda tx: streams.add(tx, new(store), actor=ALICE))
    with pytest.raises(Conflict):
        add(store, domain=DOMAIN.upper())
    for wrong in (
        {"keys": keys(store, "a")},
        {"keys": keys(store, "a", "a")},
        {"route": "ftp://relay"},
        {"route": "smtps://user:secret@relay.acme.test"},
        {"provider": "pigeon"},
        {"domain": "no domain"},
    ):
        with pytest.raises(Invalid):
            add(store, **wrong)
    assert events(store, "stream.added") == []


def test_a_rotation_signs_with_what_was_published_before_and_leaves_the_old_keys_out(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    add(store)
    before = published(store)
    clock.advance(micros=90 * DAY)
    assert rotate(store, slot="a") == "b"
    assert set(signing(store)) < set(before), "receivers could look the new signatures up already"
    assert signing(store) == ["pr20260105b-ed25519", "pr20260105b-rsa"]
    assert before.items() <= published(store).items(), "mail on the way still verifies"
    fresh = set(published(store)) - set(before)
    assert fresh == {"pr20260405a-rsa", "pr20260405a-ed25519"}
    [told] = events(store, "stream.key_rotated")
    assert isinstance(told, StreamKeyRotated)
    assert (told.slot, set(told.selectors), set(told.fresh)) == ("b", set(signing(store)), fresh)


def test_the_next_rotation_signs_with_the_fresh_keys(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    add(store)
    clock.advance(micros=90 * DAY)
    rotate(store, slot="a")
    clock.advance(micros=90 * DAY)
    with store.read() as conn:
        assert streams.next_slot(conn, SALES) == "b"
    assert rotate(store, slot="b") == "a"
    assert signing(store) == ["pr20260405a-ed25519", "pr20260405a-rsa"]


def test_a_retired_key_is_published_while_mail_is_on_the_way_then_revoked_then_gone(
    store: Store, clock: FakeClock
) -> None:
    make_desk(store)
    add(store)
    clock.advance(micros=90 * DAY)
    rotate(store, slot="a")
    old = "pr20260105a-rsa"
    clock.advance(micros=stream_dns.IN_TRANSIT - 1)
    assert published(store)[old] == f"public of {old}"
    clock.advance(micros=1)
    assert published(store)[old] == ""
    clock.advance(micros=stream_dns.REVOKED)
    assert old not in published(store)
    assert len(published(store)) == 4


def test_a_selector_is_never_used_twice(store: Store) -> None:
    make_desk(store)
    add(store)
    with pytest.raises(Conflict, match="was used before"):
        rotate(store, slot="a")
    assert signing(store) == ["pr20260105a-ed25519", "pr20260105a-rsa"]
    assert events(store, "stream.key_rotated") == []


def test_fresh_keys_are_for_the_slot_that_signed(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    add(store)
    clock.advance(micros=DAY)
    with pytest.raises(Invalid):
        rotate(store, slot="b")
    with pytest.raises(Forbidden):
        store.transact(lambda tx: streams.rotate(tx, SALES, fresh=keys(store, "a"), actor=ALICE))
    with pytest.raises(NotFound):
        store.transact(lambda tx: streams.rotate(tx, "no.acme.test", fresh=keys(store, "a"), actor=DORA))


def test_a_warm_up_cap_binds_and_its_end_lets_the_rest_go_at_once(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    store.transact(lambda tx: streams.set_warmup(tx, DOMAIN, cap=1, reason="a new address range", actor=DORA))
    desk.submit("a@one.example")
    desk.submit("b@two.example")
    assert len(claim(store)) == 1
    pass_a_moment(store)
    assert claim(store) == []
    store.transact(lambda tx: streams.set_warmup(tx, DOMAIN, cap=None, reason="it is warm", actor=DORA))
    assert len(claim(store)) == 1
    with store.read() as conn:
        assert streams.show(conn, DOMAIN).warm
    told = events(store, "stream.warmup_changed")
    assert [(event.stream, event.data()["widened"], event.data()["new"]) for event in told] == [
        (desk.stream_id, False, 1),
        (desk.stream_id, True, None),
    ]
    with pytest.raises(Forbidden):
        store.transact(lambda tx: streams.set_warmup(tx, DOMAIN, cap=9, reason="more", actor=ALICE))


def test_streams_are_listed_in_pages_by_domain(store: Store) -> None:
    make_desk(store)
    for name in ("b", "c", "a"):
        add(store, domain=f"{name}.acme.test")
    with store.read() as conn:
        first = streams.listed(conn, limit=2)
        rest = streams.listed(conn, after=first[-1].domain)
    assert [one.domain for one in (*first, *rest)] == ["a.acme.test", "b.acme.test", "c.acme.test", DOMAIN]
