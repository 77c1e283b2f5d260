"""`postroom inbox`: received mail, without the console."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core import filters
from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, table
from core.cli.remote.opened_item import Opened
from core.cli.remote.opened_item import received as printed
from core.cli.remote.queue import decide_each, read_item
from core.db.queries import received as queries
from core.errors import Invalid, NotFound
from core.ids import read_id, spell_id
from core.rules import signed_ids
from core.serializers import received
from core.services.control.read_log import Shown, What
from core.services.sending import review
from core.views.received import ReceivedView

app: Final = group("inbox")

MOST: Final = 1_000
DEFAULT: Final = 50

Id = Annotated[str, typer.Argument(metavar="ID", help="A received message's id.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as shown by postroom inbox list.")]


@command(app, "list", example="postroom inbox list 'state:held dmarc:fail' --json")
def list_received(
    desk: CommandContext,
    *,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTER...", help="Terms such as from:jane, domain=example.com, state:held, dmarc:fail, age<1d."
        ),
    ] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = DEFAULT,
) -> Output:
    """List received mail, newest first."""
    wants = filters.parse(" ".join(wanted or ()), queries.FIELDS)
    before = read_id("m", cursor) if cursor else None
    if cursor and before is None:
        raise Invalid("invalid cursor", fix="leave out --cursor for the first page")
    with desk.read() as conn:
        ids = queries.page_ids(conn, wants, now=desk.now, before=before, limit=limit + 1)
        shown = list(ids[:limit])
        found = queries.rows(conn, shown)
    desk.shown(Shown(What.MESSAGES))
    rows = [found[one] for one in shown if one in found]
    lines = [
        (
            one.spelled,
            one.status,
            one.sender,
            one.dmarc,
            "" if one.score is None else f"{one.score:.0%}",
            one.mailbox,
            one.subject,
            ", ".join(one.readers),
            received.stamped(one),
        )
        for one in rows
    ]
    text = table(
        ("ID", "STATE", "FROM", "DMARC", "SCORE", "MAILBOX", "SUBJECT", "READ BY", "RECEIVED"), lines,
        none="no received mail matches" if wants else "nothing has been received yet",
    )  # fmt: skip
    following = spell_id("m", shown[-1]) if len(ids) > limit else None
    if following:
        desk.note(f"there is more: --cursor {following}")
    return Output({"messages": [received.line(one) for one in rows], "next_cursor": following}, text)


@command(app, "show", example="postroom inbox show m01hq3k5v9c2xw")
def show(
    desk: CommandContext,
    *,
    item: Id,
    source: Annotated[bool, typer.Option("--source", help="Print the message source instead of its text.")] = False,
) -> Output:
    """Show one received message in full: marks, hidden text, authentication, who read it, its thread."""
    number = read_item(item)
    desk.act(lambda tx, actor: review.opened(tx, number, actor=actor))
    with desk.read() as conn:
        one = queries.view(conn, number)
    if one is None:
        raise NotFound(f"there is no received message {item}", fix="postroom inbox list lists them")
    desk.shown(Shown(What.MESSAGE, item=number))
    found = _printed(one, source=source)
    return Output(found.data, found.text)


def _printed(one: ReceivedView, *, source: bool) -> Opened:
    """A received message as it is printed, without what proves feedback."""
    data = received.detail(one)
    raw = signed_ids.conceal((one.raw or b"").decode("utf-8", "replace")) if source else None
    return printed(data if raw is None else data | {"source": raw}, raw=source)


@command(app, "thread", example="postroom inbox thread m01hq3k5v9c2xw")
def thread(desk: CommandContext, *, item: Id) -> Output:
    """List the thread of a received message: what came in and what the agent sent, oldest first."""
    number = read_item(item)
    with desk.read() as conn:
        found = queries.view(conn, number, whole=False)
    if found is None:
        raise NotFound(f"there is no received message {item}", fix="postroom inbox list lists them")
    desk.shown(Shown(What.MESSAGE, item=number))
    data = received.conversation(found)
    rows = [(one["id"], one["direction"], one["status"], one["subject"], one["at"]) for one in data["messages"]]
    return Output(data, table(("ID", "DIRECTION", "STATE", "SUBJECT", "AT"), rows))


@command(app, "release", example="postroom inbox release m01hq3k5v9c2xw")
def release(
    desk: CommandContext,
    *,
    ids: Ids,
    digest: Annotated[str | None, typer.Option(help="Release only if the digest is still this (one id).")] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Reason, recorded in the log. Required if screening has findings."),
    ] = None,
) -> Output:
    """Release held messages to their agents, who can read them at once. This cannot be undone."""
    return decide_each(desk, ids, approve=True, reason=reason, digest=digest, done="released")


@command(app, "reject", example="postroom inbox reject m01hq3k5v9c2xw --reason 'phishing'")
def reject(desk: CommandContext, ids: Ids, reason: Reason) -> Output:
    """Keep held messages from their agents for good. Their senders are not notified."""
    return decide_each(desk, ids, approve=False, reason=reason, done="rejected")
