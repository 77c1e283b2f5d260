"""The tool that keeps a mailbox's contacts: notes about people, which permit nothing."""

from __future__ import annotations

from core.errors import Invalid
from core.mcp import results
from core.mcp.call import Arguments, Call
from core.mcp.local_request import Reply
from core.mcp.results import Fenced, Result

_METHODS = {"add": "POST", "update": "PATCH"}
_NOTED = ("address", "name", "tags", "notes")
_OURS = ("first_seen", "last_seen", "mails_in", "mails_out", "created_at", "updated_at")


async def manage_contacts(call: Call, given: Arguments) -> Result:
    """`GET|POST|PATCH|DELETE /mailboxes/{address}/contacts`."""
    path = f"/mailboxes/{call.mailbox(given.get('mailbox'))}/contacts"
    action = given["action"]
    if action == "list":
        asked = {name: given.get(name) for name in ("tag", "cursor", "limit")}
        return _listed(call, await call.get(path, {"contact": given.get("address"), **asked}))
    if given.get("address") is None:
        raise Invalid(f"{action} needs an address", problems=(("address", "is needed"),))
    if action == "delete":
        reply = await call.get(path, {"contact": given["address"]}, method="DELETE")
    else:
        noted = {name: given[name] for name in _NOTED if name in given}
        reply = await call.post(path, noted, method=_METHODS[action])
    if not reply.ok:
        return results.refused(reply)
    return results.told(f"Done: {action}. A contact permits nothing.", {"action": action}, _written(call, [reply.body]))


def _listed(call: Call, reply: Reply) -> Result:
    if not reply.ok:
        return results.refused(reply)
    found = reply.body["contacts"]
    members = {
        "contacts": [{name: one[name] for name in _OURS} for one in found],
        "next_cursor": reply.body["next_cursor"],
    }
    lead = f"{len(found)} contacts, newest first; the people they describe follow in the same order."
    return results.told(lead, members, _written(call, found))


def _written(call: Call, contacts: list[dict[str, object]]) -> Fenced:
    """Names and addresses come from mail, and notes from a model that has read it."""
    outside = Fenced(call.nonce)
    outside.add("contacts", [{name: one[name] for name in _NOTED} for one in contacts])
    return outside
