"""`postroom logs`: a gateway's own log lines, from wherever it runs; on its host also while it is down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from core.cli.output import Output, dump, plain, say
from core.cli.remote.context import AnyDesk, command
from core.cli.remote.following import follow
from core.errors import Unavailable
from core.log_file import NAME
from core.model import LogLevel, plural

app: Final = typer.Typer()
"""The command that the root app mounts."""
MOST: Final = 1_000


@command(app, "logs", example="postroom logs --follow --level warning")
def logs(
    desk: AnyDesk,
    *,
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C; with --json one object a line.")
    ] = False,
    level: Annotated[LogLevel, typer.Option(help="Lines at least as bad.")] = LogLevel.DEBUG,
    wanted: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'process:egress age<1h relay'.")
    ] = "",
    limit: Annotated[int, typer.Option("--lines", "-n", min=1, max=MOST, help="How many of the newest.")] = 200,
) -> Output:
    """A gateway's own log lines, of all its processes: the newest, or following them.

    They are those of the gateway that answers; with --dir, on its host, those in its file, also while it is down.
    """
    asked = {"level": level.value, "filter": wanted}
    try:
        page = desk.call("gateway.logs", **asked, limit=limit)
    except Unavailable as error:
        raise Unavailable(f"{error}; {_kept(desk)}", retry_after=error.retry_after) from error
    if page["more"]:
        desk.note(f"there are older lines: --lines N, at most {MOST:,}")
    if following:
        _follow(desk, page, asked)
    none = "no line matches" if wanted or level is not LogLevel.DEBUG else "no lines are kept here"
    return Output(page, plain("\n".join(_text(one) for one in page["lines"]) or none))


def _kept(desk: AnyDesk) -> str:
    """Where the lines are, for somebody who cannot be shown them: without its database a desk cannot log the read."""
    if isinstance(desk.where, Path):
        return f"the lines are in {(desk.where / NAME).absolute()}"
    return f"the lines are in {NAME} in the desk's directory on its host"


def _follow(desk: AnyDesk, page: Mapping[str, Any], asked: Mapping[str, str]) -> NoReturn:
    """Print this page, and what is written from then on."""

    def show(page: Mapping[str, Any], *, before: str) -> None:
        if page["host"] != before:
            desk.note(f"{page['host']} answers now, before it was {before}: these are its lines")
        elif page["gap"]:
            desk.note("lines are missing here: more were written than are kept")
        for one in page["lines"]:
            say(dump(one) if desk.as_json else _text(one), exact=desk.as_json)

    def look() -> None:
        nonlocal page
        while True:
            last = page
            page = desk.call("gateway.logs", **asked, after=last["next"], limit=MOST)
            show(page, before=last["host"])
            if not page["more"]:
                return

    show(page, before=page["host"])
    follow(desk, look)


def _text(one: Mapping[str, Any]) -> str:
    """`2026-05-03T12:40:51Z warning desk-a 127.0.0.1:8025 egress[4711] departures: the relay is not answering`."""
    data = " ".join(f"{name}={_value(value)}" for name, value in one["data"].items())
    where = f"{one['gateway']} {one['process']}[{one['pid']}]"
    name = f"{one['logger']}: " if one["logger"] else ""
    lost = f" ({plural(one['lost'], 'line')} before it could not be kept)" if one["lost"] else ""
    line = f"{one['at']}  {one['level']:<7}  {where}  {name}{one['event']}{'  ' + data if data else ''}{lost}"
    return " ".join(line.splitlines())


def _value(value: object) -> str:
    """A value as one word, or in quotes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if not text or any(char.isspace() for char in text) else text
