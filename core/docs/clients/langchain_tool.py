"""Postroom as a LangChain tool: `send_email` goes to an agent's list of tools.

Set DESK, AGENT and BOX. `pip install langchain-core httpx`. With `langchain`:

    agent = create_agent(model, tools=[send_email])

LangChain gives each call an id, and that id is the idempotency key: a call that is run again sends nothing twice.
"""

import json
import os
from typing import Annotated

import httpx
from langchain_core.tools import InjectedToolCallId, tool


@tool
def send_email(
    to: list[str],
    subject: str,
    text: str,
    tool_call_id: Annotated[str, InjectedToolCallId],
    send_at: str | None = None,
) -> str:
    """Send an email. It may wait for a person's approval (status pending), or leave at send_at (scheduled).

    When it is blocked or rate_limited, tell the user the reason and do not try again. `text` is the whole message, as
    plain text; `send_at` is RFC 3339 with an offset, only if it must wait.
    """
    payload = {"to": to, "subject": subject, "text": text} | ({"send_at": send_at} if send_at else {})
    answer = httpx.post(
        f"{os.environ['DESK']}/emails/send",
        headers={"Authorization": f"Bearer {os.environ['AGENT']}", "Idempotency-Key": tool_call_id},
        json={"from": os.environ["BOX"], "run": {"tool_call": {"name": "send_email", "arguments": payload}}} | payload,
        timeout=40,
        trust_env=os.environ["DESK"].startswith("https:"),  # HTTP_PROXY would see the token
    )
    answer_body = answer.json()
    shown = ("status", "message_id", "send_at", "error", "reason", "fix")
    return json.dumps({member: answer_body[member] for member in shown if answer_body.get(member) is not None})
