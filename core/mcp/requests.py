"""The tools with which an agent asks for a mailbox. Its request waits in the same queue as people's requests."""

from __future__ import annotations

from core.mcp import results
from core.mcp.call import Arguments, Call, checked_id, encoded
from core.mcp.local_request import Reply
from core.mcp.results import Result


async def request_mailbox(call: Call, given: Arguments) -> Result:
    """`POST /enrolment/requests`. The same request is filed once, so repeating it is safe."""
    return _stands(await call.api.ask("POST", "/enrolment/requests", body=encoded(given)))


async def request_status(call: Call, given: Arguments) -> Result:
    """`GET /enrolment/requests/{id}`."""
    return _stands(await call.get(f"/enrolment/requests/{checked_id(given['request_id'], of='request')}"))


def _stands(reply: Reply) -> Result:
    if not reply.ok:
        return results.refused(reply)
    return results.told(f"Request {reply.body['id']}: {reply.body['status']}. {reply.body['next_step']}", reply.body)
