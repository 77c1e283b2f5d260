"""What comes back is believed by its proof alone, counted once, and suspends in its own transaction."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from core.events import AgentSuspended, AgentWarned, EmailBounced, EmailSent, FeedbackUnverified
from core.flow import absorb, controls, depart
from core.flow.absorb import Absorbed
from core.ledger import facts
from core.ledger.store import Store
from core.ledger.tables import Agent, Counter, Message, Recipient, Suppression, table
from core.rules import provenance
from core.rules.policy import Policy, from_json, to_json
from core.rules.provenance import Keyring
from core.rules.providers import ProviderEvent
from core.rules.reports import Event, Report, ReportedRecipient
from core.words import DAY, HOUR, Feedback, Mode, Outcome, Reply, spell_id
from tests.desk import DOMAIN, GAIL, KEYRING, WIDE, Bench, issue, make_desk
from tests.flow.leaving import NOBODY, OK, attempt, claim, events, leave, many, number, pass_a_moment, settle

FORGER = Keyring(keys={"k1": b"another key, another desk, whoever"}, active="k1")
WORDS = {"complaint": Event.COMPLAINED, "bounce": Event.BOUNCED}


def free(store: Store, **more: Any) -> Bench:
    return make_desk(store, mode=Mode.AUTONOMOUS, **(WIDE | more))


def report(message: int, *, n: int = 0, kind: str = "complaint", keyring: Keyring = KEYRING, **more: Any) -> Report:
    """A report that came to the return path of one recipient."""
    event = more.pop("event", WORDS[kind])
    said = ReportedRecipient(
        more.pop("address", "jane@example.com"), event, status=more.pop("status", None),
        permanent=more.pop("permanent", kind == "bounce"),
    )  # fmt: skip
    path = provenance.return_path(message, n, domain=DOMAIN, keyring=keyring)
    values: dict[str, Any] = {"kind": kind, "recipients": (said,), "return_paths": (path,)} | more
    return Report(**values)


def hand_in(store: Store, one: Report) -> Absorbed:
    return store.transact(lambda tx: absorb.absorb_report(tx, one, source="report", keyring=KEYRING))


def provider(store: Store, **more: Any) -> Absorbed:
    values: dict[str, Any] = {
        "key": "ses:1", "name": "Bounce/Permanent", "event": Feedback.BOUNCED, "recipient": "jane@example.com",
        "permanent": True,
    } | more  # fmt: skip
    return store.transact(lambda tx: absorb.absorb_provider(tx, ProviderEvent(**values), source="ses"))


def leave_together(desk: Bench, *to: str) -> int:
    """One message to several."""
    message = number(desk.submit(list(to)).message_id)
    for _ in to:
        pass_a_moment(desk.store)
        flying = claim(desk.store)
        attempt(desk.store, flying)
        settle(desk.store, flying)
    return message


def recipient(store: Store, message: int, n: int = 0) -> Any:
    r = table(Recipient).c
    return store.row(select(table(Recipient)).where(r.message_id == message, r.n == n))


def suppressed(store: Store) -> list[tuple[str, str]]:
    rows = store.rows(select(table(Suppression)).order_by(table(Suppression).c.id))
    return [(row.address, row.cause) for row in rows]


def agent(store: Store) -> Any:
    return store.row(select(table(Agent)))


def counted(store: Store, kind: str) -> int:
    c = table(Counter).c
    return sum(row.n for row in store.rows(select(c.n).where(c.scope == "agent", c.kind == kind)))


# --- proof ----------------------------------------------------------------------------------------------------------


def test_a_complaint_to_the_return_path_marks_the_recipient_and_suppresses(store: Store) -> None:
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9))
    assert hand_in(store, report(message)) == Absorbed(matched=True, fresh=True)
    row = recipient(store, message)
    assert (row.status, row.feedback, row.feedback_at) == ("sent", "complained", store.clock.now())
    assert suppressed(store) == [("jane@example.com", "complained")]
    assert [event.actor for event in events(store, "email.complained")] == ["recipient"]
    assert counted(store, "complained_1h") == 1
    assert desk.submit("jane@example.com").error == "recipients_suppressed"


@pytest.mark.parametrize("kind", ["complaint", "bounce"])
def test_a_forged_report_moves_nothing(store: Store, kind: str) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    forged = report(message, kind=kind, keyring=FORGER, message_id="<m00000000000000.k1.aaaa@support-bot.acme.test>")
    assert not hand_in(store, forged).matched
    assert recipient(store, message).feedback is None
    assert suppressed(store) == []
    assert agent(store).status == "active"
    assert counted(store, "complained_1h") + counted(store, "bounced_1h") == 0
    told = events(store, "feedback.unverified", "email.complained", "email.bounced")
    assert [event.type for event in told] == ["feedback.unverified"]


def test_a_mark_of_ours_about_no_message_or_one_that_never_left_moves_nothing(store: Store) -> None:
    desk = free(store)
    waiting = number(desk.submit("jane@example.com").message_id)
    assert hand_in(store, report(waiting)).reason == "the message never left"
    assert hand_in(store, report(12_345)).reason == "it is about no message of this desk"
    assert suppressed(store) == []
    assert len(events(store, "feedback.unverified")) == 2


@pytest.mark.parametrize("header", ["message_id", "postroom_message_id"])
def test_a_header_proves_a_message_with_one_recipient_only(store: Store, header: str) -> None:
    desk = free(store)
    [alone] = leave(desk, "jane@example.com")
    shared = leave_together(desk, "ann@example.com", "bob@example.com")
    marks = {
        "message_id": lambda one: provenance.message_id(one, domain=DOMAIN, keyring=KEYRING),
        "postroom_message_id": lambda one: provenance.trace_header(one, keyring=KEYRING),
    }
    one: dict[str, Any] = {"return_paths": (), header: marks[header](alone)}
    assert hand_in(store, report(alone, **one)).fresh
    several: dict[str, Any] = {"return_paths": (), header: marks[header](shared), "address": "ann@example.com"}
    assert hand_in(store, report(shared, **several)).reason == "its mark was seen by several recipients"
    assert suppressed(store) == [("jane@example.com", "complained")]
    assert hand_in(store, report(shared, n=1, address="bob@example.com")).fresh
    assert recipient(store, shared, 1).feedback == "complained"
    assert recipient(store, shared, 0).feedback is None


def test_a_redacted_complaint_is_believed_by_its_mark(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    assert hand_in(store, report(message, recipients=())).fresh
    assert recipient(store, message).feedback == "complained"


def test_a_report_about_delay_is_matched_and_changes_nothing(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    late = report(message, kind="bounce", event=Event.DEFERRED, permanent=False)
    assert hand_in(store, late) == Absorbed(matched=True)
    assert recipient(store, message).feedback is None


def test_an_automatic_answer_is_no_feedback_at_all(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    assert not hand_in(store, replace(report(message), kind="other", recipients=())).matched
    assert events(store, "feedback.unverified", "email.bounced") == []


def test_a_signed_webhook_is_matched_by_the_provider_s_id_or_ours(store: Store) -> None:
    desk = free(store)
    [by_theirs] = leave(desk, "jane@example.com", provider_id="0100-abc")
    [by_ours] = leave(desk, "ann@example.com")
    assert provider(store, provider_message_id="0100-abc").fresh
    ours = spell_id("m", by_ours)
    assert provider(store, key="ses:2", postroom_id=ours, recipient="ann@example.com").fresh
    assert recipient(store, by_theirs).feedback == recipient(store, by_ours).feedback == "bounced"
    assert sorted(suppressed(store)) == [("ann@example.com", "bounced"), ("jane@example.com", "bounced")]


def test_a_webhook_about_a_stranger_to_the_message_moves_nothing(store: Store) -> None:
    desk = free(store)
    message = leave_together(desk, "ann@example.com", "bob@example.com")
    said = provider(store, postroom_id=spell_id("m", message), recipient="eve@example.com")
    assert said.reason == "it names no recipient of this message"
    provider(store, postroom_id=spell_id("m", message), recipient="eve@example.com")
    assert len(events(store, "feedback.unverified")) == 1, "the provider delivers an event more than once"
    assert suppressed(store) == []


def test_unproven_reports_beyond_a_flood_are_only_counted(store: Store) -> None:
    make_desk(store)
    for _ in range(absorb.LOUD + 5):
        store.transact(lambda tx: absorb.unverified(tx, source="report", kind="bounce", reason="no mark"))
    told = events(store, "feedback.unverified")
    assert len(told) == absorb.LOUD
    assert isinstance(told[0], FeedbackUnverified)
    c = table(Counter).c
    assert [row.n for row in store.rows(select(c.n).where(c.kind == "unverified_1h"))] == [absorb.LOUD + 5]


# --- once, and what outranks what -----------------------------------------------------------------------------------


def test_duplicates_count_once_whichever_way_they_come(store: Store) -> None:
    desk = free(store)
    leave(desk, *many(200))
    [message] = leave(desk, "jane@example.com", provider_id="id-1")
    for _ in range(2):
        hand_in(store, report(message, kind="bounce", status="5.1.1"))
        provider(store, provider_message_id="id-1")
        provider(store, key="ses:another", provider_message_id="id-1")
    assert counted(store, "bounced_1h") == 1
    assert len(events(store, "email.bounced")) == 1
    assert len(suppressed(store)) == 1


def test_a_complaint_through_two_doors_is_one(store: Store) -> None:
    """Providers call their complaints permanent, feedback loops say nothing of it."""
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9))
    hand_in(store, report(message))
    rfc = store.row(select(table(Message).c.rfc_message_id).where(table(Message).c.id == message))
    assert rfc is not None
    provider(store, event=Feedback.COMPLAINED, permanent=True, rfc_message_id=rfc.rfc_message_id)
    assert len(events(store, "email.complained")) == 1
    assert (counted(store, "complained_1h"), agent(store).status) == (1, "active")


def test_what_word_came_back_of_is_not_sent_again(store: Store, clock: Any) -> None:
    desk = free(store)
    message = number(desk.submit("jane@example.com").message_id)
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=Reply(Outcome.UNCERTAIN, None, None, "the connection ended", "dot"))
    hand_in(store, report(message))
    clock.advance(seconds=600)
    again = claim(store)
    assert (len(again), attempt(store, again)) == (1, set())
    assert (recipient(store, message).status, recipient(store, message).feedback) == ("sent", "complained")
    assert [one.attempt for one in events(store, "email.sent") if isinstance(one, EmailSent)] == [1]
    assert counted(store, "sent_1h") == 1
    assert claim(store) == []


def test_a_complaint_outranks_a_bounce_and_a_delivery_outranks_nothing(store: Store) -> None:
    desk = free(store)
    leave(desk, *many(50))
    [message] = leave(desk, "jane@example.com", provider_id="id-1")
    provider(store, event=Feedback.DELIVERED, permanent=False, provider_message_id="id-1")
    assert recipient(store, message).feedback == "delivered"
    hand_in(store, report(message))
    hand_in(store, report(message, kind="bounce"))
    provider(store, key="ses:2", event=Feedback.DELIVERED, permanent=False, provider_message_id="id-1")
    assert recipient(store, message).feedback == "complained"
    assert counted(store, "complained_1h") == counted(store, "bounced_1h") == 1
    assert len(events(store, "email.delivered")) == 1


def test_what_no_receiver_said_suppresses_and_does_not_count(store: Store) -> None:
    desk = free(store)
    leave(desk, "jane@example.com", provider_id="id-1")
    provider(store, provider_message_id="id-1", counted=False)
    assert suppressed(store) == [("jane@example.com", "bounced")]
    assert counted(store, "bounced_1h") == 0


def test_three_soft_bounces_in_a_row_suppress_for_a_while(store: Store, clock: Any) -> None:
    desk = free(store)
    for round_ in range(3):
        [message] = leave(desk, "jane@example.com")
        assert suppressed(store) == [], f"after {round_} soft bounces"
        hand_in(store, report(message, kind="bounce", permanent=False, status="4.2.2"))
    assert suppressed(store) == [("jane@example.com", "soft_bounced")]
    assert counted(store, "bounced_1h") == 0
    assert desk.submit("jane@example.com").error == "recipients_suppressed"
    clock.advance(micros=30 * DAY)
    assert desk.submit("jane@example.com").status == "queued"


def test_a_mail_that_arrived_between_them_breaks_the_row_of_soft_bounces(store: Store, clock: Any) -> None:
    desk = free(store)
    for bounces in (True, True, False, True):
        [message] = leave(desk, "jane@example.com")
        clock.advance(micros=6 * DAY)
        if bounces:
            hand_in(store, report(message, kind="bounce", permanent=False))
    assert suppressed(store) == []


# --- unsubscribing --------------------------------------------------------------------------------------------------


def test_one_click_suppresses_at_once_and_again_after_a_removal(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    assert store.transact(lambda tx: absorb.unsubscribe(tx, message, 0))
    assert recipient(store, message).feedback == "unsubscribed"
    assert suppressed(store) == [("jane@example.com", "unsubscribed")]
    assert store.transact(lambda tx: absorb.unsubscribe(tx, message, 0))
    assert len(suppressed(store)) == len(events(store, "email.unsubscribed")) == 1
    store.transact(lambda tx: tx.write(table(Suppression).update().values(removed_at=tx.now)))
    assert store.transact(lambda tx: absorb.unsubscribe(tx, message, 0))
    assert len(suppressed(store)) == 2
    assert not store.transact(lambda tx: absorb.unsubscribe(tx, 99, 0))


def test_policy_may_keep_a_suppression_to_the_stream(store: Store) -> None:
    narrow = from_json(to_json(Policy()).replace('"scope":"desk"', '"scope":"stream"'))
    desk = free(store, policy=narrow)
    [message] = leave(desk, "jane@example.com")
    store.transact(lambda tx: absorb.unsubscribe(tx, message, 0))
    row = store.row(select(table(Suppression)))
    assert row is not None
    assert row.stream_id == desk.stream_id


# --- guards ---------------------------------------------------------------------------------------------------------


def test_the_second_complaint_suspends_in_its_own_transaction(store: Store) -> None:
    desk = free(store)
    sent = leave(desk, *many(40))
    waiting = desk.submit("later@example.com")
    hand_in(store, report(sent[0], address="r0@example.com"))
    assert agent(store).status == "active", "one complaint is no statistic"
    assert len(events(store, "agent.warned")) == 1
    seq = len(events(store, "agent.suspended"))
    hand_in(store, report(sent[1], address="r1@example.com"))
    assert (seq, agent(store).status) == (0, "suspended")
    [fact] = events(store, "agent.suspended")
    assert isinstance(fact, AgentSuspended)
    assert (fact.actor, fact.guard, fact.queued, fact.in_flight) == ("guard", "complaints", 1, 0)
    assert agent(store).suspend_figures["sentence"] == "complaints 5 % of 40 delivered in 7d, limit 0.05 %"
    refused = desk.submit("another@example.com")
    assert refused.error == "agent_suspended"
    assert "5 % of 40" in (refused.reason or "")
    assert waiting.status == "queued"
    assert claim(store) == []


def test_no_attempt_commits_after_the_suspension(store: Store) -> None:
    desk = free(store)
    sent = leave(desk, *many(10))
    desk.submit("later@example.com")
    pass_a_moment(store)
    claimed = claim(store)
    assert len(claimed) == 1
    for n in (0, 1):
        hand_in(store, report(sent[n], address=f"r{n}@example.com"))
    assert attempt(store, claimed) == set()
    assert recipient(store, claimed[0].message_id).status == "queued"


def test_a_suspension_and_an_attempt_in_one_batch_are_as_strict(store: Store) -> None:
    desk = free(store)
    sent = leave(desk, *many(10))
    desk.submit("later@example.com")
    pass_a_moment(store)
    claimed = claim(store)
    with store.begin() as tx:
        for n in (0, 1):
            one = report(sent[n], address=f"r{n}@example.com")
            tx.run(functools.partial(absorb.absorb_report, report=one, source="report", keyring=KEYRING))
        assert tx.run(lambda tx: depart.attempt(tx, claimed, worker=1)) == set()


def test_five_hard_bounces_suspend_and_soft_ones_never(store: Store) -> None:
    desk = free(store)
    sent = leave(desk, *many(50))
    for n in range(10, 20):
        hand_in(store, report(sent[n], kind="bounce", permanent=False, address=f"r{n}@example.com"))
    for n in range(4):
        hand_in(store, report(sent[n], kind="bounce", address=f"r{n}@example.com"))
    assert agent(store).status == "active"
    hand_in(store, report(sent[4], kind="bounce", address="r4@example.com"))
    assert agent(store).status == "suspended"
    assert agent(store).suspend_figures["events"] == 5


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.3.4", "5.6.0"])
def test_a_bounce_about_the_mail_and_not_the_address_is_a_soft_one(store: Store, status: str) -> None:
    desk = free(store)
    for message in leave(desk, *many(10))[:6]:
        assert hand_in(store, report(message, kind="bounce", status=status, address="elsewhere@example.com")).fresh
    assert agent(store).status == "active"
    assert (counted(store, "bounced_1h"), suppressed(store)) == (0, [])


def test_a_policy_code_with_words_about_the_address_is_a_hard_one(store: Store) -> None:
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9))
    said = ReportedRecipient("jane@example.com", Event.BOUNCED, "5.7.1", permanent=True, diagnostic="550 user unknown")
    hand_in(store, replace(report(message), kind="bounce", recipients=(said,)))
    assert suppressed(store) == [("jane@example.com", "bounced")]


def test_old_cohorts_do_not_count_against_today(store: Store, clock: Any) -> None:
    desk = free(store)
    old = leave(desk, *many(10))
    clock.advance(micros=8 * DAY)
    leave(desk, *many(10, start=100))
    for n in (0, 1, 2):
        hand_in(store, report(old[n], address=f"r{n}@example.com"))
    assert agent(store).status == "active"
    assert events(store, "agent.warned") == []


def test_a_warning_is_told_once_a_window(store: Store, clock: Any) -> None:
    desk = free(store)
    sent = leave(desk, *many(100))
    for n in range(4):
        hand_in(store, report(sent[n], kind="bounce", address=f"r{n}@example.com"))
    [warned] = events(store, "agent.warned")
    assert isinstance(warned, AgentWarned)
    assert (warned.guard, warned.figures["events"]) == ("bounces", 2)
    assert agent(store).warned["bounces"]["at"] == store.clock.now()


def test_resuming_arms_the_guard_anew_within_the_hour(store: Store, clock: Any) -> None:
    desk = free(store)
    sent = leave(desk, *many(40))
    for n in (0, 1):
        hand_in(store, report(sent[n], address=f"r{n}@example.com"))
    store.transact(lambda tx: controls.resume_agent(tx, "support-bot", reason="its list was cleaned", actor=GAIL))
    clock.advance(seconds=60)
    hand_in(store, report(sent[2], address="r2@example.com"))
    assert agent(store).status == "active", "what was sent before the resume is forgiven"
    fresh = leave(desk, *many(40, start=100))
    hand_in(store, report(fresh[0], address="r100@example.com"))
    assert agent(store).status == "active"
    hand_in(store, report(fresh[1], address="r101@example.com"))
    assert agent(store).status == "suspended"
    assert agent(store).suspend_figures["delivered"] == 40
    assert counted(store, "complained_1h") == 5, "the evidence is kept"


def test_mail_of_a_test_token_is_told_and_never_counts(store: Store) -> None:
    desk = free(store)
    trial = replace(desk, token=issue(store, desk.agent_id, test=True))
    sent = leave(trial, *many(10))
    for n in range(10):
        hand_in(store, report(sent[n], address=f"r{n}@example.com"))
    store.transact(lambda tx: absorb.unsubscribe(tx, sent[0], 0))
    assert recipient(store, sent[0]).feedback == "complained"
    assert len(events(store, "email.complained")) == 10
    assert suppressed(store) == []
    assert agent(store).status == "active"
    assert counted(store, "complained_1h") == 0


# --- refusals at delivery -------------------------------------------------------------------------------------------


def refuse(store: Store, desk: Bench, to: str, reply: Reply) -> int:
    """See a message off to a receiver that refuses it, as settlement tells `absorb_refusal`."""
    message = number(desk.submit(to).message_id)
    pass_a_moment(store)
    claimed = [one for one in claim(store) if one.message_id == message]
    attempt(store, claimed)
    settle(store, claimed, reply=reply)
    store.transact(lambda tx: absorb.absorb_refusal(tx, claimed[0], reply))
    return message


def test_a_refusal_of_the_address_is_a_bounce_once(store: Store) -> None:
    desk = free(store)
    leave(desk, *many(95))
    message = refuse(store, desk, "jane@example.com", NOBODY)
    row = recipient(store, message)
    assert (row.status, row.feedback) == ("failed", "bounced")
    assert suppressed(store) == [("jane@example.com", "bounced")]
    hand_in(store, report(message, kind="bounce"))
    assert counted(store, "bounced_1h") == 1
    [told] = events(store, "email.bounced")
    assert isinstance(told, EmailBounced)
    assert (told.source, told.status) == ("smtp", "5.1.1")


def test_refusals_are_in_both_halves_of_the_rate(store: Store) -> None:
    desk = free(store)
    leave(desk, *many(95))
    for n in range(4):
        refuse(store, desk, f"no{n}@example.org", NOBODY)
    assert agent(store).status == "active"
    refuse(store, desk, "no5@example.org", NOBODY)
    assert agent(store).status == "suspended"
    assert agent(store).suspend_figures["sentence"] == "bounces 5 % of 100 delivered in 72h, limit 5 %"


@pytest.mark.parametrize(
    ("reply", "condemned"),
    [
        (NOBODY, True),
        (replace(NOBODY, enhanced="5.1.10"), True),
        (replace(NOBODY, enhanced="5.2.1", text="account disabled"), True),
        (replace(NOBODY, enhanced="5.1.0", text="user unknown"), True),
        (replace(NOBODY, enhanced="5.1.0", text="blocked by our spam policy"), False),
        (replace(NOBODY, enhanced="5.1.0", text="go away"), False),
        (replace(NOBODY, enhanced="5.1.8", text="sender domain does not exist"), False),
        (replace(NOBODY, enhanced="5.7.1", text="user unknown to our policy"), False),
        (replace(NOBODY, enhanced="5.2.2", text="mailbox full"), False),
        (replace(NOBODY, enhanced="5.3.4", text="message too large"), False),
        (replace(NOBODY, code=None), False),
        (replace(NOBODY, code=450, enhanced="4.1.1"), False),
        (OK, False),
    ],
)
def test_only_a_refusal_that_condemns_the_address_is_a_bounce(reply: Reply, *, condemned: bool) -> None:
    assert absorb.condemns_address(reply) is condemned


def test_a_refusal_for_other_causes_counts_nothing(store: Store) -> None:
    desk = free(store)
    message = refuse(store, desk, "jane@example.com", replace(NOBODY, enhanced="5.7.1", text="spam"))
    assert recipient(store, message).feedback is None
    assert suppressed(store) == []


def test_everything_of_one_report_is_undone_together(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")

    def fail(tx: Any) -> None:
        absorb.absorb_report(tx, report(message), source="report", keyring=KEYRING)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.transact(fail)
    assert recipient(store, message).feedback is None
    assert suppressed(store) == []
    assert hand_in(store, report(message)).fresh


def test_the_sentence_survives_into_the_gate(store: Store) -> None:
    desk = free(store)
    sent = leave(desk, *many(4))
    for n in (0, 1):
        hand_in(store, report(sent[n], address=f"r{n}@example.com"))
    box = store.transact(lambda tx: facts.gate(tx, desk.mailbox_id))
    assert box.suspend_figures["sentence"].startswith("complaints 50 % of 4 delivered")
    assert box.suspend_figures["window"] == 7 * 24 * HOUR
