"""Which mail an automated responder must not answer (RFC 3834 2), to prevent mail loops.

The other half is on every message we send: `Auto-Submitted`, which an agent can neither set nor remove.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KEYWORDS: Final = frozenset({"auto-generated", "auto-replied", "auto-notified"})
"""Of Auto-Submitted (RFC 3834 5, RFC 5436 2.7.1)."""
_BULK: Final = frozenset({"bulk", "junk", "list"})
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})
_LIST_FIELDS: Final = ("list-id", "list-unsubscribe", "list-post", "list-help")
_DAEMONS: Final = frozenset({"mailer-daemon", "mailerdaemon"})


def unanswerable(headers: Mapping[str, str]) -> str | None:
    """Why an automated responder must not answer mail with these header fields, or None. Quotes no free text."""
    fields = {name.strip().lower(): value.strip().lower() for name, value in headers.items()}
    submitted = fields.get("auto-submitted", "no").partition(";")[0].strip()
    if submitted not in ("no", ""):
        # The reason is shown as the desk's own words: it must not quote what a sender is free to write.
        return f"it is itself automatic (Auto-Submitted: {submitted if submitted in _KEYWORDS else 'other'})"
    if fields.get("precedence") in _BULK:
        return f"it went to many (Precedence: {fields['precedence']})"
    if any(name in fields for name in _LIST_FIELDS):
        return "it came through a list"
    if _SUPPRESSED & {part.strip() for part in fields.get("x-auto-response-suppress", "").split(",")}:
        return "its sender asks for no automatic answer (X-Auto-Response-Suppress)"
    if fields.get("return-path") == "<>":
        return "it is a report: its return path is empty (RFC 5321 4.5.5)"
    return None


def daemon(address: str) -> bool:
    """Whether this address belongs to a mail system or list software and never to a person."""
    local = address.rpartition("@")[0].lower()
    return local in _DAEMONS or local.startswith("owner-") or local.endswith("-request")
