"""`postroom inbox`: received mail, without the console."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.opened_item import received
from core.cli.remote.queue import decide_each
from core.desk_client import short_ids
from core.errors import NotFound

app: Final = group("inbox")

MOST: Final = 1_000
DEFAULT: Final = 50

Id = Annotated[str, typer.Argument(metavar="ID", help="A received message's id, or enough of it.")]
Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Ids as shown by postroom inbox list, or enough of each.")
]


@command(app, "list", example="postroom inbox list 'state:held dmarc:fail' --json")
def list_received(
    desk: AnyDesk,
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
    wants = " ".join(wanted or ())
    page = desk.call("inbox.list", filter=wants, cursor=cursor, limit=limit)
    lines = [
        (
            one["id"],
            one["status"],
            one["from"]["address"],
            one["dmarc"],
            "" if one["score"] is None else f"{one['score']:.0%}",
            one["mailbox"],
            one["subject"],
            ", ".join(one["read_by"]),
            one["received_at"],
        )
        for one in page["messages"]
    ]
    text = table(
        ("ID", "STATE", "FROM", "DMARC", "SCORE", "MAILBOX", "SUBJECT", "READ BY", "RECEIVED"), lines,
        none="no received mail matches" if wants else "nothing has been received yet",
    )  # fmt: skip
    if page["next_cursor"]:
        desk.note(f"there is more: --cursor {page['next_cursor']}")
    return Output(page, text)


@command(app, "show", example="postroom inbox show m01hq3k5v9c2xw")
def show(
    desk: AnyDesk,
    *,
    item: Id,
    source: Annotated[bool, typer.Option("--source", help="Print the message source instead of its text.")] = False,
) -> Output:
    """Show one received message in full: marks, hidden text, authentication, who read it, its thread."""
    item = short_ids.whole(desk, item)
    missing = NotFound(f"there is no received message {item}", fix="postroom inbox list lists them")
    try:
        data = desk.call("message.show", id=item, source=source)
    except NotFound as error:
        raise missing from error
    if data.get("direction") != "in":
        raise missing
    found = received(data, raw=source)
    return Output(found.data, found.text)


@command(app, "thread", example="postroom inbox thread m01hq3k5v9c2xw")
def thread(desk: AnyDesk, *, item: Id) -> Output:
    """List the thread of a received message: what came in and what the agent sent, oldest first."""
    item = short_ids.whole(desk, item)
    data = desk.call("inbox.thread", id=item)
    rows = [(one["id"], one["direction"], one["status"], one["subject"], one["at"]) for one in data["messages"]]
    return Output(data, table(("ID", "DIRECTION", "STATE", "SUBJECT", "AT"), rows))


@command(app, "contacts", example="postroom inbox contacts help@support-bot.acme.com")
def list_contacts(
    desk: AnyDesk,
    *,
    address: Annotated[str, typer.Argument(help="The mailbox's address.")],
    tag: Annotated[str | None, typer.Option(help="Only contacts with this tag.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
) -> Output:
    """List the contacts that an agent keeps for its mailbox, newest first. They permit nothing."""
    page = desk.call("contact.list", address=address, tag=tag, cursor=cursor)
    rows = [
        (one["address"], one["name"], ", ".join(one["tags"]), one["mails_in"], one["mails_out"], one["last_seen"])
        for one in page["contacts"]
    ]
    if page["next_cursor"]:
        desk.note(f"there is more: --cursor {page['next_cursor']}")
    return Output(page, table(("ADDRESS", "NAME", "TAGS", "IN", "OUT", "LAST SEEN"), rows, none="no contacts"))


@command(app, "release", example="postroom inbox release m01hq3k5v9c2xw")
def release(
    desk: AnyDesk,
    *,
    ids: Ids,
    digest: Annotated[str | None, typer.Option(help="Release only if the digest is still this (one id).")] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Reason, recorded in the log. Required if screening has findings."),
    ] = None,
) -> Output:
    """Release held messages to their agents, who can read them at once. This cannot be undone."""
    return decide_each(desk, ids, approve=True, reason=reason, digest=digest, done="released", received=True)


@command(app, "reject", example="postroom inbox reject m01hq3k5v9c2xw --reason 'phishing'")
def reject(desk: AnyDesk, ids: Ids, reason: Reason) -> Output:
    """Keep held messages from their agents for good. Their senders are not notified."""
    return decide_each(desk, ids, approve=False, reason=reason, done="rejected", received=True)
