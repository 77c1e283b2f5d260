"""Held mail by template: one line for what differs only in its recipient, counted as the queue counts it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update

from core.db.queries import filter_counts, queue, templates
from core.db.store import Store
from core.db.tables import READING, REVIEW
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.filter_fields import Listing, fields
from core.filters import parse
from core.ids import spell_id
from core.services.sending import review
from core.services.sending.review import Decision
from tests.db.test_queries import held
from tests.factories.desk import ALICE, WIDE, make_desk


def test_a_group_says_how_many_to_which_domains_with_which_checks_and_what_was_read(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    quotes = [held(desk, f"p{n}@{'a' if n else 'b'}.example", subject=f"Your quote Q-{n}") for n in range(5)]
    news = [held(desk, f"q{n}@c.example", subject="The news of May") for n in range(2)]
    broken = [{"code": "hidden_text", "text": "hides text"}]

    def change(tx: Transaction) -> None:
        tx.write(update(REVIEW).where(REVIEW.c.id == news[1]).values(failed_checks=1, findings=broken))
        for item in quotes[:3]:
            tx.write(insert(READING).values(item=item, operator="alice", first_at=1))

    store.transact(change)
    with store.read() as conn:
        found = templates.templates(conn, now=0, operator="alice")
        one = templates.group(conn, quotes[2], operator="alice")
    worst, most = found.groups
    assert (worst.count, worst.failing, worst.seen, worst.checks) == (2, 1, 0, (("hidden_text", 1),))
    assert (most.count, most.failing, most.seen) == (5, 0, 3)
    assert (most.domains, most.domain_count, most.exact) == ((("a.example", 4), ("b.example", 1)), 2, True)
    assert [sample.id for sample in most.samples] == [quotes[0], quotes[-1]]
    assert one == templates.Group(tuple(spell_id("m", item) for item in quotes), "support-bot", 0, 3)


def test_groups_follow_the_filter_and_a_decision(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    first, second = (held(desk, f"{name}@example.com", subject="Your quote") for name in ("jane", "joe"))
    other = held(desk, "jane@example.com", subject="Something else")
    with store.read() as conn:
        wants = parse("to:jane OR to:nobody", queue.FIELDS)
        page = templates.templates(conn, wants, now=0, operator="alice", limit=1)
        assert (page.more, page.groups[0].count) == (True, 1)
    for item in (first, other):
        store.transact(lambda tx, item=item: review.decide(tx, Decision(item, approve=False), actor=ALICE))  # type: ignore[misc]
    with store.read() as conn:
        assert [one.count for one in templates.templates(conn, now=0, operator="alice").groups] == [1]
        left = templates.group(conn, first, operator="alice")
        assert left is not None
        assert left.items == (spell_id("m", second),)
        assert templates.group(conn, other, operator="alice") is None


def test_every_list_counts_what_its_filter_matches_and_offers_values(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    for n in range(3):
        held(desk, f"p{n}@example.com")
    shown = {
        Listing.QUEUE: {"agent:support": 3, "to:p1 OR to:p2": 2, "sev:error": 0},
        Listing.EVENTS: {"type:email.pending": 3, "to:p1": 2, "age>1h": 0},
        Listing.AGENTS: {
            "state:active": 1,
            "held:3": 1,
            "held>3": 0,
            "mailbox:support mode:gated_send": 1,
            "sent>0": 0,
        },
        Listing.LANES: {"agent:support": 0, "sev:error OR depth>0": 0},
        Listing.SUPPRESSIONS: {"domain=gmail.com": 0},
        Listing.IDENTITIES: {"state:active": 1, "expires<1d OR !owner:nobody": 1, "mode>=monitored": 0},
        Listing.INBOX: {"to:support stream:bot": 0},
    }
    assert shown.keys() == set(Listing)
    with store.read() as conn:
        for listing, lines in shown.items():
            for line, n in lines.items():
                wants = parse(line, fields(listing))
                assert filter_counts.count(conn, listing, wants, now=clock.now()).count == n, (listing, line)
            everything = [filter_counts.count(conn, listing, parse(f"{name}:*", {name: field}), now=clock.now())
                          for name, field in fields(listing).items() if field.kind.value == "text"]  # fmt: skip
            assert everything
        assert filter_counts.values(conn, Listing.QUEUE, "agent", "SUP") == ["support-bot"]
        assert filter_counts.values(conn, Listing.QUEUE, "sev", "w") == ["warn"]
        assert filter_counts.values(conn, Listing.QUEUE, "to", "p") == []
        assert filter_counts.values(conn, Listing.QUEUE, "colour", "") is None


def test_a_million_alike_are_counted_from_the_index_alone(store: Store) -> None:
    if not store.sqlite:
        pytest.skip("SQLite's planner")
    c = REVIEW.c
    with store.read() as conn:
        asked = select(c.id).where(c.status == "pending", c.likeness.is_not(None)).group_by(c.likeness, c.agent_id)
        text = str(asked.compile(conn, compile_kwargs={"literal_binds": True}))
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text.replace('review.id', 'max(failed_checks)', 1)}").all()
    assert "USING COVERING INDEX ix_review_likeness" in plan[0][-1]
