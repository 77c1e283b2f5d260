"""Header fields an agent may not set: the gateway's own, and those that route, sign or control a relay.

This is a deny-list because the contract promises agents fields of their own. Most entries are families: whole prefixes
that providers, filters and mail servers act on. Sources: the IANA registry of message header fields (RFC 4021 and
after), the providers' own documentation.
"""

from __future__ import annotations

import re
from typing import Final

# RFC 5322 3.6.8: a field name is printable ASCII without colon. So no space, no tab, no `From :`.
_FTEXT: Final = re.compile(r"[!-9;-~]+")
MAX_NAME: Final = 76

_NAMES: Final = frozenset({
    # set by the gateway, or part of the envelope and the thread (RFC 5322 3.6)
    "from", "to", "cc", "bcc", "sender", "author", "subject", "date", "message-id", "in-reply-to", "references",
    "reply-to", "return-path", "feedback-id",
    # targets of reports, replies and copies: RFC 8098, RFC 9477, RFC 2156, and what older software obeys
    "return-receipt-to", "return-receipt-requested", "errors-to", "warnings-to", "mail-followup-to",
    "mail-reply-to", "mail-copies-to", "followup-to", "read-receipt-to", "x-confirm-reading-to",
    "notice-requested-upon-delivery-to", "registered-mail-reply-requested-by", "prevent-nondelivery-report",
    "generate-delivery-report", "cfbl-address", "cfbl-feedback-id", "abuse-reports-to",
    # delivery options: RFC 5293, RFC 7293, RFC 8689, RFC 9228, RFC 2156
    "apparently-to", "precedence", "require-recipient-valid-since", "tls-required", "alternate-recipient",
    "deferred-delivery", "latest-delivery-time", "dl-expansion-history", "conversion", "conversion-with-loss",
    "disclose-recipients", "message-type", "autoforwarded", "autosubmitted", "supersedes", "obsoletes", "expires",
    "expiry-date", "control", "also-control", "approved", "newsgroups", "distribution", "path", "xref",
    # authentication and reputation: RFC 4870, RFC 5518, RFC 7208, RFC 8601, BIMI, header protection (RFC 9788)
    "dkim", "vbr-info", "bimi-selector", "bimi-location", "bimi-indicator", "hp-outer", "autocrypt",
    "autocrypt-gossip", "autocrypt-setup-message", "encrypted", "openpgp",
    # unregistered equivalents
    "x-from", "x-to", "x-cc", "x-bcc", "x-job", "x-tenant", "x-loop",
})  # fmt: skip
_PREFIXES: Final = (
    "received", "resent-", "original-", "orig-", "redirected-", "forwarded-", "downgraded-", "dkim-", "domainkey-",
    "arc-", "authentication-", "auto-", "list-", "mime-", "content-", "disposition-notification-",
    "discarded-x400-", "x400-", "mmhs-", "agent-", "ai-", "postroom-", "sio-label", "archived-", "envelope-",
    "delivered-", "delivery-",
    # unregistered equivalents
    "x-agent-", "x-ai-", "x-postroom-", "x-received", "x-resent-", "x-original-", "x-orig-", "x-forwarded-",
    "x-dkim-", "x-arc-", "x-authentic", "x-authority-", "x-auto-submitted", "x-list-", "x-feedback-", "x-cfbl-",
    "x-precedence", "x-envelope-", "x-delivered-", "x-apparently-", "x-errors-", "x-return-", "x-sender",
    "x-x-sender", "x-rcpt-", "x-recipient", "x-failed-", "x-bounce", "x-dsn-", "x-unsubscribe", "x-spam", "x-virus",
    "x-antiabuse", "x-abuse", "x-report-abuse", "x-complaints-", "x-csa-", "x-bimi-", "x-receipt-", "x-message-id",
    "x-get-message-",
    # relays act on these and strip them: tags, templates, tracking, schedules, even recipients. Those of the
    # providers in the registry are declared there (`orders`) and passed in
    "x-smtp-", "x-mc-", "x-mandrill-", "x-mj-", "x-mailjet-", "x-mailin-", "x-sib-", "x-brevo-",
    "x-msys-", "x-sparkpost-", "x-elasticemail-", "x-smtp2go-", "x-mailersend-", "x-resend-", "x-socketlabs-",
    "x-xsmessageid", "x-postal-", "x-mta-", "x-virtual-mta", "x-kumo-", "x-campaignmonitor-", "x-cm-",
    "x-rpcampaign",
    # mail systems trust these among their own servers
    "x-ms-", "x-microsoft-", "x-forefront-", "x-exchange-", "x-eop", "x-gm-", "x-google-", "x-yahoo-", "x-ymail-",
    "x-proofpoint-", "x-mimecast-", "x-ironport-", "x-barracuda-", "x-cisco-", "x-sophos-", "x-rspamd-", "x-halon-",
)  # fmt: skip


def why_refused(name: str, *, orders: tuple[str, ...] = ()) -> str | None:
    """Why an agent may not set this field, or None. Names are compared case-insensitively, with `_` as `-`.

    `orders`: further lower-case prefixes of fields that some relay obeys.
    """
    if not _FTEXT.fullmatch(name):
        return "is not a header field name (RFC 5322 3.6.8)"
    if len(name) > MAX_NAME:
        return f"is longer than {MAX_NAME} characters"
    # Some mail software passes fields on as environment variables or CGI names, where `_` and `-` are the same.
    plain = name.lower().replace("_", "-")
    if plain in _NAMES or plain.startswith((*_PREFIXES, *orders)):
        return "is a field that only the gateway may set"
    return None
