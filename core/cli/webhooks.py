"""`postroom webhook`: dead letters and their replay. `mailbox webhook` sets the URL."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import Output, table
from core.durations import stamp
from core.errors import Invalid
from core.services.notify import dead_letters

app: Final = group("webhook")


@command(app, "dead", example="postroom webhook dead help@support-bot.acme.com")
def dead(
    desk: CommandContext,
    *,
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this mailbox.")] = None,
    after: Annotated[int, typer.Option(help="Start after this number.")] = 0,
) -> Output:
    """List webhook events that were given up, oldest first."""
    found = desk.look(lambda tx: dead_letters.listed(tx, mailbox=address, after=after))
    rows = [
        (one.id, one.mailbox, one.type, one.message, stamp(one.at), "is sent again" if one.replayed_at else one.error)
        for one in found
    ]
    heads = ("NUMBER", "MAILBOX", "EVENT", "MESSAGE", "GIVEN UP", "WHY")
    return Output({"dead": [one.as_json() for one in found]}, table(heads, rows, none="no dead letters"))


@command(app, "replay", example="postroom webhook replay --mailbox help@support-bot.acme.com")
def replay(
    desk: CommandContext,
    *,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers as shown by webhook dead.")
    ] = None,
    mailbox: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Replay all of this mailbox.")] = None,
) -> Output:
    """Send dead letters again, ahead of newer events."""
    if bool(numbers) == (mailbox is not None):
        raise Invalid("say which: numbers, or --mailbox ADDRESS", fix="postroom webhook dead lists them")
    if mailbox is not None:
        n = desk.act(lambda tx, actor: dead_letters.replay_mailbox(tx, mailbox, actor=actor))
    else:
        unique = [*dict.fromkeys(numbers or ())]
        n = desk.act(lambda tx, actor: dead_letters.replay(tx, unique, actor=actor))
    return Output({"replayed": n}, f"{n} sent again, by the gateway, in the order of the log.")
