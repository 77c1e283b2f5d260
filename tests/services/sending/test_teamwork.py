"""Claims, returns, notes and acknowledgements: what people at the desk tell each other, and what an agent hears."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from core.cli.remote.handover import lines
from core.db import audit_log, gate_queries
from core.db.queries import pending, queue, undoable
from core.db.store import Store
from core.db.tables import CLAIM, MESSAGE, RECIPIENT
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR, MINUTE, SECOND
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.filters import parse
from core.ids import spell_id
from core.model import Actor, Mode, Reason
from core.operations.event_stream import outlined
from core.services.audit import handover, mode_evidence, status, trace
from core.services.control import acknowledgements, emergency, notes
from core.services.control.notes import Subject
from core.services.sending import editing, review
from core.services.sending.delivery.departure_check import to_review
from core.services.sending.editing import Wording
from core.services.sending.review import Decision
from core.views.queue import Order
from tests.factories.delivery import attempt, events, number, settle
from tests.factories.delivery import claim as claim_ready
from tests.factories.desk import ADDRESS, ALICE, BOB, GAIL, KEYRING, ROOT, WIDE, Bench, make_desk
from tests.factories.erasure import erase
from tests.services.sending.test_delivery import depths_agree, states, uncertain

JANE = "jane@example.com"


def held(store: Store, **more: object) -> tuple[Bench, int]:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    return desk, number(desk.submit(JANE, **more).message_id)


def return_(store: Store, item: int, *, comment: str = "name the invoice", by: Actor = ALICE) -> None:
    store.transact(lambda tx: review.return_to_agent(tx, item, comment=comment, actor=by))


def who(store: Store) -> tuple[str | None, list[str]]:
    with store.read() as conn:
        (one,) = pending.page(conn, now=store.clock.now()).as_json()["messages"]
    return one["claimed_by"], one["read_by"]


# --- claims and presence ------------------------------------------------------------------------------------------


def test_a_claim_lasts_ten_minutes_and_only_its_holder_can_extend_or_end_it(store: Store, clock: FakeClock) -> None:
    _, item = held(store)
    store.transact(lambda tx: review.claim(tx, item, actor=ALICE))
    assert who(store) == ("alice", [])
    with pytest.raises(Conflict, match="alice has claimed"):
        store.transact(lambda tx: review.claim(tx, item, actor=BOB))
    with pytest.raises(Conflict, match="not claimed by you"):
        store.transact(lambda tx: review.unclaim(tx, item, actor=BOB))
    clock.advance(seconds=9 * 60)
    store.transact(lambda tx: review.claim(tx, item, actor=ALICE))
    clock.advance(seconds=9 * 60)
    assert who(store) == ("alice", [])
    clock.advance(seconds=60)
    assert who(store) == (None, [])
    store.transact(lambda tx: review.claim(tx, item, actor=BOB))
    store.transact(lambda tx: review.unclaim(tx, item, actor=BOB))
    assert who(store) == (None, [])
    assert [one.actor for one in events(store, "review.claimed", "review.claim_released")] == [
        "alice", "alice", "bob", "bob",
    ]  # fmt: skip


@pytest.mark.parametrize("approve", [True, False])
def test_a_claim_keeps_nobody_from_deciding_and_ends_with_the_decision(store: Store, *, approve: bool) -> None:
    _, item = held(store)
    store.transact(lambda tx: review.claim(tx, item, actor=ALICE))
    store.transact(lambda tx: review.decide(tx, Decision(item, approve, reason="no", delay=9 * SECOND), actor=BOB))
    assert store.rows(select(CLAIM)) == []
    with pytest.raises(Conflict, match="no longer pending"):
        store.transact(lambda tx: review.claim(tx, item, actor=ALICE))
    store.transact(lambda tx: review.undo(tx, item, actor=ALICE))
    assert who(store)[0] is None


@pytest.mark.parametrize("end", ["cancel", "edit", "expire", "settle"])
def test_a_claim_ends_with_whatever_ends_the_wait_or_changes_the_message(
    store: Store, clock: FakeClock, end: str
) -> None:
    desk, item = held(store, issued=b'{"text": "It is on its way."}', text="It is on its way.")
    if end == "expire":
        clock.advance(seconds=DAY // SECOND * 3 - 60)
    store.transact(lambda tx: review.claim(tx, item, actor=ALICE))
    match end:
        case "cancel":
            store.transact(lambda tx: review.cancel(tx, item, actor=BOB))
        case "edit":
            edited = store.look(lambda tx: editing.compose_edit(tx, item, Wording(text="On Friday."), ctx=desk.ctx))
            store.transact(lambda tx: editing.edit(tx, edited, actor=BOB))
        case "expire":
            clock.advance(seconds=120)
            assert store.transact(review.expire_due) == 1
        case _:
            store.transact(lambda tx: review.settle_review(tx, item, gate_queries.gate(tx, desk.mailbox_id)))
            assert len(store.rows(select(CLAIM))) == 1, "a recipient still waits"
            store.transact(lambda tx: tx.write(update(RECIPIENT).values(status="sent")))
            store.transact(lambda tx: review.settle_review(tx, item, gate_queries.gate(tx, desk.mailbox_id)))
    assert store.rows(select(CLAIM)) == []


def test_claiming_needs_a_role_that_decides(store: Store) -> None:
    _, item = held(store)
    with pytest.raises(Forbidden):
        store.transact(lambda tx: review.claim(tx, item, actor=ROOT))


def test_who_has_an_item_open_is_shown_until_they_open_another_or_leave(store: Store, clock: FakeClock) -> None:
    desk, item = held(store)
    store.transact(lambda tx: review.opened(tx, item, actor=BOB))
    store.transact(lambda tx: review.opened(tx, item, actor=ALICE))
    assert who(store) == (None, ["alice", "bob"])
    store.transact(lambda tx: review.closed(tx, actor=ALICE))
    assert who(store) == (None, ["bob"])
    clock.advance(seconds=3_600)
    assert who(store) == (None, []), "a terminal left open reads nothing"
    assert desk.submit(JANE).status == "pending"


@pytest.mark.both_databases
def test_what_others_have_claimed_comes_last_in_the_worst_first_order(store: Store) -> None:
    desk, first = held(store)
    second, third = (number(desk.submit(JANE).message_id) for _ in range(2))
    store.transact(lambda tx: review.claim(tx, first, actor=BOB))
    store.transact(lambda tx: review.claim(tx, second, actor=ALICE))
    now = store.clock.now()
    with store.read() as conn:
        assert list(queue.pending_ids(conn, now=now, viewer="alice")) == [second, third, first]
        assert list(queue.pending_ids(conn, now=now, viewer="bob")) == [first, third, second]
        assert list(queue.pending_ids(conn, now=now, viewer="bob", limit=2)) == [first, third]
        assert list(queue.pending_ids(conn, now=now + 10 * MINUTE)) == [first, second, third]
        assert list(queue.pending_ids(conn, order=Order.OLDEST, now=now)) == [first, second, third]


@pytest.mark.both_databases
def test_mine_is_what_the_viewer_has_claimed_and_nobody_elses(store: Store) -> None:
    desk, first = held(store)
    second = number(desk.submit(JANE).message_id)
    store.transact(lambda tx: review.claim(tx, first, actor=BOB))
    now = store.clock.now()

    def shown(line: str, viewer: str | None, at: int = now) -> list[int]:
        with store.read() as conn:
            wants = parse(line, queue.FIELDS)
            found = list(queue.pending_ids(conn, wants, Order.OLDEST, now=at, viewer=viewer))
            assert queue.count(conn, wants, now=at, most=9, viewer=viewer) == len(found)
            return found

    assert (shown("mine:", "bob"), shown("mine:yes", "alice"), shown("mine:", None)) == ([first], [], [])
    assert (shown("!mine:", "bob"), shown("mine=no", "bob")) == ([second], [second])
    assert shown("mine:", "bob", now + 10 * MINUTE) == []
    with pytest.raises(Invalid, match="mine has no value 'maybe'"):
        parse("mine:maybe", queue.FIELDS)


@pytest.mark.both_databases
def test_what_can_still_be_undone_is_listed_by_batch_until_its_release(store: Store, clock: FakeClock) -> None:
    desk, first = held(store)
    second, third = (number(desk.submit(JANE).message_id) for _ in range(2))
    for item, approve, batch, actor in (
        (first, True, None, ALICE),
        (second, False, "b1", BOB),
        (third, False, "b1", BOB),
    ):
        one = Decision(item, approve=approve, reason="odd", delay=10 * SECOND, batch=batch)
        store.transact(lambda tx, one=one, actor=actor: review.decide(tx, one, actor=actor))  # type: ignore[misc]
        clock.advance(seconds=1)
    with store.read() as conn:
        found, more = undoable.decisions(conn, now=clock.now())
        assert undoable.decisions(conn, now=clock.now() + 9 * SECOND) == ([], False)
    assert not more
    assert [(one.verb, one.by, one.batch, [number(item) for item in one.items]) for one in found] == [
        ("reject", "bob", "b1", [third, second]), ("approve", "alice", None, [first]),
    ]  # fmt: skip


# --- return -------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_returned_mail_never_leaves_and_its_agent_reads_the_comment(store: Store) -> None:
    desk, item = held(store)
    store.transact(lambda tx: review.claim(tx, item, actor=BOB))
    return_(store, item)
    assert states(store) == ["returned"]
    assert claim_ready(store) == []
    depths_agree(store)
    with store.read() as conn:
        shown = status.message(conn, item, caller=desk.token, now=store.clock.now())
    assert shown["status"] == "returned"
    assert shown["decision"] == {
        "status": "returned", "by": "alice", "reason": "name the invoice", "reasons": shown["decision"]["reasons"],
    }  # fmt: skip
    (event,) = events(store, "email.returned")
    assert (event.actor, event.message) == ("alice", item)
    with store.read() as conn:
        (line,) = [outlined(one) for one in audit_log.read(conn, after=0) if one.event.type == event.type]
    assert (line["item"], line["queue"]) == (item, "left"), "open consoles take it off their list"
    assert store.rows(select(CLAIM)) == []
    for verb in (
        lambda tx: review.decide(tx, Decision(item, approve=True), actor=BOB),
        lambda tx: review.undo(tx, item, actor=BOB),
        lambda tx: review.return_to_agent(tx, item, comment="again", actor=BOB),
    ):
        with pytest.raises(Conflict):
            store.transact(verb)


def test_what_an_agent_submits_instead_is_linked_and_in_the_same_conversation(store: Store) -> None:
    desk, item = held(store)
    return_(store, item)
    again = desk.submit(JANE, revises=spell_id("m", item), text="Your refund for invoice 12 is on its way.")
    assert again.status == "pending"
    m = MESSAGE.c
    rows = store.rows(select(m.id, m.revises, m.conversation).order_by(m.id))
    assert [row.revises for row in rows] == [None, item]
    assert rows[0].conversation == rows[1].conversation
    with store.read() as conn:
        old, new = (status.message(conn, row.id, caller=desk.token, now=store.clock.now()) for row in rows)
    assert (old["revised_by"], new["revises"]) == (again.message_id, spell_id("m", item))


def test_only_returned_mail_of_ones_own_mailbox_can_be_submitted_anew(store: Store) -> None:
    desk, item = held(store)
    for named in (spell_id("m", item), spell_id("m", 12), "nonsense"):
        with pytest.raises(Invalid, match="revises"):
            desk.submit(JANE, revises=named)


def test_a_return_needs_a_comment_the_bytes_that_were_seen_and_a_role(store: Store) -> None:
    _, item = held(store)
    with pytest.raises(Invalid):
        return_(store, item, comment="  ")
    with pytest.raises(Forbidden):
        return_(store, item, by=ROOT)
    with pytest.raises(Conflict, match="digest"):
        store.transact(lambda tx: review.return_to_agent(tx, item, comment="no", actor=ALICE, digest="0" * 64))
    assert states(store) == ["pending"]


@pytest.mark.parametrize("left", ["for one of two", "perhaps"])
def test_mail_that_may_have_arrived_is_not_returned(store: Store, left: str) -> None:
    """Its agent would write to people who have read it already."""
    if left == "perhaps":
        _, item, _ = uncertain(store)
    else:
        desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
        item = number(desk.submit([JANE, "joe@example.net"]).message_id)
        first = [one for one in claim_ready(store) if one.address == JANE]
        assert attempt(store, first)
        settle(store, first)
        store.transact(lambda tx: to_review(tx, item, [Reason("mode", "the mode asks for it")]))
    before = states(store)
    with pytest.raises(Conflict, match="has left for some of its recipients, or may have"):
        return_(store, item)
    assert states(store) == before
    store.transact(lambda tx: review.decide(tx, Decision(item, approve=False, reason="no"), actor=BOB))


def test_returned_mail_is_evidence_against_a_looser_mode(store: Store, clock: FakeClock) -> None:
    desk, item = held(store)
    return_(store, item)
    clock.advance(seconds=60)
    desk.submit(JANE, revises=spell_id("m", item))
    figures = store.look(lambda tx: mode_evidence.evidence(tx, ADDRESS)).figures
    assert (figures.reviewed, figures.approved, figures.rejected, figures.edited) == (1, 0, 1, 1)


def test_an_undone_approval_is_no_evidence(store: Store) -> None:
    _, item = held(store)
    store.transact(lambda tx: review.decide(tx, Decision(item, approve=True, delay=9 * SECOND), actor=ALICE))
    store.transact(lambda tx: review.undo(tx, item, actor=BOB))
    figures = store.look(lambda tx: mode_evidence.evidence(tx, ADDRESS)).figures
    assert (figures.reviewed, figures.approved, figures.hurried) == (0, 0, 0)


# --- notes --------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_notes_stand_in_the_trace_and_lose_an_erased_address(store: Store) -> None:
    desk, item = held(store)
    for about in (Subject(message=item), Subject(agent="support-bot"), Subject(incident="INC-431")):
        store.transact(lambda tx, about=about: notes.add(tx, about, f"{JANE} called twice", actor=ALICE))  # type: ignore[misc]  # bound now
    assert desk.mailbox_id == events(store, "review.noted")[0].mailbox
    for key in (spell_id("m", item), "support-bot", "INC-431"):
        with store.read() as conn:
            steps = trace.trace(conn, key, KEYRING).steps
        assert f"noted: {JANE} called twice" in "\n".join(step.text for step in steps), key
    return_(store, item)
    erase(store, JANE)
    with store.read() as conn:
        kept = [(one.agent or one.incident, one.text) for one in notes.listed(conn)]
        steps = trace.trace(conn, spell_id("m", item), KEYRING).steps
    text = "erased@erased.invalid called twice"
    assert kept == [("support-bot", text), ("INC-431", text)], "a note on their message is not kept"
    assert "noted: a text that is no longer kept" in "\n".join(step.text for step in steps)


def test_a_note_is_about_one_thing_that_is_there(store: Store) -> None:
    held(store)
    for about, error in (
        (Subject(), Invalid), (Subject(agent="support-bot", incident="x"), Invalid), (Subject(incident="a b"), Invalid),
        (Subject(agent="nobody"), NotFound), (Subject(message=7), NotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            store.transact(lambda tx, about=about: notes.add(tx, about, "text", actor=ALICE))  # type: ignore[misc]  # bound now
    with pytest.raises(Invalid):
        store.transact(lambda tx: notes.add(tx, Subject(agent="support-bot"), "  ", actor=ALICE))


# --- acknowledgements ---------------------------------------------------------------------------------------------


def test_what_is_acknowledged_is_quiet_until_its_time_or_until_it_gets_worse(store: Store, clock: FakeClock) -> None:
    held(store)
    key = "agent:support-bot:hour"
    until = store.transact(lambda tx: acknowledgements.acknowledge(tx, key, level=1, span=4 * HOUR, actor=ALICE))
    assert until == clock.now() + 4 * HOUR

    def quiet(level: int) -> bool:
        with store.read() as conn:
            known = acknowledgements.known(conn, now=clock.now())
        return acknowledgements.quiet(known.get(key), level=level)

    assert (quiet(1), quiet(2), quiet(0)) == (True, True, False)
    store.transact(lambda tx: acknowledgements.wake(tx, key, actor=GAIL))
    assert not quiet(1)
    store.transact(lambda tx: acknowledgements.acknowledge(tx, key, level=1, span=HOUR, reason="known", actor=GAIL))
    clock.advance(seconds=3_600)
    assert not quiet(1)
    with pytest.raises(Conflict):
        store.transact(lambda tx: acknowledgements.wake(tx, key, actor=GAIL))
    with pytest.raises(Invalid):
        store.transact(lambda tx: acknowledgements.acknowledge(tx, key, level=1, span=30 * DAY, actor=ALICE))
    assert [one.actor for one in events(store, "desk.acknowledged")] == [
        "alice", "gail", "gail",
    ]  # fmt: skip


# --- hand-over ----------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_hand_over_says_what_waits_what_happened_and_who_did_what(store: Store, clock: FakeClock) -> None:
    desk, first = held(store)
    store.transact(lambda tx: notes.add(tx, Subject(incident="OLD"), "before the shift", actor=GAIL))
    clock.advance(seconds=3_600)
    begin = clock.now()
    second = number(desk.submit(JANE).message_id)
    store.transact(lambda tx: review.claim(tx, second, actor=BOB))
    return_(store, first)
    store.transact(lambda tx: notes.add(tx, Subject(agent="support-bot"), "asked the owner", actor=ALICE))
    store.transact(lambda tx: emergency.suspend_agent(tx, "support-bot", reason="wrong customer", actor=ALICE))
    with store.read() as conn:
        page = handover.handover(conn, since=begin, now=clock.now()).as_json()
    assert (page["waits"]["held"], page["truncated"]) == (1, False)
    assert [one["agent"] for one in page["waits"]["suspended"]] == ["support-bot"]
    assert [(one["id"], one["by"]) for one in page["waits"]["claims"]] == [(spell_id("m", second), "bob")]
    assert [one["text"] for one in page["notes"]] == ["asked the owner"]
    assert [one["type"] for one in page["happened"]] == ["review.noted", "agent.suspended"]
    did = {one["operator"]: one["did"] for one in page["people"]}
    assert did == {
        "alice": {"agent.suspended": 1, "email.returned": 1, "review.noted": 1}, "bob": {"review.claimed": 1},
    }  # fmt: skip
    assert page["counts"]["email.submitted"] == 1
    assert "before the shift" not in str(page)
    text = "\n".join(lines(page))
    assert "support-bot is suspended by alice: wrong customer" in text
    assert text.count("wrong customer") == 1, "what happened does not repeat it"
