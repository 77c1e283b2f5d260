"""The inventory of identities as CSV, from its JSON: for HTTP and the command line. Nothing here reads the database.

JSON nests what CSV flattens; both use the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from core.services.feedback import csv_io

COLUMNS: Final = (
    "mailbox", "agent", "identity_type", "status", "agent_status", "oversight_mode", "purpose", "owner",
    "owner_active", "system_owner", "systems", "requested_by", "owner_reviewer", "governance_reviewer",
    "deliverability_reviewer", "requested_at", "activated_at", "expires_at", "revoke_when", "credential_type",
    "credential_count", "credential_ids", "scopes", "oldest_credential_issued_at", "oldest_credential_age_days",
    "credentials_expire_at", "last_used_at", "last_message_at", "last_drill_at", "last_drill_by",
    "last_drill_result", "drill_due_at", "stale", "findings",
)  # fmt: skip
"""The columns of the CSV, in order. A list in a cell is separated by `;`, times are RFC 3339 in UTC."""


def lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield CSV lines, header first; cells that a spreadsheet would run as a formula are escaped."""
    flat = (_flat(entry) for entry in entries)
    return csv_io.written(COLUMNS, ([_cell(one[name]) for name in COLUMNS] for one in flat))


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    held = entry["credentials"]
    return dict(entry) | {
        "credential_type": held[0]["type"] if held else None,
        "credential_ids": [one["id"] for one in held],
        "findings": [one["code"] for one in entry["findings"]],
    }


def _cell(value: object) -> object:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return ";".join(str(one) for one in value)
        case _:
            return value
