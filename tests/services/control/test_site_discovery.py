"""Domains of one provider share a site; a primary domain near the bulk line is a warning."""

from __future__ import annotations

from sqlalchemy import select, update

from core.db import audit_log
from core.db.counters import bucket
from core.db.store import Store
from core.db.tables import LANE
from core.events import StreamWarned
from core.model import Mode, Site
from core.rules.budgets import DAY_MINUTES
from core.services.control import site_discovery
from tests.factories.desk import WIDE, make_desk
from tests.factories.records import add_stream


def test_a_domain_moves_to_its_providers_site_and_is_not_asked_again(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("jane@small-shop.example")
    assert store.transact(site_discovery.domains_to_ask) == ["small-shop.example"]
    found = [("small-shop.example", Site("gmail.com"))]
    assert store.transact(lambda tx: site_discovery.note_sites(tx, found)) == 1
    assert store.rows(select(LANE.c.site))[0].site == "gmail.com"
    assert store.transact(site_discovery.domains_to_ask) == []


def test_without_an_answer_the_guess_stays(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("jane@small-shop.example")
    assert store.transact(lambda tx: site_discovery.note_sites(tx, [("small-shop.example", None)])) == 0
    assert store.rows(select(LANE.c.site))[0].site == "small-shop.example"


def test_an_idle_lane_asks_nothing(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("jane@small-shop.example")
    store.transact(lambda tx: tx.write(update(LANE).values(depth=0)))
    assert store.transact(site_discovery.domains_to_ask) == []


def test_nearing_the_bulk_line_warns_once_and_crossing_it_once_more(store: Store) -> None:
    desk = make_desk(store)
    today = bucket(store.clock.now(), DAY_MINUTES)

    def send(n: int) -> None:
        store.transact(lambda tx: tx.bump("stream", str(desk.stream_id), "sent_1d", minute=today, n=n))

    def send_deeper(n: int) -> None:
        store.transact(lambda tx: tx.bump("stream", str(deeper), "sent_1d", minute=today, n=n))

    deeper = add_stream(store, "bot.eu.acme.test")
    send_deeper(2_000)
    send(1_999)
    assert store.transact(site_discovery.watch_bulk_line) == 0
    send(1)
    assert store.transact(site_discovery.watch_bulk_line) == 1
    assert store.transact(site_discovery.watch_bulk_line) == 0
    send(1_000)
    assert store.transact(site_discovery.watch_bulk_line) == 1
    assert store.transact(site_discovery.watch_bulk_line) == 0
    with store.read() as conn:
        told = [e.event for e in audit_log.read(conn, after=0) if isinstance(e.event, StreamWarned)]
    assert [(one.domain, one.crossed) for one in told] == [("acme.test", False), ("acme.test", True)]
