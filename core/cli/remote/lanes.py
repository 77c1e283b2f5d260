"""`postroom lane`, `postroom queue scheduled`, `lanes` and `cancel`: mail that waits for its time or its receiver."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.queue import MOST, Filter, Message, named
from core.cli.remote.queue import app as queue_app
from core.desk_client import short_ids

__all__ = ["lane_app", "queue_app"]

lane_app: Final = group("lane")

Lane = Annotated[int, typer.Argument(metavar="LANE", help="The lane's number (postroom queue lanes).")]

# --- reading ------------------------------------------------------------------------------------------------------


@command(queue_app, "scheduled", example="postroom queue scheduled --json")
def list_scheduled(
    desk: AnyDesk,
    *,
    mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = MOST,
) -> Output:
    """List mail with a send time chosen by its agent, next first."""
    page = desk.call("queue.scheduled", mailbox=named(mailbox), cursor=cursor, limit=limit)
    rows = [
        (one["id"], one["agent"], one["to"][0] + (f" +{len(one['to']) - 1}" if len(one["to"]) > 1 else ""),
         one["subject"], one["send_at"])
        for one in page["messages"]
    ]  # fmt: skip
    text = table(("ID", "AGENT", "TO", "SUBJECT", "LEAVES AT"), rows, none="no mail is scheduled")
    if page["next_cursor"]:
        desk.note(f"there is more: --cursor {page['next_cursor']}")
    return Output(page, text)


@command(queue_app, "cancel", example="postroom queue cancel m01hq3k5v9c2xw --reason 'sent by phone'")
def cancel(desk: AnyDesk, item: Message, reason: Reason) -> Output:
    """Cancel a message that is pending, scheduled or waiting in a lane."""
    item = short_ids.whole(desk, item)
    return Output(desk.call("message.cancel", id=item, reason=reason), f"Cancelled {item}.")


@command(queue_app, "lanes", example="postroom queue lanes")
def list_lanes(
    desk: AnyDesk,
    *,
    wanted: Filter = "",
    everything: Annotated[bool, typer.Option("--all", help="Include empty lanes.")] = False,
) -> Output:
    """List lanes, deepest first, and what holds each back."""
    found = desk.call("lane.list", filter=wanted, everything=everything)
    rows = [
        (
            one["id"],
            one["mailbox"],
            one["domain"],
            one["depth"],
            one["in_flight"],
            one["waits_for"],
            one["last_reply"],
        )
        for one in found["lanes"]
    ]
    text = table(
        ("LANE", "MAILBOX", "DOMAIN", "DEPTH", "IN FLIGHT", "WAITS FOR", "LAST REPLY"), rows, none="no mail waits"
    )
    return Output(found, text)


# --- lanes --------------------------------------------------------------------------------------------------------


@command(lane_app, "pause", example="postroom lane pause 7 --reason 'they asked us to wait'")
def pause(desk: AnyDesk, lane: Lane, reason: Reason) -> Output:
    """Pause a lane: no delivery of it starts from now on."""
    return Output(desk.call("lane.pause", lane=lane, reason=reason), f"Paused lane {lane}.")


@command(lane_app, "resume", example="postroom lane resume 7 --reason 'they are ready'")
def resume(desk: AnyDesk, lane: Lane, reason: Reason) -> Output:
    """Resume a paused lane."""
    return Output(desk.call("lane.resume", lane=lane, reason=reason), f"Resumed lane {lane}.")
