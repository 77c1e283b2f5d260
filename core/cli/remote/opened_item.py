"""One item as `queue show`, `queue review` and `inbox show` print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.cli.output import pairs, plain

__all__ = ["Opened", "received"]


@dataclass(frozen=True, slots=True)
class Opened:
    """An item as shown to a reviewer. `digest` is that of the bytes to decide on, `failed` its failed checks."""

    data: Mapping[str, Any]
    text: str
    digest: str | None = None
    failed: Sequence[Mapping[str, Any]] = field(default_factory=list)


def received(data: Mapping[str, Any], *, raw: bool = False) -> Opened:
    """A received message in full. `raw`: `source` is its bytes as text, and is printed instead of its text."""
    body = plain(str(data["source"]).replace("\r\n", "\n")) if raw else _body(data)
    return Opened(data, f"{pairs(_facts(data, raw=raw))}\n\n{body}", data["digest"], data["findings"])


def _facts(data: Mapping[str, Any], *, raw: bool) -> dict[str, object]:
    came = "" if raw else f" by {data['source']}"
    proofs = data["authentication"]
    dkim = [f"{each['status']} ({each['domain']})" for each in proofs.get("dkim", ())]
    spf = proofs.get("spf") or {}
    return {
        "id": data["id"],
        "status": data["status"],
        "mailbox": f"{data['mailbox']} ({data['agent']})",
        "from": _person(data["from"]),
        "sender": _person(data["sender"]),
        "reply to": [_person(each) for each in data["reply_to"]],
        "to": [_person(each) for each in (*data["to"], *data["cc"])],
        "subject": data["subject"],
        "received": f"{data['received_at']}{came}, {data['size']} bytes",
        "dmarc": data["dmarc"],
        "spf": f"{spf['status']} ({spf['domain']})" if spf else None,
        "dkim": dkim,
        "score": data["score"],
        "held for": [each["text"] for each in data["held_for"]],
        "findings": [f"{each['code']}: {each['text']}" for each in data["findings"]],
        "automatic": data["automatic"],
        "attachments": [
            f"{each['index']}: {each['name']} ({each['sniffed']}, {each['size']} bytes)" for each in data["attachments"]
        ],
        "hidden text": list(data["hidden"]),
        "thread": f"{data['thread_id']}, {len(data['thread'])} in it, joined by {data['thread_proof'] or 'nothing'}",
        "answers": data["answers"],
        "message id": data["rfc_message_id"],
        "read by": [_reading(each) for each in data["reads"]],
        "decided": f"{data['decided_at']} by {data['decided_by'] or 'nobody'}" if data["decided_at"] else None,
        "reason": data["reason"],
        "tags": data["tags"],
        "digest": data["digest"],
    }


def _body(data: Mapping[str, Any]) -> str:
    if not data["body_kept"]:
        return "The body is no longer kept."
    return plain(str(data["text"]))


def _person(one: Mapping[str, str] | None) -> str | None:
    if one is None:
        return None
    return f"{one['name']} <{one['address']}>" if one["name"] else one["address"]


def _reading(one: Mapping[str, Any]) -> str:
    run = f", run {one['run']}" if one["run"] else ""
    token = f", token {one['token']}" if one["token"] is not None else ""
    return f"{one['actor']} {one['at']}: {one['what']}{run}{token}"
