"""An edit is new bytes: composed, checked and judged again, approved by somebody else, and the difference is kept."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, Final

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select, update

from core.db.queue import Claimed
from core.db.store import Store
from core.db.tables import BODY, EDIT, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import SECOND
from core.errors import Conflict, Forbidden, Invalid, Refused
from core.ids import spell_id
from core.model import SYSTEM, Actor, Mode, Reason, Role, Status
from core.rules.compose import digest as digest_of
from core.rules.content import read_parts
from core.rules.policy import Policy
from core.services.audit import difference, mode_evidence
from core.services.control import policy as control_policy
from core.services.feedback import suppressions
from core.services.sending import editing, review
from core.services.sending.attachments import attachment
from core.services.sending.delivery import alteration
from core.services.sending.delivery.departure_check import to_review
from core.services.sending.editing import EditResult, Wording
from core.services.sending.editing.compose import GivenFile
from core.services.sending.review import Decision, DecisionResult
from tests.factories import effort
from tests.factories.delivery import attempt, claim, events, number, settle
from tests.factories.desk import ADDRESS, ALICE, BOB, GAIL, WIDE, Bench, hire, make_desk, person
from tests.services.sending.test_delivery import depths_agree, states

JANE: Final = "jane@example.com"
JOE: Final = "joe@example.net"
REQUEST: Final[dict[str, Any]] = {"text": "It is on its way.", "subject": "Your refund"}
CAROL: Final = person("carol", Role.REVIEWER)


def held(store: Store, to: str | list[str] = JANE, *, mode: Mode = Mode.GATED_SEND, **more: Any) -> tuple[Bench, int]:
    desk = make_desk(store, mode=mode, **WIDE)
    issued = orjson.dumps(REQUEST | {name: value for name, value in more.items() if isinstance(value, str)})
    return desk, number(desk.submit(to, **(REQUEST | {"issued": issued} | more)).message_id)


def edit(desk: Bench, item: int, *, by: Actor = ALICE, **wording: str | None) -> EditResult:
    edited = desk.store.look(lambda tx: editing.compose_edit(tx, item, Wording(**wording), ctx=desk.ctx))
    return desk.store.transact(lambda tx: editing.edit(tx, edited, actor=by))


def approve(store: Store, item: int, by: Actor, **more: Any) -> DecisionResult:
    """Approve what the message is now, or what `digest` names."""
    decision = Decision(item, approve=True, **({"digest": digest(store, item)} | more))
    return store.transact(lambda tx: review.decide(tx, decision, actor=by))


def digest(store: Store, item: int) -> str:
    row = store.row(select(MESSAGE.c.digest).where(MESSAGE.c.id == item))
    assert row is not None
    return str(row.digest)


def rendered(store: Store, item: int) -> bytes:
    row = store.row(select(BODY.c.rendered).where(BODY.c.message_id == item))
    assert row is not None
    return bytes(row.rendered)


@pytest.mark.both_databases
def test_an_edit_has_a_digest_of_its_own_and_somebody_else_must_approve_it(store: Store) -> None:
    desk, item = held(store)
    before = store.row(select(MESSAGE.c.digest, MESSAGE.c.rfc_message_id))
    assert before is not None
    done = edit(desk, item, subject="Your refund of May", text="It leaves on Friday.")
    assert done.digest != before.digest
    assert b"Subject: Your refund of May" in rendered(store, item)
    assert b"It leaves on Friday." in rendered(store, item)
    assert before.rfc_message_id.encode() in rendered(store, item)
    stored = alteration.stored(store, {item})[item]
    assert stored.intact()
    assert digest_of(rendered(store, item), stored.envelope) == done.digest
    with pytest.raises(Conflict, match="digest"):
        approve(store, item, BOB, digest=before.digest)
    own = approve(store, item, ALICE)
    assert (own.status, own.approvals_missing) == ("pending", 1)
    assert states(store) == ["pending"]
    assert approve(store, item, BOB, digest=done.digest).status == "approved"
    assert attempt(store, claim(store)), "it leaves"
    depths_agree(store)
    (event,) = events(store, "email.edited")
    assert (event.actor, event.message) == ("alice", item)


def test_edited_mail_is_approved_only_by_its_digest(store: Store) -> None:
    """A reviewer who read the message before the edit and approves it by its id alone has not read these bytes."""
    desk, item = held(store)
    edit(desk, item, text="It leaves on Friday.")
    with pytest.raises(Conflict, match="edited by alice: an approval must name its digest"):
        approve(store, item, BOB, digest=None)
    reject = Decision(item, approve=False, reason="no", delay=9 * SECOND)
    assert store.transact(lambda tx: review.decide(tx, reject, actor=BOB)).status == "rejected"


def test_what_was_approved_before_the_edit_counts_for_nothing(store: Store) -> None:
    desk, item = held(store, text="We will refund you $4,711 by Friday.")
    store.transact(lambda tx: tx.write(update(REVIEW).values(needs=2)))
    approve(store, item, ALICE, reason="agreed")
    edit(desk, item, by=BOB, text="It is on its way.")
    row = store.row(select(REVIEW))
    assert row is not None
    assert (row.approvers, row.editors, row.opened_by, row.status) == ([], ["bob"], None, "pending")


def test_the_editors_approval_is_one_of_two_and_never_the_only_one(store: Store) -> None:
    desk, item = held(store)
    hire(store, CAROL)
    edit(desk, item, by=ALICE, text="It leaves on Friday.")
    edit(desk, item, by=BOB, text="It leaves on Monday.")
    assert approve(store, item, ALICE).approvals_missing == 1
    assert approve(store, item, BOB).approvals_missing == 1
    assert approve(store, item, CAROL).status == "approved"


def test_the_checks_run_again_on_the_new_bytes(store: Store) -> None:
    desk, item = held(store)
    done = edit(desk, item, text="It is on its way\u202e.")
    assert [one.code for one in done.checks] == ["hidden"] or done.checks
    with pytest.raises(Invalid, match="reason"):
        approve(store, item, BOB)
    edit(desk, item, text="It is on its way again.")
    assert approve(store, item, BOB).status == "approved"


def test_the_class_is_raised_by_what_the_edit_says(store: Store) -> None:
    desk, item = held(store)
    edit(desk, item, text="We agree to refund you $4,711 and accept full liability.")
    row = store.row(select(MESSAGE.c.content_class, REVIEW.c.reasons).join(REVIEW, REVIEW.c.id == MESSAGE.c.id))
    assert row is not None
    assert row.content_class == "commitment"
    assert {one["code"] for one in row.reasons} >= {"class", "edited"}


def test_edited_mail_is_held_even_where_the_mode_would_let_it_go(store: Store) -> None:
    desk, item = held(store)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(mode=Mode.AUTONOMOUS.value)))
    edit(desk, item, text="It leaves on Friday.")
    assert states(store) == ["pending"]
    row = store.row(select(REVIEW.c.reasons))
    assert row is not None
    assert [one["code"] for one in row.reasons] == ["edited"]


def test_a_recipient_who_was_suppressed_meanwhile_gets_nothing_and_all_of_them_is_refused(store: Store) -> None:
    desk, item = held(store, [JANE, "joe@example.com"])
    _suppress(store, JANE)
    edit(desk, item, text="It leaves on Friday.")
    rows = {row.address: row.status for row in store.rows(select(RECIPIENT.c.address, RECIPIENT.c.status))}
    assert rows == {JANE: "blocked", "joe@example.com": "pending"}
    depths_agree(store)
    _suppress(store, "joe@example.com")
    with pytest.raises(Conflict, match="refused"):
        edit(desk, item, text="It leaves on Monday.")
    assert stored_text(store, item) == "It leaves on Friday."


def _suppress(store: Store, address: str) -> None:
    store.transact(
        lambda tx: suppressions.suppress(
            tx, address, stream_id=None, cause="manual", source="import", actor=SYSTEM, reason=None
        )
    )


def stored_text(store: Store, item: int) -> str:
    return (read_parts(rendered(store, item)).text or "").split("\n")[0]


def test_attachments_headers_and_the_thread_stay(store: Store) -> None:
    file: dict[str, Any] = {
        "filename": "terms.txt",
        "content": base64.b64encode(b"the terms\n").decode(),
        "content_type": None,
    }
    given = {"text": "See the terms.", "headers": {"X-Ticket": "42"}, "attachments": [file]}
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    answer = desk.submit(
        JANE, text="See the terms.", headers={"X-Ticket": "42"}, in_reply_to="<a@example.com>",
        references=("<r@example.com>",), issued=orjson.dumps(given),
        attachments=(attachment(GivenFile(**file), 0),),
    )  # fmt: skip
    item = number(answer.message_id)
    before = rendered(store, item)
    edit(desk, item, text="See the new terms.")
    after = rendered(store, item)
    assert after.replace(b"See the new terms.", b"See the terms.") == before
    with pytest.raises(Invalid, match="nothing"):
        edit(desk, item, text="See the new terms.")


def test_what_the_desk_adds_is_not_edited_and_stands_once(store: Store) -> None:
    desk, item = held(store, html="<p>It is on its way.</p>")
    shown = store.look(lambda tx: editing.editable(tx, item, ctx=desk.ctx))
    assert (shown.text, shown.html) == ("It is on its way.\n", "<p>It is on its way.</p>")
    with pytest.raises(Invalid, match="HTML"):
        edit(desk, item, text="It leaves on Friday.")
    edit(desk, item, text="It leaves on Friday.", html="<p>It leaves on Friday.</p>")
    assert rendered(store, item).count(b"written by an AI agent") == 2
    edit(desk, item, text="It leaves on Friday.", html="")
    assert rendered(store, item).count(b"written by an AI agent") == 1
    assert b"text/html" not in rendered(store, item)


@pytest.mark.parametrize("html", [None, "<p>It is on its way.</p>"])
def test_a_footer_that_the_policy_had_before_does_not_stay_beside_the_new_one(store: Store, html: str | None) -> None:
    more: dict[str, Any] = {} if html is None else {"html": html}
    desk, item = held(store, **more)
    _footer(store, "Written by a machine.")
    shown = store.look(lambda tx: editing.editable(tx, item, ctx=desk.ctx))
    text, marked = ((one or "").replace("on its way", "leaving on Friday") for one in (shown.text, shown.html))
    edit(desk, item, text=text, html=marked or None)
    bodies = read_parts(rendered(store, item))
    for body in (bodies.text, bodies.html):
        assert body is None or (body.count("Written by a machine."), "AI agent" in body) == (1, False)


def test_a_quotation_is_not_edited_below_a_footer_that_has_changed(store: Store) -> None:
    """The agent's request has no quotation: its text is not all that stands above the footer."""
    desk, item = held(store, issued=orjson.dumps(REQUEST | {"quote": True}))
    _footer(store, "Written by a machine.")
    with pytest.raises(Conflict, match="footer"):
        edit(desk, item, text="It leaves on Friday.")


