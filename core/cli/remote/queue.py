"""`postroom queue pending`, `show`, `approve`, `reject` and `undo`: held mail, without the console."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli import editor
from core.cli.commands import group
from core.cli.output import Output, pairs, plain, table
from core.cli.remote import groups
from core.cli.remote.completion import held_ids
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.opened_item import Opened, received
from core.desk_client import short_ids, wording
from core.desk_client.names import OperationName
from core.errors import Invalid, PostroomError

app: Final = group("queue")

IDS: Final = "Ids as shown by postroom queue pending, or enough of each."
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help=IDS, autocompletion=held_ids)]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="ID...", help=IDS, autocompletion=held_ids)]
Item = Annotated[
    str, typer.Argument(metavar="ID", help="A message's or an action's id, or enough of it.", autocompletion=held_ids)
]
Message = Annotated[str, typer.Argument(metavar="ID", help="A message's id, or enough of it.", autocompletion=held_ids)]
InGroup = Annotated[
    str | None,
    typer.Option("--group", metavar="ID", help="All messages like this one (postroom queue pending --group)."),
]
Count = Annotated[int | None, typer.Option(min=1, help="With --group: how many messages that must be.")]
Filter = Annotated[
    str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'agent:quote-bot check:! OR age>1h'.")
]

MOST: Final = 1_000
BATCH_SIZE: Final = 100
"""Ids of one request."""


def named(mailbox: str | None) -> str | None:
    """The address that --mailbox names, as the tables spell it."""
    return mailbox.strip().lower() if mailbox else None


# --- reading ------------------------------------------------------------------------------------------------------


@command(app, "pending", example="postroom queue pending --json")
def pending(
    desk: AnyDesk,
    *,
    mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None,
    wanted: Filter = "",
    grouped: Annotated[
        bool, typer.Option("--group", help="One line per template, those that fail checks first.")
    ] = False,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = MOST,
) -> Output:
    """List mail and actions that wait for a person, oldest first."""
    if grouped:
        if cursor is not None:
            raise Invalid("--cursor does not go with --group", fix="narrow it with --filter")
        return groups.listed(desk, mailbox=named(mailbox), wanted=wanted, limit=limit)
    page = desk.call("queue.list", mailbox=named(mailbox), filter=wanted, cursor=cursor, limit=limit)
    rows = [
        (
            one["id"],
            one["kind"],
            one["agent"],
            _whom(one),
            one["subject"],
            f"✖{one['failed_checks']}" if one["failed_checks"] else "",
            "; ".join(reason["code"] for reason in one["reasons"]),
            one["expires_at"],
        )
        for one in page["messages"]
    ]
    text = table(
        ("ID", "KIND", "AGENT", "TO/FROM", "SUBJECT", "CHK", "HELD FOR", "EXPIRES"), rows, none="nothing is pending"
    )
    if page["next_cursor"]:
        desk.note(f"there is more: --cursor {page['next_cursor']}")
    return Output(page, text)


def _whom(one: Mapping[str, Any]) -> str | None:
    """The recipients, the author of received mail, or what a held read or tag is about."""
    if one["direction"] == "in":
        return f"from {one['from']}"
    to: list[str] = one["to"]
    return to[0] + (f" +{len(to) - 1}" if len(to) > 1 else "") if to else one["target"]


@command(app, "show", example="postroom queue show m01hq3k5v9c2xw")
def show(
    desk: AnyDesk,
    *,
    item: Item,
    source: Annotated[bool, typer.Option("--source", help="Print the message source as well.")] = False,
) -> Output:
    """Show one message or held action in full."""
    read = open_item(desk, short_ids.whole(desk, item), source=source)
    return Output(read.data, read.text)


def open_item(desk: AnyDesk, item: str, *, source: bool = False) -> Opened:
    """Open one item for the operator at the terminal. Raises `NotFound`."""
    data = desk.call("message.show", id=item, source=source)
    if data.get("direction") == "in":
        return received(data, raw=source)
    if "body_preview" not in data:
        return Opened(data, pairs(data))
    values = {
        "recipients": [_person(one) for one in data["recipients"]],
        "review": [reason["text"] for reason in data["review"]["reasons"]] if data["review"] else [],
        "checks": [one["text"] for one in data["checks"]],
        **dict.fromkeys(("body_preview", "decision", "message_id", "source")),
    }
    body = plain(data["source"].replace("\r\n", "\n")) if source else plain(data["body_preview"])
    return Opened(data, f"{pairs(data | values)}\n\n{body}", data["digest"], data["checks"])


def _person(one: Mapping[str, Any]) -> str:
    """One recipient on one line: state, what it waits for, number of attempts and the receiver's reply."""
    waits = f", waits for {one['waits_for']}" if one["waits_for"] else ""
    tried = f", {one['attempts']} attempt{'s' if one['attempts'] > 1 else ''}" if one["attempts"] else ""
    return f"{one['address']}: {one['status']}{tried}{waits}" + (f": {one['reply']}" if one["reply"] else "")


# --- deciding -----------------------------------------------------------------------------------------------------


@command(app, "approve", example="postroom queue approve m01hq3k5v9c2xw")
def approve(
    desk: AnyDesk,
    *,
    ids: SomeIds = None,
    group: InGroup = None,
    count: Count = None,
    digest: Annotated[
        str | None, typer.Option(help="Approve only if the digest is still this (one id). Required once it was edited.")
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", "--override-reason", help="Reason, recorded in the log. Required when a check fails."),
    ] = None,
) -> Output:
    """Approve held actions. They are released at once and cannot be taken back."""
    items = groups.chosen(desk, ids, group, count, does="approve")
    return decide_each(desk, items, approve=True, reason=reason, digest=digest, done="approved")


