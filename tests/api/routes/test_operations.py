"""`POST /v1/NAME`: what holds for every operation, shown with a few of them."""

from __future__ import annotations

from sqlalchemy import select

from core.api.schemas import examples
from core.db import audit_log
from core.db.tables import READING
from tests.api.api_client import Visitor, problem

NEW = "news@support-bot.acme.test"
SUSPEND = {"agent": "support-bot", "reason": "odd replies"}


def _held(visitor: Visitor) -> str:
    return str(visitor.send().json()["message_id"])


def _log(visitor: Visitor) -> list[str]:
    with visitor.bench.store.read() as conn:
        return [entry.event.type for entry in audit_log.read(conn, after=0)]


def test_an_act_answers_as_the_other_routes_do(agent: Visitor) -> None:
    alice = agent.operator("alice")
    answer = alice.post("/v1/agent.suspend", SUSPEND)
    assert answer.status_code == 200
    assert answer.json() == {"agent": "support-bot", "status": "suspended", "in_flight": 0, "queued": 0, "pending": 0}
    problem(alice.post("/v1/agent.resume", SUSPEND), 403, "forbidden")
    assert agent.operator("gail").post("/v1/agent.resume", SUSPEND).json()["status"] == "active"


def test_a_repeated_key_answers_the_first_answer_and_acts_once(agent: Visitor) -> None:
    alice, key = agent.operator("alice"), {"Idempotency-Key": "k-1"}
    first = alice.post("/v1/token.revoke", {"id": 1}, headers=key)
    assert first.json() == {"id": 1, "revoked": 1}
    assert alice.post("/v1/token.revoke", {"id": 1}, headers=key).json() == first.json()
    assert _log(agent).count("token.revoked") == 1
    other = alice.post("/v1/desk.stop", {"reason": "odd"}, headers=key)
    problem(other, 422, "idempotency_mismatch")
    assert agent.operator("bob").post("/v1/desk.stop", {"reason": "odd"}, headers=key).status_code == 200, (
        "keys are own"
    )


def test_an_act_that_is_prepared_first_can_be_repeated_too(agent: Visitor) -> None:
    """Prepared again, the edit would be refused: it changes nothing any more."""
    alice, key, item = agent.operator("alice"), {"Idempotency-Key": "k-1"}, _held(agent)
    before = alice.post("/v1/message.wording", {"id": item}).json()
    edited = {"id": item, "digest": before["digest"], "subject": "It leaves on Friday"}
    first = alice.post("/v1/message.edit", edited, headers=key)
    assert first.status_code == 200, first.text
    again = alice.post("/v1/message.edit", edited, headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert _log(agent).count("email.edited") == 1


def test_a_refusal_is_not_kept_under_its_key(agent: Visitor) -> None:
    gail, key = agent.operator("gail"), {"Idempotency-Key": "k-1"}
    problem(gail.post("/v1/desk.start", {"reason": "done"}, headers=key), 409, "conflict")
    agent.operator("alice").post("/v1/desk.stop", {"reason": "odd"})
    assert gail.post("/v1/desk.start", {"reason": "done"}, headers=key).json() == {"running": True, "by": ["gail"]}


def test_each_of_several_items_is_decided_by_itself(agent: Visitor) -> None:
    alice, one, other = agent.operator("alice"), _held(agent), _held(agent)
    for item in (one, other):
        assert alice.post("/v1/message.show", {"id": item}).status_code == 200
    alice.post("/v1/message.reject", {"ids": [one], "reason": "no"})
    key = {"Idempotency-Key": "k-1"}
    answer = alice.post("/v1/message.approve", {"ids": [one, other, other]}, headers=key)
    assert answer.status_code == 200
    decided, refused = answer.json()["decided"], answer.json()["refused"]
    assert [(row["id"], row["status"]) for row in decided] == [(other, "approved")]
    assert [(row["id"], row["error"]) for row in refused] == [(one, "conflict")]
    assert alice.post("/v1/message.approve", {"ids": [one, other]}, headers=key).json()["decided"] == decided
    assert _log(agent).count("email.approved") == 1
    problem(alice.post("/v1/message.approve", {"ids": [other]}), 409, "conflict")


def test_what_is_shown_is_opened_and_logged_first(agent: Visitor) -> None:
    item = _held(agent)
    shown = agent.operator("alice").post("/v1/message.show", {"id": item}).json()
    assert shown["recipients"][0]["address"] == "jane@example.com"
    assert [row.operator for row in agent.bench.store.rows(select(READING.c.operator))] == ["alice"]
    assert _log(agent).count("email.read") == 1
    problem(agent.operator("alice").post("/v1/message.show", {"id": "m00000000000c1"}), 404, "not_found")


def test_requests_that_cannot_be_read_say_which_member(agent: Visitor) -> None:
    alice = agent.operator("alice")
    wrong = problem(alice.post("/v1/agent.suspend", {"agent": "support-bot"}), 422, "invalid_request")
    assert wrong["errors"] == [{"field": "reason", "problem": "Field required"}]
    problem(alice.post("/v1/message.approve", {"ids": ["x"]}), 422, "invalid_request")
    problem(alice.post("/v1/event.list", {"filter": "nonsense:1"}), 422, "invalid_request")
    problem(alice.post("/v1/nothing.at_all", {}), 404, "not_found")
    assert alice.post("/v1/desk.status").json()["running"] is True, "no body is no members"


def test_dns_is_looked_up_before_the_transaction_that_signs(agent: Visitor) -> None:
    agent.operator("alice").post("/mailboxes", examples.EXAMPLES["MailboxRequest"]["plain"] | {"address": NEW})
    body = {"address": NEW, "kind": "deliverability"}
    sheet = agent.operator("dora").post("/v1/mailbox.checklist", body).json()
    keys = next(item for item in sheet["checklist"] if item["item"] == "keys_published")
    assert keys["found"] is False, "null: nobody has looked"