def _footer(store: Store, text: str) -> None:
    new = Policy.model_validate({"disclosure": {"footer": text}})
    store.transact(lambda tx: control_policy.apply_policy(tx, new, reason="wording", actor=GAIL))


@pytest.mark.parametrize("issued", [None, b"not JSON"])
def test_what_an_edit_would_drop_in_silence_is_not_edited(store: Store, issued: bytes | None) -> None:
    """The request has the header fields and files; an erasure may have removed it."""
    desk, item = held(store)
    store.transact(lambda tx: tx.write(update(BODY).values(issued=issued)))
    with pytest.raises(Conflict, match="no longer kept"):
        edit(desk, item, text="It leaves on Friday.")


def test_what_was_found_at_its_submission_holds_it_after_it_was_sent_back_and_edited(store: Store) -> None:
    desk, item = held(store, holds=(Reason("quotes_unproved", "it quotes a sender that is not proved"),))
    approve(store, item, BOB)
    store.transact(lambda tx: to_review(tx, item, [Reason("mode", "the mode asks for it")]))
    edit(desk, item, text="It leaves on Friday.")
    row = store.row(select(REVIEW.c.reasons))
    assert row is not None
    assert "quotes_unproved" in {one["code"] for one in row.reasons}


def test_the_difference_says_who_changed_what(store: Store) -> None:
    desk, item = held(store)
    edit(desk, item, subject="Your refund of May")
    edit(desk, item, by=BOB, text="It leaves on Friday.")
    with store.read() as conn:
        found = difference.difference(conn, item, now=store.clock.now())
    assert [(one.by, one.parts) for one in found.edits] == [("alice", ("subject",)), ("bob", ("text",))]
    assert {"-It is on its way.", "+It leaves on Friday."} <= set(found.edits[1].diff)
    rules = {part.part: part.rule for part in found.parts}
    assert (rules["header Subject"], rules["text"]) == ("edited", "edited")


