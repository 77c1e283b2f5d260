"""Strangers: what left makes a contact, what waits holds a place, and asking twice opens nothing."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from sqlalchemy import select, text, update

from core.db import gate_queries
from core.db.store import Store
from core.db.tables import CONTACT, MAILBOX, STREAM, TOKEN
from core.demo.clock import FakeClock
from core.durations import DAY
from core.model import DEFAULT_CLASSES, ContentClass, Mode, Outcome, Reply
from core.rules.policy import Policy
from core.services.sending import delivery, limit_gauges, review
from core.services.sending.submit import Submit
from tests.factories.delivery import NOBODY, OK, attempt, claim, leave, many, number, pass_a_moment, settle
from tests.factories.desk import ALICE, DOMAIN, WIDE, Bench, make_desk

LATER = Reply(Outcome.DEFERRED, 451, "4.7.1", "later", "rcpt", "mx.example")
LOST = Reply(Outcome.UNCERTAIN, None, None, "connection lost", "dot", "mx.example")


def capped(store: Store, cap: int = 10, **more: Any) -> Bench:
    return make_desk(store, **({"mode": Mode.AUTONOMOUS} | WIDE | {"limit_new_recipients_day": cap} | more))


def used(desk: Bench) -> int:
    """What a console's gauge shows."""
    shown = desk.store.look(lambda tx: limit_gauges.gauges(tx, gate_queries.gate(tx, desk.mailbox_id)))
    return next(limit.used for limit in shown if limit.name == "new_recipients_day")


def statuses(desk: Bench, people: list[str]) -> list[str]:
    return [desk.submit(to).status for to in people]


def see_off(desk: Bench, *, reply: Reply = OK) -> int:
    """Everything that is free leaves; returns how much that was."""
    gone = 0
    while taken := claim(desk.store):
        going = attempt(desk.store, taken)
        settle(desk.store, [one for one in taken if one.key in going], reply=reply)
        gone += len(going)
        pass_a_moment(desk.store)
    return gone


def test_the_cap_holds_the_same_strangers_again_and_again(store: Store) -> None:
    desk = capped(store)
    people = many(40)
    assert statuses(desk, people) == ["queued"] * 10 + ["pending"] * 30
    assert statuses(desk, people) == ["queued"] * 10 + ["pending"] * 30
    assert used(desk) == 10
    assert see_off(desk) == 20, "two to each of ten people"
    assert statuses(desk, people) == ["queued"] * 10 + ["pending"] * 30
    assert used(desk) == 10


