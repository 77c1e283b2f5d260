"""Runs, tokens and limits of an agent as single lines, from what the desk answers. Pure; not yet safe to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from console.views.rows import in_text, since_text
from core.durations import read_stamp
from core.views.format import count, plural

LIMITS: Final = {
    "hour": "per hour",
    "day": "per day",
    "run": "per run",
    "new_recipients_day": "new recipients, day",
    "site_minute": "per site and minute",
    "site_hour": "per site and hour",
}
"""The limits of a mailbox, as a screen names them."""
_POLICY: Final = {
    "run": ("run", "cap"), "hour": ("agent", "hour"), "day": ("agent", "day"),
    "new_recipients_day": ("agent", "new_recipients_day"), "site_minute": ("site", "minute"),
    "site_hour": ("site", "hour"),
}  # fmt: skip
"""Where the policy has the figure for mailboxes without their own."""


def policy_figure(policy: Mapping[str, Any], limit: str) -> int:
    """The policy's value of a limit, for sites without their own."""
    section, name = _POLICY[limit]
    return int(policy["budgets"][section][name])


def limit_text(limit: str, record: Mapping[str, Any]) -> str:
    """`per hour              120 (policy: 10)`."""
    own, usual = record["limits"][limit], policy_figure(record["policy"], limit)
    figure = f"{count(usual)} (the policy's)" if own is None else f"{count(own)} (policy: {count(usual)})"
    return f"{LIMITS[limit]:<22}{figure}"


def read_figure(text: str) -> int | None:
    """`1,200` or `1200`; None if it is no whole number."""
    plain = text.replace(",", "").replace("_", "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 12 else None


def run_text(run: Mapping[str, Any]) -> str:
    """`7c1e · 8 recipients · ann · confirmed up to 100`."""
    confirmed = f" · confirmed up to {count(run['confirmed_up_to'])}" if run["confirmed_up_to"] else ""
    who = f" · {run['user']}" if run["user"] else ""
    return f"{run['id']} · {plural(run['accepted'], 'recipient')}{who}{confirmed}"


def token_text(token: Mapping[str, Any], *, now: int) -> str:
    """`12 · send read · run b12 · ends in 7h · used 3m ago`."""
    used = f"used {since_text(read_stamp(token['last_used_at']), now)}" if token["last_used_at"] else "never used"
    parts = (
        str(token["id"]), " ".join(token["scopes"]), "test" if token["test"] else "",
        f"run {token['run']}" if token["run"] else "", f"for {token['user']}" if token["user"] else "",
        f"ends {in_text(read_stamp(token['expires_at']), now)}", used,
        f"from {token['parent']}" if token["parent"] else "",
    )  # fmt: skip
    return " · ".join(part for part in parts if part)
