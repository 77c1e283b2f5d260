"""Postroom as a tool of an OpenAI model: `TOOLS` goes to the API, `call` answers each of its tool calls.

Set DESK, AGENT and BOX. With the `openai` package:

    answer = client.chat.completions.create(model=..., messages=messages, tools=TOOLS)
    for one in answer.choices[0].message.tool_calls or ():
        text = call(one.function.name, one.function.arguments, key=one.id)
        messages.append({"role": "tool", "tool_call_id": one.id, "content": text})
"""

import json
import os
from typing import Any

import httpx

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "send_email",
            "description": (
                "Send an email. It may wait for a person's approval (status pending), or leave at send_at (scheduled)."
                " When it is blocked or rate_limited, tell the user the reason and do not try again."
            ),
            "parameters": {
                "type": "object",
                "properties": {
                    "to": {"type": "array", "items": {"type": "string"}, "description": "Addresses."},
                    "subject": {"type": "string"},
                    "text": {"type": "string", "description": "The whole message, as plain text."},
                    "send_at": {"type": "string", "description": "RFC 3339, with offset. Only if it must wait."},
                },
                "required": ["to", "subject", "text"],
                "additionalProperties": False,
            },
        },
    },
]


def call(name: str, arguments: str, *, key: str) -> str:
    """The answer to a tool call. `key` is the id of the call: the same call again sends nothing twice."""
    if name != "send_email":
        return json.dumps({"error": "unknown_tool", "reason": f"there is no tool {name}"})
    try:
        values = json.loads(arguments)
        payload = {member: values[member] for member in ("to", "subject", "text", "send_at") if member in values}
    except (ValueError, TypeError) as error:
        return json.dumps({"error": "invalid_arguments", "reason": f"not a JSON object: {error}"})
    answer = httpx.post(
        f"{os.environ['DESK']}/emails/send",
        headers={"Authorization": f"Bearer {os.environ['AGENT']}", "Idempotency-Key": key},
        # Never what the model says about sender, copies, headers or run: only the members that the tool declares.
        json=payload | {"from": os.environ["BOX"], "run": {"tool_call": {"name": name, "arguments": payload}}},
        timeout=40,
        trust_env=os.environ["DESK"].startswith("https:"),  # HTTP_PROXY would see the token
    )
    result = answer.json()
    shown = ("status", "message_id", "send_at", "error", "reason", "fix")
    return json.dumps({member: result[member] for member in shown if result.get(member) is not None})
