"""From one prompt to a mailbox in use: an agent with the official client, three people, and a real receiver."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from core.clock import SystemClock
from core.demo.newcomer import Newcomer
from core.demo.seed import Cast, sign_off
from core.model import Mode
from core.rules.issuance import Kind
from tests.mcp.live_gateway import Live, call, live_gateway, text

BOX: Final = "concierge@bots.acme.test"
SECRET: Final = "a secret that the agent made before it asked"
QUESTION: Final = (
    b"From: Jane <jane@example.com>\r\nTo: concierge@bots.acme.test\r\nSubject: Thursday\r\n"
    b"Message-ID: <question@example.com>\r\n\r\nIs a room free on Thursday?\r\n"
)


def post(live: Live, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(
        f"{live.url}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60
    )
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def wait_for(true: Callable[[], bool], *, what: str, patience: float = 200.0) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


@pytest.mark.thorough
def test_it_asks_people_sign_it_claims_reads_replies_and_a_person_lets_it_go(tmp_path: Path) -> None:
    cast = [Cast("neighbour", "other@bots.acme.test", Mode.GATED_SEND, "makes the stream")]
    with live_gateway(tmp_path, cast) as live:
        enrolment = live.enrol("concierge-bot")
        asked = call(
            live, enrolment, "request_mailbox", address=BOX, purpose="Books rooms for visitors.",
            systems=["room calendar"], revoke_when="the reception takes over", allow=["example.com"],
            claim_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
        )  # fmt: skip
        assert not asked.is_error, text(asked)
        number = asked.structured_content["id"]
        for kind, name in ((Kind.OWNER, "olive"), (Kind.GOVERNANCE, "gail"), (Kind.DELIVERABILITY, "dora")):
            waits = call(live, enrolment, "request_status", request_id=number).structured_content["waiting_for"]
            assert kind.value in waits
            person = live.desk.person(name)
            live.store.transact(lambda tx, kind=kind, person=person: sign_off(tx, address=BOX, kind=kind, actor=person))  # type: ignore[misc]  # bound now
        assert call(live, enrolment, "request_status", request_id=number).structured_content["status"] == "approved"
        way = f"/enrolment/requests/{number}/claim"
        token = post(live, way, enrolment, {"claim_secret": SECRET})["token"]

        live.arrives(QUESTION, BOX)
        arrived = call(live, token, "check_inbox")
        assert "Thursday" in text(arrived)
        message = arrived.structured_content["messages"][0]["id"]
        assert "Is a room free" in text(call(live, token, "read_email", message_id=message))
        held = call(live, token, "reply_email", message_id=message, text="Yes: the room Elm, from ten to twelve.")
        assert text(held).startswith("Held for a person.")
        post(live, f"/emails/{held.structured_content['message_id']}/decide", live.desk.operators["olive"],
             {"action": "approve"})  # fmt: skip
        wait_for(lambda: len(live.world.messages) == 1, what="the reply at its receiver")
        assert b"the room Elm" in live.world.messages[0]


def test_the_demonstrations_newcomer_gets_its_mailbox_and_its_first_message_is_held(live: Live) -> None:
    async def play() -> None:
        async with httpx.AsyncClient(base_url=live.url, trust_env=False, timeout=60) as client:
            await Newcomer(desk=live.desk, client=client, clock=SystemClock(), pace=0.0, address=BOX).run()

    asyncio.run(play())
    token = live.desk.operators["alice"]
    answer = httpx.get(
        f"{live.url}/mailboxes/{BOX}/pending", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    assert [one["subject"] for one in answer.json()["messages"]] == ["Your visit on Thursday"]