@command(app, "reject", example="postroom queue reject m01hq3k5v9c2xw --reason 'wrong customer'")
def reject(
    desk: AnyDesk, *, ids: SomeIds = None, group: InGroup = None, count: Count = None, reason: Reason
) -> Output:  # fmt: skip
    """Reject held actions. They never leave."""
    items = groups.chosen(desk, ids, group, count, does="reject")
    return decide_each(desk, items, approve=False, reason=reason, done="rejected")


@command(app, "undo", example="postroom queue undo m01hq3k5v9c2xw")
def undo(desk: AnyDesk, item: Item) -> Output:
    """Undo an approval before its release.

    Approvals given in the console wait for `release_delay` first; one given here or over HTTP releases at once.
    """
    return _decided(desk, "message.undo", [item], done="pending again")


@command(app, "claim", example="postroom queue claim m01hq3k5v9c2xw")
def claim(desk: AnyDesk, ids: Ids) -> Output:
    """Claim held items for ten minutes: the others see that you are on them. It keeps nobody from deciding."""
    return _decided(desk, "message.claim", ids, done="claimed by you")


@command(app, "unclaim", example="postroom queue unclaim m01hq3k5v9c2xw")
def unclaim(desk: AnyDesk, ids: Ids) -> Output:
    """Give your claims back before their time."""
    return _decided(desk, "message.unclaim", ids, done="free again")


@command(app, "return", example="postroom queue return m01hq3k5v9c2xw --comment 'name the invoice'")
def return_(
    desk: AnyDesk,
    *,
    item: Message,
    comment: Annotated[
        str,
        typer.Option("--comment", "--reason", help="What its agent should do differently; the agent reads it."),
    ],
    digest: Annotated[str | None, typer.Option(help="Return only if the digest is still this.")] = None,
) -> Output:
    """Return a held message to its agent with a comment. It never leaves; the agent may submit it again."""
    item = short_ids.whole(desk, item)
    done = desk.call("message.return", id=item, comment=comment, digest=digest)
    return Output(done, f"Returned {item} to its agent.")


@command(app, "edit", example="postroom queue edit m01hq3k5v9c2xw")
def edit(
    desk: AnyDesk,
    *,
    item: Message,
    file: Annotated[
        Path | None, typer.Option(help="Read the wording from this file instead of opening $EDITOR.")
    ] = None,
) -> Output:
    """Edit subject and body of a held message in $EDITOR. It is checked again, and somebody else must approve it."""
    item = short_ids.whole(desk, item)
    before = desk.call("message.wording", id=item)
    with contextlib.ExitStack() as kept:
        if file is None:
            written = _typed(wording.spelled(before))
            kept.enter_context(_kept_if_refused(desk, item, written))
        else:
            written = _written(file)
        done = desk.call("message.edit", id=item, digest=before["digest"], **wording.read(written, before))
    checks = "".join(f"\n! {one['text']}" for one in done["checks"])
    return Output(done, plain(f"Edited {item}: somebody else must approve it now.{checks}"))


def _typed(text: str) -> str:
    """What a person made of it in their editor. Raises `Invalid`: nothing."""
    typed = editor.edited(text)
    if typed is None or typed == text:
        raise Invalid("the editor closed without a change", fix="change the subject or the body, and save it")
    return typed


@contextlib.contextmanager
def _kept_if_refused(desk: AnyDesk, item: str, written: str) -> Iterator[None]:
    """Keep in a private file what a person has written, should it be refused or the desk not answer."""
    try:
        yield
    except PostroomError:
        handle, path = tempfile.mkstemp(prefix=f"postroom-{item}-", suffix=".eml")
        with os.fdopen(handle, "w", encoding="utf-8") as kept:
            kept.write(written)
        desk.note(f"What you wrote is kept: postroom queue edit {item} --file {path}")
        raise


def _written(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8 text", fix="save it as UTF-8") from error


def decide_each(
    desk: AnyDesk, ids: Sequence[str], *, approve: bool, reason: str | None, done: str, digest: str | None = None,
    received: bool = False,
) -> Output:  # fmt: skip
    """Approve or reject each item by itself, or of them only received mail.

    Raises `Invalid` if a digest is given for several.
    """
    if not approve:
        return _decided(desk, "message.reject", ids, done=done, reason=reason, received=received)
    if digest is not None and len(ids) > 1:
        raise Invalid("--digest belongs to one message", fix="name one id, or leave out --digest")
    return _decided(desk, "message.approve", ids, done=done, reason=reason, digest=digest, received=received)


def _decided(
    desk: AnyDesk, operation: OperationName, ids: Sequence[str], *, done: str, **members: str | bool | None
) -> Output:
    """Each item is decided by itself: one that was decided meanwhile does not fail the others."""
    unique = list(dict.fromkeys(short_ids.whole(desk, item) for item in ids))
    decided: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    hurried: str | None = None
    for at in range(0, len(unique), BATCH_SIZE):
        became = desk.call(operation, ids=unique[at : at + BATCH_SIZE], **members)
        decided += became["decided"]
        refused += became["refused"]
        hurried = became.get("hurried") or hurried
    lines = [
        f"{one['id']}: {done}"
        if not one.get("approvals_missing")
        else f"{one['id']}: noted; {one['approvals_missing']} more must approve"
        for one in decided
    ]
    why = [f"{one['id']}: not {done}: {one['reason']}" + (f"; {one['fix']}" if one["fix"] else "") for one in refused]
    if hurried is not None:
        desk.note(f"{hurried}: faster than anyone can read; recorded in the log")
    extra = {"hurried": hurried} if hurried is not None else {}
    data = {"decided": decided, "refused": refused} | extra
    return Output(data, plain("\n".join(lines)), code=1 if refused else 0, refused=why)
