"""What is changed in the database after it was accepted does not leave, whoever approved it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from core.db.queries import agents
from core.db.store import Store
from core.db.tables import BODY, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.ids import spell_id
from core.model import Envelope
from core.rules import compose
from core.services.sending import review
from tests.durability.test_poison import PATIENT, Desk, delivering
from tests.factories.delivery import events, number
from tests.factories.desk import ALICE


def of_bytes(tx: Transaction) -> None:
    row = tx.one(select(BODY.c.rendered))
    assert row is not None
    tx.write(update(BODY).values(rendered=bytes(row.rendered).replace(b"hello", b"hell!")))


def of_a_path(tx: Transaction) -> None:
    tx.write(update(RECIPIENT).values(path="eve@a.example"))


def of_a_field(tx: Transaction) -> None:
    tx.write(update(RECIPIENT).values(field="bcc"))


def of_bytes_digest_and_review(tx: Transaction) -> None:
    """Whoever knows the tables makes all of them agree; the log's entry they cannot change."""
    rendered = b"From: help@support-bot.acme.test\r\nTo: jane@a.example\r\nSubject: x\r\n\r\nnobody approved this\r\n"
    sender = "help@support-bot.acme.test"
    own = compose.digest(rendered, Envelope(sender=sender, to=("jane@a.example",), cc=(), bcc=()))
    tx.write(update(BODY).values(rendered=rendered))
    tx.write(update(MESSAGE).values(digest=own))


def one_more(tx: Transaction) -> None:
    row = tx.one(select(RECIPIENT))
    assert row is not None
    more = row._asdict() | {"n": 1, "address": "eve@a.example", "path": "eve@a.example"}
    tx.write(insert(RECIPIENT).values(**more))


def held(desk: Desk) -> int:
    """A message that waits for a person."""
    desk.store.transact(lambda tx: tx.write(update(MAILBOX).values(mode="gated_send")))
    return number(desk.bench.submit("jane@a.example", text="hello").message_id)


def approve(desk: Desk, message: int) -> None:
    desk.store.transact(lambda tx: review.decide(tx, review.Decision(message, approve=True), actor=ALICE))
    desk.departures.wake()


def reasons(store: Store) -> list[str]:
    row = store.row(select(REVIEW.c.reasons).where(REVIEW.c.status == "pending"))
    return [] if row is None else [one["code"] for one in row.reasons]


@pytest.mark.parametrize("change", [of_bytes, of_bytes_digest_and_review, of_a_path, of_a_field, one_more])
def test_a_message_that_was_changed_after_its_acceptance_is_held_and_somebody_is_called(
    store: Store, clock: FakeClock, change: Callable[[Transaction], Any]
) -> None:
    def troubles() -> list[str]:
        with store.read() as conn:
            return [one.subject for one in agents.troubles(conn, now=clock.now()) if one.kind == "altered"]

    async def walk() -> None:
        async with delivering(store, clock, {}, timeouts=PATIENT) as desk:
            message = held(desk)
            store.transact(change)
            approve(desk, message)
            await desk.until(lambda: reasons(store) == ["altered"])
            assert [getattr(one, "message", None) for one in events(store, "email.altered")] == [message]
            assert troubles() == [spell_id("m", message)]
            approve(desk, message)  # a yes to what the reviewer cannot see changes nothing
            await desk.until(lambda: len(events(store, "email.altered")) == 2)
            assert reasons(store) == ["altered"]
            assert events(store, "email.sent") == []
            no = review.Decision(message, approve=False)
            store.transact(lambda tx: review.decide(tx, no, actor=ALICE))
            assert troubles() == []

    asyncio.run(walk())


def test_a_message_that_nobody_changed_leaves_however_its_sender_was_spelled(store: Store, clock: FakeClock) -> None:
    async def walk() -> None:
        async with delivering(store, clock, {}, timeouts=PATIENT) as desk:
            desk.hand_in("Jane@A.example")
            desk.bench.submit(["joe@b.example"], sender="HELP@support-bot.acme.test")
            await desk.until(lambda: len(events(store, "email.sent")) == 2)
            assert events(store, "email.altered") == []

    asyncio.run(walk())
