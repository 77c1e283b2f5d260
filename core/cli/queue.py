"""`postroom queue` and `postroom lane` on the desk's host: waiting mail. remote/queue.py has what works on any desk."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from core import filters
from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, table
from core.cli.remote.queue import MOST, Filter, named, read_item
from core.cli.remote.queue import app as queue_app
from core.db.queries import lanes
from core.db.queries import scheduled as times
from core.db.transaction import Transaction
from core.durations import stamp
from core.model import Actor
from core.serializers import mail
from core.services.audit import status
from core.services.control import emergency, read_log
from core.services.control.read_log import EntryPoint, Shown, What
from core.services.sending import review

__all__ = ["lane_app", "queue_app"]

lane_app: Final = group("lane")

Lane = Annotated[int, typer.Argument(metavar="LANE", help="The lane's number (postroom queue lanes).")]

# --- reading ------------------------------------------------------------------------------------------------------


@command(queue_app, "scheduled", example="postroom queue scheduled --json")
def list_scheduled(
    desk: CommandContext,
    *,
    mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = MOST,
) -> Output:
    """List mail with a send time chosen by its agent, next first."""
    desk.shown(Shown(What.SCHEDULED, mailbox=named(mailbox)))
    with desk.read() as conn:
        page = times.page(conn, named(mailbox), cursor=cursor, limit=limit)
    rows = [
        (one.id, one.agent, one.to[0] + (f" +{len(one.to) - 1}" if len(one.to) > 1 else ""), one.subject,
         stamp(one.send_at))
        for one in page.messages
    ]  # fmt: skip
    text = table(("ID", "AGENT", "TO", "SUBJECT", "LEAVES AT"), rows, none="no mail is scheduled")
    if page.next_cursor:
        desk.note(f"there is more: --cursor {page.next_cursor}")
    return Output(page.as_json(), text)


@command(queue_app, "cancel", example="postroom queue cancel m01hq3k5v9c2xw --reason 'sent by phone'")
def cancel(
    desk: CommandContext, item: Annotated[str, typer.Argument(metavar="ID", help="A message's id.")], reason: Reason
) -> Output:
    """Cancel a message that is pending, scheduled or waiting in a lane."""
    number = read_item(item)

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        # One transaction: a failure after the commit would report a message as not cancelled that is.
        review.cancel(tx, number, actor=actor, reason=reason)
        read_log.by_operator(tx, Shown(What.MESSAGE, item=number), entry_point=EntryPoint.CLI, actor=actor)
        return status.message(tx.conn, number, caller=actor, now=tx.now)

    return Output({"id": item} | desk.act(verb), f"Cancelled {item}.")


@command(queue_app, "lanes", example="postroom queue lanes")
def list_lanes(
    desk: CommandContext,
    *,
    wanted: Filter = "",
    everything: Annotated[bool, typer.Option("--all", help="Include empty lanes.")] = False,
) -> Output:
    """List lanes, deepest first, and what holds each back."""
    wants = filters.parse(wanted, lanes.FIELDS)
    with desk.read() as conn:
        found = lanes.lanes(conn, now=desk.now, wants=wants, all_of_them=everything)
    rows = [(one.id, one.mailbox, one.domain, one.depth, one.in_flight, one.waits_for, one.last_reply) for one in found]
    text = table(
        ("LANE", "MAILBOX", "DOMAIN", "DEPTH", "IN FLIGHT", "WAITS FOR", "LAST REPLY"), rows, none="no mail waits"
    )
    return Output({"lanes": [mail.lane(one) for one in found]}, text)


# --- lanes --------------------------------------------------------------------------------------------------------


@command(lane_app, "pause", example="postroom lane pause 7 --reason 'they asked us to wait'")
def pause(desk: CommandContext, lane: Lane, reason: Reason) -> Output:
    """Pause a lane: no delivery of it starts from now on."""
    desk.act(lambda tx, actor: emergency.pause_lane(tx, lane, reason=reason, actor=actor))
    return Output({"lane": lane, "paused": True}, f"Paused lane {lane}.")


@command(lane_app, "resume", example="postroom lane resume 7 --reason 'they are ready'")
def resume(desk: CommandContext, lane: Lane, reason: Reason) -> Output:
    """Resume a paused lane."""
    desk.act(lambda tx, actor: emergency.resume_lane(tx, lane, reason=reason, actor=actor))
    return Output({"lane": lane, "paused": False}, f"Resumed lane {lane}.")