def test_edited_mail_is_no_evidence_for_a_looser_mode(store: Store) -> None:
    desk, item = held(store)
    edit(desk, item, text="It leaves on Friday.")
    approve(store, item, BOB)
    figures = store.look(lambda tx: mode_evidence.evidence(tx, ADDRESS)).figures
    assert (figures.reviewed, figures.approved, figures.edited) == (1, 0, 1)


def test_only_reviewers_edit_what_is_pending_and_has_not_left(store: Store) -> None:
    desk, item = held(store)
    with pytest.raises(Forbidden):
        edit(desk, item, by=GAIL, text="It leaves on Friday.")
    approve(store, item, BOB, delay=9 * SECOND)
    with pytest.raises(Conflict, match="no longer pending"):
        edit(desk, item, text="It leaves on Friday.")
    store.transact(lambda tx: review.undo(tx, item, actor=BOB))
    store.transact(lambda tx: tx.write(update(RECIPIENT).values(attempts=1)))
    with pytest.raises(Conflict, match="has left"):
        edit(desk, item, text="It leaves on Friday.")
    store.transact(lambda tx: tx.write(update(RECIPIENT).values(attempts=0)))
    store.transact(lambda tx: tx.write(update(BODY).values(rendered=rendered(store, item) + b"more\r\n")))
    with pytest.raises(Conflict, match="changed in the database"):
        edit(desk, item, text="It leaves on Friday.")


