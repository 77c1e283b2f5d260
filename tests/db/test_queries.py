"""What the screens read: pages by key, depths that were kept, a reason for everything that waits."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, insert, update

from core.db.queries import agents, events, figures, lanes, message, pending, queue
from core.db.queries.events import EventFilter
from core.db.store import Store
from core.db.tables import AGENT, DESK, LANE, MAILBOX, READY, REVIEW, STREAM, SUPPRESSION
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import BEAT, DAY, HOUR, MINUTE, SECOND
from core.errors import Invalid
from core.events import AgentSuspended, EmailQueued, GatewayStopped
from core.filters import parse
from core.ids import read_id
from core.model import SYSTEM, Mode, Outcome, Reply
from core.services.sending import delivery, review
from core.services.sending.review import Decision
from core.views import queue as queue_views
from core.views.lanes import LaneRow
from core.views.queue import Order, To
from tests.factories import effort
from tests.factories.desk import ADDRESS, ALICE, WIDE, Bench, make_desk

BUSY = Reply(Outcome.DEFERRED, 450, "4.2.0", "try later", "rcpt", "mx.example")


def held(desk: Bench, to: str | list[str] = "jane@example.com", **more: object) -> int:
    item = read_id("m", desk.submit(to, **more).message_id or "")
    assert item is not None
    return item


# --- the queue ----------------------------------------------------------------------------------------------------


def test_pending_ids_come_worst_first_and_by_age_when_asked(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    first, second, third = (held(desk, f"{name}@example.com") for name in ("a", "b", "c"))
    store.transact(lambda tx: tx.write(update(REVIEW).where(REVIEW.c.id == third).values(failed_checks=2)))
    with store.read() as conn:
        assert list(queue.pending_ids(conn)) == [third, first, second]
        assert list(queue.pending_ids(conn, order=Order.OLDEST)) == [first, second, third]
        assert list(queue.pending_ids(conn, order=Order.NEWEST)) == [third, second, first]


def test_a_held_row_carries_what_the_queue_draws(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk, ["jane@example.com", "bob@example.com"])
    with store.read() as conn:
        row = queue.pending_rows(conn, [item, 17])[item]
    assert row.to == To("jane@example.com", 2)
    assert (row.agent, row.mailbox, row.run, row.user) == ("support-bot", ADDRESS, "run-1", "ann@acme.test")
    assert [reason.code for reason in row.reasons] == ["mode"]
    assert row.digest
    assert row.preview.startswith("It is on its way.")


def test_a_row_changes_its_version_when_somebody_opens_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    with store.read() as conn:
        before = queue.pending_rows(conn, [item])[item]
    store.transact(lambda tx: review.opened(tx, item, actor=ALICE))
    with store.read() as conn:
        after = queue.pending_rows(conn, [item])[item]
    assert before.version != after.version


def test_messages_that_differ_in_what_is_their_recipients_are_counted_as_alike(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    ids = [
        held(desk, "a@example.com", subject="Your quote Q-1182"),
        held(desk, "b@example.com", subject="Your quote Q-1183"),
        held(desk, "c@example.com", subject="Something else"),
    ]
    with store.read() as conn:
        rows = queue.pending_rows(conn, ids)
        assert [rows[item].alike for item in ids] == [2, 2, 1]
        assert list(queue.alike_ids(conn, ids[1])) == ids[:2]
        assert list(queue.alike_ids(conn, ids[2])) == ids[2:]
    store.transact(lambda tx: review.decide(tx, Decision(ids[0], approve=False), actor=ALICE))
    with store.read() as conn:
        again = queue.pending_rows(conn, ids[1:2])[ids[1]]
        assert (again.alike, again.version != rows[ids[1]].version) == (1, True)


def test_alike_messages_are_counted_no_further_than_a_line_can_say(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "ALIKE_COUNTED", 3)
    monkeypatch.setattr(queue_views, "ALIKE_COUNTED", 3)
    desk = make_desk(store, **WIDE)
    ids = [held(desk, f"u{n}@example.com", subject=f"Your quote Q-{n}") for n in range(4)]
    other = held(desk, "a@example.com", subject="Something else")
    with store.read() as conn:
        rows = queue.pending_rows(conn, [*ids, other])
    found = [rows[one] for one in (*ids, other)]
    assert [(row.alike, row.more_alike) for row in found] == [(3, True)] * 4 + [(1, False)]


def test_pages_of_pending_mail_meet_without_gap_or_overlap(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    ids = [held(desk, f"u{n}@example.com") for n in range(5)]
    seen: list[str] = []
    cursor = None
    with store.read() as conn:
        while True:
            page = pending.page(conn, ADDRESS, now=0, cursor=cursor, limit=2)
            seen += [row.id for row in page.messages]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert [read_id("m", one) for one in seen] == ids
        assert pending.page(conn, "nobody@example.com", now=0).messages == ()
        with pytest.raises(Invalid):
            pending.page(conn, ADDRESS, now=0, cursor="yesterday")


def test_a_pending_page_has_the_shape_of_the_contract(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    held(desk)
    with store.read() as conn:
        listed = pending.page(conn, ADDRESS, now=store.clock.now()).as_json()["messages"][0]
    wanted = {"id", "kind", "to", "subject", "body_preview", "reasons", "submitted_at", "expires_at", "digest"}
    assert wanted <= set(listed)
    assert listed["to"] == ["jane@example.com"]


def test_very_many_held_messages_open_as_one_array(store: Store) -> None:
    desk, many = make_desk(store), effort.times(20_000, 100_000)
    now = store.clock.now()
    rows = [
        {
            "id": n, "kind": "send", "mailbox_id": desk.mailbox_id, "agent_id": desk.agent_id, "status": "pending",
            "reasons": [], "failed_checks": n % 3, "submitted_at": now, "due_at": now, "expires_at": now, "needs": 1,
            "approvers": [],
        }
        for n in range(1, many + 1)
    ]  # fmt: skip
    with store.begin() as tx:
        tx.conn.execute(insert(REVIEW), rows)
    with store.read() as conn:
        ids = queue.pending_ids(conn)
        assert len(ids) == many
        assert list(ids[:2]) == [2, 5]
        assert queue.pending_rows(conn, ids[10_000:10_040]).keys() == set(ids[10_000:10_040])


# --- one message --------------------------------------------------------------------------------------------------


def test_a_message_is_shown_with_all_recipients_reasons_and_events(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk, ["jane@example.com", "bob@example.com"])
    with store.read() as conn:
        shown = message.message(conn, item, now=store.clock.now())
    assert shown is not None
    assert shown.rendered
    assert b"It is on its way." in shown.rendered
    assert [one.waits and one.waits.code for one in shown.recipients] == ["approval", "approval"]
    assert all(one.first_contact for one in shown.recipients)
    assert shown.run is not None
    assert shown.run.user == "ann@acme.test"
    assert [entry.type for entry in shown.events] == ["email.submitted", "email.pending"]


def test_waiting_mail_says_the_farthest_reaching_reason(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit().message_id or "") or 0

    def why() -> str | None:
        with store.read() as conn:
            shown = message.message(conn, item, now=store.clock.now())
        assert shown is not None
        waits = shown.recipients[0].waits
        return waits.code if waits else None

    def change(which: Table, **values: object) -> None:
        store.transact(lambda tx: tx.write(update(which).values(**values)))

    assert why() == "turn"
    change(LANE, paused_at=1, pause_reason="noise")
    assert why() == "lane"
    change(STREAM, paused_at=1, pause_reason="blocklisted")
    assert why() == "stream"
    change(AGENT, status="suspended")
    assert why() == "agent"
    change(DESK, stopped_at=1, stop_reason="fire")
    assert why() == "desk"


def test_a_deferred_recipient_says_when_it_is_tried_again(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit().message_id or "") or 0
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=1))
    store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(claimed[0], BUSY)], worker=1))
    with store.read() as conn:
        shown = message.message(conn, item, now=store.clock.now())
    assert shown is not None
    one = shown.recipients[0]
    assert one.waits is not None
    assert one.waits.code == "retry"
    assert one.waits.until == one.next_at == store.clock.now() + 5 * MINUTE
    assert one.reply is not None
    assert "try later" in one.reply


def test_a_recipient_shows_a_suppression_that_came_after_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    record = {
        "address": "jane@example.com", "cause": "complaint", "source": "report", "added_by": "system",
        "added_at": store.clock.now(),
    }  # fmt: skip
    store.transact(lambda tx: tx.create(SUPPRESSION, record))
    with store.read() as conn:
        shown = message.message(conn, item, now=store.clock.now())
        assert shown is not None
        assert shown.recipients[0].suppressed == "complaint"
        assert message.message(conn, 12345, now=store.clock.now()) is None
        wants = parse("address:JANE", agents.SUPPRESSION_FIELDS)
        listed = agents.suppressions(conn, now=store.clock.now(), wants=wants)
    assert [row.cause for row in listed] == ["complaint"]


# --- lanes --------------------------------------------------------------------------------------------------------


def test_lanes_say_depth_and_what_holds_them(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for n in range(3):
        desk.submit(f"u{n}@gmail.com")
    desk.submit("jane@example.com")
    with store.read() as conn:
        listed = lanes.lanes(conn, now=store.clock.now())
        assert [(row.domain, row.depth, row.waits_for) for row in listed] == [
            ("gmail.com", 3, None),
            ("example.com", 1, None),
        ]
        below = (listed[0].depth, listed[0].id)
        assert [row.domain for row in lanes.lanes(conn, now=store.clock.now(), below=below)] == ["example.com"]
    store.transact(lambda tx: tx.write(update(AGENT).values(status="suspended")))
    with store.read() as conn:
        assert {row.waits_for for row in lanes.lanes(conn, now=store.clock.now())} == {"agent suspended"}


def test_the_shape_of_the_queue_counts_by_age(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    clock = store.clock
    desk.submit("a@gmail.com")
    clock.advance(seconds=15 * 60)  # type: ignore[attr-defined]  # the tests' clock
    desk.submit("b@gmail.com")
    with store.read() as conn:
        row = lanes.shape(conn, now=clock.now())[0]
    assert (row.site, row.depth, row.exact) == ("gmail.com", 2, True)
    assert row.ages[:4] == (1, 0, 1, 0)


def test_the_shape_of_a_deep_lane_adds_up_without_reading_it_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit("a@gmail.com")
    now = store.clock.now()
    with store.begin() as tx:
        rows = [{"lane_id": 1, "due": now - n * MINUTE, "message_id": n, "n": 0} for n in range(1, 400)]
        tx.conn.execute(insert(READY), rows)
        tx.conn.execute(update(LANE).values(depth=400))
    monkeypatch.setattr(lanes, "LOOKED_AT", 100)
    with store.read() as conn:
        row = lanes.shape(conn, now=now)[0]
    assert sum(row.ages) == 400
    assert not row.exact
    assert row.ages[-2] > 0


# --- figures ------------------------------------------------------------------------------------------------------


def test_the_head_of_the_desk_reads_kept_depths(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    with store.read() as conn:
        assert figures.head(conn).held == 0
        assert figures.head(conn).oldest is None
    held(desk)
    held(desk, "bob@example.com")
    with store.read() as conn:
        head = figures.head(conn)
        flow = figures.flow(conn, now=store.clock.now())
    assert (head.held, head.oldest, head.last_seq) == (2, store.clock.now(), 4)
    assert flow["held"] == (0,) * 14 + (2,)


def test_a_spark_sums_minutes_into_bins() -> None:
    now = 1_000 * MINUTE + 30 * SECOND
    series = {1_000: 1, 999: 2, 990: 4, 989: 8, 900: 16}
    assert figures.spark(series, now=now, bins=3, width=10) == (0, 12, 3)


# --- events -------------------------------------------------------------------------------------------------------


def fill(store: Store, desk: Bench, n: int) -> None:
    def write(tx: Transaction) -> None:
        emit = tx.emit
        for at in range(n):
            emit(
                EmailQueued(
                    actor="system", message=at, mailbox=desk.mailbox_id, agent=desk.agent_id, recipients=1, due=1
                )
            )
        emit(
            AgentSuspended(
                actor="guard", agent=desk.agent_id, reason="complaints 0.41 %", guard="complaints", figures={},
                in_flight=0, queued=0, pending=0,
            )
        )  # fmt: skip

    store.transact(write)


def test_times_in_an_event_are_spelled_for_people() -> None:
    for name in ("until", "due", "release_at", "made_at"):
        spelled = events.detail({name: 5 * SECOND})
        assert spelled == f"{name.replace('_', ' ')} 1970-01-01T00:00:05.000Z"


def test_event_pages_go_both_ways_without_gap(store: Store) -> None:
    desk = make_desk(store)
    fill(store, desk, 24)
    with store.read() as conn:
        newest = events.page(conn, limit=10)
        assert [row.seq for row in newest.rows] == list(range(16, 26))
        older = events.page(conn, before=newest.older, limit=10)
        assert [row.seq for row in older.rows] == list(range(6, 16))
        oldest = events.page(conn, before=older.older, limit=10)
        assert [row.seq for row in oldest.rows] == [1, 2, 3, 4, 5]
        assert oldest.older is None
        again = events.page(conn, after=oldest.rows[-1].seq, limit=10)
        assert [row.seq for row in again.rows] == list(range(6, 16))
        tail = events.page(conn, after=newest.newer, limit=10)
        assert tail.rows == ()
        assert tail.newer == 25


def test_events_are_found_by_severity_kind_and_agent(store: Store) -> None:
    desk = make_desk(store)
    fill(store, desk, 5)
    with store.read() as conn:
        loud = events.page(conn, events.filtered(conn, parse("sev:error", events.FIELDS)))
        mail = events.page(conn, events.filtered(conn, parse("type:email.*", events.FIELDS)))
        mine = events.page(conn, EventFilter(agent=desk.agent_id))
        other = events.page(conn, EventFilter(agent=999))
        one = events.page(conn, EventFilter(message=3))
    assert [(row.type, row.target) for row in loud.rows] == [("agent.suspended", "support-bot")]
    assert "complaints 0.41 %" in loud.rows[0].detail
    assert (len(mail.rows), len(mine.rows), len(other.rows), len(one.rows)) == (5, 6, 0, 1)


def test_a_page_of_a_rare_kind_looks_at_a_stretch_and_says_where_to_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(store)
    fill(store, desk, 3)
    fill(store, desk, 30)
    monkeypatch.setattr(events, "STRETCH", 10)
    wanted = EventFilter(types=("agent.suspended",))
    cursor, found = None, []
    with store.read() as conn:
        for _ in range(10):
            page = events.page(conn, wanted, before=cursor)
            found += [row.seq for row in page.rows]
            cursor = page.older
            if cursor is None:
                break
    assert found == [35, 4]


# --- agents -------------------------------------------------------------------------------------------------------


def test_an_agent_stands_at_its_loosest_mode(store: Store) -> None:
    desk = make_desk(store, mode=Mode.MONITORED)
    with store.read() as conn:
        (one,) = agents.agents(conn)
        last = events.latest(conn, {desk.agent_id: [desk.mailbox_id]}).get(desk.agent_id)
    assert one.mode is Mode.MONITORED
    assert last is None
    desk.submit()
    with store.read() as conn:
        last = events.latest(conn, {desk.agent_id: [desk.mailbox_id]}).get(desk.agent_id)
        (run,) = agents.runs(conn, desk.agent_id)
    assert last is not None
    assert (run.key, run.accepted, run.user) == ("run-1", 1, "ann@acme.test")


def test_a_gateway_that_is_down_says_since_when_killed_or_stopped(store: Store) -> None:
    make_desk(store)
    clock = store.clock
    assert isinstance(clock, FakeClock)
    began = clock.now()
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    with store.read() as conn:
        assert [one.since for one in agents.troubles(conn, now=began + HOUR)] == [began]
    stopped = began + MINUTE
    clock.advance(micros=MINUTE)
    store.transact(lambda tx: delivery.unregister_worker(tx, worker=1))
    store.transact(lambda tx: tx.emit(GatewayStopped(actor=str(SYSTEM), host="h", pid=1)))
    with store.read() as conn:
        assert [one.since for one in agents.troubles(conn, now=began + HOUR)] == [stopped]


def test_troubles_name_what_does_not_work(store: Store) -> None:
    make_desk(store)
    now = store.clock.now()
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    with store.read() as conn:
        assert agents.troubles(conn, now=now) == []
        assert [one.kind for one in agents.troubles(conn, now=now + HOUR)] == ["no_worker"]
    store.transact(lambda tx: tx.write(update(STREAM).values(backoff_until=now + DAY, last_reply="connection refused")))
    with store.read() as conn:
        assert [one.kind for one in agents.troubles(conn, now=now)] == ["route_down"]


def leaving(store: Store, reply: Reply) -> list[delivery.RouteStateChange]:
    """One message is tried, and the receiver or the route says this."""
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=1))
    store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    return store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(claimed[0], reply)], worker=1))


def the_lane(store: Store) -> LaneRow:
    with store.read() as conn:
        (found,) = lanes.lanes(conn, now=store.clock.now())
        assert lanes.lane(conn, found.id, now=store.clock.now()) == found
    return found


REFUSED = Reply(Outcome.ROUTE_DOWN, None, "4.4.1", "Error connecting to relay:2525", "connect")
BUSY_TWICE = Reply(Outcome.DEFERRED, 451, "4.7.1", "4.7.1 try later", "rcpt")
ACCEPTED = Reply(Outcome.SENT, 250, "2.0.0", "2.0.0 Ok", "dot")


def test_a_lane_behind_a_route_that_is_down_says_what_the_route_said(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    leaving(store, REFUSED)
    shown = the_lane(store)
    assert (shown.waits_for, shown.last_reply) == ("route backs off", "4.4.1 Error connecting to relay:2525")


def test_a_retrying_lane_says_why_and_not_how_well_another_message_went(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(subject="one")
    leaving(store, BUSY_TWICE)
    clock.advance(seconds=1)
    desk.submit(subject="two")
    clock.advance(seconds=60)
    leaving(store, ACCEPTED)
    clock.advance(seconds=10)
    shown = the_lane(store)
    assert (shown.waits_for, shown.depth) == ("retry", 1)
    assert shown.last_reply == "451 4.7.1 try later"


def test_a_route_in_trouble_stays_in_view_while_anything_waits_for_it(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    desk.submit()
    leaving(store, REFUSED)

    def kinds() -> set[str]:
        with store.read() as conn:
            return {one.kind for one in agents.troubles(conn, now=store.clock.now())} - {"no_worker"}

    store.transact(lambda tx: tx.write(update(LANE).values(paused_at=1, pause_reason="noise")))
    clock.advance(seconds=3_600)
    assert kinds() == {"route_down"}
    store.transact(lambda tx: tx.write(update(STREAM).values(paused_at=1, paused_by="bob")))
    assert kinds() == {"route_down", "stream_paused"}


def test_a_gateway_is_down_when_two_beats_have_not_come_and_not_before(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))

    def troubles() -> list[str]:
        with store.read() as conn:
            return [one.kind for one in agents.troubles(conn, now=store.clock.now())]

    clock.advance(micros=2 * BEAT)
    assert troubles() == []
    clock.advance(micros=BEAT // 2)
    assert troubles() == ["no_worker"]
    store.transact(lambda tx: delivery.heartbeat(tx, worker=1))
    assert troubles() == []


@pytest.mark.parametrize("change", [DESK, AGENT, STREAM, MAILBOX, LANE])
def test_what_is_waited_for_reads_on_after_waits_for(store: Store, change: Table) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit().message_id or "") or 0
    values: dict[Table, dict[str, object]] = {
        DESK: {"stopped_at": 1, "stop_reason": "fire"},
        AGENT: {"status": "suspended"},
        STREAM: {"paused_at": 1, "pause_reason": "fire"},
        MAILBOX: {"status": "retired"},
        LANE: {"paused_at": 1, "pause_reason": "fire"},
    }
    store.transact(lambda tx: tx.write(update(change).values(**values[change])))
    with store.read() as conn:
        ((_, waits),) = message.waiting(conn, item, now=store.clock.now())
    assert ", which is " in waits.text
    assert ":" not in waits.text
