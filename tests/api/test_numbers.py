"""Where a request takes a number as text, what is no number is refused by the contract, never a 500."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.api_client import Visitor
from tests.factories.desk import ADDRESS

ENDLESS = "9" * 5_000
"""More digits than Python's int() reads."""
QUERIES = (
    "/audit?after=", "/audit?limit=", "/webhooks/dead?after=", "/webhooks/dead?limit=", "/tokens?cursor=",
    "/tokens?limit=", "/inventory?limit=", "/mailboxes?limit=",
)  # fmt: skip


@pytest.mark.parametrize("number", [ENDLESS, "9" * 20, "%C2%B2"], ids=["endless", "too large", "superscript"])
def test_what_is_no_number_is_refused_wherever_one_is_asked_for(agent: Visitor, number: str) -> None:
    owner, reader, reviewer, governance = (agent.operator(name) for name in ("olive", "victor", "alice", "gail"))
    for query in QUERIES:
        asks = reader if "/audit" in query else governance
        assert (query, asks.get(query + number).status_code) == (query, 422)
    run = owner.post(f"/runs/{number}/confirm", {"up_to": 5, "reason": "a test"})
    refused = {(404, "not_found"), (422, "invalid_request")}
    assert (run.status_code, run.json()["error"]) in refused, run.text
    named = owner.post(f"/runs/{number}/confirm", {"up_to": 5, "reason": "a test", "agent": "support-bot"})
    assert (named.status_code, named.json()["error"]) in refused, named.text
    assert owner.post(f"/runs/{number}/close").status_code in {404, 422}
    dead = reviewer.post(f"/webhooks/dead/{number}/replay")
    assert (dead.status_code, dead.json()["error"]) in {(404, "not_found"), (403, "forbidden")}, dead.text
    assert governance.post(f"/tokens/{number}/revoke", {"reason": "a test"}).status_code in {404, 422}


def test_a_number_too_large_in_json_is_refused(agent: Visitor) -> None:
    told = agent.operator("olive").post("/runs/1/confirm", content=f'{{"up_to": {ENDLESS}, "reason": "a test"}}')
    assert (told.status_code, told.json()["error"]) == (422, "invalid_request"), told.text
    body = f'{{"change_reason": "a test", "limits": {{"hour": {ENDLESS}}}}}'
    told = asyncio.run(agent.operator("gail").ask("PATCH", f"/mailboxes/{ADDRESS}", content=body))
    assert (told.status_code, told.json()["error"]) == (422, "invalid_request"), told.text


@pytest.mark.parametrize("wait", [ENDLESS, "²".encode()])
def test_a_wait_that_is_no_number_asks_for_nothing(agent: Visitor, wait: str | bytes) -> None:
    prefer = b"wait=" + (wait if isinstance(wait, bytes) else wait.encode())
    answer = agent.post("/emails/send", {"from": ADDRESS, "to": "jane@example.com", "subject": "Hi", "text": "Hi"},
                        headers={b"prefer": prefer})  # fmt: skip
    assert answer.status_code == 202, answer.text
