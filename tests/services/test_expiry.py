"""Held mail's end is told before it comes, once for all of it, and when it has come; its clock can stand at night."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.db import audit_log
from core.db.store import Store
from core.db.tables import REVIEW
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.errors import Invalid
from core.events import EmailExpired, Event, ReviewExpiring
from core.rules import policy as policies
from core.services.notify import notification_outbox
from core.services.notify.apprise_client import digest
from core.services.notify.notification_outbox import Position
from core.services.sending import review
from tests.db.test_queries import held
from tests.factories.desk import ALICE, WIDE, make_desk

TOLD = '[notify]\nurls = ["json://hook.example"]\n'


def told(store: Store, kind: type[Event]) -> list[Event]:
    with store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if isinstance(entry.event, kind)]


def test_expiry_is_told_a_day_and_two_hours_before_once_for_all(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    items = [held(desk, f"u{n}@example.com") for n in range(30)]
    assert store.transact(review.warn_expiring) == 0
    clock.advance(seconds=48 * 3600)
    assert store.transact(review.warn_expiring) == 1
    assert store.transact(review.warn_expiring) == 0
    clock.advance(seconds=22 * 3600)
    assert store.transact(review.warn_expiring) == 1
    found = [
        (one.count, one.before, one.item) for one in told(store, ReviewExpiring) if isinstance(one, ReviewExpiring)
    ]
    assert found == [(30, 24 * HOUR, items[0]), (30, 2 * HOUR, items[0])]


def test_what_has_little_time_from_the_start_is_told_once_with_the_nearest_time(store: Store) -> None:
    desk = make_desk(store, pending_expiry=HOUR, **WIDE)
    held(desk)
    assert store.transact(review.warn_expiring) == 1
    assert store.transact(review.warn_expiring) == 0
    (one,) = told(store, ReviewExpiring)
    assert isinstance(one, ReviewExpiring)
    assert one.before == 2 * HOUR


def test_what_was_decided_is_not_told_of(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    clock.advance(seconds=60 * 3600)
    store.transact(lambda tx: review.cancel(tx, item, actor=ALICE))
    assert store.transact(review.warn_expiring) == 0


def test_people_get_one_notification_and_another_when_it_has_come(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, policy=policies.parse(TOLD), **WIDE)
    for n in range(30):
        held(desk, f"u{n}@example.com")
    clock.advance(seconds=71 * 3600)
    with store.read() as conn:
        seq, _ = audit_log.head(conn)
    store.transact(review.warn_expiring)
    heard = store.look(lambda tx: notification_outbox.collect(tx, Position(seq, tx.now)))
    assert [one.notice.what for one in heard.messages] == ["held mail expires soon"]
    assert "30 held messages expire soon within 2h" in heard.messages[0].notice.text
    clock.advance(seconds=3600)
    store.transact(review.expire_due)
    ended = store.look(lambda tx: notification_outbox.collect(tx, Position(heard.place.events, tx.now)))
    title, _ = digest([one.notice for one in ended.messages])
    assert title == "30 x held mail expired"
    assert len(told(store, EmailExpired)) == 30


def test_the_clock_of_held_mail_stands_outside_working_hours(store: Store, clock: FakeClock) -> None:
    policy = policies.parse(
        '[oversight]\npending_expiry = "10h"\nexpiry_calendar = "mon-fri 08:00-18:00 Europe/Berlin"\n'
    )
    desk = make_desk(store, policy=policy, **WIDE)
    zone = ZoneInfo("Europe/Berlin")
    now = dt.datetime.fromtimestamp(clock.now() / 1_000_000, tz=zone)
    friday = (now + dt.timedelta(days=(4 - now.weekday()) % 7 + 7)).replace(hour=12, minute=0, second=0, microsecond=0)
    clock.advance(seconds=friday.timestamp() - now.timestamp())
    item = held(desk)
    row = store.row(select(REVIEW).where(REVIEW.c.id == item))
    assert row is not None
    ends = dt.datetime.fromtimestamp(row.expires_at / 1_000_000, tz=zone)
    assert (ends.weekday(), ends.hour, ends.minute) == (0, 12, 0)
    clock.advance(seconds=60 * 3600)
    assert store.transact(review.expire_due) == 0


def test_a_calendar_that_cannot_be_read_is_refused_with_an_example() -> None:
    with pytest.raises(Invalid, match="working hours") as refused:
        policies.parse('[oversight]\nexpiry_calendar = "office hours"\n')
    assert "mon-fri 08:00-18:00" in str(refused.value)
