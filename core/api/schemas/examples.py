"""Example requests for the API description: each is valid, and a test sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_BOX: Final = "help@support-bot.acme.com"

EXAMPLES: Final[Mapping[str, Mapping[str, dict[str, Any]]]] = {
    "SendRequest": {
        "plain": {"from": _BOX, "to": "jane@example.com", "subject": "Your refund", "text": "It is on its way."},
        "scheduled": {
            "from": _BOX,
            "to": "jane@example.com",
            "subject": "Your appointment tomorrow",
            "text": "See you at ten.",
            "send_at": "2027-01-31T09:00:00+01:00",
        },
        "with_its_run": {
            "from": _BOX,
            "to": ["jane@example.com"],
            "cc": ["billing@example.com"],
            "subject": "Your refund",
            "text": "It is on its way.",
            "content_class": "transactional",
            "run": {"id": "run-7", "user": "ann@acme.com", "prompt_version": "p12", "tools_version": "t4"},
            "tags": ["refund"],
            "metadata": {"ticket": "42"},
        },
    },
    "ReplyRequest": {"plain": {"message_id": "m01hq3k5v9c2xw", "text": "It left this morning."}},
    "TagsRequest": {"plain": {"tags": ["refund", "vip"]}},
    "DecideRequest": {
        "approve": {"action": "approve"},
        "reject": {"action": "reject", "reason": "off topic"},
    },
    "ReasonRequest": {"plain": {"reason": "complaints after the release of this morning"}},
    "CancelRequest": {"plain": {"reason": "solved by phone"}},
    "ConfirmRequest": {"plain": {"agent": "support-bot", "up_to": 500, "reason": "the recall letter"}},
    "MailboxRequest": {
        "plain": {
            "address": _BOX,
            "display_name": "Acme Support Agent",
            "oversight_mode": "gated_send",
            "agent": "support-bot",
            "purpose": "answers tickets",
            "owner": "olive",
            "system_owner": "platform team",
            "systems": ["tickets"],
            "revoke_when": "the project ends",
            "expires": "90d",
            "allow": ["*"],
        },
    },
    "MailboxPatch": {
        "raise_the_mode": {"oversight_mode": "monitored", "change_reason": "30 days without a complaint"},
    },
    "ApproveRequest": {
        "owner": {"kind": "owner", "affirm": "all"},
        "governance": {"kind": "governance", "affirm": ["naming", "credential_type"]},
    },
    "VetoRequest": {"plain": {"kind": "deliverability", "reason": "it needs a subdomain of its own"}},
    "TokenRequest": {"plain": {"agent": "support-bot", "ttl": "8h", "scopes": ["send", "read"]}},
    "DelegateRequest": {"plain": {"run": "run-7", "scopes": ["send"], "ttl": "15m"}},
}
