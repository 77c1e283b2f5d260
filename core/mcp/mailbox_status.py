"""Where an agent stands: its mailboxes, what their mode means for it, its budgets, and how a suspension ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.mcp import results
from core.mcp.call import Arguments, Call
from core.mcp.results import Members, Result
from core.model import Mode

_MEANS: Final[Mapping[Mode, str]] = {
    Mode.READ_ONLY: "You may read. You may not send, reply or tag.",
    Mode.GATED_ALL: "A person approves everything you do, including reading.",
    Mode.GATED_SEND: "A person approves each message before it leaves. You may read and tag.",
    Mode.MONITORED: "You may send within your budgets, and people are notified of each message.",
    Mode.AUTONOMOUS: "You may send within your budgets.",
}
_ENDS: Final = "Only governance can end it, after reviewing the reason. No call of yours can, so stop sending."


async def my_mailbox(call: Call, given: Arguments) -> Result:
    """`GET /mailboxes/{address}`, in the second person."""
    own = () if call.token.enrols else call.mailboxes()
    if not own and given.get("mailbox") is None:
        return _none(call)
    named = given.get("mailbox")
    address = call.mailbox(named) if named is not None or len(own) != 1 else own[0].address
    reply = await call.get(f"/mailboxes/{address}")
    if not reply.ok:
        return results.refused(reply)
    found = reply.body
    members = {name: value for name, value in found.items() if name not in {"approval_webhook", "anomalies"}}
    members |= {"scopes": list(call.token.scopes), "run": call.token.run_key, "test": call.token.test}
    return results.told(" ".join(_said(found)), members)


def _none(call: Call) -> Result:
    asks = call.token.enrols
    step = "Call request_mailbox to ask for one, and request_status." if asks else "An operator requests one for you."
    return results.told(f"This token has no mailbox. {step}", {"mailboxes": [], "scopes": list(call.token.scopes)})


def _said(found: Members) -> list[str]:
    address, mode = found["address"], Mode(found["oversight_mode"])
    said = [f"You write from {address}."]
    if found["status"] != "active":
        return [*said, f"It is {found['status']}: you cannot use it until people have signed it off."]
    if (why := found["suspended"]) is not None:
        return [*said, f"You are suspended: {why['reason']}.", _ENDS]
    said.append(f"Mode {mode}: {_MEANS[mode]}")
    tight = [_budget(one) for one in found["budgets"] if one["limit"]]
    if tight:
        said.append(f"Left: {', '.join(tight)}.")
    if found.get("pending"):
        said.append(f"{found['pending']} of yours wait for a person.")
    return said


def _budget(one: Mapping[str, Any]) -> str:
    until = f" (next at {one['next_refill_at']})" if one["left"] == 0 and one["next_refill_at"] else ""
    return f"{one['left']} of {one['limit']} {one['name']}{until}"
