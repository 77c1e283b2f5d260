"""`postroom note` and `postroom attention`: what people at the desk tell each other."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, plain, table
from core.cli.remote.context import AnyDesk, command
from core.desk_client import short_ids
from core.durations import SECOND, duration
from core.errors import Invalid, NotFound

note_app: Final = group("note")
attention_app: Final = group("attention")

Message = Annotated[str | None, typer.Option(help="A message's id, or enough of it.")]
Agent = Annotated[str | None, typer.Option(help="An agent's name.")]
Incident = Annotated[str | None, typer.Option(help="An incident's name, as INC-431.")]
Key = Annotated[
    str, typer.Argument(metavar="ID", help="The id of what needs attention, as `postroom attention now` shows it.")
]

# --- notes --------------------------------------------------------------------------------------------------------


@command(note_app, "add", example="postroom note add 'asked the owner, waits for him' --agent quote-bot")
def add(
    desk: AnyDesk,
    *,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.")],
    message: Message = None,
    agent: Agent = None,
    incident: Incident = None,
) -> Output:
    """Note something on a message, an agent or an incident: the log, a trace and the hand-over show it."""
    done = desk.call("note.add", text=text, message=_whole(desk, message), agent=agent, incident=incident)
    return Output(done, f"Noted as note {done['note']}.")


@command(note_app, "list", example="postroom note list --agent quote-bot")
def list_notes(
    desk: AnyDesk,
    *,
    message: Message = None,
    agent: Agent = None,
    incident: Incident = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Maximum number of rows.")] = 100,
) -> Output:
    """List notes on a message, an agent or an incident, oldest first; without any of them, the newest of all."""
    found = desk.call(
        "note.list", message=_whole(desk, message), agent=agent, incident=incident, limit=limit
    )  # fmt: skip
    rows = [
        (one["at"], one["by"], one["message"] or one["agent"] or one["incident"], one["text"]) for one in found["notes"]
    ]
    return Output(found, table(("AT", "BY", "ON", "NOTE"), rows, none="no notes"))


def _whole(desk: AnyDesk, message: str | None) -> str | None:
    return None if message is None else short_ids.whole(desk, message)


# --- attention ----------------------------------------------------------------------------------------------------

LEVELS: Final = ("fault", "warn", "info")
GLYPHS: Final = {"fault": "✖ CRIT", "warn": "▲ WARN", "info": "· INFO", "fine": "·"}


@command(attention_app, "acknowledge", example="postroom attention acknowledge agent:quote-bot:suspended --until 4h")
def acknowledge(
    desk: AnyDesk,
    *,
    key: Key,
    until: Annotated[str, typer.Option(help="How long it stays quiet: 30m, 4h, 2d; at most 7d.")] = "1h",
    level: Annotated[
        str | None,
        typer.Option(help="How bad it may get without being shown again: fault, warn or info. Default: as bad as now."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the others and the log.")] = None,
) -> Output:
    """Keep what needs attention quiet for a while; a worse state shows it again."""
    if level is not None and level not in LEVELS:
        raise Invalid(f"no such level: {level[:40]}", fix=f"use {', '.join(LEVELS)}")
    seconds = duration(until) // SECOND
    done = desk.call(
        "attention.acknowledge", key=key, level=level or _level(desk, key), seconds=seconds, reason=reason
    )  # fmt: skip
    return Output(done, f"Quiet until {done['until']}, unless it gets worse.")


def _level(desk: AnyDesk, key: str) -> str:
    """How bad it is now. Raises `NotFound`: nothing needs attention under this id."""
    found = next((one for one in desk.call("attention.now")["needs"] if one["id"] == key), None)
    if found is None:
        raise NotFound(f"nothing needs attention under the id {key[:80]!r}", fix="postroom attention now lists the ids")
    return str(found["level"])


@command(attention_app, "now", example="postroom attention now")
def now(desk: AnyDesk) -> Output:
    """What needs attention, worst first: since when, what the desk did by itself, what to do next."""
    found = desk.call("attention.now")
    lines: list[str] = []
    for one in found["needs"]:
        known = f" (known to {one['quiet_by']} until {one['quiet_until']})" if one["quiet_by"] else ""
        lines.append(f"{GLYPHS[one['level']]} {one['subject']}: {one['text']}{known}")
        facts = [
            f"since {one['since']}" if one["since"] else "",
            f"the desk {one['did']}" if one["did"] else "",
            f"{one['refused']:,} attempts refused since" if one["refused"] else "",
        ]
        lines += [f"    {'; '.join(fact for fact in facts if fact)}"] if any(facts) else []
        lines += [f"    next: {one['step']}"] if one["step"] else []
        lines += [f"    id:   {one['id']}"] if one["id"] else []
    return Output(found, plain("\n".join(lines) or "Nothing needs attention."))


@command(attention_app, "wake", example="postroom attention wake agent:quote-bot:suspended")
def wake(desk: AnyDesk, key: Key) -> Output:
    """Show what was acknowledged again from now on."""
    return Output(desk.call("attention.wake", key=key), f"{key} is shown again.")


@command(attention_app, "list", example="postroom attention list")
def list_acknowledged(desk: AnyDesk) -> Output:
    """List what is acknowledged, by whom and until when."""
    found = desk.call("attention.list")
    rows = [(one["key"], one["level"], one["by"], one["until"], one["reason"]) for one in found["acknowledged"]]
    return Output(found, table(("ID", "LEVEL", "BY", "UNTIL", "WHY"), rows, none="nothing is acknowledged"))
