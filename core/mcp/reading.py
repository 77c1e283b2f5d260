"""The tools that read received mail. Text that outsiders wrote is fenced, apart from the desk's own members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.mcp import results
from core.mcp.call import Arguments, Call, checked_id
from core.mcp.local_request import Reply
from core.mcp.results import Fenced, Members, Result
from core.model import Mode

PAGE_TEXT: Final = 32 * 1024
"""Characters of an attached text in one answer: a model reads a large file in steps."""

_OURS: Final = (
    "id", "direction", "mailbox", "received_at", "submitted_at", "status", "unread", "dmarc", "score",
    "thread_id", "thread_proof", "size", "automatic", "answers", "held_for", "decided_at",
)  # fmt: skip
"""Members of a message that the desk itself found or counted."""
_WRITTEN: Final = (
    "from",
    "sender",
    "reply_to",
    "to",
    "cc",
    "subject",
    "dated_at",
    "authentication",
    "findings",
    "tags",
)
"""Members of a message that hold what its sender wrote, or a model that has read it."""


async def check_inbox(call: Call, given: Arguments) -> Result:
    """`GET /mailboxes/{address}/messages?direction=in`, the newest first."""
    return await _listed(call, given, {"after": given.get("since")})


async def search_email(call: Call, given: Arguments) -> Result:
    """The same, by words, sender, tag and time."""
    return await _listed(call, given, {name: given.get(name) for name in ("after", "before", "q")})


async def _listed(call: Call, given: Arguments, more: Arguments) -> Result:
    address = call.mailbox(given.get("mailbox"))
    asked = {name: given.get(name) for name in ("unread", "tag", "from", "limit", "cursor")}
    reply = await call.get(f"/mailboxes/{address}/messages", {"direction": "in", **asked, **more})
    if (other := _not_shown(reply)) is not None:
        return other
    found = reply.body["messages"]
    outside = Fenced(call.nonce)
    outside.add("messages", {one["id"]: _of(one, _WRITTEN) for one in found})
    members = {"mailbox": address, "messages": [_ours(one) for one in found], "next_cursor": reply.body["next_cursor"]}
    reads_on = members["next_cursor"] is not None
    if reads_on and not found:  # not the last page, which a model would take it for
        return results.told("None among the newest mail; next_cursor looks at older mail.", members, outside)
    onward = "; next_cursor reads on" if reads_on else ""
    return results.told(f"{len(found)} received, newest first{onward}.", members, outside)


async def read_email(call: Call, given: Arguments) -> Result:
    """`GET /emails/{id}/body`, and the message without it. Does not mark it as read."""
    message_id = checked_id(given["message_id"])
    reply = await call.get(f"/emails/{message_id}/body", {name: given.get(name) for name in ("part", "full", "offset")})
    if (other := _not_shown(reply)) is not None:
        return other
    body = dict(reply.body)
    text = body.pop("text")
    outside = Fenced(call.nonce)
    members: Members = {}
    if not any(one.mode == Mode.GATED_ALL for one in call.mailboxes()):
        # Where people approve each read, a second one would ask them twice.
        shown = await call.get(f"/emails/{message_id}")
        if shown.status == 200:
            members = _message(shown.body, outside)
    outside.add("body", text)
    lead = "The body is behind the members" if text else "This part is empty"
    onward = f"; offset={body['next_offset']} reads on" if body.get("truncated") else ""
    return results.told(f"{lead}{onward}.", members | body, outside)


async def get_thread(call: Call, given: Arguments) -> Result:
    """`GET /threads/{id}`."""
    reply = await call.get(f"/threads/{checked_id(given['thread_id'], of='thread')}")
    if (other := _not_shown(reply)) is not None:
        return other
    found = reply.body["messages"]
    outside = Fenced(call.nonce)
    outside.add("messages", {one["id"]: _of(one, _WRITTEN) for one in found})
    members = reply.body | {"messages": [_ours(one) for one in found]}
    return results.told(f"{len(found)} messages, oldest first.", members, outside)


async def get_attachment(call: Call, given: Arguments) -> Result:
    """`GET /emails/{id}/attachments/{index}`: short text here, anything else behind a link."""
    reply = await call.get(f"/emails/{checked_id(given['message_id'])}/attachments/{int(given['index'])}")
    if (other := _not_shown(reply)) is not None:
        return other
    members = dict(reply.body)
    outside = Fenced(call.nonce)
    outside.add("name", members.pop("name", None))
    for name in ("type", "content_type", "declared", "content_id"):
        outside.add(name, members.pop(name, None))
    text = members.pop("text", None)
    if text is None:
        return results.told("Not shown as text; download it from `url` until `expires_at`.", members, outside)
    start = int(given.get("offset", 0))
    end = start + PAGE_TEXT
    outside.add("text", text[start:end])
    members["next_offset"] = end if end < len(text) else None
    return results.told("The text is behind the members.", members, outside)


async def wait_for_email(call: Call, given: Arguments) -> Result:
    """`GET /mailboxes/{address}/wait`: answers when mail arrives, or when the time is over."""
    address = call.mailbox(given.get("mailbox"))
    asked = {name: given.get(name) for name in ("from", "subject_contains", "in_reply_to", "timeout", "after")}
    reply = await call.get(f"/mailboxes/{address}/wait", asked)
    if (other := _not_shown(reply)) is not None:
        return other
    found = reply.body
    members = {"timed_out": found["timed_out"], "after": found["after"]}
    if found["timed_out"]:
        return results.told("Nothing has arrived yet. To go on waiting, call again with this `after`.", members)
    outside = Fenced(call.nonce)
    members["message"] = _message(found["message"], outside)
    outside.add("code", found["code"])
    outside.add("links", found["links"])
    return results.told("Arrived.", members, outside)


async def tag_email(call: Call, given: Arguments) -> Result:
    """`POST /emails/{id}/tags`."""
    reply = await call.post(f"/emails/{checked_id(given['message_id'])}/tags", {"tags": given["tags"]})
    if (other := _not_shown(reply)) is not None:
        return other
    return results.told("Tags replaced.", {"message_id": given["message_id"], "tags": reply.body["tags"]})


def received(reply: Reply, nonce: str) -> Result:
    """A received message without its body."""
    outside = Fenced(nonce)
    members = _message(reply.body, outside)
    return results.told("A received message.", members, outside)


def _not_shown(reply: Reply) -> Result | None:
    """The result of a read that a person decides first, or that is refused."""
    if reply.status == 202:
        return results.held(reply)
    return None if reply.ok else results.refused(reply)


def _message(body: Mapping[str, Any], outside: Fenced) -> Members:
    """What the desk says of a message; what its sender wrote goes behind the fence."""
    files = body.get("attachments") or []
    if isinstance(files, list):
        ours = [_of(one, ("index", "sniffed", "size", "sha256")) for one in files]
        written = {str(one.get("index")): one.get("name") for one in files}
    else:
        ours, written = files, {}
    outside.add("message", _of(body, _WRITTEN) | ({"attachments": written} if written else {}))
    return _ours(body) | {"attachments": ours, "findings": _codes(body)}


def _ours(one: Mapping[str, Any]) -> Members:
    files = one.get("attachments")
    return _of(one, _OURS) | ({"attachments": files} if isinstance(files, int) else {})


def _codes(body: Mapping[str, Any]) -> list[str]:
    return [str(one["code"]) for one in body.get("findings") or [] if isinstance(one, Mapping) and "code" in one]


def _of(one: Mapping[str, Any], names: tuple[str, ...]) -> Members:
    return {name: one[name] for name in names if one.get(name) is not None}
