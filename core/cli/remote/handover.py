"""`postroom handover`: one page for whoever takes over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, plain
from core.cli.remote.context import AnyDesk, command
from core.durations import SECOND, duration
from core.views import handover as handover_text

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
    found = [handover_text.title(page)]
    for title, said in handover_text.sections(page):
        found += ["", title, *(f"  {line}" for line in said or ["nothing"])]
    return found
