"""A person is erased on request: nothing of them is left in the tables but a suppression, and the log stays whole."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from core.db import audit_log
from core.db.store import Store
from core.db.tables import BODY, CONSENT, CONTACT, MESSAGE, RECIPIENT, SUPPRESSION
from core.errors import Conflict, Forbidden
from core.events import RecipientErased
from core.model import Mode
from core.services.feedback import consents, erasure, mentions
from core.services.feedback.erasure import Erased
from core.services.sending import review
from tests.factories.delivery import events, leave, number
from tests.factories.desk import ALICE, OLIVE, WIDE, make_desk
from tests.factories.erasure import erase, steps

JANE, JOE = "jane.doe@example.com", "joe@example.com"


def everything(store: Store) -> dict[str, str]:
    """Table -> all that its rows hold, as text."""
    with store.read() as conn:
        return {one.name: repr(conn.execute(select(one)).all()) for one in SQLModel.metadata.sorted_tables}


def test_nothing_of_the_person_is_left_but_the_suppression(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    entry = consents.Entry(subject=JANE, basis="opt_in", source="form of Jane Doe")
    store.transact(lambda tx: consents.add(tx, entry, actor=OLIVE))
    leave(desk, JANE, subject="Jane Doe, your refund", text="Dear Jane Doe", tags=("jane.doe",), metadata={"who": JANE})
    (other,) = leave(desk, JOE, subject="Joe's refund", text="Dear Joe")
    assert any("jane.doe" in held.casefold() for held in everything(store).values())
    erased = erase(store, JANE)
    assert (erased.messages, erased.left) == (1, 0)
    named = {name for name, held in everything(store).items() if "jane" in held.casefold()}
    assert named <= {"suppression", "idempotency"}
    assert store.row(select(SUPPRESSION.c.address, SUPPRESSION.c.cause)) == (JANE, "erasure")
    m = MESSAGE.c
    assert store.row(select(m.subject).where(m.id == other)) == ("Joe's refund",)
    assert store.row(select(CONTACT.c.address)) == (JOE,)
    assert store.rows(select(CONSENT)) == []
    with store.read() as conn:
        assert audit_log.verify(conn).ok


def test_it_is_an_event_that_names_nobody_and_a_second_time_erases_nothing(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JANE)
    erase(store, JANE)
    assert erase(store, JANE) == Erased(0, 0, 0)
    (event,) = events(store, RecipientErased.type)
    assert isinstance(event, RecipientErased)
    assert (event.actor, event.messages, event.reason) == ("gail", 1, "request 17")
    assert event.suppression is not None


def test_who_was_erased_is_written_to_no_more(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JANE)
    erase(store, JANE)
    assert desk.submit(JANE).error == "recipients_suppressed"


def test_mail_that_still_waits_is_not_erased_under_a_reviewers_eyes(store: Store) -> None:
    desk = make_desk(store)
    message = number(desk.submit([JANE, JOE]).message_id)
    with pytest.raises(Conflict, match="still waiting"):
        erase(store, JANE)
    assert store.row(select(BODY.c.rendered)) != (None,)
    no = review.Decision(message, approve=False)
    store.transact(lambda tx: review.decide(tx, no, actor=ALICE))
    assert erase(store, JANE).messages == 1
    r = RECIPIENT.c
    assert store.rows(select(r.given).order_by(r.n)) == [(mentions.ERASED,), (JOE,)]


def test_many_messages_go_a_hand_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JANE, JANE, JANE)
    monkeypatch.setattr(erasure, "BATCH_SIZE", 2)
    assert [(one.messages, one.left) for one in steps(store, JANE)] == [(2, 1), (1, 0)]


def test_only_governance_erases_and_never_with_the_address_in_the_log(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    leave(desk, JANE)
    with pytest.raises(Forbidden):
        erase(store, JANE, actor=ALICE)
    assert erase(store, JANE.replace("example.com", "EXAMPLE.COM"), reason=f"{JANE.upper()} asked us").messages == 1
    (event,) = events(store, RecipientErased.type)
    assert isinstance(event, RecipientErased)
    assert event.reason == "[address] asked us"
