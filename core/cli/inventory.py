"""`postroom inventory`: the inventory of non-human identities, for people, programs and IAM imports."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.output import Output, dump, piped, say, table
from core.durations import stamp
from core.model import plural
from core.services.identity import inventory
from core.services.identity.inventory import Entry

app: Final = typer.Typer()
"""The command that the root app mounts."""


class Form(enum.StrEnum):
    """Output format of the inventory."""

    CSV = "csv"
    JSON = "json"


@command(app, "inventory", example="postroom inventory --format csv > identities.csv")
def show(
    desk: CommandContext,
    *,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="For an import: CSV, or JSON as with --json.", show_default="a table"),
    ] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that were vetoed or retired as well.")] = False,
) -> Output | None:
    """Every non-human identity: owner, reviewers, credentials and their age, last use, last drill, findings."""
    now = desk.now
    with desk.read() as conn:
        if form is Form.CSV and not desk.as_json:
            for line in inventory.csv_lines(inventory.everything(conn, now=now, ended=ended), now=now):
                say(line.rstrip("\n"), exact=piped())
            return None
        found = list(inventory.everything(conn, now=now, ended=ended))
    data: dict[str, Any] = {
        "identities": [inventory.as_json(one, now=now) for one in found],
        "next_cursor": None,
        "generated_at": stamp(now),
    }
    if form is Form.JSON and not desk.as_json:
        say(dump(data), exact=True)
        return None
    return Output(data, _as_text(found))


def _as_text(found: list[Entry]) -> str:
    heads = ("MAILBOX", "AGENT", "STATUS", "MODE", "OWNER", "TOKENS", "LAST USED", "LAST DRILL", "FINDINGS")
    rows = [
        (
            one.record.address,
            one.record.agent,
            one.record.status,
            one.record.mode,
            one.record.owner,
            len(one.credentials),
            None if one.last_used_at is None else stamp(one.last_used_at)[:10],
            inventory.drill_result(one.agent),
            ", ".join(each.code for each in one.findings),
        )
        for one in found
    ]
    wrong = sum(bool(one.findings) for one in found)
    summary = f"{plural(len(found), 'identity', 'identities')}, {wrong} with findings."
    return f"{table(heads, rows, none='no identities yet: postroom mailbox request')}\n\n{summary}"
