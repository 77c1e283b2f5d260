"""Operation IDs in /openapi.json: the function names in a generated client.

They are words, stable, and chosen by hand: an ID derived from the path changes with it, and breaks every generated
client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from fastapi.routing import APIRoute

NAMES: Final[Mapping[str, str]] = {
    "POST /emails/send": "sendEmail",
    "POST /emails/reply": "replyToEmail",
    "GET /emails/{message_id}": "getEmail",
    "POST /emails/{message_id}/cancel": "cancelEmail",
    "POST /emails/{message_id}/tags": "tagEmail",
    "GET /emails/{message_id}/difference": "getEmailDifference",
    "POST /emails/{item}/decide": "decideEmail",
    "GET /mailboxes": "listMailboxes",
    "POST /mailboxes": "requestMailbox",
    "GET /mailboxes/{address}": "getMailbox",
    "PATCH /mailboxes/{address}": "updateMailbox",
    "GET /mailboxes/{address}/messages": "listMessages",
    "GET /emails/{message_id}/body": "getEmailBody",
    "POST /emails/{message_id}/read": "markEmailRead",
    "GET /emails/{message_id}/attachments/{index}": "getAttachment",
    "GET /attachments/{link}": "downloadAttachment",
    "GET /threads/{thread_id}": "getThread",
    "GET /mailboxes/{address}/wait": "waitForEmail",
    "GET /mailboxes/{address}/contacts": "listContacts",
    "POST /mailboxes/{address}/contacts": "addContact",
    "PATCH /mailboxes/{address}/contacts": "changeContact",
    "DELETE /mailboxes/{address}/contacts": "removeContact",
    "GET /mailboxes/{address}/pending": "listPending",
    "GET /mailboxes/{address}/checklist": "getChecklist",
    "POST /mailboxes/{address}/approve": "approveMailbox",
    "POST /mailboxes/{address}/veto": "vetoMailbox",
    "GET /tokens": "listTokens",
    "POST /tokens": "issueToken",
    "POST /tokens/delegate": "delegateToken",
    "POST /tokens/enrol": "issueEnrolmentToken",
    "POST /enrolment/requests": "requestEnrolment",
    "POST /enrolment/widenings": "requestWidening",
    "GET /enrolment/requests/{request_id}": "getEnrolment",
    "POST /enrolment/requests/{request_id}/claim": "claimEnrolment",
    "POST /tokens/{token}/revoke": "revokeToken",
    "GET /operators": "listOperators",
    "POST /operators": "addOperator",
    "POST /operators/rotate": "rotateOperatorToken",
    "POST /operators/{name}/claim": "claimOperator",
    "POST /operators/{name}/confirm": "confirmOperator",
    "POST /operators/{name}/revoke": "revokeOperatorToken",
    "POST /operators/{name}/disable": "disableOperator",
    "POST /runs": "openRun",
    "POST /runs/{run}/close": "closeRun",
    "POST /runs/{run}/confirm": "confirmRun",
    "POST /agents/{agent}/suspend": "suspendAgent",
    "POST /agents/{agent}/resume": "resumeAgent",
    "POST /desk/stop": "stopDesk",
    "POST /desk/start": "startDesk",
    "GET /inventory": "getInventory",
    "GET /audit": "exportAudit",
    "GET /trace/{key:path}": "traceMessage",
    "GET /v1/events": "followEvents",
    "GET /webhooks/dead": "listDeadLetters",
    "POST /webhooks/dead/{number}/replay": "replayDeadLetter",
    "POST /mailboxes/{address}/webhook/replay": "replayDeadLetters",
    "GET /healthz": "getHealth",
    "GET /readyz": "getReadiness",
    "GET /metrics": "getMetrics",
    "POST /inbound/raw": "handOverEmail",
    "POST /feedback/report": "reportFeedback",
    "GET /u/{token}": "showUnsubscribe",
    "POST /u/{token}": "unsubscribe",
}


def operation_id(route: APIRoute) -> str:
    """The route's operation ID; for a provider's webhook, its method and the words of its path."""
    method = min(route.methods or {"GET"})
    words = [word.capitalize() for word in re.findall(r"[A-Za-z]+", re.sub(r"\{[^}]*\}", "", route.path))]
    return NAMES.get(f"{method} {route.path}", method.lower() + "".join(words))
