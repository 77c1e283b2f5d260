"""Which mail a machine must not answer (RFC 3834 2), so that two of them do not write to each other all night.

The other half is ours to say and is said on every message: `Auto-Submitted`, which an agent cannot set or take away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BULK: Final = frozenset({"bulk", "junk", "list"})
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})
_LIST_FIELDS: Final = ("list-id", "list-unsubscribe", "list-post", "list-help")
_DAEMONS: Final = frozenset({"mailer-daemon", "mailerdaemon"})


def unanswerable(headers: Mapping[str, str]) -> str | None:
    """Why mail with these header fields is not to be answered by a machine, or None."""
    said = {name.strip().lower(): value.strip().lower() for name, value in headers.items()}
    submitted = said.get("auto-submitted", "no").partition(";")[0].strip()
    if submitted not in ("no", ""):
        return f"it is itself automatic (Auto-Submitted: {submitted[:40]})"
    if said.get("precedence") in _BULK:
        return f"it went to many (Precedence: {said['precedence']})"
    if any(name in said for name in _LIST_FIELDS):
        return "it came through a list"
    if _SUPPRESSED & {part.strip() for part in said.get("x-auto-response-suppress", "").split(",")}:
        return "its sender asks for no automatic answer (X-Auto-Response-Suppress)"
    if said.get("return-path") == "<>":
        return "it is a report: its return path is empty (RFC 5321 4.5.5)"
    return None


def daemon(address: str) -> bool:
    """Whether this address belongs to a mail system or a list's machinery and never to a reader."""
    local = address.rpartition("@")[0].lower()
    return local in _DAEMONS or local.startswith("owner-") or local.endswith("-request")
