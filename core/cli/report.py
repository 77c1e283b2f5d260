"""`postroom report`: how the desk reads a returned mail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.output import dump, error_line, plain, say
from core.rules import reports
from core.rules.reports import Report

app: Final = typer.Typer()
"""The command that the root app mounts."""

MOST: Final = 32 * 1024 * 1024
"""Bytes of one file that are read; the parser uses only the first MiB anyway."""


@command(app, "report", example="postroom report bounce.eml --json")
def report(
    desk: CommandContext,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Raw messages; - for stdin.")],
) -> None:
    """Show how the desk reads bounces and complaints, one line per file. Needs no desk."""
    unread = 0
    for file in files:
        try:
            raw = _bytes(file)
        except OSError as error:
            error_line(f"{file}: {error.strerror}; name a file with a raw message, or - for stdin")
            unread += 1
            continue
        found = reports.read(raw)
        say(dump({"file": file} | found.as_json()) if desk.as_json else _line(file, found), exact=desk.as_json)
    if unread:
        raise typer.Exit(1)


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(MOST)
    with Path(file).open("rb") as opened:
        return opened.read(MOST)


def _details(one: dict[str, Any]) -> str:
    """Status, cause, and whether the desk would suppress the address."""
    cause = (one["cause"] or "").replace("_", " ")
    return ", ".join(filter(None, (one["status"], cause, "suppressed" if one["suppress"] else "")))


def _line(file: str, found: Report) -> str:
    values: dict[str, Any] = found.as_json()
    people = [
        f"{one['address']} {one['event']}{' for good' if one['permanent'] else ''}"
        + (f" ({details})" if (details := _details(one)) else "")
        for one in values["recipients"]
    ]
    return plain(f"{file}: {found.kind}" + (f": {'; '.join(people)}" if people else "")).replace("\n", " ")
