"""`postroom report` and `postroom trace`: parse a returned mail; show everything known of a sent one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.output import Output, dump, error_line, plain, say
from core.rules import reports
from core.rules.reports import Report
from core.security import key_file
from core.services.audit import trace
from core.services.control.read_log import Shown, What

app: Final = typer.Typer()
"""The commands that the root app mounts."""

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


@command(app, "trace", example="postroom trace jane@example.com")
def tell(
    desk: CommandContext,
    key: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A message, Message-ID, provider id, return path, recipient, run, agent or person."
        ),
    ],
) -> Output:
    """Everything known of a message, a recipient, a run, an agent or a person, in time order."""
    keys = key_file.provenance_keys(desk.settings.master_key.read_text())
    with desk.read() as conn:
        story = trace.trace(conn, key, keys, now=desk.now)
    if story.found:
        desk.shown(Shown(What.TRACE, messages=story.messages))
    if story.found or story.ours is not None:
        return Output(story.as_json(), plain(story.text()))
    lost = f"nothing was found for {key[:100]!r}; give an id, an address, a run or a name exactly as the desk shows it"
    return Output(story.as_json(), plain(story.text()), code=1, refused=[lost])


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