def test_a_day_later_the_next_ten_strangers_may_be_written_to(store: Store, clock: FakeClock) -> None:
    desk = capped(store)
    people = many(40)
    statuses(desk, people)
    see_off(desk)
    clock.advance(micros=DAY + DAY // 24)
    assert statuses(desk, people) == ["queued"] * 20 + ["pending"] * 20


def test_the_same_stranger_in_one_batch_takes_one_place(store: Store) -> None:
    desk = capped(store, cap=1)
    verbs = [Submit(desk.prepared(to)) for to in ("jane@example.com", "jane@example.com", "joe@example.com")]
    with store.begin() as tx:
        Submit.prefetch(tx, verbs)
        answers = [tx.run(verb) for verb in verbs]
    assert [answer.status for answer in answers] == ["queued", "queued", "pending"]
    assert used(desk) == 1


def test_a_second_mailbox_of_the_agent_shares_the_places(store: Store) -> None:
    desk = capped(store, cap=1)
    other = f"sales@{DOMAIN}"
    row = store.row(select(MAILBOX))
    assert row is not None
    values = {name: value for name, value in row._asdict().items() if name != "id"} | {"address": other}
    store.transact(lambda tx: tx.create(MAILBOX, values))
    assert desk.submit("jane@example.com").status == "queued"
    assert desk.submit("jane@example.com", sender=other).status == "queued"
    assert desk.submit("joe@example.com", sender=other).status == "pending"


def test_approved_mail_takes_its_place_when_it_leaves(store: Store) -> None:
    desk = capped(store, cap=1)
    desk.submit("jane@example.com")
    held = number(desk.submit("joe@example.com").message_id)
    assert used(desk) == 1
    store.transact(lambda tx: review.decide(tx, review.Decision(held, approve=True), actor=ALICE))
    see_off(desk)
    assert used(desk) == 2
    assert statuses(desk, ["joe@example.com", "jim@example.com"]) == ["queued", "pending"]


def test_cancelling_one_of_two_to_a_stranger_gives_no_place_back(store: Store) -> None:
    """Or an agent could submit twice, cancel one, and have written to somebody for nothing, as often as it liked."""
    desk = capped(store, cap=1)
    first, second = (number(desk.submit("jane@example.com").message_id) for _ in range(2))
    store.transact(lambda tx: review.cancel(tx, first, actor=ALICE))
    assert used(desk) == 1
    assert desk.submit("joe@example.com").status == "pending"
    store.transact(lambda tx: review.cancel(tx, second, actor=ALICE))
    assert used(desk) == 0
    assert desk.submit("joe@example.com").status == "queued"


@pytest.mark.parametrize(
    ("reply", "place"), [(LATER, 1), (LOST, 1), (NOBODY, 1)], ids=["deferred", "uncertain", "refused"]
)
def test_what_a_receiver_has_heard_of_keeps_its_place_and_makes_no_contact(
    store: Store, reply: Reply, place: int
) -> None:
    desk = capped(store, cap=1)
    message = number(desk.submit("jane@example.com").message_id)
    assert see_off(desk, reply=reply) == 1
    assert used(desk) == place
    assert desk.submit("joe@example.com").status == "pending"
    if reply is not NOBODY:
        store.transact(lambda tx: review.cancel(tx, message, actor=ALICE))
    assert used(desk) == place, "cancelling gives back only what never left"
    assert store.rows(select(CONTACT)) == []
    assert desk.submit("jane@example.com").status != "queued", "still a stranger, and no place is left"


def test_what_was_claimed_and_never_attempted_gives_its_place_back(store: Store) -> None:
    desk = capped(store, cap=1)
    message = number(desk.submit("jane@example.com").message_id)
    taken = claim(store)
    store.transact(lambda tx: delivery.release_claims(tx, taken, worker=1))
    store.transact(delivery.reclaim)
    store.transact(lambda tx: review.cancel(tx, message, actor=ALICE))
    assert used(desk) == 0


def test_mail_of_a_test_token_makes_nobody_a_contact(store: Store) -> None:
    desk = capped(store, cap=1)
    store.transact(lambda tx: tx.write(update(TOKEN).values(test=True)))
    desk.submit("jane@example.com")
    see_off(desk)
    store.transact(lambda tx: tx.write(update(TOKEN).values(test=False)))
    assert store.rows(select(CONTACT)) == []


# --- consent --------------------------------------------------------------------------------------------------------


def test_the_second_mail_to_a_stranger_is_cold_outreach_like_the_first(store: Store) -> None:
    every = [*(one.value for one in DEFAULT_CLASSES), ContentClass.COLD_OUTREACH.value]
    desk = make_desk(store, mode=Mode.AUTONOMOUS, policy=Policy(), **(WIDE | {"classes": every}))
    imprint = {"organisation": "Acme", "postal_address": "1 Main St"}
    store.transact(lambda tx: tx.write(update(STREAM).values(**imprint)))
    store.clock.advance(seconds=2)  # type: ignore[attr-defined]  # a door remembers a mailbox for a second
    answers = [desk.submit("jane@example.com", content_class=ContentClass.TRANSACTIONAL) for _ in range(3)]
    assert {(answer.status, answer.content_class) for answer in answers} == {("pending", "cold_outreach")}
    for answer in answers[:1]:
        item = number(answer.message_id)
        store.transact(lambda tx, i=item: review.decide(tx, review.Decision(i, approve=True), actor=ALICE))  # type: ignore[misc]  # bound now
    assert see_off(desk) == 1
    later = desk.submit("jane@example.com", content_class=ContentClass.TRANSACTIONAL)
    assert (later.status, later.content_class) == ("queued", "transactional"), "mail to her has left: she is known"


# --- desks from before ----------------------------------------------------------------------------------------------


def test_a_desk_from_before_keeps_as_contacts_only_people_whom_mail_has_left_to(store: Store) -> None:
    desk = capped(store, cap=100)
    leave(desk, "sent@example.com")
    waiting = number(desk.submit("waits@example.com").message_id)
    gone = number(desk.submit("gone@example.com").message_id)
    store.transact(lambda tx: review.cancel(tx, gone, actor=ALICE))
    with store.engine.begin() as conn:
        conn.execute(text("DELETE FROM contact"))
        for name in ("sent", "waits", "gone"):
            conn.execute(text(f"INSERT INTO contact (agent_id, address, first_at) VALUES (1, '{name}@example.com', 1)"))
        for statement in _migration():
            conn.execute(text(statement))
    c = CONTACT.c
    rows = store.rows(select(c.address, c.left_at.is_not(None), c.message_id).order_by(c.address))
    assert [tuple(row) for row in rows] == [("sent@example.com", True, None), ("waits@example.com", False, waiting)]


def _migration() -> list[str]:
    """What the migration does to rows, without the columns it adds."""
    module = importlib.import_module("core.db.migrations.versions.0006_contacts")
    return list(module.ROWS)
