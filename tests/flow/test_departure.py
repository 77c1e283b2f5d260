"""From acceptance to settlement, on both databases."""

from __future__ import annotations

from core.flow import depart, review
from core.ledger import log
from core.ledger.store import Store
from core.words import Ids, Mode, Outcome, Reply, Status, read_id
from tests.desk import ALICE, WIDE, make_desk

OK = Reply(Outcome.SENT, 250, "2.0.0", "queued", "dot", "mx.example")


def test_an_executed_message_is_claimed_attempted_and_settled(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    assert desk.submit().status == "queued"
    claimed = store.transact(lambda tx: depart.claim(tx, worker=1, limit=10))
    assert [c.address for c in claimed] == ["jane@example.com"]
    going = store.transact(lambda tx: depart.attempt(tx, claimed, worker=1))
    assert going == {claimed[0].key}
    store.transact(lambda tx: depart.settle(tx, [depart.Settlement(claimed[0], OK)], worker=1))
    with store.read() as conn:
        kinds = [entry.event.type for entry in log.read(conn, after=0)]
        assert log.verify(conn).ok
    assert kinds == ["email.submitted", "email.queued", "email.sent"]
    assert store.transact(lambda tx: depart.claim(tx, worker=1, limit=10)) == []


def test_held_mail_leaves_only_after_a_human_approved_it(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    answer = desk.submit()
    assert answer.status == "pending"
    assert store.transact(lambda tx: depart.claim(tx, worker=1, limit=10)) == []
    item = read_id("m", answer.message_id or "")
    assert item is not None
    store.transact(lambda tx: review.decide(tx, review.Decision(item, approve=True), actor=ALICE))
    assert [c.message_id for c in store.transact(lambda tx: depart.claim(tx, worker=1, limit=10))] == [item]


def test_ids_rise_within_a_process() -> None:
    ids = Ids.seeded(1)
    assert ids.mint(10**15) < ids.mint(10**15) < ids.mint(10**15 + 1_000)
    assert Status.SENT.final
