"""An agent asks for its mailbox over HTTP; its enrolment token opens these routes and no other."""

from __future__ import annotations

import hashlib
from typing import Final

import pytest

from core.model import Scope
from core.rules.issuance import Kind
from tests.api.api_client import JSON, Visitor, problem
from tests.factories.desk import DOMAIN
from tests.factories.records import add_keys, sign, told

BOX: Final = f"sales@{DOMAIN}"
SECRET: Final = "fifty random characters of the agent's own, it says"
RECORD: Final[JSON] = {
    "address": BOX, "purpose": "answers questions about orders", "systems": ["orders", "crm, read only"],
    "revoke_when": "the order desk closes", "allow": ["example.com"],
    "claim_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
}  # fmt: skip


@pytest.fixture
def asking(agent: Visitor) -> Visitor:
    """An agent with nothing but an enrolment token that olive issued."""
    agent.bench.store.transact(lambda tx: add_keys(tx, agent.bench.stream_id))
    issued = agent.operator("olive").post("/tokens/enrol", {"agent": "sales-bot", "ttl": "2h"})
    assert issued.status_code == 201, issued.text
    assert (issued.json()["owner"], issued.json()["scopes"]) == ("olive", ["request"])
    return agent.using(issued.json()["token"])


def test_it_asks_waits_claims_and_works(asking: Visitor) -> None:
    filed = asking.post("/enrolment/requests", RECORD)
    assert filed.status_code == 202, filed.text
    shown = filed.json()
    assert (shown["status"], shown["waiting_for"]) == ("waiting", ["owner", "governance", "deliverability"])
    assert "olive" not in filed.text
    assert asking.post("/enrolment/requests", RECORD).json()["id"] == shown["id"]
    assert asking.operator("alice").get("/mailboxes?status=requested").json()["mailboxes"][0]["address"] == BOX
    for kind in Kind:
        sign(asking.bench.store, kind)
    way = f"/enrolment/requests/{shown['id']}"
    assert asking.get(way).json()["status"] == "approved"
    problem(asking.post(f"{way}/claim", {"claim_secret": "not the secret at all"}), 403, "wrong_secret")
    claimed = asking.post(f"{way}/claim", {"claim_secret": SECRET})
    assert (claimed.status_code, claimed.json()["scopes"]) == (201, ["send", "read"])
    problem(asking.post(f"{way}/claim", {"claim_secret": SECRET}), 409, "claimed")
    bot = asking.using(claimed.json()["token"])
    assert bot.send(sender=BOX).json()["status"] == "pending"
    assert SECRET not in asking.bench.store.url
    problem(bot.get(way), 403, "insufficient_scope")


def test_too_many_wrong_secrets_are_429_with_a_time(asking: Visitor) -> None:
    number = asking.post("/enrolment/requests", RECORD).json()["id"]
    for _ in range(5):
        asking.post(f"/enrolment/requests/{number}/claim", {"claim_secret": "a guess of some length"})
    answer = asking.post(f"/enrolment/requests/{number}/claim", {"claim_secret": "one guess too many"})
    problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "3600"
    assert told(asking.bench.store).count("token.claim_refused") == 5


def test_every_other_route_of_agents_refuses_an_enrolment_token(asking: Visitor) -> None:
    open_to_all = ("/u/", "/feedback/", "/inbound/", "/attachments/", "/healthz", "/readyz", "/metrics")
    tried = 0
    for path, methods in asking.app.openapi()["paths"].items():
        if path.startswith(("/enrolment/", *open_to_all)) or path.endswith(("/claim", ".claim")):
            continue
        filled = path
        for name, value in (
            ("{message_id}", "m00000000000c1"), ("{item}", "m00000000000c1"), ("{thread_id}", "t00000000000c1"),
            ("{address}", BOX), ("{index}", "1"), ("{token}", "1"), ("{number}", "1"),
        ):  # fmt: skip
            filled = filled.replace(name, value)
        for method in methods:
            if method in ("get", "post"):
                tried += 1
                answer = asking.get(filled) if method == "get" else asking.post(filled, {})
                problem(answer, 403, "insufficient_scope")
    assert tried > 30


def test_governance_cannot_grant_the_scope_and_an_agent_cannot_delegate_it(asking: Visitor, agent: Visitor) -> None:
    body = {"agent": "support-bot", "scopes": [Scope.REQUEST]}
    problem(agent.operator("gail").post("/tokens", body), 422, "invalid_request")
    problem(agent.post("/tokens/delegate", {"run": "r", "scopes": ["request"]}), 422, "invalid_request")


def test_what_is_wrong_names_its_field(asking: Visitor) -> None:
    for member, value in (("purpose", "two\nlines"), ("limits", {"day": 50}), ("allow", ["*"]), ("expires", "soon")):
        answer = problem(asking.post("/enrolment/requests", RECORD | {member: value}), 422, "invalid_request")
        assert answer["errors"][0]["field"].startswith(member)
