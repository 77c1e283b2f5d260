"""`postroom webhook`: dead letters and their replay. `mailbox webhook` sets the URL."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk, command
from core.errors import Invalid

app: Final = group("webhook")


@command(app, "dead", example="postroom webhook dead help@support-bot.acme.com")
def dead(
    desk: AnyDesk,
    *,
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this mailbox.")] = None,
    after: Annotated[int, typer.Option(help="Start after this number.")] = 0,
) -> Output:
    """List webhook events that were given up, oldest first."""
    found = desk.call("webhook.dead", mailbox=address, after=after)
    rows = [
        (
            one["id"],
            one["mailbox"],
            one["event"],
            one["message_id"],
            one["at"],
            "is sent again" if one["replayed_at"] else one["error"],
        )
        for one in found["dead"]
    ]
    heads = ("NUMBER", "MAILBOX", "EVENT", "MESSAGE", "GIVEN UP", "WHY")
    return Output(found, table(heads, rows, none="no dead letters"))


@command(app, "replay", example="postroom webhook replay --mailbox help@support-bot.acme.com")
def replay(
    desk: AnyDesk,
    *,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers as shown by webhook dead.")
    ] = None,
    mailbox: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Replay all of this mailbox.")] = None,
) -> Output:
    """Send dead letters again, ahead of newer events."""
    if bool(numbers) == (mailbox is not None):
        raise Invalid("say which: numbers, or --mailbox ADDRESS", fix="postroom webhook dead lists them")
    done = desk.call("webhook.replay", ids=[*dict.fromkeys(numbers or ())], mailbox=mailbox)
    return Output(done, f"{done['replayed']} sent again, by the gateway, in the order of the log.")
