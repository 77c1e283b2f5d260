"""Consent at the gate and again at departure, one situation at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from core.db.store import Store
from core.db.tables import MAILBOX, STREAM
from core.model import ContentClass, Mode
from core.rules.policy import Policy
from core.services.feedback import consents
from core.services.sending import review
from tests.factories.delivery import attempt, claim, number
from tests.factories.desk import ALICE, OLIVE, WIDE, Bench, make_desk

COLD, COMMITMENT = ContentClass.COLD_OUTREACH, ContentClass.COMMITMENT
PROMISE = "We will refund you tomorrow."


def selling(store: Store, **consent: Any) -> Bench:
    """A desk that sends cold outreach by itself where the records let it."""
    policy = Policy.model_validate({"consent": consent, "classes": {"hold": ()}})
    every = [one.value for one in (ContentClass.TRANSACTIONAL, ContentClass.NOTIFICATION, COLD, COMMITMENT)]
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=policy, **(WIDE | {"classes": every}))
    store.transact(lambda tx: tx.write(update(STREAM).values(organisation="Acme", postal_address="1 Main St")))
    return desk


def recorded(store: Store, subject: str = "jane@one.test", **more: Any) -> None:
    entry = consents.Entry(subject=subject, basis="opt_in", source="form", **more)
    store.transact(lambda tx: consents.add(tx, entry, actor=OLIVE))


def test_consent_that_is_withdrawn_between_claim_and_attempt_keeps_the_message_here(store: Store) -> None:
    desk = selling(store)
    recorded(store)
    assert desk.submit("jane@one.test", content_class=COLD).status == "queued"
    taken = claim(store)
    assert len(taken) == 1
    store.transact(lambda tx: consents.withdraw(tx, "jane@one.test", actor=ALICE))
    assert attempt(store, taken) == set()


def test_everybody_of_a_house_that_opted_in_is_exempt_and_nobody_of_another(store: Store) -> None:
    desk = selling(store)
    recorded(store, "one.test")
    assert desk.submit("jane@one.test", content_class=COLD).status == "queued"
    assert desk.submit("ann@two.test", content_class=COLD).status == "pending"


def test_a_class_that_needs_consent_is_blocked_where_policy_says_so(store: Store) -> None:
    desk = selling(store, missing="block")
    answer = desk.submit("jane@one.test", content_class=COLD)
    assert (answer.status, answer.error) == ("blocked", "consent_required")


def test_every_class_of_a_message_is_asked_again_when_it_leaves(store: Store) -> None:
    desk = selling(store, require=(COMMITMENT,))
    recorded(store, scope="commitment")
    assert desk.submit("jane@one.test", text=PROMISE).status == "queued"
    store.transact(lambda tx: consents.withdraw(tx, "jane@one.test", actor=ALICE))
    assert attempt(store, claim(store)) == set()


def test_nobody_who_has_withdrawn_is_written_to_even_after_an_approval(store: Store) -> None:
    desk = selling(store)
    recorded(store, "eve@two.test")
    recorded(store)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="gated_send")))
    item = number(desk.submit("jane@one.test", content_class=COLD).message_id)
    store.transact(lambda tx: review.decide(tx, review.Decision(item, approve=True), actor=ALICE))
    store.transact(lambda tx: consents.withdraw(tx, "jane@one.test", actor=ALICE))
    assert attempt(store, claim(store)) == set()


def test_the_class_that_an_agent_declared_is_asked_again_although_it_was_raised(store: Store) -> None:
    desk = selling(store, require=(ContentClass.TRANSACTIONAL,))
    recorded(store, scope="transactional")
    store.transact(lambda tx: tx.write(update(MAILBOX).values(classes=["transactional", "commitment"])))
    assert desk.submit("jane@one.test", text=PROMISE).status == "queued"
    store.transact(lambda tx: consents.withdraw(tx, "jane@one.test", actor=ALICE))
    assert attempt(store, claim(store)) == set()
