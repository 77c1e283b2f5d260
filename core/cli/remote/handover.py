"""`postroom handover`: one page for whoever takes over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, plain
from core.cli.remote.context import AnyDesk, command
from core.durations import SECOND, duration

app: Final = typer.Typer()
"""The command that the root app mounts."""


@command(app, "handover", example="postroom handover --since 12h")
def handover(
    desk: AnyDesk,
    since: Annotated[str, typer.Option(help="How far back: 8h, 1d; at most 7d.")] = "8h",
) -> Output:
    """The hand-over for the next shift: what happened since a time, what waits, who did what."""
    page = desk.call("handover.show", seconds=duration(since) // SECOND)
    return Output(page, plain("\n".join(" ".join(line.splitlines()) for line in lines(page))))


def lines(page: Mapping[str, Any]) -> list[str]:
    """The page for people. Texts of people stay on their own line."""
    cut = " (the log has more entries than are read at once)" if page["truncated"] else ""
    return [
        f"Hand-over at {page['at']}, since {page['since']}{cut}",
        *_section("WAITS", _waits(page["waits"])),
        *_section("HAPPENED", [_happened(one) for one in page["happened"]]),
        *_section("WHO DID WHAT", [f"{one['operator']}: {_counts(one['did'])}" for one in page["people"]]),
        *_section("NOTES", [_note(one) for one in page["notes"]]),
        *_section("MAIL", [_counts({k: n for k, n in page["counts"].items() if k.startswith("email.")}) or "none"]),
    ]


def _section(title: str, found: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in found or ["nothing"])]


def _waits(waits: Mapping[str, Any]) -> list[str]:
    held = f"{waits['held']:,} held"
    if waits["oldest_held_at"]:
        held += f", the longest since {waits['oldest_held_at']}"
    if waits["failing"]:
        held += f", {waits['failing']:,} of them fail a check"
    found = [held] if waits["held"] else []
    if waits["stopped_by"]:
        found.insert(0, f"ALL STOP by {waits['stopped_by']}: {waits['stop_reason']}")
    found += [f"{one['agent']} is suspended by {one['by']}: {one['reason']}" for one in waits["suspended"]]
    found += [f"{one['id']} is claimed by {one['by']} until {one['until']}" for one in waits["claims"]]
    found += [f"{one['key']} is acknowledged by {one['by']} until {one['until']}" for one in waits["acknowledged"]]
    return found


def _happened(one: Mapping[str, Any]) -> str:
    return f"{one['at']}  {one['actor']}  {one['type']}  {one['target']}  {one['detail']}".rstrip()


def _note(one: Mapping[str, Any]) -> str:
    return f"{one['at']}  {one['by']} on {one['message'] or one['agent'] or one['incident']}: {one['text']}"


def _counts(did: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {kind}" for kind, n in sorted(did.items(), key=lambda one: -one[1]))
