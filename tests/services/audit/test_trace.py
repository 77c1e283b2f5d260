"""The whole story from whatever somebody has in hand, and a clear word about mail that is not ours."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from sqlalchemy import update

from core.db import gate_queries
from core.db.store import Store
from core.db.tables import MESSAGE, RECIPIENT
from core.db.transaction import Transaction
from core.durations import DAY
from core.events import AgentSuspended, EmailComplained
from core.ids import read_id, spell_id
from core.model import Actor, Mode, Outcome, Reply, Scope
from core.rules import signed_ids
from core.rules.signed_ids import HmacKeys
from core.services.audit.trace import trace
from core.services.control.read_log import Shown, What
from core.services.identity import tokens
from core.services.identity.tokens import Grant
from core.services.sending import delivery, gated_actions, review
from core.services.sending.submission import RunClaim
from core.views.trace import Story
from tests.factories.desk import ADDRESS, ALICE, DOMAIN, KEYRING, WIDE, Bench, leave, make_desk
from tests.factories.inbound import JANE, SERVER, arrive, mail, received

OK = Reply(Outcome.SENT, 250, "2.0.0", "queued as 77", "dot", "mx.example")
LOST = Reply(Outcome.UNCERTAIN, None, None, "connection lost", "dot")
CLAIM = RunClaim(
    key="run-7", user="ann@acme.test", via=("planner",), agent_version="3.1", prompt_version="p12", tools_version="t4"
)
ISSUED = orjson.dumps({"run": {"tool_call": {"name": "send_email", "arguments": {"to": "jane@example.com"}}}})


def deliver(store: Store, reply: Reply = OK, *, provider_id: str | None = None) -> None:
    while claimed := store.transact(lambda tx: delivery.claim(tx, worker=1, limit=10)):
        going = claimed
        store.transact(lambda tx, these=going: delivery.attempt(tx, these, worker=1))  # type: ignore[misc]  # bound now
        done = [delivery.Settlement(one, reply, provider_id=provider_id) for one in going]
        store.transact(lambda tx, these=done: delivery.settle(tx, these, worker=1))  # type: ignore[misc]  # the same
        store.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the tests' clock; a pace lets one go at a time


def sent(desk: Bench, to: str = "jane@example.com") -> int:
    """A message that a human approved and that left."""
    item = read_id("m", desk.submit(to, run=CLAIM, issued=ISSUED).message_id or "")
    assert item is not None
    desk.store.clock.advance(seconds=60)  # type: ignore[attr-defined]  # the tests' clock
    desk.store.transact(lambda tx: review.opened(tx, item, actor=ALICE))
    desk.store.clock.advance(seconds=9)  # type: ignore[attr-defined]  # the same
    desk.store.transact(lambda tx: review.decide(tx, review.Decision(item, approve=True), actor=ALICE))
    deliver(desk.store, provider_id="0100-abc")
    return item


def complain(desk: Bench, item: int) -> None:
    def verb(tx: Transaction) -> None:
        tx.write(update(RECIPIENT).where(RECIPIENT.c.message_id == item).values(feedback="complained"))
        ids = {"message": item, "mailbox": desk.mailbox_id, "agent": desk.agent_id}
        leave(tx, EmailComplained(actor="recipient", **ids, n=0, source="arf"))
        leave(
                tx,
            AgentSuspended(
                actor="guard", agent=desk.agent_id, reason="complaints 2 % of 100", guard="complaints", figures={},
                in_flight=0, queued=0, pending=0,
            )
        )  # fmt: skip

    desk.store.clock.advance(seconds=3600)  # type: ignore[attr-defined]  # the same
    desk.store.transact(verb)


def told(store: Store, key: str, keyring: HmacKeys = KEYRING) -> Story:
    with store.read() as conn:
        return trace(conn, key, keyring)


def test_a_story_goes_from_the_human_to_the_consequence(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    complain(desk, item)
    story = told(store, spell_id("m", item))
    kinds = [step.kind for step in story.steps]
    assert kinds == [
        "run", "call", "submitted", "decision", "decision", "change", "departure", "feedback", "consequence",
    ]  # fmt: skip
    text = story.text()
    for said in (
        "ann@acme.test -> planner started run run-7 of support-bot · agent 3.1 · prompt p12 · tools t4",
        "called send_email(to)",
        "held (mode)",
        "approved by alice after 9.0 s, policy 1",
        "jane@example.com: accepted by example.com: 250 2.0.0 queued as 77",
        "jane@example.com: complained, says arf",
        "agent suspended: complaints 2 % of 100",
    ):
        assert said in text
    assert story.ours is True
    assert [step.at for step in story.steps] == sorted(step.at for step in story.steps)


def test_a_story_names_the_token_its_parent_and_who_issued_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    parent, actor = desk.token.id, Actor("agent", "support-bot")
    grant = Grant(scopes=(Scope.SEND,), ttl=DAY, run="run-7")
    child = store.transact(lambda tx: tokens.delegate(tx, parent=parent, grant=grant, token_hash=b"c", actor=actor))
    with store.read() as conn:
        narrow = gate_queries.token_by_hash(conn, b"c")
    assert narrow is not None
    own = read_id("m", desk.submit().message_id or "")
    passed_on = read_id("m", replace(desk, token=narrow).submit("bob@example.com", run="run-7").message_id or "")
    said = {}
    for item in (own, passed_on):
        (step,) = [one for one in told(store, spell_id("m", item or 0)).steps if one.kind == "submitted"]
        said[item] = (step.text, step.data["tokens"])
    text, chain = said[own]
    assert text.endswith(f"with token {parent}, issued by gail")
    assert chain == [{"id": parent, "issued_by": "gail"}]
    text, chain = said[passed_on]
    assert text.endswith(f"with token {child.token}, delegated from token {parent}, issued by gail")
    assert chain == [{"id": child.token, "issued_by": str(actor)}, {"id": parent, "issued_by": "gail"}]


def test_every_mark_a_report_may_carry_leads_to_the_message(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    rfc = signed_ids.message_id(item, domain=DOMAIN, keyring=KEYRING)
    path = signed_ids.return_path(item, 0, domain=DOMAIN, keyring=KEYRING)
    keys = (
        spell_id("m", item), rfc, rfc.strip("<>"), rfc.upper(), f"Message-ID: {rfc}", path, f"<{path}>",
        signed_ids.trace_header(item, keyring=KEYRING), "0100-abc", "<0100-abc@email.amazonses.com>",
        f"https://desk.acme.test/u/{signed_ids.unsubscribe_token(item, 0, keyring=KEYRING)}",
    )  # fmt: skip
    assert {key: told(store, key).messages for key in keys} == dict.fromkeys(keys, (item,))


def test_a_return_path_names_its_one_recipient(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit(["jane@example.com", "bob@example.com"]).message_id or "") or 0
    story = told(store, signed_ids.return_path(item, 1, domain=DOMAIN, keyring=KEYRING))
    assert any("bob@example.com" in note for note in story.notes)


def test_a_message_id_is_found_after_its_key_has_left_the_ring(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    other = HmacKeys(keys={"k9": b"another-key-of-thirty-two-bytes!"}, active="k9")
    story = told(store, signed_ids.message_id(item, domain=DOMAIN, keyring=KEYRING), other)
    assert story.messages == (item,)


@pytest.mark.parametrize(
    "key",
    [f"<20261120.abc@{DOMAIN}>", f"b-k1aaaaaaaaaaaaaaaaaaaaaa@bounces.{DOMAIN}", f"<x@mail.{DOMAIN}>"],
)
def test_mail_with_our_domain_and_not_our_trace_is_named_as_not_ours(store: Store, key: str) -> None:
    make_desk(store)
    story = told(store, key)
    assert story.ours is False
    assert "not ours" in story.verdict


def test_a_mark_forged_for_a_real_message_is_not_ours(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    forged = f"<{spell_id('m', item)}.k1.aaaaaaaaaaaaaaaaaaaaaaaa@{DOMAIN}>"
    assert told(store, forged).ours is False


@pytest.mark.parametrize("key", ["", "   ", "nobody@elsewhere.example", "m0000000000000", "x" * 5_000, "'; --", "a/b"])
def test_what_is_unknown_is_said_to_be_unknown(store: Store, key: str) -> None:
    make_desk(store)
    story = told(store, key)
    assert story.ours is None
    assert not story.found


def test_a_recipient_is_told_of_every_message_and_of_repetition(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for _ in range(2):
        desk.submit("jane@example.com")
    desk.submit("bob@example.com")
    deliver(store)
    story = told(store, "Jane@Example.com")
    assert len(story.messages) == 2
    assert any("repeats" in note for note in story.notes)
    assert "bob@example.com" not in story.text()


def test_a_recipient_does_not_learn_of_the_others_of_a_message(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    desk.submit(["jane@example.com", "bob@example.com"])
    deliver(store)
    departures = [step.text for step in told(store, "jane@example.com").steps if step.kind == "departure"]
    assert len(departures) == 1
    assert departures[0].startswith("jane@example.com")


def test_mail_that_may_have_arrived_twice_is_noted(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = desk.submit().message_id or ""
    deliver(store, LOST)
    store.clock.advance(seconds=3600)  # type: ignore[attr-defined]  # the tests' clock
    deliver(store)
    assert any("twice" in note for note in told(store, item).notes)


def test_run_agent_mailbox_and_user_lead_to_their_messages(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    for key, kind in (
        ("run-7", "run"),
        ("support-bot/run-7", "run"),
        ("support-bot", "agent"),
        (ADDRESS, "mailbox"),
        ("ann@acme.test", "user"),
    ):
        story = told(store, key)
        assert (story.kind, story.messages) == (kind, (item,)), key


def test_an_untraced_message_says_whose_token_it_came_with(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    item = read_id("m", desk.submit(run=RunClaim()).message_id or "") or 0
    assert "issued by gail" in told(store, spell_id("m", item)).text()


def test_a_long_story_ends_and_says_so(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for _ in range(52):
        desk.submit("jane@example.com")
    story = told(store, "jane@example.com")
    assert len(story.messages) == 50
    assert story.truncated


def test_a_story_as_json_spells_ids_and_times(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    story = orjson.loads(orjson.dumps(told(store, spell_id("m", item)).as_json()))
    assert story["messages"] == [spell_id("m", item)]
    assert story["steps"][0]["at"].endswith("Z")
    assert story["steps"][1]["data"]["tool_call"]["name"] == "send_email"
    with store.read() as conn:
        assert conn.execute(MESSAGE.select()).first() is not None


def test_a_story_of_mail_that_waits_ends_with_what_it_waits_for(store: Store) -> None:
    desk = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    down = Reply(Outcome.ROUTE_DOWN, None, "4.4.1", "Error connecting to relay:2525", "connect")
    item = desk.submit().message_id or ""
    claimed = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=1))
    store.transact(lambda tx: delivery.attempt(tx, claimed, worker=1))
    store.transact(lambda tx: delivery.settle(tx, [delivery.Settlement(claimed[0], down)], worker=1))
    for key in (item, "jane@example.com", ADDRESS):
        with store.read() as conn:
            last = trace(conn, key, KEYRING, now=store.clock.now()).steps[-1]
        assert last.kind == "waits"
        assert "waits for the route, which does not answer (4.4.1 Error connecting to relay:2525), until" in last.text


def test_a_story_of_mail_that_has_left_waits_for_nothing(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    item = sent(desk)
    with store.read() as conn:
        steps = trace(conn, spell_id("m", item), KEYRING, now=store.clock.now()).steps
    assert "waits" not in {step.kind for step in steps}


def test_received_mail_is_traced_by_its_id_its_message_id_its_author_and_the_answer_to_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    assert told(store, spell_id("m", 7)).kind == "nothing"
    arrive(desk, mail(more=f"Authentication-Results: {SERVER}; dmarc=pass header.from=example.com\n"))
    (row,) = received(store)
    asked = Shown(What.BODY, item=row.id)
    store.transact(lambda tx: gated_actions.read(tx, ADDRESS, "body", token=desk.token, ctx=desk.ctx, shown=asked))
    answer = desk.submit(JANE, run=CLAIM, in_reply_to="<q1@example.com>")
    keys = (spell_id("m", row.id), "<q1@example.com>", answer.message_id or "")
    stories = [told(store, key) for key in keys]
    for story in stories:
        assert story.found
        assert story.ours
        assert [step.kind for step in story.steps if step.kind in {"received", "read", "submitted"}] == [
            "received", "read", "submitted",
        ]  # fmt: skip
    first = stories[0]
    assert first.verdict == f"received from {JANE} for {ADDRESS}, delivered; support-bot sent 1 message in its thread"
    came = next(step.text for step in first.steps if step.kind == "received")
    assert came.startswith(f"came by lmtp from {JANE} 'Refund': {row.size} bytes, digest {row.digest[:12]}, DMARC pass")
    read = next(step.text for step in first.steps if step.kind == "read")
    assert read.startswith(f"agent:support-bot read the body (http, token {desk.token.id}")
    by_author = told(store, JANE)
    assert by_author.verdict == f"1 message of this desk went to {JANE}, 1 message came from {JANE}"
    assert told(store, "stranger@example.com").kind == "nothing"


def test_the_trace_of_held_mail_tells_who_decided(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    arrive(desk, mail(more="X: " + "a" * 300_000 + "\n"))
    item = received(store)[0].id
    store.transact(lambda tx: review.decide(tx, review.Decision(item, approve=True, reason="known"), actor=ALICE))
    texts = [step.text for step in told(store, spell_id("m", item)).steps if step.kind == "decision"]
    assert texts[0].startswith("held (unreadable) until")
    assert texts[1].startswith("approved by alice unopened, policy 1: known")
    assert texts[2] == "released to its agent, approved by alice: known"
