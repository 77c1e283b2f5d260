"""`postroom inventory`: the inventory of non-human identities, for people, programs and IAM imports."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from core.cli.output import Output, dump, piped, say, table
from core.cli.remote.context import AnyDesk, command
from core.desk_client.interface import Json
from core.model import plural
from core.serializers import inventory_csv

app: Final = typer.Typer()
"""The command that the root app mounts."""
PAGE: Final = 500


class Form(enum.StrEnum):
    """Output format of the inventory."""

    CSV = "csv"
    JSON = "json"


@command(app, "inventory", example="postroom inventory --format csv > identities.csv")
def show(
    desk: AnyDesk,
    *,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="For an import: CSV, or JSON as with --json.", show_default="a table"),
    ] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those that were vetoed or retired as well.")] = False,
) -> Output | None:
    """Every non-human identity: owner, reviewers, credentials and their age, last use, last drill, findings."""
    pages = _pages(desk, ended=ended)
    if form is Form.CSV and not desk.as_json:
        for line in inventory_csv.lines(one for page in pages for one in page["identities"]):
            say(line.rstrip("\n"), exact=piped())
        return None
    first, *others = pages
    found = [one for page in (first, *others) for one in page["identities"]]
    data = {"identities": found, "next_cursor": None, "generated_at": first["generated_at"]}
    if form is Form.JSON and not desk.as_json:
        say(dump(data), exact=True)
        return None
    return Output(data, _as_text(found))


def _pages(desk: AnyDesk, *, ended: bool) -> Iterator[Json]:
    """Each page checks the reader's permission again."""
    cursor: str | None = ""
    while cursor is not None:
        page = desk.call("inventory.list", cursor=cursor, limit=PAGE, ended=ended)
        yield page
        cursor = page["next_cursor"]


def _as_text(found: Sequence[Mapping[str, Any]]) -> str:
    heads = ("MAILBOX", "AGENT", "STATUS", "MODE", "OWNER", "TOKENS", "LAST USED", "LAST DRILL", "FINDINGS")
    rows = [
        (
            one["mailbox"],
            one["agent"],
            one["status"],
            one["oversight_mode"],
            one["owner"],
            one["credential_count"],
            None if one["last_used_at"] is None else one["last_used_at"][:10],
            one["last_drill_result"],
            ", ".join(each["code"] for each in one["findings"]),
        )
        for one in found
    ]
    wrong = sum(bool(one["findings"]) for one in found)
    summary = f"{plural(len(found), 'identity', 'identities')}, {wrong} with findings."
    return f"{table(heads, rows, none='no identities yet: postroom mailbox request')}\n\n{summary}"
