"""What comes back is believed by its proof alone, counted once, and suspends in its own transaction."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from core.db import gate_queries
from core.db.queries import message as views
from core.db.store import Store
from core.db.tables import COUNTER, MAILBOX, MESSAGE, STREAM, SUPPRESSION
from core.durations import DAY
from core.events import EmailBounced, EmailSent, FeedbackUnverified
from core.ids import spell_id
from core.model import ContentClass, Feedback, Outcome, Reply
from core.rules import signed_ids
from core.rules.policy import Policy, from_json, to_json
from core.rules.policy.sections import Consent as ConsentPolicy
from core.rules.policy.sections import HeldClasses
from core.rules.policy.sections import Suppression as SuppressionPolicy
from core.rules.reports import Event, read
from core.services.audit import status
from core.services.feedback import ingest, suppressions
from core.services.feedback.ingest import FeedbackResult
from core.services.notify import webhook_outbox
from tests.factories.delivery import attempt, claim, events, leave, many, number, pass_a_moment, settle
from tests.factories.desk import ALICE, DOMAIN, KEYRING, Bench, make_desk
from tests.factories.reports import (
    FORGER,
    agent,
    counted,
    free,
    hand_in,
    leave_together,
    provider,
    recipient,
    report,
    suppressed,
)

# --- proof ----------------------------------------------------------------------------------------------------------


def test_a_complaint_to_the_return_path_marks_the_recipient_and_suppresses(store: Store) -> None:
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9))
    assert hand_in(store, report(message)) == FeedbackResult(matched=True, fresh=True)
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
    assert hand_in(store, report(12_345)).reason == "it refers to no message of this desk"
    assert suppressed(store) == []
    assert len(events(store, "feedback.unverified")) == 2


def test_the_message_id_an_agent_is_shown_suppresses_nobody(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    shown = store.row(select(MESSAGE.c.rfc_message_id).where(MESSAGE.c.id == message))
    assert shown is not None
    for kind in ("complaint", "bounce"):
        taken = hand_in(store, report(message, kind=kind, return_paths=(), message_id=shown.rfc_message_id))
        assert taken.reason == "its only identifier is the Message-ID, which the agent knows"
    assert suppressed(store) == []
    assert recipient(store, message).feedback is None
    assert agent(store).status == "active"
    assert len(events(store, "feedback.unverified")) == 2


def test_nothing_that_an_agent_or_its_webhook_is_shown_is_a_mark_that_counts(store: Store) -> None:
    desk = free(store)
    message = number(desk.submit("jane@example.com").message_id)
    store.transact(lambda tx: tx.write(update(MAILBOX).values(webhook_url="https://hooks.example.com/x")))
    marks = (
        signed_ids.return_path(message, 0, domain=DOMAIN, keyring=KEYRING),
        signed_ids.trace_header(message, keyring=KEYRING),
        signed_ids.unsubscribe_token(message, 0, keyring=KEYRING),
    )
    # Receivers quote the envelope sender in what they answer.
    quoting = (
        f"<{marks[0].upper()}>: sender rejected; X-Postroom-Message-ID: {marks[1]}; https://x.example/u/{marks[2]}"
    )
    flying = claim(store)
    attempt(store, flying)
    settle(store, flying, reply=Reply(Outcome.FAILED, 550, "5.7.1", quoting, "rcpt", "mx.example"))
    hand_in(store, report(message))
    shown = json.dumps(
        store.look(lambda tx: status.message(tx.conn, message, caller=desk.token, now=store.clock.now()))
    )
    shown += str(recipient(store, message).reply) + str(events(store, "email.failed"))
    store.transact(lambda tx: webhook_outbox.claim(tx, webhook_outbox.due(tx, limit=1), worker=1))
    told = 0
    while isinstance(
        letter := store.look(lambda tx: webhook_outbox.next_delivery(tx, desk.mailbox_id)), webhook_outbox.Delivery
    ):
        shown, told = shown + letter.body.decode(), told + 1
        store.transact(functools.partial(webhook_outbox.mark_delivered, delivery=letter, worker=1))
    assert told > 1
    assert "sender rejected" in shown
    assert [event.type for event in events(store, "email.complained")] == ["email.complained"]
    assert not [one for one in marks if one in shown.lower()]


@pytest.mark.parametrize("header", ["postroom_message_id", "cfbl_feedback_id"])
def test_a_header_proves_a_message_with_one_recipient_only(store: Store, header: str) -> None:
    desk = free(store)
    [alone] = leave(desk, "jane@example.com")
    shared = leave_together(desk, "ann@example.com", "bob@example.com")
    marks = {
        "postroom_message_id": lambda one: signed_ids.trace_header(one, keyring=KEYRING),
        "cfbl_feedback_id": lambda one: signed_ids.complaint_id(one, keyring=KEYRING),
    }
    one: dict[str, Any] = {"return_paths": (), header: marks[header](alone)}
    assert hand_in(store, report(alone, **one)).fresh
    several: dict[str, Any] = {"return_paths": (), header: marks[header](shared), "address": "ann@example.com"}
    assert hand_in(store, report(shared, **several)).reason == "its identifier is shared by several recipients"
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
    assert hand_in(store, late) == FeedbackResult(matched=True)
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
    for _ in range(ingest.LOUD + 5):
        store.transact(lambda tx: ingest.unverified(tx, source="report", kind="bounce", reason="no mark"))
    told = events(store, "feedback.unverified")
    assert len(told) == ingest.LOUD
    assert isinstance(told[0], FeedbackUnverified)
    c = COUNTER.c
    assert [row.n for row in store.rows(select(c.n).where(c.kind == "unverified_1h"))] == [ingest.LOUD + 5]


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
    rfc = store.row(select(MESSAGE.c.rfc_message_id).where(MESSAGE.c.id == message))
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
    assert store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    assert recipient(store, message).feedback == "unsubscribed"
    assert suppressed(store) == [("jane@example.com", "unsubscribed")]
    assert store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    assert len(suppressed(store)) == len(events(store, "email.unsubscribed")) == 1
    store.transact(lambda tx: tx.write(SUPPRESSION.update().values(removed_at=tx.now)))
    assert store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    assert len(suppressed(store)) == 2
    assert not store.transact(lambda tx: ingest.unsubscribe(tx, 99, 0))


def test_policy_may_keep_a_suppression_to_the_stream(store: Store) -> None:
    narrow = from_json(to_json(Policy()).replace('"scope":"desk"', '"scope":"stream"'))
    desk = free(store, policy=narrow)
    [message] = leave(desk, "jane@example.com")
    hand_in(store, report(message))
    row = store.row(select(SUPPRESSION))
    assert row is not None
    assert (row.stream_id, row.classes) == (desk.stream_id, "*")


COLD = ContentClass.COLD_OUTREACH
OFFERS = Policy(consent=ConsentPolicy(require=()), classes=HeldClasses(hold=()))


def offering(store: Store, **more: Any) -> Bench:
    """A desk that sends offers and receipts by itself, and whose recipient has left its offers."""
    policy = OFFERS.model_copy(update={"suppression": SuppressionPolicy(**more)})
    desk = free(store, policy=policy, classes=[one.value for one in ContentClass])
    address_of = {"organisation": "Acme", "postal_address": "1 Road"}
    store.transact(lambda tx: tx.write(update(STREAM).values(address_of)))
    return desk


def test_leaving_offers_keeps_offers_of_that_stream_away_and_nothing_else(store: Store) -> None:
    desk = offering(store)
    [message] = leave(desk, "jane@example.com", content_class=COLD)
    waiting = number(desk.submit("jane@example.com", content_class=COLD).message_id)
    left = store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    assert left == ingest.Leaving(DOMAIN, "Acme", "commercial")
    [row] = store.rows(select(SUPPRESSION))
    assert (row.stream_id, row.classes, row.cause) == (desk.stream_id, "cold_outreach", "unsubscribed")
    assert desk.submit("jane@example.com", content_class=COLD).error == "recipients_suppressed"
    receipt = number(desk.submit("jane@example.com").message_id)
    flying: list[Any] = []
    while {one.message_id for one in flying} != {waiting, receipt}:
        pass_a_moment(store)
        flying += claim(store)
    assert {key[0] for key in attempt(store, flying)} == {receipt}
    assert recipient(store, waiting).status == "blocked"
    with store.read() as conn:
        by_id = {one: views.message(conn, one, now=store.clock.now()) for one in (waiting, receipt)}
    assert [view and view.recipients[0].suppressed for view in by_id.values()] == ["unsubscribed", None]


def test_another_stream_s_offers_still_come_after_leaving_one(store: Store) -> None:
    desk = offering(store)
    [message] = leave(desk, "jane@example.com", content_class=COLD)
    store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    look = functools.partial(
        gate_queries.suppressed, addresses=["jane@example.com"], classes=(COLD,), now=store.clock.now()
    )
    assert store.look(lambda tx: look(tx, stream_id=desk.stream_id)) != {}
    assert store.look(lambda tx: look(tx, stream_id=desk.stream_id + 1)) == {}


@pytest.mark.parametrize(
    ("reach", "expected"), [("commercial", (True, "cold_outreach")), ("stream", (True, "*")), ("desk", (False, "*"))]
)
def test_policy_says_how_far_an_unsubscribe_reaches(store: Store, reach: str, expected: tuple[bool, str]) -> None:
    desk = offering(store, unsubscribe=reach)
    [message] = leave(desk, "jane@example.com", content_class=COLD)
    store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    [row] = store.rows(select(SUPPRESSION))
    assert (row.stream_id == desk.stream_id, row.classes) == expected


@pytest.mark.parametrize(
    ("content_class", "classes"),
    [
        (COLD, "cold_outreach"),
        (ContentClass.NOTIFICATION, "cold_outreach,notification"),
        (ContentClass.TRANSACTIONAL, "cold_outreach"),
        (ContentClass.REPLY, "cold_outreach"),
    ],
)
def test_a_provider_s_unsubscribe_takes_the_class_along_unless_it_is_owed(
    store: Store, content_class: ContentClass, classes: str
) -> None:
    desk = offering(store)
    # A mailbox signed off for offers has every first mail to somebody taken for one.
    store.transact(lambda tx: tx.write(update(MAILBOX).values(classes=[content_class.value])))
    leave(desk, "jane@example.com", content_class=content_class, provider_id="id-1")
    provider(store, event=Feedback.UNSUBSCRIBED, provider_message_id="id-1")
    assert [row.classes for row in store.rows(select(SUPPRESSION))] == [classes]


def test_a_complaint_after_an_unsubscribe_reaches_everything(store: Store) -> None:
    desk = offering(store)
    [message, *_] = leave(desk, "jane@example.com", *many(99), content_class=COLD)
    store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    hand_in(store, report(message))
    assert suppressed(store) == [("jane@example.com", "unsubscribed"), ("jane@example.com", "complained")]
    assert desk.submit("jane@example.com").error == "recipients_suppressed"


# --- forwarding -----------------------------------------------------------------------------------------------------


def forwarded_bounce(message: int, **more: Any) -> Any:
    return report(message, kind="bounce", status="5.1.1", address="jane@fwd.example", **more)


def test_a_bounce_that_names_somebody_else_is_noted_and_soft(store: Store) -> None:
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9))
    assert hand_in(store, forwarded_bounce(message)).fresh
    assert suppressed(store) == []
    assert counted(store, "bounced_1h") == 0
    assert recipient(store, message).feedback == "bounced"
    [told] = events(store, "email.bounced")
    assert isinstance(told, EmailBounced)
    assert (told.permanent, told.forwarded) == (False, True)


def test_a_forwarding_dead_on_two_days_suppresses_and_twice_on_one_day_does_not(store: Store, clock: Any) -> None:
    desk = free(store)
    clock.advance(micros=DAY - clock.now() % DAY)
    first, second, third = (leave(desk, "jane@example.com")[0] for _ in range(3))
    hand_in(store, forwarded_bounce(first))
    hand_in(store, forwarded_bounce(second))
    assert suppressed(store) == []
    clock.advance(micros=DAY)
    hand_in(store, forwarded_bounce(third))
    assert suppressed(store) == [("jane@example.com", "bounced")]


def test_the_address_s_own_bounce_after_a_forwarded_one_suppresses_at_once(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    hand_in(store, forwarded_bounce(message))
    hand_in(store, report(message, kind="bounce", status="5.1.1"))
    assert suppressed(store) == [("jane@example.com", "bounced")]


def test_a_tag_that_was_taken_off_names_nobody_else(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane+news@example.com")
    hand_in(store, report(message, kind="bounce", status="5.1.1", address="jane@example.com"))
    assert suppressed(store) == [("jane+news@example.com", "bounced")]


@pytest.mark.parametrize(("last", "gone"), [("5.1.1", True), ("5.2.2", False)])
def test_an_alias_is_dead_when_all_its_ends_are(store: Store, last: str, *, gone: bool) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    fields = "Original-Recipient: rfc822; jane@example.com\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: {}\n\n"
    path = signed_ids.return_path(message, 0, domain=DOMAIN, keyring=KEYRING)
    raw = (
        f"From: MAILER-DAEMON@mx.example.net\nTo: {path}\nSubject: Undeliverable\nContent-Type: multipart/report; "
        "report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.net\n\n"
        f"{fields.format('ann@fwd.example', '5.1.1')}{fields.format('bob@fwd.example', last)}--b--\n"
    )
    assert hand_in(store, read(raw.encode())).fresh
    assert suppressed(store) == ([("jane@example.com", "bounced")] if gone else [])


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("5.2.2", "552 mailbox full"),
        ("5.1.1", "550 user is over quota"),
        ("5.2.1", "550 receiving mail at a rate that prevents delivery"),
        ("5.7.1", "550 blocked using zen.spamhaus.org"),
        ("5.0.0", "550 Administrative prohibition"),
        ("5.3.0", "554 spam"),
    ],
)
def test_a_bounce_of_an_address_that_lives_never_suppresses_for_good(store: Store, status: str, said: str) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")
    assert hand_in(store, report(message, kind="bounce", status=status, said=said)).fresh
    assert suppressed(store) == []


# --- subscribing again ----------------------------------------------------------------------------------------------


def resubscribed(store: Store, *, key: str = "sg:back") -> FeedbackResult:
    return provider(store, key=key, name="group_resubscribe", event=None, permanent=False, lifts=True)


def test_a_provider_s_reactivation_lifts_what_came_from_it_and_nothing_else(store: Store) -> None:
    desk = free(store)
    [message, *_] = leave(desk, "jane@example.com", *many(9), provider_id="id-1")
    provider(store, event=Feedback.UNSUBSCRIBED, provider_message_id="id-1")
    store.transact(lambda tx: ingest.unsubscribe(tx, message, 0))
    store.transact(lambda tx: suppressions.add(tx, suppressions.Entry("jane@example.com"), actor=ALICE))
    resubscribed(store)
    s = SUPPRESSION.c
    left = [(row.source, row.removed_at is None) for row in store.rows(select(SUPPRESSION).order_by(s.id))]
    assert left == [("ses", False), ("operator", True)]
    [told] = events(store, "suppression.removed")
    assert (told.actor, getattr(told, "reason", "")) == ("system", "ses: group_resubscribe")


def test_a_complaint_is_lifted_by_no_provider(store: Store) -> None:
    desk = free(store)
    leave(desk, "jane@example.com", provider_id="id-1")
    provider(store, event=Feedback.COMPLAINED, provider_message_id="id-1")
    resubscribed(store)
    assert desk.submit("jane@example.com").error == "recipients_suppressed"


def test_leaving_again_after_subscribing_again_holds_and_an_old_event_told_twice_does_not(store: Store) -> None:
    desk = free(store)
    leave(desk, "jane@example.com", provider_id="id-1")
    living = select(SUPPRESSION).where(SUPPRESSION.c.removed_at.is_(None))
    for key, alive in (("leave-1", 1), ("back-1", 0), ("leave-1", 0), ("leave-2", 1), ("back-1", 1), ("back-2", 0)):
        if key.startswith("leave"):
            provider(store, key=key, event=Feedback.UNSUBSCRIBED, provider_message_id="id-1")
        else:
            resubscribed(store, key=key)
        assert len(store.rows(living)) == alive, key
