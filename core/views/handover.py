"""The hand-over as sentences, the same for a screen and for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def title(page: Mapping[str, Any]) -> str:
    """Of when it is, and since when."""
    cut = " (the log has more entries than are read at once)" if page["truncated"] else ""
    return f"Hand-over at {page['at']}, since {page['since']}{cut}"


def sections(page: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Each section with its lines, none if there is nothing to say. Texts of people are not made safe here."""
    told = _told(page["waits"])
    counts = {kind: n for kind, n in page["counts"].items() if kind.startswith("email.")}
    return [
        ("WAITS", _waits(page["waits"])),
        ("HAPPENED", [_happened(one, told) for one in page["happened"]]),
        ("WHO DID WHAT", [f"{one['operator']}: {_counts(one['did'])}" for one in page["people"]]),
        ("NOTES", [_note(one) for one in page["notes"]]),
        ("MAIL", [_counts(counts)] if counts else []),
    ]


def _waits(waits: Mapping[str, Any]) -> list[str]:
    held = f"{waits['held']:,} held"
    if waits["oldest_held_at"]:
        held += f", the longest since {waits['oldest_held_at']}"
    if waits["failing"]:
        held += f", {waits['failing']:,} of them fail{'s' * (waits['failing'] == 1)} a check"
    found = [held] if waits["held"] else []
    if waits["stopped_by"]:
        found.insert(0, f"ALL STOP by {waits['stopped_by']}: {waits['stop_reason']}")
    found += [f"{one['agent']} is suspended by {one['by']}: {one['reason']}" for one in waits["suspended"]]
    found += [f"{one['id']} is claimed by {one['by']} until {one['until']}" for one in waits["claims"]]
    found += [f"{one['key']} is acknowledged by {one['by']} until {one['until']}" for one in waits["acknowledged"]]
    return found


def _told(waits: Mapping[str, Any]) -> Mapping[tuple[str, str], str]:
    """The reasons that WAITS gives: what happened does not give them again."""
    found = {("agent.suspended", one["agent"]): one["reason"] for one in waits["suspended"]}
    return found | ({("desk.stopped", "desk"): waits["stop_reason"]} if waits["stopped_by"] else {})


def _happened(one: Mapping[str, Any], told: Mapping[tuple[str, str], str]) -> str:
    reason = told.get((one["type"], one["target"]))
    detail = one["detail"].removeprefix(reason).removeprefix(" · ") if reason else one["detail"]
    return f"{one['at']}  {one['actor']}  {one['type']}  {one['target']}  {detail}".rstrip()


def _note(one: Mapping[str, Any]) -> str:
    return f"{one['at']}  {one['by']} on {one['message'] or one['agent'] or one['incident']}: {one['text']}"


def _counts(did: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {kind}" for kind, n in sorted(did.items(), key=lambda one: -one[1]))
