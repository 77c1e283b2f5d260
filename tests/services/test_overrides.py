"""Who approves over a failed check says why; a rejection can be taken back; neither is evidence before it holds."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from core.db import audit_log, gate_queries
from core.db.queries import pending, queue
from core.db.store import Store
from core.db.tables import MESSAGE, REVIEW
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import SECOND
from core.errors import Conflict, Invalid
from core.events import EmailApproved, EmailRejected, EmailRejectionUndone, Event
from core.ids import read_id, spell_id
from core.model import Mode, Reason
from core.rules import policy as policies
from core.rules.mode_evidence import Figures
from core.services.audit import trace
from core.services.audit.mode_evidence import evidence
from core.services.sending import review
from core.services.sending.review import Decision, DecisionResult, items
from tests.factories.desk import ADDRESS, ALICE, BOB, KEYRING, WIDE, Bench, make_desk

HIDDEN = "Your \u202erefund"
DELAY = 10 * SECOND


def held(desk: Bench, to: str = "jane@example.com", **more: object) -> int:
    item = read_id("m", desk.submit(to, **more).message_id or "")
    assert item is not None
    return item


def decide(
    desk: Bench, item: int, *, approve: bool = True, reason: str | None = None, delay: int = 0
) -> DecisionResult:
    decision = Decision(item, approve=approve, reason=reason, delay=delay)
    return desk.store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))


def undo(desk: Bench, item: int) -> None:
    desk.store.transact(lambda tx: review.undo(tx, item, actor=ALICE))


def send_back(desk: Bench, item: int) -> None:
    """As departure does it when the policy has tightened."""

    def verb(tx: Transaction) -> None:
        box = gate_queries.gate(tx, desk.mailbox_id)
        items.send_back(tx, item, box, reasons=[Reason("policy", "tightened")], expires_at=tx.now + 3600 * SECOND)

    desk.store.transact(verb)


def states(store: Store, item: int) -> tuple[str, str]:
    """(of the question, of the message)"""
    asked = store.row(select(REVIEW.c.status).where(REVIEW.c.id == item))
    mail = store.row(select(MESSAGE.c.status).where(MESSAGE.c.id == item))
    assert asked is not None
    assert mail is not None
    return asked.status, mail.status


def events(store: Store, kind: type[Event]) -> list[Event]:
    with store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if isinstance(entry.event, kind)]


def figures(store: Store) -> Figures:
    return store.look(lambda tx: evidence(tx, ADDRESS)).figures


# --- over failed checks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_a_failed_check_is_not_approved_over_without_a_reason(store: Store, reason: str | None) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk, subject=HIDDEN)
    with pytest.raises(Invalid, match=r"failed 1 check .*hidden or bidi characters") as refused:
        decide(desk, item, reason=reason)
    assert "--reason" in (refused.value.fix or "")
    assert refused.value.problems == (("reason", "is needed to approve over failed checks"),)
    assert states(store, item) == ("pending", "pending")


def test_the_reason_is_kept_with_the_decision_and_names_the_checks(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk, subject=HIDDEN)
    decide(desk, item, reason="asked them by phone")
    (event,) = events(store, EmailApproved)
    assert isinstance(event, EmailApproved)
    assert (event.reason, event.overridden) == ("asked them by phone", ["hidden_characters"])
    row = store.row(select(REVIEW).where(REVIEW.c.id == item))
    assert row is not None
    assert row.reason == "asked them by phone"
    with store.read() as conn:
        story = trace.trace(conn, spell_id("m", item), KEYRING, now=clock.now())
    assert any(
        "over failed checks (hidden_characters)" in step.text and "asked them by phone" in step.text
        for step in story.steps
    )


def test_being_held_is_no_failed_check(store: Store) -> None:
    policy = policies.parse('[classes]\nhold = ["transactional", "cold_outreach", "commitment"]')
    desk = make_desk(store, policy=policy, allow=["*@acme.test"], **WIDE)
    item = held(desk)
    with store.read() as conn:
        row = queue.pending_rows(conn, [item])[item]
    assert {reason.code for reason in row.reasons} == {"mode", "class", "allow_list"}
    assert (row.failed_checks, row.findings, row.cautions) == (0, (), 2)
    assert decide(desk, item).status == "approved"


def test_what_fails_is_listed_with_its_texts(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk, subject=HIDDEN)
    with store.read() as conn:
        (listed,) = pending.page(conn, now=store.clock.now()).as_json()["messages"]
        assert queue.count_failing(conn) == 1
    assert (listed["id"], listed["failed_checks"]) == (spell_id("m", item), 1)
    assert [one["code"] for one in listed["checks"]] == ["hidden_characters"]


def test_what_was_held_before_checks_were_kept_asks_for_a_reason_too(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    store.transact(lambda tx: tx.write(update(REVIEW).where(REVIEW.c.id == item).values(failed_checks=2)))
    with pytest.raises(Invalid, match="failed 2 checks"):
        decide(desk, item)
    decide(desk, item, reason="looked at both")
    (event,) = events(store, EmailApproved)
    assert isinstance(event, EmailApproved)
    assert event.overridden == ["unknown"]


def test_a_message_sent_back_is_examined_for_the_first_time(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = held(desk, subject=HIDDEN)
    send_back(desk, item)
    with store.read() as conn:
        row = queue.pending_rows(conn, [item])[item]
    assert [one.code for one in row.findings] == ["hidden_characters"]


# --- rejections that can be taken back ----------------------------------------------------------------------------


def test_a_rejection_with_a_delay_ends_the_message_at_its_release(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    answer = decide(desk, item, approve=False, reason="wrong sum", delay=DELAY)
    assert (answer.status, answer.release_at) == ("rejected", clock.now() + DELAY)
    assert states(store, item) == ("rejecting", "pending")
    with store.read() as conn:
        assert not len(queue.pending_ids(conn))
    assert store.transact(review.reject_due) == 0
    clock.advance(seconds=10)
    assert store.transact(review.reject_due) == 1
    assert states(store, item) == ("rejected", "rejected")
    with pytest.raises(Conflict, match="past its release"):
        undo(desk, item)


def test_a_rejection_is_taken_back_until_its_release_and_the_message_can_be_approved(
    store: Store, clock: FakeClock
) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    decide(desk, item, approve=False, reason="wrong sum", delay=DELAY)
    with pytest.raises(Conflict, match="already rejected by alice"):
        decide(desk, item)
    undo(desk, item)
    assert states(store, item) == ("pending", "pending")
    clock.advance(seconds=60)
    assert store.transact(review.reject_due) == 0
    decide(desk, item)
    assert states(store, item) == ("released", "queued")
    (undone,) = events(store, EmailRejectionUndone)
    assert undone.actor == "alice"


def test_a_rejection_without_a_delay_is_final_at_once(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    decide(desk, item, approve=False, reason="no")
    assert states(store, item) == ("rejected", "rejected")
    (event,) = events(store, EmailRejected)
    assert isinstance(event, EmailRejected)
    assert event.release_at is None


def test_a_message_that_waits_for_its_rejection_can_be_cancelled(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    decide(desk, item, approve=False, reason="no", delay=DELAY)
    store.transact(lambda tx: review.cancel(tx, item, actor=BOB))
    clock.advance(seconds=11)
    assert store.transact(review.reject_due) == 0
    assert states(store, item) == ("cancelled", "cancelled")


# --- evidence -----------------------------------------------------------------------------------------------------


def test_approvals_that_were_undone_are_no_evidence(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    asked = [held(desk, f"u{n}@example.com") for n in range(5)]
    for _ in range(2):
        for item in asked:
            decide(desk, item, delay=DELAY)
        for item in asked:
            undo(desk, item)
    assert (figures(store).approved, figures(store).reviewed) == (0, 0)
    decide(desk, asked[0], delay=DELAY)
    assert figures(store).approved == 0
    clock.advance(seconds=11)
    store.transact(review.release_due)
    assert (figures(store).approved, figures(store).reviewed) == (1, 1)


def test_rejections_that_were_undone_are_no_evidence_either(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    for _ in range(3):
        decide(desk, item, approve=False, reason="no", delay=DELAY)
        undo(desk, item)
    clock.advance(seconds=11)
    store.transact(review.reject_due)
    assert figures(store).rejected == 0
    decide(desk, item, approve=False, reason="no", delay=DELAY)
    clock.advance(seconds=11)
    store.transact(review.reject_due)
    assert (figures(store).approved, figures(store).rejected) == (0, 1)


def test_what_was_approved_undone_and_then_ran_out_only_ran_out(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, pending_expiry=60 * SECOND, **WIDE)
    item = held(desk)
    decide(desk, item, delay=DELAY)
    undo(desk, item)
    clock.advance(seconds=61)
    store.transact(review.expire_due)
    found = figures(store)
    assert (found.approved, found.reviewed, found.expired) == (0, 0, 1)


def test_each_message_counts_once_and_with_its_last_decision(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    for approve in (True, True, False):
        decide(desk, item, approve=approve, reason="x")
        if approve:
            send_back(desk, item)
            assert (figures(store).approved, figures(store).reviewed) == (1, 1)
    found = figures(store)
    assert (found.approved, found.rejected, found.reviewed) == (0, 1, 1)
