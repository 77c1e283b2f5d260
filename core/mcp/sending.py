"""The tools that send mail, and those that report what became of it."""

from __future__ import annotations

from typing import Final

from core.errors import Invalid
from core.mcp import results
from core.mcp.call import Arguments, Call, checked_id
from core.mcp.reading import received
from core.mcp.results import Result

_NOT_CONTENT: Final = frozenset({"idempotency_key", "wait", "mailbox"})
"""Arguments about the call itself; all others are members of the request."""


async def send_email(call: Call, given: Arguments) -> Result:
    """`POST /emails/send`."""
    body = {"from": call.mailbox(given.get("mailbox"))} | _content(given)
    reply = await call.send("/emails/send", body, key=given.get("idempotency_key"), wait=given.get("wait", 0))
    return results.outcome(reply, call.nonce)


async def reply_email(call: Call, given: Arguments) -> Result:
    """`POST /emails/reply`: from the mailbox that the answered message belongs to."""
    reply = await call.send(
        "/emails/reply", _content(given), key=given.get("idempotency_key"), wait=given.get("wait", 0)
    )
    return results.outcome(reply, call.nonce)


async def cancel_email(call: Call, given: Arguments) -> Result:
    """`POST /emails/{id}/cancel`."""
    reply = await call.post(f"/emails/{checked_id(given['message_id'])}/cancel")
    return results.state(reply, call.nonce) if reply.ok else results.refused(reply)


async def email_status(call: Call, given: Arguments) -> Result:
    """`GET /emails/{id}`, of a message or of an action that waits for a person."""
    named = given.get("message_id") or given.get("action_id")
    if named is None:
        raise Invalid("name a message_id or an action_id", problems=(("message_id", "is needed"),))
    reply = await call.get(f"/emails/{checked_id(named)}", wait=given.get("wait", 0))
    if not reply.ok:
        return results.refused(reply)
    if reply.status == 202:
        return results.held(reply)
    return received(reply, call.nonce) if reply.body.get("direction") == "in" else results.state(reply, call.nonce)


def _content(given: Arguments) -> dict[str, object]:
    return {name: value for name, value in given.items() if name not in _NOT_CONTENT}
