"""The guards at work: each word is held against the agent's rates in its own transaction."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.db import gate_queries
from core.db.queries import agents as views
from core.db.store import Store
from core.db.tables import SUPPRESSION
from core.db.transaction import Transaction
from core.durations import DAY, HOUR
from core.events import AgentSuspended, AgentWarned, EmailBounced
from core.model import Reply
from core.operations.screens import overview
from core.rules.guards import Measure
from core.rules.policy import Policy
from core.services.control import emergency
from core.services.feedback import ingest
from core.services.sending import delivery
from core.smtp.replies import Answer, judge
from tests.factories.delivery import NOBODY, OK, attempt, claim, events, leave, many, number, pass_a_moment, settle
from tests.factories.desk import GAIL, KEYRING, Bench, issue
from tests.factories.reports import agent, counted, free, hand_in, recipient, report, suppressed

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
    assert agent(store).suspend_figures["sentence"] == "complaints 5 % (limit 0.05 %) of 40 delivered in 7d"
    refused = desk.submit("another@example.com")
    assert refused.error == "agent_suspended"
    assert "5 % (limit 0.05 %) of 40" in (refused.reason or "")
    assert waiting.status == "queued"
    assert claim(store) == []


@pytest.mark.parametrize(("kind", "mails"), [("complaint", 2), ("bounce", 5), ("complaint", 9), ("bounce", 9)])
def test_one_recipient_suspends_nobody_however_many_mails_they_send_back(store: Store, kind: str, mails: int) -> None:
    desk = free(store)
    sent = leave(desk, *["jane@example.com"] * mails)
    for message in sent:
        assert hand_in(store, report(message, kind=kind)).fresh
    assert agent(store).status == "active"
    counted_as = {"complaint": "complained", "bounce": "bounced"}[kind]
    assert counted(store, f"{counted_as}_1h") == 1
    assert counted(store, f"{counted_as}_aside_1h") == mails - 1
    told = [one.reason for one in events(store, "agent.warned") if isinstance(one, AgentWarned)]
    assert len(told) == 2, "the first event, and that enough came back to suspend"
    assert "more from the same recipients or one domain not counted" in told[1]


def test_a_small_domain_alone_suspends_nobody_and_is_shown(store: Store) -> None:
    desk = free(store)
    leave(desk, *many(60))
    sent = leave(desk, *[f"r{n}@evil.example" for n in range(8)])
    for n, message in enumerate(sent):
        hand_in(store, report(message, kind="bounce", address=f"r{n}@evil.example"))
    assert agent(store).status == "active"
    assert (counted(store, "bounced_1h"), counted(store, "bounced_aside_1h")) == (4, 4)
    assert "1 more" in agent(store).warned["bounces_aside"]["sentence"]
    [other] = leave(desk, "jane@example.com")
    hand_in(store, report(other, kind="bounce"))
    assert agent(store).status == "suspended", "somebody else as well"


@pytest.mark.parametrize("domain", ["gmail.com", "example.com"])
def test_strangers_at_one_provider_and_the_agent_s_own_audience_count_each(store: Store, domain: str) -> None:
    desk = free(store)
    leave(desk, *many(40))
    sent = leave(desk, *[f"x{n}@{domain}" for n in range(5)])
    for n, message in enumerate(sent):
        hand_in(store, report(message, kind="bounce", address=f"x{n}@{domain}"))
    assert agent(store).status == "suspended"
    assert agent(store).suspend_figures["aside"] == 0


def test_a_recipient_counts_again_when_their_last_complaint_has_left_the_window(store: Store, clock: Any) -> None:
    desk = free(store)
    for _ in range(2):
        [message] = leave(desk, "jane@example.com")
        hand_in(store, report(message, kind="bounce"))
        store.transact(lambda tx: tx.write(SUPPRESSION.update().values(removed_at=tx.now)))
        clock.advance(micros=4 * DAY)
    assert (counted(store, "bounced_1h"), counted(store, "bounced_aside_1h")) == (2, 0)


def test_the_gauge_of_the_console_shows_what_the_guard_counts(store: Store) -> None:
    desk = free(store)
    for message in leave(desk, *["jane@example.com"] * 6):
        hand_in(store, report(message, kind="bounce"))
    with store.read() as conn:
        tx = Transaction(conn, now=store.clock.now(), sqlite=store.sqlite)
        [basics] = views.agents(conn)
        shown = overview.share(tx, Measure.BOUNCES, Policy().guards.bounces, basics)
    assert (shown.events, shown.whole) == (1, 6)


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
            tx.run(functools.partial(ingest.absorb_report, report=one, source="report", keyring=KEYRING))
        assert tx.run(lambda tx: delivery.attempt(tx, claimed, worker=1)) == set()


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
    hand_in(store, report(message, kind="bounce", status="5.7.1", said="550 user unknown"))
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
    store.transact(lambda tx: emergency.resume_agent(tx, "support-bot", reason="its list was cleaned", actor=GAIL))
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
    store.transact(lambda tx: ingest.unsubscribe(tx, sent[0], 0))
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
    store.transact(lambda tx: ingest.absorb_refusal(tx, claimed[0], reply))
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
    refuse(store, desk, "no5@example.net", NOBODY)
    assert agent(store).status == "suspended"
    assert agent(store).suspend_figures["sentence"] == "bounces 5 % (limit 5 %) of 100 delivered in 72h"


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
    assert ingest.condemns_address(reply) is condemned


def test_a_refusal_for_other_causes_counts_nothing(store: Store) -> None:
    desk = free(store)
    message = refuse(store, desk, "jane@example.com", replace(NOBODY, enhanced="5.7.1", text="spam"))
    assert recipient(store, message).feedback is None
    assert suppressed(store) == []


def test_everything_of_one_report_is_undone_together(store: Store) -> None:
    desk = free(store)
    [message] = leave(desk, "jane@example.com")

    def fail(tx: Any) -> None:
        ingest.absorb_report(tx, report(message), source="report", keyring=KEYRING)
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
    box = store.transact(lambda tx: gate_queries.gate(tx, desk.mailbox_id))
    assert box.suspend_figures["sentence"].startswith("complaints 50 % (limit 0.05 %) of 4 delivered")
    assert box.suspend_figures["window"] == 7 * 24 * HOUR


def test_every_reply_of_the_table_condemns_at_delivery_whom_it_condemns_in_a_report() -> None:
    replies = (Path(__file__).parents[2] / "corpus" / "replies.txt").read_text(encoding="utf-8")
    rows = [line.split(" | ", 4) for line in replies.splitlines() if line and not line.startswith(("#", "-"))]
    assert len(rows) > 300
    wrong = [
        text
        for code, stage, _, suppress, text in rows
        if ingest.condemns_address(judge(Answer(int(code), text), stage=stage, host="mx.example", tls=True))  # type: ignore[arg-type]  # a word of the table
        is not (suppress == "suppress")
    ]
    assert wrong == []
