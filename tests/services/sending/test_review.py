"""A decision is one person's, on exactly these bytes, once; what is taken back or runs out gives back what it took."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from core.db.store import Store
from core.db.tables import BODY, CONTACT, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, SECOND
from core.errors import Conflict, Forbidden, NotFound
from core.model import Actor, ContentClass, Mode
from core.rules.policy import Policy
from core.rules.policy.sections import HeldClasses
from core.rules.policy.sections import Review as ReviewPolicy
from core.services.sending import gated_actions, review
from core.services.sending.review import Decision, DecisionResult
from tests.factories.delivery import attempt, claim, events, number, pass_a_moment, settle
from tests.factories.desk import ALICE, BOB, DORA, GAIL, ROOT, WIDE, Bench, make_desk
from tests.services.sending.test_delivery import depths_agree, states

AGENT = Actor("agent", "support-bot")


def decide(store: Store, item: int, *, by: Actor = ALICE, approve: bool = True, **more: Any) -> DecisionResult:
    return store.transact(lambda tx: review.decide(tx, Decision(item, approve=approve, **more), actor=by))


def held(store: Store, **more: Any) -> tuple[Bench, int]:
    desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | more))
    return desk, number(desk.submit().message_id)


def test_an_approval_of_other_bytes_is_refused(store: Store) -> None:
    _, item = held(store)
    with pytest.raises(Conflict, match="digest"):
        decide(store, item, digest="0" * 64)
    assert states(store) == ["pending"]
    row = store.row(select(MESSAGE.c.digest))
    assert row is not None
    assert decide(store, item, digest=row.digest).status == "approved"


def test_the_digest_covers_the_bytes_and_the_hidden_recipients(store: Store) -> None:
    from core.rules.addresses import parse_address

    desk, _ = held(store)
    plain = desk.prepared()
    hidden = desk.prepared(bcc=(parse_address("spy@evil.test"),))
    other = desk.prepared(text="It is on its way!")
    assert len({plain.digest, hidden.digest, other.digest}) == 3
    assert b"spy@evil.test" not in hidden.rendered


def test_the_approval_in_the_log_names_the_digest_of_the_bytes_that_leave(store: Store) -> None:
    _, item = held(store)
    decide(store, item)
    (approved,) = events(store, "email.approved")
    row = store.row(select(MESSAGE.c.digest))
    assert row is not None
    assert getattr(approved, "digest", None) == row.digest
    assert getattr(approved, "policy", None) == 1


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
@pytest.mark.both_databases
def test_the_second_of_two_decisions_hears_who_was_first(store: Store, *, first: bool, second: bool) -> None:
    _, item = held(store)
    decide(store, item, by=ALICE, approve=first)
    with pytest.raises(Conflict, match=r"already \w+ by alice"):
        decide(store, item, by=BOB, approve=second)
    assert len(events(store, "email.approved", "email.rejected")) == 1
    depths_agree(store)


@pytest.mark.parametrize("who", [GAIL, DORA, ROOT, AGENT])
def test_nobody_but_a_reviewer_approves(store: Store, who: Actor) -> None:
    _, item = held(store)
    with pytest.raises(Forbidden):
        decide(store, item, by=who)
    assert states(store) == ["pending"]


def test_an_item_that_never_was_is_not_found(store: Store) -> None:
    held(store)
    with pytest.raises(NotFound):
        decide(store, 42)


def test_a_rejected_message_never_leaves_and_says_why(store: Store) -> None:
    _, item = held(store)
    decide(store, item, approve=False, reason="wrong customer")
    assert claim(store) == []
    assert store.row(select(MESSAGE.c.status, MESSAGE.c.open)) == ("rejected", 0)
    (said,) = events(store, "email.rejected")
    assert getattr(said, "reason", None) == "wrong customer"


# --- the delay ------------------------------------------------------------------------------------------------------


def test_an_approval_can_be_undone_until_its_release_and_then_never_leaves(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    decide(store, item, delay=10 * SECOND)
    clock.advance(micros=10 * SECOND - 1)
    assert store.transact(review.release_due) == 0
    assert store.transact(lambda tx: review.undo(tx, item, actor=ALICE)).status == "pending"
    clock.advance(seconds=3_600)
    assert store.transact(review.release_due) == 0
    assert claim(store) == []
    assert states(store) == ["pending"]
    depths_agree(store)
    decide(store, item, by=BOB)
    assert len(claim(store)) == 1


def test_at_its_release_the_undo_is_too_late(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    decide(store, item, delay=10 * SECOND)
    clock.advance(micros=10 * SECOND)
    with pytest.raises(Conflict, match="no undo"):
        store.transact(lambda tx: review.undo(tx, item, actor=ALICE))
    assert store.transact(review.release_due) == 1
    assert store.transact(review.release_due) == 0
    assert len(claim(store)) == 1
    depths_agree(store)


def test_nothing_leaves_before_its_release(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    decide(store, item, delay=10 * SECOND)
    clock.advance(seconds=9)
    assert claim(store) == []


def test_a_message_cancelled_during_the_delay_is_not_released(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    decide(store, item, delay=10 * SECOND)
    store.transact(lambda tx: review.cancel(tx, item, actor=AGENT))
    clock.advance(seconds=60)
    store.transact(review.release_due)
    assert claim(store) == []
    assert states(store) == ["cancelled"]
    depths_agree(store)


# --- expiry ---------------------------------------------------------------------------------------------------------


def test_what_nobody_decides_in_seventy_two_hours_expires(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    clock.advance(micros=72 * HOUR - 1)
    assert store.transact(review.expire_due) == 0
    clock.advance(micros=1)
    with pytest.raises(Conflict, match="expired"):
        decide(store, item)  # also before the clock's own chore has come by
    assert store.transact(review.expire_due) == 1
    assert states(store) == ["expired"]
    assert claim(store) == []
    assert len(events(store, "email.expired")) == 1
    depths_agree(store)


def test_a_mailbox_may_have_an_expiry_of_its_own(store: Store, clock: FakeClock) -> None:
    held(store, pending_expiry=HOUR)
    clock.advance(micros=HOUR)
    assert store.transact(review.expire_due) == 1


# --- four eyes ------------------------------------------------------------------------------------------------------

EYES = Policy(
    review=ReviewPolicy(four_eyes=(ContentClass.TRANSACTIONAL,)),
    classes=HeldClasses(hold=(ContentClass.TRANSACTIONAL,)),
)


def test_four_eyes_are_two_people(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=EYES, **WIDE)
    item = number(desk.submit().message_id)
    assert decide(store, item, by=ALICE).approvals_missing == 1
    assert claim(store) == []
    with pytest.raises(Forbidden, match="already approved it"):
        decide(store, item, by=ALICE)
    assert decide(store, item, by=BOB).status == "approved"
    assert len(claim(store)) == 1
    depths_agree(store)


def test_a_promise_takes_two_people_whatever_class_it_is_declared_as(store: Store) -> None:
    promises = Policy(review=ReviewPolicy(four_eyes=(ContentClass.COMMITMENT,)))
    desk = make_desk(store, mode=Mode.GATED_SEND, policy=promises, **WIDE)
    held = desk.submit(text="We will refund you $4,711 by Friday.", content_class=ContentClass.NOTIFICATION)
    assert decide(store, number(held.message_id), by=ALICE).approvals_missing == 1
    plain = desk.submit(content_class=ContentClass.NOTIFICATION)
    assert decide(store, number(plain.message_id), by=ALICE).approvals_missing == 0


def test_one_of_two_may_still_reject(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=EYES, **WIDE)
    item = number(desk.submit().message_id)
    decide(store, item, by=ALICE)
    decide(store, item, by=BOB, approve=False)
    assert states(store) == ["rejected"]


def test_an_undone_approval_of_two_needs_both_again(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=EYES, **WIDE)
    item = number(desk.submit().message_id)
    decide(store, item, by=ALICE)
    decide(store, item, by=BOB, delay=10 * SECOND)
    store.transact(lambda tx: review.undo(tx, item, actor=ALICE))
    assert decide(store, item, by=BOB).approvals_missing == 1


# --- what is given back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["reject", "expire", "cancel"])
def test_what_never_left_gives_back_the_run_and_the_first_contacts(store: Store, clock: FakeClock, end: str) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **(WIDE | {"limit_new_recipients_day": 2, "limit_run": 2}))
    item = number(desk.submit(["a@one.test", "b@one.test"]).message_id)
    clock.advance(seconds=60)
    assert {reason.code for reason in desk.submit("c@one.test").reasons} >= {"run_cap", "new_recipients"}
    match end:
        case "reject":
            decide(store, item, approve=False)
        case "cancel":
            store.transact(lambda tx: review.cancel(tx, item, actor=AGENT))
        case _:
            clock.advance(micros=72 * HOUR - 60 * SECOND)  # only the first has run out
            store.transact(review.expire_due)
    assert store.look(lambda tx: tx.counters.total("run", "1", "accepted")) == 1
    assert store.rows(select(CONTACT.c.address)) == [], "what the cap holds took no place"
    again = desk.submit("d@one.test")
    assert [reason.code for reason in again.reasons] == ["mode"]
    depths_agree(store)


def test_what_left_is_not_given_back(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = number(desk.submit(["a@one.test", "b@two.test"]).message_id)
    taken = claim(store, limit=1)
    attempt(store, taken)
    settle(store, taken)
    store.transact(lambda tx: review.cancel(tx, item, actor=AGENT))
    assert sorted(states(store)) == ["cancelled", "sent"]
    assert store.look(lambda tx: tx.counters.total("run", "1", "accepted")) == 1
    with pytest.raises(Conflict):
        store.transact(lambda tx: review.cancel(tx, item, actor=AGENT))
    depths_agree(store)


# --- what is kept of the reviewer -----------------------------------------------------------------------------------


def test_how_long_it_lay_open_before_the_decider_is_kept(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    store.transact(lambda tx: review.opened(tx, item, actor=ALICE))
    clock.advance(seconds=4)
    store.transact(lambda tx: review.opened(tx, item, actor=ALICE))  # looked again: the first look counts
    clock.advance(seconds=3)
    decide(store, item)
    (said,) = events(store, "email.approved")
    assert getattr(said, "dwell_ms", None) == 7_000


def test_a_decision_on_something_never_opened_says_so(store: Store) -> None:
    _, item = held(store)
    store.transact(lambda tx: review.opened(tx, item, actor=BOB))
    decide(store, item, by=ALICE)
    (said,) = events(store, "email.approved")
    assert getattr(said, "dwell_ms", 0) is None


def test_a_batch_of_decisions_is_one_event_each(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    items = [number(desk.submit(f"r{i}@one.test").message_id) for i in range(5)]
    for item in items:
        decide(store, item, batch="b1")
    said = events(store, "email.approved")
    assert [one.message for one in said] == items
    assert {getattr(one, "batch", None) for one in said} == {"b1"}


def test_the_estimate_is_what_reviewers_really_took(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    assert desk.submit("a@one.test").estimated_review_time == review.USUAL_REVIEW
    for wait in (30, 90):
        item = number(desk.submit("b@one.test").message_id)
        clock.advance(seconds=wait)
        decide(store, item)
    assert desk.submit("c@one.test").estimated_review_time == 60
    clock.advance(micros=2 * DAY)
    assert desk.submit("d@one.test").estimated_review_time == review.USUAL_REVIEW


def test_pending_mail_survives_a_change_of_mode_untouched(store: Store) -> None:
    desk, item = held(store)
    before = store.row(select(REVIEW))
    for mode in Mode:
        store.transact(lambda tx, m=mode: tx.write(update(MAILBOX).values(mode=m.value, mode_since=tx.now)))  # type: ignore[misc]  # bound now
        assert claim(store) == []
    assert store.row(select(REVIEW)) == before
    assert desk.mailbox_id
    decide(store, item)
    pass_a_moment(store)
    assert len(attempt(store, claim(store))) == 1


# --- actions that send nothing --------------------------------------------------------------------------------------


def ask(desk: Bench, target: str = "messages:") -> Any:
    return desk.store.transact(
        lambda tx: gated_actions.read(tx, "help@support-bot.acme.test", target, token=desk.token, ctx=desk.ctx)
    )


def test_an_approved_read_is_good_for_one_read_of_just_that_within_an_hour(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, mode=Mode.GATED_ALL, **WIDE)
    first = ask(desk)
    assert first.status == "pending"
    assert ask(desk).action_id == first.action_id  # asking again files nothing new
    item = number("m" + first.action_id[1:])
    decide(store, item)
    assert ask(desk, "messages:in") is not None  # another page is another question
    assert ask(desk) is None
    assert ask(desk) is not None  # used up
    second = number("m" + ask(desk).action_id[1:])
    decide(store, second)
    clock.advance(micros=HOUR)
    store.transact(review.release_due)
    assert ask(desk) is not None  # not used in time


def test_bodies_of_held_mail_are_kept_however_long_a_human_takes(store: Store, clock: FakeClock) -> None:
    from core.services.control import retention

    _, item = held(store, pending_expiry=30 * DAY + HOUR)
    clock.advance(micros=30 * DAY)
    assert store.transact(retention.purge_due) == 0
    decide(store, item, approve=False)
    assert store.transact(retention.purge_due) == 1
    assert store.row(select(BODY.c.rendered)) == (None,)
    assert store.row(select(RECIPIENT.c.status)) == ("rejected",)
