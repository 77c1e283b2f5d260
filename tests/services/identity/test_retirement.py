"""Identities end, by a word or by their date, with what they had waiting; on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db import directory, gate_queries
from core.db.counters import EVER
from core.db.store import Store
from core.db.tables import MAILBOX, MESSAGE, REVIEW
from core.demo.clock import FakeClock
from core.durations import DAY
from core.errors import Conflict, Forbidden, Invalid
from core.model import SYSTEM, Action, Actor, Mode, Outcome, Reply, Role
from core.rules.issuance import Kind
from core.services.identity import mailboxes, retirement
from core.services.sending import delivery, review
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, DORA, GAIL, OLIVE, ROOT, WIDE, Bench, add_mailbox, make_desk
from tests.factories.inbound import arrive, mail
from tests.factories.records import last, request, told

AGENT = Actor("agent", "support-bot", frozenset(Role))
LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")


def retire(store: Store, *, actor: Actor = OLIVE, reason: str = "the order desk closed", address: str = ADDRESS) -> int:
    return store.transact(lambda tx: retirement.retire(tx, address, reason=reason, actor=actor))


def record(store: Store, address: str = ADDRESS) -> directory.MailboxRecord:
    with store.read() as conn:
        found = directory.mailbox(conn, address)
    assert found is not None
    return found


def statuses(store: Store) -> list[str]:
    return [row.status for row in store.rows(select(MESSAGE.c.status).order_by(MESSAGE.c.id))]


def hold_read(desk: Bench) -> None:
    """A read that waits for a human."""

    def verb(tx: Any) -> None:
        box = gate_queries.gate(tx, desk.mailbox_id)
        row = review.new_item(
            item=7, kind=Action.READ, mailbox=box, message_id=None, target="m1", reasons=(), findings=(), needs=1,
            now=tx.now, expires_at=tx.now + DAY,
        )  # fmt: skip
        tx.add(REVIEW, row)
        review.count_pending(tx, box, n=1)

    desk.store.transact(verb)


def test_retiring_cancels_what_is_pending_and_what_is_queued(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(["a@example.com", "b@example.com"])
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode=Mode.GATED_SEND.value)))
    desk.submit("c@example.com")
    hold_read(desk)
    assert retire(store) == 3
    assert statuses(store) == ["cancelled", "cancelled"]
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []
    pending = store.transact(lambda tx: tx.counters.total("mailbox", str(desk.mailbox_id), "pending", since=EVER))
    assert pending == 0
    event = last(store, "mailbox.retired")
    assert (event.actor, event.reason, event.cancelled) == ("olive", "the order desk closed", 3)
    assert told(store).count("email.cancelled") == 3
    assert (record(store).status, record(store).waits_for) == ("retired", None)


def test_approved_mail_that_is_not_released_yet_does_not_leave_a_retired_mailbox(
    store: Store, clock: FakeClock
) -> None:
    desk = make_desk(store, **WIDE)
    desk.submit()
    row = store.row(select(REVIEW.c.id))
    assert row is not None
    decision = review.Decision(row.id, approve=True, delay=10_000_000)
    store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))
    retire(store)
    clock.advance(seconds=20)
    store.transact(review.release_due)
    assert store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)) == []
    assert statuses(store) == ["cancelled"]


def test_what_comes_back_from_a_delivery_after_retirement_is_cancelled_too(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit()
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10))
    store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    assert retire(store) == 0
    assert record(store).waits_for == retirement.RETIRING
    assert store.transact(retirement.finish_retiring) == 0
    store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(claimed[0], LATER)], worker=1))
    assert store.transact(retirement.finish_retiring) == 1
    assert statuses(store) == ["cancelled"]
    assert record(store).waits_for is None


def test_a_long_queue_is_emptied_in_hands(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for number in range(5):
        desk.submit(f"p{number}@example.com")
    retired = {"status": "retired", "waits_for": retirement.RETIRING}
    store.transact(lambda tx: tx.write(update(MAILBOX).values(**retired)))
    done = [store.transact(lambda tx: retirement.finish_retiring(tx, limit=2)) for _ in range(4)]
    assert done == [2, 2, 1, 0]
    assert set(statuses(store)) == {"cancelled"}


def test_tokens_end_with_the_agents_last_identity(store: Store) -> None:
    desk = make_desk(store)
    other = f"more@{DOMAIN}"

    def second(tx: Any) -> None:
        _, box = add_mailbox(tx, agent="temporary", address=other, stream=desk.stream_id)
        tx.write(update(MAILBOX).where(MAILBOX.c.id == box).values(agent_id=desk.agent_id))

    store.transact(second)
    retire(store)
    with store.read() as conn:
        assert len(directory.tokens_alive(conn, now=store.clock.now(), agent_id=desk.agent_id)) == 1
    retire(store, address=other)
    with store.read() as conn:
        assert directory.tokens_alive(conn, now=store.clock.now(), agent_id=desk.agent_id) == []
    assert told(store) == ["mailbox.retired", "token.revoked", "mailbox.retired"]


@pytest.mark.parametrize("actor", [ALICE, DORA, ROOT, AGENT], ids=str)
def test_only_owner_and_governance_retire(store: Store, actor: Actor) -> None:
    make_desk(store)
    with pytest.raises(Forbidden):
        retire(store, actor=actor)
    retire(store, actor=GAIL)


def test_what_is_not_active_is_not_retired_and_a_retirement_says_why(store: Store) -> None:
    make_desk(store)
    with pytest.raises(Invalid):
        retire(store, reason=" ")
    filed = request(store)
    with pytest.raises(Conflict, match="is requested") as refused:
        retire(store, address=filed.record.address)
    assert "veto" in (refused.value.fix or "")
    retire(store)
    with pytest.raises(Conflict, match="is retired"):
        retire(store)


def test_a_retired_address_goes_to_no_other_agent(store: Store) -> None:
    make_desk(store)
    retire(store)
    with pytest.raises(Conflict, match="another agent"):
        request(store, address=ADDRESS)
    again = request(store, address=ADDRESS, agent="support-bot")
    assert (again.record.status, again.record.retired_at) == ("requested", None)


@pytest.mark.parametrize("vetoed", [True, False])
def test_a_new_request_that_is_vetoed_or_changed_does_not_give_its_mail_to_another_agent(
    store: Store, *, vetoed: bool
) -> None:
    arrive(make_desk(store), mail("a customer's"))
    retire(store)
    request(store, address=ADDRESS, agent="support-bot")
    if vetoed:
        store.transact(lambda tx: mailboxes.veto(tx, ADDRESS, Kind.GOVERNANCE, actor=GAIL, reason="not needed"))
    with pytest.raises(Conflict, match="belonged to another agent, and so did its mail"):
        request(store, address=ADDRESS)
    assert request(store, address=ADDRESS, agent="support-bot").record.status == "requested"


# --- by the clock -------------------------------------------------------------------------------------------------


def test_an_identity_is_said_to_end_once_seven_days_before(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    clock.advance(micros=83 * DAY - 1)
    assert store.transact(retirement.expire_due) == 0
    clock.advance(micros=1)
    assert store.transact(retirement.expire_due) == 1
    assert store.transact(retirement.expire_due) == 0
    assert told(store) == ["mailbox.expiring"]
    assert last(store, "mailbox.expiring").expires_at == record(store).expires_at


def test_an_identity_whose_time_is_over_is_retired_by_the_desk(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    desk.submit()
    clock.advance(micros=90 * DAY)
    assert store.transact(retirement.expire_due) == 1
    event = last(store, "mailbox.retired")
    assert (event.actor, event.reason, event.cancelled) == (str(SYSTEM), "it has expired", 1)
    assert statuses(store) == ["cancelled"]


def test_a_renewed_identity_is_warned_of_again_before_its_new_end(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    clock.advance(micros=85 * DAY)
    store.transact(retirement.expire_due)
    ends = clock.now() + 30 * DAY
    store.transact(lambda tx: mailboxes.renew(tx, ADDRESS, expires_at=ends, reason="needed", actor=GAIL))
    assert store.transact(retirement.expire_due) == 0
    clock.advance(micros=24 * DAY)
    assert store.transact(retirement.expire_due) == 1
    assert told(store) == ["mailbox.expiring", "mailbox.renewed", "mailbox.expiring"]
