"""Mail sent through MCP: one answer for every outcome, and a repeated call sends nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.shared.exceptions import MCPError
from sqlalchemy import select

from core.db.tables import MESSAGE, RUN
from core.durations import MINUTE
from core.ids import read_id
from core.mcp.arguments import Run, run_of
from core.mcp.repeated_calls import WINDOW, Repeats
from core.mcp.results import HELD
from core.mcp.tools import OUTCOME
from core.services.control import emergency
from tests.api.api_client import mail
from tests.mcp.live_gateway import JSON, LEGACY, MODERN, Live, call, connected, post, talk, text

ERAS = [MODERN, LEGACY]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def run_key(live: Live, message: str) -> tuple[str, str | None]:
    """The run of a message, and its user."""
    query = select(RUN.c.key, RUN.c.user).join(MESSAGE, MESSAGE.c.run_id == RUN.c.id)
    row = live.store.rows(query.where(MESSAGE.c.id == read_id("m", message)))[0]
    return row.key, row.user


@pytest.mark.parametrize("mode", ERAS)
def test_mail_is_sent_and_its_outcome_is_awaited_in_both_eras(live: Live, mode: str) -> None:
    sent = call(live, live.token("free"), "send_email", mode=mode, to=f"{mode}@x.test", subject="s", text="t", wait=30)
    assert (sent.is_error, sent.structured_content["status"], sent.structured_content["resend"]) == (
        False,
        "sent",
        "never",
    )
    Draft202012Validator(OUTCOME).validate(sent.structured_content)
    assert text(sent).startswith("Sent")
    assert "taken as 42" not in str(sent)  # what the receiver wrote is not for a model
    status = call(live, live.token("free"), "email_status", mode=mode, message_id=sent.structured_content["message_id"])
    assert status.structured_content["status"] == "sent"


def test_held_mail_is_a_success_that_says_what_to_do_next(live: Live) -> None:
    held = call(live, live.token("gated"), "send_email", to=["p@x.test"], subject="Hold", text="t")
    assert not held.is_error
    assert text(held).startswith("Held for a person. Do not send it again; call email_status.")
    assert held.structured_content["resend"] == "never"
    assert held.structured_content["reasons"][0]["code"] == "mode"
    message = held.structured_content["message_id"]
    assert text(call(live, live.token("gated"), "email_status", message_id=message)).startswith(HELD)
    taken_back = call(live, live.token("gated"), "cancel_email", message_id=message)
    assert taken_back.structured_content["status"] == "cancelled"
    again = call(live, live.token("gated"), "cancel_email", message_id=message)
    assert (again.is_error, again.structured_content["error"]) == (True, "conflict")


def test_returned_mail_tells_the_model_what_the_person_wrote_and_how_to_answer(live: Live) -> None:
    held = call(live, live.token("gated"), "send_email", to=["p@x.test"], subject="Returned", text="t")
    message = held.structured_content["message_id"]
    done = httpx.post(
        f"{live.url}/v1/message.return", json={"id": message, "comment": "name the invoice"}, trust_env=False,
        verify=False, headers={"Authorization": f"Bearer {live.desk.operators['alice']}"},
    )  # fmt: skip
    assert done.is_success, done.text
    told = call(live, live.token("gated"), "email_status", message_id=message)
    assert text(told).startswith("Returned by a person, who wrote: name the invoice\nCorrect it")
    assert told.structured_content["resend"] == "with_changes"
    again = call(
        live, live.token("gated"), "send_email", to=["p@x.test"], subject="Returned", text="invoice 12", revises=message
    )
    assert again.structured_content["status"] == "pending"
    told = call(live, live.token("gated"), "email_status", message_id=message)
    assert told.structured_content["revised_by"] == again.structured_content["message_id"]


def test_what_the_mode_forbids_is_an_error_that_repeating_does_not_change(live: Live) -> None:
    blocked = call(live, live.token("reader"), "send_email", to=["p@x.test"], subject="s", text="t")
    assert blocked.is_error
    told = blocked.structured_content
    assert (told["status"], told["error"], told["resend"]) == ("blocked", "action_blocked", "never")
    assert told["reason"] == "oversight_mode is read_only"
    assert text(blocked).endswith("}")
    assert "Do not repeat this call." in text(blocked)
    Draft202012Validator(OUTCOME).validate(told)


def test_an_exhausted_budget_says_when_to_come_back(live: Live) -> None:
    first = call(live, live.token("tight"), "send_email", to=["p@x.test"], subject="s", text="1", wait=30)
    assert first.structured_content["status"] == "sent"
    limited = call(live, live.token("tight"), "send_email", to=["p@x.test"], subject="s", text="2")
    told = limited.structured_content
    assert (limited.is_error, told["status"], told["error"], told["resend"]) == (
        True, "rate_limited", "rate_limited", "after",
    )  # fmt: skip
    assert told["retry_after_seconds"] > 0
    assert f"after {told['retry_after_seconds']} seconds" in text(limited)


def test_a_suspended_agent_is_told_so_and_how_it_ends(live: Live) -> None:
    alice, gail = live.desk.person("alice"), live.desk.person("gail")
    live.store.transact(lambda tx: emergency.suspend_agent(tx, "gated", reason="it wrote to everyone", actor=alice))
    try:
        told = call(live, live.token("gated"), "send_email", to=["p@x.test"], subject="s", text="t")
        stands = call(live, live.token("gated"), "my_mailbox")
    finally:
        live.store.transact(lambda tx: emergency.resume_agent(tx, "gated", reason="explained", actor=gail))
    assert (told.is_error, told.structured_content["error"]) == (True, "agent_suspended")
    assert told.structured_content["resend"] == "never"
    assert "You are suspended: " in text(stands)
    assert "it wrote to everyone" in text(stands)


def test_the_same_call_sends_once_and_another_run_sends_again(live: Live) -> None:
    async def thrice(client: Client) -> list[Any]:
        asked: JSON = {"to": ["once@x.test"], "subject": "Once", "text": "t", "wait": 30}
        found = [await client.call_tool("send_email", asked) for _ in range(2)]
        trace: Any = {"traceparent": f"00-{TRACE}-{'1' * 16}-01"}
        found.append(await client.call_tool("send_email", asked, meta=trace))
        return [one.structured_content["message_id"] for one in found]

    first, second, other_run = talk(live, live.token("free"), thrice)
    assert first == second != other_run
    assert run_key(live, other_run)[0] == TRACE
    assert Counter(_subjects(live))["Once"] == 2


def test_a_call_that_timed_out_and_is_repeated_sends_once(live: Live) -> None:
    asked: JSON = {"to": ["slow@x.test"], "subject": "Slow", "text": "t", "wait": 30}

    async def impatient() -> Any:
        live.world.gate = gate = asyncio.Event()  # the receiver takes the message and does not answer yet
        async with connected(live, live.token("free")) as client:
            first = asyncio.create_task(client.call_tool("send_email", asked))
            while not _accepted(live, "Slow"):  # noqa: ASYNC110 - the gateway's thread writes it
                await asyncio.sleep(0.02)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            # It must answer in the end: a gateway that stops waits for a message that may have been taken.
            live.world.gate = None
            live.loop.call_soon_threadsafe(gate.set)
            while True:  # while the first is under way, a repeated call is told to come back
                again = await client.call_tool("send_email", asked | {"wait": 0})
                if not again.is_error:
                    return again
                assert again.structured_content["error"] == "idempotency_in_progress"
                assert again.structured_content["resend"] == "after"
                await asyncio.sleep(0.1)

    again = asyncio.run(impatient())
    assert again.structured_content["status"] in {"queued", "sent"}
    assert _accepted(live, "Slow") == 1


def test_a_key_of_its_own_holds_its_content(live: Live) -> None:
    asked: JSON = {"to": ["k@x.test"], "subject": "Key", "text": "t", "idempotency_key": "mine-1"}
    first = call(live, live.token("free"), "send_email", **asked)
    assert call(live, live.token("free"), "send_email", **asked).structured_content == first.structured_content
    other = call(live, live.token("free"), "send_email", **asked | {"text": "u"})
    assert other.structured_content["error"] == "idempotency_mismatch"
    assert other.structured_content["resend"] == "with_changes"
    for wrong in ("", "k" * 257, "kéy\u2603"):
        refused = call(live, live.token("free"), "send_email", **asked | {"idempotency_key": wrong})
        assert refused.structured_content["error"] == "invalid_request"


def test_a_derived_key_lasts_ten_minutes_from_its_first_use(live: Live) -> None:
    keys, used = Repeats(), dict[str, int]()
    token = live.facts("free")

    def key(at: int, content: bytes = b"c", run: Run = Run()) -> str:  # noqa: B008 - frozen
        with keys.key(
            content, token=token, run=run, now=at, used_since=lambda one, since: used.get(one, 0) > since
        ) as found:
            used.setdefault(found, at)
            with keys.key(content, token=token, run=run, now=at + WINDOW, used_since=lambda *_: False) as meanwhile:
                assert meanwhile == found  # it is still under way
            return found

    late = 3 * WINDOW - MINUTE
    assert key(late) == key(late + 9 * MINUTE) != key(late + 11 * MINUTE)
    assert key(late) != key(late, b"d") != key(late, b"d", Run("r"))
    assert key(late, b"d", Run("r")) != key(late, b"d", Run("r", "ann"))


def test_the_run_and_its_user_come_from_the_token_or_the_trace_and_from_no_argument(live: Live) -> None:
    asked: JSON = {"to": ["r@x.test"], "subject": "Run", "text": "t"}
    baggage: Any = {"baggage": "postroom.run=run%2D9, postroom.user=ann%40acme.test;x=y, other=1"}
    bound = live.issue("free", run_key="run-bound", run_user="bob@acme.test")

    async def traced(client: Client) -> str:
        return str((await client.call_tool("send_email", asked, meta=baggage)).structured_content["message_id"])

    assert run_key(live, talk(live, live.token("free"), traced)) == ("run-9", "ann@acme.test")
    assert run_key(live, talk(live, bound, traced)) == ("run-bound", "bob@acme.test")
    refused = call(live, live.token("free"), "send_email", **asked, run={"id": "mine"})
    assert "'run' was unexpected" in refused.structured_content["reason"]


@pytest.mark.parametrize(
    "meta",
    [
        {"traceparent": "00-xyz-1-01"}, {"traceparent": f"00-{'0' * 32}-{'1' * 16}-01"}, {"traceparent": 7},
        {"baggage": "postroom.run=a b"}, {"baggage": "postroom.run"}, {"baggage": ["postroom.run=r"]},
        {"baggage": f"postroom.run={'r' * 9_000}"}, {"baggage": "postroom.user=a%00b"}, {},
    ],
)  # fmt: skip
def test_a_trace_that_cannot_be_read_names_no_run(meta: dict[str, Any]) -> None:
    assert run_of(meta) == Run()


HOSTILE: dict[str, dict[str, Any]] = {
    "a header in the subject": {"subject": "x\r\nBcc: eve@x.test"},
    "a header in an address": {"to": ["a@x.test\r\nBcc: eve@x.test"]},
    "a route in an address": {"to": ["@relay.test:a@x.test"]},
    "NUL": {"text": "a\x00b"},
    "a lone surrogate": {"text": "\ud800"},
    "no recipient": {"to": []},
    "too many": {"to": [f"r{n}@x.test" for n in range(51)]},
    "no content": {"text": None},
    "no base64": {"attachments": [{"filename": "a", "content": "%%%"}]},
    "a path in a file name": {"attachments": [{"filename": "../../etc/passwd", "content": "YQ=="}]},
    "an unknown class": {"content_class": "spam"},
    "another member": {"headers": {"X-Agent-ID": "someone"}},
    "another mailbox": {"mailbox": "gated@bots.acme.test"},
    "a path for a mailbox": {"mailbox": "x/../../tokens"},
    "deep": {"attachments": [{"filename": "a", "content": "YQ==", "x": [[[[[[[]]]]]]]}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_do_no_more_than_over_http(live: Live, name: str) -> None:
    hostile = {"to": ["h@x.test"], "subject": "Hostile", "text": "t"} | HOSTILE[name]
    before = _accepted(live, None)
    over_mcp = post(live, live.token("free"), "send_email", hostile).get("result")  # none: not even JSON-RPC
    body = mail(sender="free@bots.acme.test", run=None) | {k: v for k, v in hostile.items() if k != "mailbox"}
    body["from"] = hostile.get("mailbox", body["from"])
    over_http = httpx.post(
        f"{live.url}/emails/send", content=json.dumps(body).encode(), trust_env=False, verify=False,
        headers={"Authorization": f"Bearer {live.token('free')}"},
    )  # fmt: skip
    if over_http.is_success:
        assert over_mcp is not None
        assert over_mcp["structuredContent"]["status"] == over_http.json()["status"]
        return
    assert _accepted(live, None) == before
    if over_mcp is None:
        return
    assert over_mcp["isError"]
    allowed = {over_http.json()["error"], "not_found", "invalid_request"}  # or refused earlier, by its shape
    assert over_mcp["structuredContent"]["error"] in allowed


@pytest.mark.parametrize(
    "named",
    ["m1/../../tokens", "../tokens", "m0000000000000/cancel", "m000000000000?", "", "a" * 5_000, "m00000000000%2"],
)
def test_an_id_never_becomes_another_path(live: Live, named: str) -> None:
    for tool in ("email_status", "cancel_email"):
        told = call(live, live.token("free"), tool, message_id=named)
        assert told.is_error
        assert told.structured_content["error"] in {"not_found", "invalid_request"}


def test_unknown_tools_and_methods_are_errors_of_the_protocol(live: Live) -> None:
    for mode in ERAS:
        with pytest.raises(MCPError, match="there is no tool 'approve_email'"):
            call(live, live.token("free"), "approve_email", mode=mode)


def _subjects(live: Live) -> list[str]:
    return [row.subject for row in live.store.rows(select(MESSAGE.c.subject))]


def _accepted(live: Live, subject: str | None) -> int:
    return sum(one == subject or subject is None for one in _subjects(live))
