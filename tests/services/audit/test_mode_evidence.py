"""What thirty days of a mailbox say for and against each rung, from what really happened at the desk."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from core.db.counters import bucket
from core.db.store import Store
from core.db.tables import MAILBOX
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import NotFound
from core.events import AgentSuspended
from core.ids import read_id
from core.model import Mode
from core.rules.mode_evidence import Advice
from core.services.audit.mode_evidence import evidence
from core.services.sending import review
from core.services.sending.review import Decision
from core.views.evidence import Evidence, as_text
from tests.factories.desk import ADDRESS, ALICE, WIDE, Bench, leave, make_desk


def told(store: Store) -> Evidence:
    return store.look(lambda tx: evidence(tx, ADDRESS))


def decide(desk: Bench, item: int, *, approve: bool, seconds: float | None = 10, batch: str | None = None) -> None:
    if seconds is not None:
        desk.store.transact(lambda tx: review.opened(tx, item, actor=ALICE))
        desk.store.clock.advance(seconds=seconds)  # type: ignore[attr-defined]  # the tests' clock
    decision = Decision(item, approve=approve, reason=None if approve else "no", batch=batch)
    desk.store.transact(lambda tx: review.decide(tx, decision, actor=ALICE))


def held(desk: Bench, to: str = "jane@example.com") -> int:
    return read_id("m", desk.submit(to).message_id or "") or 0


def test_decisions_are_figures(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    for n in range(3):
        decide(desk, held(desk, f"u{n}@example.com"), approve=True)
    decide(desk, held(desk, "last@example.com"), approve=False)
    f = told(store).figures
    assert (f.reviewed, f.approved, f.rejected, f.hurried, f.edited) == (4, 3, 1, 0, 0)


def test_what_is_decided_faster_than_it_can_be_read_is_hurried(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    decide(desk, held(desk), approve=True, seconds=1)
    decide(desk, held(desk), approve=True, seconds=None, batch="b1")
    decide(desk, held(desk), approve=True, seconds=None)
    decide(desk, held(desk), approve=True, seconds=30)
    assert told(store).figures.hurried == 2


def test_mail_sent_again_after_a_refusal_is_edited(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    decide(desk, held(desk, "jane@example.com"), approve=False)
    decide(desk, held(desk, "bob@example.com"), approve=False)
    held(desk, "jane@example.com")
    assert told(store).figures.edited == 1


def test_what_nobody_decided_in_time_is_expired(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    held(desk)
    store.clock.advance(seconds=4 * 86_400)  # type: ignore[attr-defined]  # the tests' clock
    store.transact(review.expire_due)
    f = told(store).figures
    assert (f.expired, f.days) == (1, 4)


def count(store: Store, desk: Bench, *, ago: int = DAY, **kinds: int) -> None:
    def verb(tx: Transaction) -> None:
        for kind, n in kinds.items():
            tx.bump("mailbox", str(desk.mailbox_id), f"{kind}_1h", minute=bucket(tx.now - ago, 60), n=n)

    store.transact(verb)


def test_a_clean_month_may_climb_one_rung_and_no_further(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    count(store, desk, approved=200, sent=200)
    month = store.clock.now() - 31 * DAY
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode_since=month)))
    shown = told(store)
    assert shown.advised is Mode.MONITORED
    assert shown.next_rung is not None
    assert shown.next_rung.advice is Advice.CLIMB
    assert shown.rungs[-1].advice is Advice.NOT_YET


def test_figures_older_than_thirty_days_are_forgotten(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    count(store, desk, ago=32 * DAY, approved=200, complained=9)
    f = told(store).figures
    assert (f.approved, f.complaints) == (0, 0)


def test_a_suspension_by_a_guard_speaks_against_and_one_by_a_person_does_not(store: Store) -> None:
    desk = make_desk(store, **WIDE)

    def suspend(guard: str | None) -> None:
        said = AgentSuspended(
            actor="x", agent=desk.agent_id, reason="why", guard=guard, figures={}, in_flight=0, queued=0, pending=0
        )
        store.transact(lambda tx: leave(tx, said))

    suspend(None)
    assert told(store).figures.suspensions == 0
    suspend("complaints")
    assert told(store).figures.suspensions == 1
    assert told(store).advised is Mode.GATED_ALL


def test_evidence_is_told_as_text_and_json(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    count(store, desk, approved=5, sent=5, complained=2)
    shown = told(store)
    assert "> gated_send" in as_text(shown.as_json())
    assert "complaints" in as_text(shown.as_json())
    assert [rung["mode"] for rung in shown.as_json()["rungs"]] == [mode.value for mode in Mode]
    assert shown.as_json()["figures"]["complaints"] == 2


def test_an_unknown_mailbox_has_no_evidence(store: Store) -> None:
    make_desk(store)
    with pytest.raises(NotFound):
        store.look(lambda tx: evidence(tx, "nobody@acme.test"))
