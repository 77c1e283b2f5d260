"""`postroom trace`: everything known of a sent message, a recipient, a run, an agent or a person."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, plain
from core.cli.remote.context import AnyDesk, command
from core.desk_client import short_ids
from core.errors import Invalid, NotFound

app: Final = typer.Typer()
"""The command that the root app mounts."""


@command(app, "trace", example="postroom trace jane@example.com")
def trace(
    desk: AnyDesk,
    key: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A message (enough of its id), Message-ID, provider id, return path, recipient, run, agent or person.",
        ),
    ],
) -> Output:
    """Everything known of a message, a recipient, a run, an agent or a person, in time order."""
    story = desk.call("trace.show", key=key)
    if story["steps"] or story["ours"] is not None:
        return Output(story, plain(_text(story)))
    if short_ids.looks_short(key):
        with contextlib.suppress(NotFound, Invalid):
            short_ids.whole(desk, key)  # several messages: they are named
    lost = f"nothing was found for {key[:100]!r}; give an id, an address, a run or a name exactly as the desk shows it"
    return Output(story, plain(_text(story)), code=1, refused=[lost])


def _text(story: Mapping[str, Any]) -> str:
    """One line per step. Text from a receiver or an agent must not look like a step of its own."""
    shown = [f"{story['kind']} {story['key']}: {story['verdict']}", *(f"! {note}" for note in story["notes"])]
    several = len(story["messages"]) > 1
    for step in story["steps"]:
        which = f"{step['message']}  " if several and step["message"] is not None else ""
        shown.append(f"{step['at']}  {step['kind']:<11}  {which}{step['text']}")
    if story["truncated"]:
        shown.append(f"… only the newest {len(story['messages'])} messages are shown")
    return "\n".join(" ".join(line.splitlines()) for line in shown)