def test_of_two_edits_at_once_the_second_is_refused(store: Store) -> None:
    desk, item = held(store)
    wordings = [Wording(text=text) for text in ("One.", "Two.")]
    first, second = (
        store.look(lambda tx, one=one: editing.compose_edit(tx, item, one, ctx=desk.ctx))  # type: ignore[misc]  # bound now
        for one in wordings
    )
    store.transact(lambda tx: editing.edit(tx, first, actor=ALICE))
    with pytest.raises(Conflict, match="meanwhile"):
        store.transact(lambda tx: editing.edit(tx, second, actor=BOB))
    assert len(store.rows(select(EDIT))) == 1


# --- nothing leaves without the approval of its exact bytes -------------------------------------------------------


PEOPLE: Final = (ALICE, BOB, CAROL)
people = st.sampled_from(PEOPLE)
items = st.integers(0, 5)


class Walk(RuleBasedStateMachine):
    """People claim, edit, return, decide and undo in any order while a worker holds what it claimed, with its bytes.

    What leaves is what enough of them approved.
    """

    desk: Bench

    @initialize()
    def starts(self) -> None:
        self.mine: list[int] = []
        self.first: dict[int, str] = {}
        """The digest of each message as it was submitted: what a reviewer read who has not looked since."""
        self.approvals: dict[int, tuple[str, set[str]]] = {}
        self.editors: dict[int, set[str]] = {}
        self.loaded: list[tuple[Claimed, str]] = []
        """What the worker holds, with the digest of the bytes that it would send."""
        self.submits(None)

    def does(self, verb: Callable[[Transaction], object]) -> bool:
        try:
            self.desk.store.transact(verb)
        except Refused:
            return False
        return True

    @rule(revises=st.none() | items)
    def submits(self, revises: int | None) -> None:
        named = None if revises is None else spell_id("m", self.mine[revises % len(self.mine)])
        with contextlib.suppress(Refused):
            answer = self.desk.submit([JANE, JOE], **REQUEST, issued=orjson.dumps(REQUEST), revises=named)
            self.mine.append(number(answer.message_id))
            self.first[self.mine[-1]] = digest(self.desk.store, self.mine[-1])

    @rule(item=items, who=people)
    def claims(self, item: int, who: Actor) -> None:
        one = self.mine[item % len(self.mine)]
        self.does(lambda tx: review.claim(tx, one, actor=who))

    @rule(item=items, who=people, words=st.integers(0, 99))
    def edits(self, item: int, who: Actor, words: int) -> None:
        one = self.mine[item % len(self.mine)]
        with contextlib.suppress(Refused):
            edit(self.desk, one, by=who, text=f"It leaves in {words} days.")
            self.approvals.pop(one, None)
            self.editors.setdefault(one, set()).add(who.name)

    @rule(item=items, who=people)
    def returns(self, item: int, who: Actor) -> None:
        one = self.mine[item % len(self.mine)]
        if self.does(lambda tx: review.return_to_agent(tx, one, comment="no", actor=who)):
            self.approvals.pop(one, None)

    @rule(item=items, who=people, delay=st.sampled_from([0, 9 * SECOND]), named=st.sampled_from(["", "now", "wrong"]))
    def approves(self, item: int, who: Actor, delay: int, named: str) -> None:
        """Without a digest, who approves may have read the message before it was edited."""
        one = self.mine[item % len(self.mine)]
        current = digest(self.desk.store, one)
        given = {"": None, "now": current, "wrong": "0" * 64}[named]
        decision = Decision(one, approve=True, delay=delay, reason="fine", digest=given)
        if self.does(lambda tx: review.decide(tx, decision, actor=who)):
            known = self.approvals.setdefault(one, (given or self.first[one], set()))
            known[1].add(who.name)

    @rule(item=items, who=people, verb=st.sampled_from(["reject", "undo"]))
    def takes_back(self, item: int, who: Actor, verb: str) -> None:
        one = self.mine[item % len(self.mine)]
        decision = Decision(one, approve=False, reason="no", delay=9 * SECOND)
        if verb == "reject":
            done = self.does(lambda tx: review.decide(tx, decision, actor=who))
        else:
            done = self.does(lambda tx: review.undo(tx, one, actor=who))
        if done:
            self.approvals.pop(one, None)

    @rule(item=items)
    def goes_back(self, item: int) -> None:
        """As when another recipient's attempt meets a stricter policy."""
        one, r = self.mine[item % len(self.mine)], RECIPIENT.c
        store = self.desk.store
        if store.rows(select(r.n).where(r.message_id == one, r.status == Status.QUEUED.value)):
            store.transact(lambda tx: to_review(tx, one, [Reason("mode", "the mode asks for it")]))
            self.approvals.pop(one, None)

    @rule(item=items, first=people, who=people, editor=people, then=st.sampled_from(["edit", "return", "undo"]))
    def approves_and_then(self, item: int, first: Actor, who: Actor, editor: Actor, then: str) -> None:
        """The whole way at one go: chance alone seldom brings it about."""
        self.submits(item)
        self.edits(-1, first, 7)
        for named in ("", "now"):
            self.approves(-1, who, 9 * SECOND if then == "undo" else 0, named)
        if then == "edit":
            self.edits(-1, editor, 8)
        elif then == "return":
            self.returns(-1, editor)
        else:
            self.takes_back(-1, editor, "undo")
            self.edits(-1, editor, 9)
            self.approves(-1, who, 0, "now")
        self.all_leaves(0)

    @rule(item=items, editor=people, who=people, place=st.integers(0, 3))
    def goes_back_while_a_worker_holds_it(self, item: int, editor: Actor, who: Actor, place: int) -> None:
        """And is edited, approved and claimed again, by the same worker."""
        self.submits(item)
        self.approves(-1, who, 0, "now")
        self.mail_is_claimed(1)
        self.goes_back(-1)
        self.edits(-1, editor, 9)
        self.approves(-1, who, 0, "now")
        self.all_leaves(place)

    def all_leaves(self, place: int) -> None:
        self.mail_is_claimed(10)
        for _ in self.loaded[:]:
            self.mail_leaves(place)

    @rule(seconds=st.sampled_from([1, 10]))
    def mail_is_claimed(self, seconds: int) -> None:
        store = self.desk.store
        store.clock.advance(seconds=seconds)  # type: ignore[attr-defined]  # a test's clock
        store.transact(review.release_due)
        store.transact(review.reject_due)
        for one in claim(store):
            found = alteration.stored(store, {one.message_id})[one.message_id]
            assert found.rendered is not None
            bytes_of = digest_of(found.rendered, found.envelope)
            assert bytes_of == found.submitted
            self.loaded.append((dataclasses.replace(one, digest=found.digest), bytes_of))

    @rule(place=items)
    def mail_leaves(self, place: int) -> None:
        if not self.loaded:
            return
        one, bytes_of = self.loaded.pop(place % len(self.loaded))
        if not attempt(self.desk.store, [one]):
            return
        settle(self.desk.store, [one])
        if one.message_id in self.mine:  # else another example's
            approved, by = self.approvals.get(one.message_id, ("", set()))
            assert bytes_of == approved, "nobody approved these bytes"
            assert by - self.editors.get(one.message_id, set()), "only who edited it approved it"

    def teardown(self) -> None:
        self.all_leaves(0)
        depths_agree(self.desk.store)


@pytest.mark.both_databases
def test_no_sequence_of_edits_and_returns_lets_bytes_leave_that_nobody_else_approved(store: Store) -> None:
    desk = make_desk(store, mode=Mode.GATED_SEND, **WIDE)
    hire(store, CAROL)

    class OfThisDesk(Walk):
        pass

    OfThisDesk.desk = desk
    run_state_machine_as_test(
        OfThisDesk,
        settings=settings(
            max_examples=effort.times(5, 300), stateful_step_count=effort.times(16, 40), deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
