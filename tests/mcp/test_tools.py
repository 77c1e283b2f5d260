"""The list of tools: what it costs, whom it is shown to, and what it promises of each tool."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp.shared.exceptions import MCPError
from mcp_types import Tool

from core.mcp.tools import TOOLS
from core.model import Scope
from tests.mcp.live_gateway import LEGACY, MODERN, Live, call, talk, text

FIFTEEN = {
    "send_email", "reply_email", "cancel_email", "email_status", "check_inbox", "search_email", "read_email",
    "get_thread", "get_attachment", "wait_for_email", "tag_email", "manage_contacts", "my_mailbox", "request_mailbox",
    "request_status",
}  # fmt: skip
ASKING = {"request_mailbox", "request_status", "my_mailbox"}
SENDING = {"send_email", "reply_email", "cancel_email", "email_status", "my_mailbox"}
BUDGET = 3_500
"""Tokens (INBOX.md)."""
BYTES_A_TOKEN = 3.5
"""A conservative bound instead of some model's tokenizer: JSON and English take about four."""


def listed(live: Live, token: str, mode: str = MODERN) -> list[Tool]:
    return list(talk(live, token, lambda client: client.list_tools(), mode=mode).tools)


@pytest.fixture(scope="module")
def enrolling(live: Live) -> str:
    """A token with which an agent asks for a mailbox."""
    return live.issue("gated", scopes=["request"])


def test_each_scope_lists_its_tools_in_both_eras(live: Live, enrolling: str) -> None:
    both = {one.name for one in listed(live, live.token("free"))}
    assert both == FIFTEEN - {"request_mailbox", "request_status"}
    assert {one.name for one in listed(live, live.token("reader"), LEGACY)} == both  # what the mode forbids stays
    assert {one.name for one in listed(live, live.issue("free", scopes=["send"]))} == SENDING
    reads = {one.name for one in listed(live, live.issue("free", scopes=["read"]))}
    assert reads == both - SENDING | {"my_mailbox"}
    assert {one.name for one in listed(live, enrolling)} == ASKING
    assert {one.name for one in TOOLS} == FIFTEEN


@pytest.mark.parametrize("scope", list(Scope))
def test_a_tool_that_is_not_listed_is_unknown_when_it_is_called(live: Live, scope: str, enrolling: str) -> None:
    token = enrolling if scope == "request" else live.issue("free", scopes=[scope])
    identifier = f"m{'0' * 13}"
    given: dict[str, Any] = {
        "message_id": identifier, "thread_id": f"t{'0' * 13}", "request_id": f"r{'0' * 13}", "index": 0, "tags": [],
        "to": ["a@x.test"], "subject": "s", "text": "t", "timeout": 5, "action": "list", "purpose": "p",
        "systems": ["s"], "revoke_when": "r", "claim_sha256": "0" * 64, "mailbox": "free@bots.acme.test",
    }  # fmt: skip
    for tool in TOOLS:
        if tool.listed_for([scope]):
            continue
        takes = {name: value for name, value in given.items() if name in tool.takes}
        with pytest.raises(MCPError, match=f"there is no tool '{tool.name}'"):
            call(live, token, tool.name, **takes)


def test_the_whole_list_costs_no_more_than_its_budget(live: Live) -> None:
    everything = listed(live, live.issue("free", scopes=["send", "read", "request"]))
    assert {one.name for one in everything} == FIFTEEN
    shown = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in everything]
    size = len(json.dumps({"tools": shown}, ensure_ascii=False, separators=(",", ":")).encode())
    assert size / BYTES_A_TOKEN <= BUDGET


def test_every_tool_is_described_by_schemas_and_hints_that_hold(live: Live) -> None:
    shown = {one.name: one for one in listed(live, live.issue("free", scopes=["send", "read", "request"]))}
    for one in shown.values():
        Draft202012Validator.check_schema(one.input_schema)
        assert one.input_schema["additionalProperties"] is False
        assert not {"run", "user", "headers"} & set(one.input_schema["properties"])
        assert one.description
        assert one.annotations is not None
    reads = {one.name for one in shown.values() if one.annotations is not None and one.annotations.read_only_hint}
    assert reads == {
        "email_status", "check_inbox", "search_email", "read_email", "get_thread", "get_attachment", "wait_for_email",
        "my_mailbox", "request_status",
    }  # fmt: skip
    sends = {name for name, one in shown.items() if one.output_schema is not None}
    assert sends == {"send_email", "reply_email"}
    assert shown["send_email"].output_schema == shown["reply_email"].output_schema
    for name in sends:
        hints = shown[name].annotations
        assert hints is not None
        # After ten minutes an equal call sends again, and what was sent does not come back.
        assert (hints.idempotent_hint, hints.destructive_hint, hints.open_world_hint) == (False, True, True)


def test_no_tool_decides_or_changes_what_binds_the_agent(live: Live) -> None:
    names = " ".join(f"{one.name} {one.about}".lower() for one in TOOLS)
    for verb in ("approve", "reject", "release", "mode to", "webhook", "issue", "revoke", "suspend", "resume"):
        assert verb not in names.replace("revoke_when", "").replace("suspension", "")
    assert live.gateway.mcp is not None


def test_an_agent_asks_for_a_mailbox_and_is_told_who_must_sign(live: Live) -> None:
    token = live.enrol("newcomer")
    asked = call(
        live, token, "request_mailbox", purpose="Answers customers.", systems=["tickets"], revoke_when="the pilot ends",
        claim_sha256="a" * 64, address="new@bots.acme.test",
    )  # fmt: skip
    assert not asked.is_error, text(asked)
    request = asked.structured_content["id"]
    stands = call(live, token, "request_status", request_id=request)
    assert stands.structured_content["status"] == asked.structured_content["status"]
    assert text(stands).startswith(f"Request {request}: ")
    assert "request_mailbox" in text(call(live, token, "my_mailbox"))
    with pytest.raises(MCPError, match="there is no tool 'send_email'"):
        call(live, token, "send_email", to=["a@x.test"], subject="s", text="t")
