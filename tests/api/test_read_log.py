"""Whoever is shown mail or records over HTTP stands in the log, once for equal reads of an hour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text, update

from core.db import audit_log
from core.db.store import Store
from core.db.tables import TOKEN
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.events import DeskRead, EmailRead, EmailTagged
from core.ids import read_id, spell_id
from core.model import Mode
from tests.api.api_client import JSON, Visitor, opened, problem
from tests.factories.desk import ADDRESS, make_desk

LIST = f"/mailboxes/{ADDRESS}/messages"
PENDING = f"/mailboxes/{ADDRESS}/pending"


def reads(visitor: Visitor) -> list[Any]:
    """What the log says of reads and tags, in order."""
    with visitor.bench.store.read() as conn:
        entries = audit_log.read(conn, after=0)
    return [one.event for one in entries if isinstance(one.event, EmailRead | EmailTagged | DeskRead)]


def lines(visitor: Visitor, **more: Any) -> list[JSON]:
    return [orjson.loads(one) for one in visitor.operator("alice").get("/audit", **more).text.splitlines()]


# --- agents -------------------------------------------------------------------------------------------------------


def test_an_agents_read_of_its_mailbox_is_an_event_with_its_token(agent: Visitor) -> None:
    assert agent.get(LIST).status_code == 200
    (read,) = reads(agent)
    assert (read.actor, read.what, read.door) == ("agent:support-bot", "messages", "http")
    assert (read.mailbox, read.agent, read.token) == (
        agent.bench.mailbox_id,
        agent.bench.agent_id,
        agent.bench.token.id,
    )
    assert read.item is None


def test_the_run_of_a_bound_token_stands_beside_its_read(agent: Visitor) -> None:
    sent = agent.send().json()["message_id"]
    agent.bench.store.transact(lambda tx: tx.write(update(TOKEN).values(run_key="run-1")))
    assert agent.get(LIST).status_code == 200
    (read,) = reads(agent)
    assert read.run is not None
    (submitted,) = [one for one in lines(agent) if one["type"] == "email.submitted" and one["id"] == sent]
    assert read.run == submitted["run"]


def test_who_polls_for_an_hour_leaves_one_entry_and_the_next_hour_another(agent: Visitor, clock: FakeClock) -> None:
    message = agent.send().json()["message_id"]
    clock.advance(micros=HOUR - clock.now() % HOUR)
    for _ in range(5):
        agent.get(LIST)
        agent.get(LIST, params={"q": "refund"})
        agent.get(f"/emails/{message}")
        clock.advance(seconds=600)
    assert [(one.what, one.message) for one in reads(agent)] == [("messages", None), ("status", _number(message))]
    clock.advance(seconds=600)
    agent.get(LIST)
    agent.get(f"/emails/{message}")
    assert [one.what for one in reads(agent)] == ["messages", "status"] * 2


def test_a_status_call_for_each_of_many_messages_is_one_entry(agent: Visitor) -> None:
    for n in range(4):
        agent.get(f"/emails/{agent.send(to=f'r{n}@example.com').json()['message_id']}")
    assert [one.what for one in reads(agent)] == ["status"]


def test_what_was_refused_or_not_found_was_not_read(agent: Visitor) -> None:
    problem(agent.get("/emails/m0000000000000"), 404, "not_found")
    problem(agent.get("/mailboxes/other@support-bot.acme.test/messages"), 403, "not_your_mailbox")
    problem(agent.operator("root").get(PENDING), 403, "forbidden")
    problem(agent.operator("alice").get("/emails/m0000000000000"), 404, "not_found")
    problem(agent.using(None).get(LIST), 401, "unauthenticated")
    agent.operator("alice").get("/trace/nobody-knows-this")
    assert reads(agent) == []


def test_each_read_that_a_person_approved_is_an_event_naming_that_approval(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store, mode=Mode.GATED_ALL), tmp_path) as agent:
        for _ in range(2):
            action = agent.get(LIST).json()["action_id"]
            assert agent.get(LIST).status_code == 202
            agent.operator("alice").post(f"/emails/{action}/decide", {"action": "approve"})
            assert agent.get(LIST).status_code == 200
        granted = [spell_id("a", one.item) for one in reads(agent)]
        assert len(set(granted)) == 2
        assert granted[-1] == action
        assert [one["id"] for one in lines(agent) if one["type"] == "email.read"] == granted


def test_a_tag_that_was_set_is_an_event_and_one_that_was_there_is_not(agent: Visitor) -> None:
    message = agent.send().json()["message_id"]
    for _ in range(2):
        assert agent.post(f"/emails/{message}/tags", {"tags": ["vip", "refund"]}).status_code == 200
    assert agent.post(f"/emails/{message}/tags", {"tags": []}).status_code == 200
    tagged = reads(agent)
    assert [(one.type, one.actor, one.count) for one in tagged] == [
        ("email.tagged", "agent:support-bot", 2), ("email.tagged", "agent:support-bot", 0),
    ]  # fmt: skip
    assert {one.message for one in tagged} == {_number(message)}
    assert b"vip" not in agent.operator("alice").get("/audit").content


def test_a_tag_that_the_mode_refuses_is_no_tag(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store, mode=Mode.AUTONOMOUS), tmp_path) as agent:
        message = agent.send().json()["message_id"]
        agent.bench.store.transact(lambda tx: tx.conn.execute(text("UPDATE mailbox SET mode = 'read_only'")))
        problem(agent.post(f"/emails/{message}/tags", {"tags": ["vip"]}), 403, "action_blocked")
        assert reads(agent) == []


# --- operators ----------------------------------------------------------------------------------------------------


def test_whatever_shows_an_operator_mail_is_an_event_before_it_is_shown(agent: Visitor) -> None:
    message, alice = agent.send().json()["message_id"], agent.operator("alice")
    paths = (PENDING, f"/emails/{message}", f"/emails/{message}/difference", f"/trace/{message}", "/audit")
    for path in paths * 2:
        assert alice.get(path).status_code == 200, path
    assert [(one.type, one.what, one.actor, one.door) for one in reads(agent)] == [
        ("email.read", "pending", "alice", "http"), ("email.read", "message", "alice", "http"),
        ("email.read", "difference", "alice", "http"), ("email.read", "trace", "alice", "http"),
        ("desk.read", "log", "alice", "http"),
    ]  # fmt: skip
    assert [one.message for one in reads(agent)[1:4]] == [_number(message)] * 3
    assert agent.operator("bob").get(f"/emails/{message}").status_code == 200
    assert reads(agent)[-1].actor == "bob"


def test_a_walk_through_many_messages_is_an_entry_for_each(agent: Visitor) -> None:
    sent = [agent.send(to=f"r{n}@example.com").json()["message_id"] for n in range(3)]
    for message in sent:
        agent.operator("alice").get(f"/emails/{message}")
    assert [spell_id("m", one.message) for one in reads(agent)] == sent


def test_a_trace_of_a_person_names_the_messages_it_told_of_and_never_the_person(agent: Visitor) -> None:
    sent = {agent.send(subject=f"Refund {n}").json()["message_id"] for n in range(2)}
    agent.operator("alice").get("/trace/jane@example.com")
    (read,) = reads(agent)
    assert set(read.messages) == sent
    assert "jane" not in agent.operator("alice").get("/audit").text


def test_what_cannot_be_entered_is_not_shown(agent: Visitor) -> None:
    message = agent.send().json()["message_id"]
    with agent.bench.store.begin() as tx:
        tx.conn.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    answer = agent.operator("alice").get(f"/emails/{message}")
    problem(answer, 503, "unavailable")
    assert "jane" not in answer.text


def test_who_was_narrowed_a_moment_ago_is_not_shown_what_they_saw_before(agent: Visitor) -> None:
    """What is remembered of an entry must not stand for the right to read."""
    message, alice = agent.send().json()["message_id"], agent.operator("alice")
    assert alice.get(f"/emails/{message}").status_code == 200
    agent.bench.store.transact(lambda tx: tx.conn.execute(text("UPDATE operator SET disabled_at = 1")))
    problem(alice.get(f"/emails/{message}"), 401, "unauthenticated")


def test_an_export_names_messages_and_held_actions_as_trace_takes_them(agent: Visitor) -> None:
    message = agent.send().json()["message_id"]
    named = [one for one in lines(agent) if one.get("message") is not None]
    assert named
    assert {one["id"] for one in named} == {message}
    alice = agent.operator("alice")
    assert alice.get(f"/trace/{named[0]['id']}").json()["messages"] == [message]


def test_a_trace_says_who_has_read_the_message(agent: Visitor) -> None:
    message = agent.send().json()["message_id"]
    agent.operator("bob").get(f"/emails/{message}")
    steps = agent.operator("alice").get(f"/trace/{message}").json()["steps"]
    assert [(one["actor"], one["text"]) for one in steps if one["kind"] == "read"] == [
        ("bob", "bob read the message (http)")
    ]


def _number(message: str) -> int:
    found = read_id("m", message)
    assert found is not None
    return found


@pytest.mark.parametrize("path", [PENDING, "/emails/m0000000000001/difference", "/audit", "/trace/support-bot"])
def test_reading_takes_a_token_and_a_role(agent: Visitor, path: str) -> None:
    problem(agent.using(None).get(path), 401, "unauthenticated")
    problem(agent.operator("root").get(path), 403, "forbidden")
