"""`postroom queue` and `postroom lane`: held and waiting mail, without the console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.opened_item import Opened, received_item
from core.cli.output import Output, pairs, plain, table
from core.db.queries import lanes, message
from core.db.queries import pending as views
from core.db.queries import scheduled as times
from core.db.queries.message import MessageView
from core.db.queries.pending import PendingRow
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import AccessEnded, Invalid, NotFound, Refused
from core.ids import read_id, spell_id
from core.model import Actor
from core.model import Reason as Finding
from core.rules.content import examined, read_mail, said_by
from core.serializers import mail
from core.services.audit import status
from core.services.control import emergency, read_log
from core.services.control.read_log import EntryPoint, Shown, What
from core.services.sending import review
from core.services.sending.review import Decision, DecisionResult

queue_app: Final = group("queue")
lane_app: Final = group("lane")

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as shown by postroom queue pending.")]
Lane = Annotated[int, typer.Argument(metavar="LANE", help="The lane's number (postroom queue lanes).")]

MOST: Final = 1_000


def named(mailbox: str | None) -> str | None:
    """The address that --mailbox names, as the tables spell it."""
    return mailbox.strip().lower() if mailbox else None


# --- reading ------------------------------------------------------------------------------------------------------


@command(queue_app, "pending", example="postroom queue pending --json")
def pending(
    desk: CommandContext,
    *,
    mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = MOST,
) -> Output:
    """List mail and actions that wait for a person, oldest first."""
    with desk.read() as conn:
        page = views.page(conn, named(mailbox), cursor=cursor, limit=limit)
    desk.shown(Shown(What.PENDING, mailbox=named(mailbox)))
    rows = [
        (
            one.id,
            one.kind,
            one.agent,
            _whom(one),
            one.subject,
            f"✖{one.failed_checks}" if one.failed_checks else "",
            "; ".join(reason.code for reason in one.reasons),
            stamp(one.expires_at),
        )
        for one in page.messages
    ]
    text = table(
        ("ID", "KIND", "AGENT", "TO/FROM", "SUBJECT", "CHK", "HELD FOR", "EXPIRES"), rows, none="nothing is pending"
    )
    if page.next_cursor:
        desk.note(f"there is more: --cursor {page.next_cursor}")
    return Output(page.as_json(), text)


def _whom(one: PendingRow) -> str | None:
    """The recipients, the author of received mail, or what a held read or tag is about."""
    if one.sender is not None:
        return f"from {one.sender}"
    return one.to[0] + (f" +{len(one.to) - 1}" if len(one.to) > 1 else "") if one.to else one.target


@command(queue_app, "scheduled", example="postroom queue scheduled --json")
def list_scheduled(
    desk: CommandContext,
    *,
    mailbox: Annotated[str | None, typer.Option(help="Only this mailbox.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Cursor of the next page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Maximum number of rows.")] = MOST,
) -> Output:
    """List mail with a send time chosen by its agent, next first."""
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
    everything: Annotated[bool, typer.Option("--all", help="Include empty lanes.")] = False,
) -> Output:
    """List lanes, deepest first, and what holds each back."""
    with desk.read() as conn:
        found = lanes.lanes(conn, now=desk.now, all_of_them=everything)
    rows = [(one.id, one.mailbox, one.domain, one.depth, one.in_flight, one.waits_for, one.last_reply) for one in found]
    text = table(
        ("LANE", "MAILBOX", "DOMAIN", "DEPTH", "IN FLIGHT", "WAITS FOR", "LAST REPLY"), rows, none="no mail waits"
    )
    return Output({"lanes": [mail.lane(one) for one in found]}, text)


@command(queue_app, "show", example="postroom queue show m01hq3k5v9c2xw")
def show(
    desk: CommandContext,
    *,
    item: Annotated[str, typer.Argument(metavar="ID", help="A message's or an action's id.")],
    source: Annotated[bool, typer.Option("--source", help="Print the message source as well.")] = False,
) -> Output:
    """Show one message or held action in full."""
    read = open_item(desk, item, source=source)
    return Output(read.data, read.text)


def open_item(desk: CommandContext, item: str, *, source: bool = False) -> Opened:
    """Open one item for the operator at the terminal. Raises `NotFound`."""
    number = read_item(item)
    # The time of opening is part of the decision; without permission to read, an item cannot be opened either.
    desk.act(lambda tx, actor: review.opened(tx, number, actor=actor))
    with desk.read() as conn:
        found = message.message(conn, number, now=desk.now) if item.startswith("m") else None
        held = None if found else message.review(conn, number)
        state = status.message(conn, number, caller=desk.actor, now=desk.now) if found else {}
        came = received_item(conn, number, source=source) if found is None else None
    if came is not None:
        desk.shown(Shown(What.MESSAGE, item=number))
        return came
    if found is None and held is None:
        raise NotFound(f"there is no {item}", fix="postroom queue pending lists what is waiting")
    desk.shown(Shown(What.MESSAGE, item=number))
    if found is None:
        assert held is not None
        action = {"id": item} | mail.review(held)
        return Opened(action, pairs(action))
    failed = _failed(found)
    data = mail.message(found, state) | {"checks": [{"code": one.code, "text": one.text} for one in failed]}
    rendered = (found.rendered or b"").decode(errors="replace") if source else None
    people = [_person(one) for one in data["recipients"]]
    held_for = [reason["text"] for reason in data["review"]["reasons"]] if data["review"] else []
    values = {
        "recipients": people,
        "review": held_for,
        "body_preview": None,
        "decision": None,
        "message_id": None,
        "checks": [one.text for one in failed],
    }
    text = pairs(data | values)
    body = plain(rendered.replace("\r\n", "\n")) if rendered is not None else plain(found.preview)
    return Opened(data | ({"source": rendered} if source else {}), f"{text}\n\n{body}", found.digest, failed)


def _person(one: dict[str, Any]) -> str:
    """One recipient on one line: state, what it waits for, number of attempts and the receiver's reply."""
    waits = f", waits for {one['waits_for']}" if one["waits_for"] else ""
    tried = f", {one['attempts']} attempt{'s' if one['attempts'] > 1 else ''}" if one["attempts"] else ""
    return f"{one['address']}: {one['status']}{tried}{waits}" + (f": {one['reply']}" if one["reply"] else "")


def _failed(found: MessageView) -> tuple[Finding, ...]:
    """The failed content checks, computed from the bytes that would leave; none if the body is purged."""
    if found.rendered is None:
        return ()
    rendered = said_by(read_mail(found.rendered), subject=found.subject, people=(one.given for one in found.recipients))
    return examined(rendered, own=(found.mailbox.rpartition("@")[2],))


# --- deciding -----------------------------------------------------------------------------------------------------


@command(queue_app, "approve", example="postroom queue approve m01hq3k5v9c2xw")
def approve(
    desk: CommandContext,
    *,
    ids: Ids,
    digest: Annotated[str | None, typer.Option(help="Approve only if the digest is still this (one id).")] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", "--override-reason", help="Reason, recorded in the log. Required when a check fails."),
    ] = None,
) -> Output:
    """Approve held actions. They are released at once and cannot be taken back."""
    return decide_each(desk, ids, approve=True, reason=reason, digest=digest, done="approved")


@command(queue_app, "reject", example="postroom queue reject m01hq3k5v9c2xw --reason 'wrong customer'")
def reject(desk: CommandContext, ids: Ids, reason: Reason) -> Output:
    """Reject held actions. They never leave."""
    return decide_each(desk, ids, approve=False, reason=reason, done="rejected")


@command(queue_app, "undo", example="postroom queue undo m01hq3k5v9c2xw")
def undo(
    desk: CommandContext, item: Annotated[str, typer.Argument(metavar="ID", help="A message's or an action's id.")]
) -> Output:
    """Undo an approval before its release.

    Approvals given in the console wait for `release_delay` first; one given here or over HTTP releases at once.
    """
    return _each(desk, [item], lambda tx, number, actor: review.undo(tx, number, actor=actor), done="pending again")


Deciding = Callable[[Transaction, int, Actor], DecisionResult]


def decide_each(
    desk: CommandContext, ids: Sequence[str], *, approve: bool, reason: str | None, done: str, digest: str | None = None
) -> Output:
    """Approve or reject each item by itself. Raises `Invalid` if a digest is given for several."""
    if digest is not None and len(ids) > 1:
        raise Invalid("--digest belongs to one message", fix="name one id, or leave out --digest")
    return _each(desk, ids, _deciding(ids, approve=approve, reason=reason, digest=digest), done=done)


def _deciding(ids: Sequence[str], *, approve: bool, reason: str | None, digest: str | None = None) -> Deciding:
    batch = f"cli-{ids[0]}" if len(ids) > 1 else None

    def decide(tx: Transaction, number: int, actor: Actor) -> DecisionResult:
        decision = Decision(number, approve=approve, reason=reason, digest=digest, batch=batch, watched=True)
        return review.decide(tx, decision, actor=actor)

    return decide


def _each(desk: CommandContext, ids: Sequence[str], verb: Deciding, *, done: str) -> Output:
    """One transaction per item: an item decided meanwhile must not fail the others."""
    numbers = {item: read_item(item) for item in dict.fromkeys(ids)}
    decided: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    hurried: str | None = None
    for item, number in numbers.items():
        try:
            became = desk.act(lambda tx, actor, number=number: verb(tx, number, actor))  # type: ignore[misc]  # bound now
        except AccessEnded:
            raise
        except Refused as error:
            refused.append({"id": item, "error": error.error, "reason": error.reason, "fix": error.fix})
            if len(numbers) == 1:
                raise
        else:
            decided.append(mail.decision(item, became, desk.actor))
            hurried = became.hurried or hurried
    lines = [
        f"{one['id']}: {done}"
        if not one["approvals_missing"]
        else f"{one['id']}: noted; {one['approvals_missing']} more must approve"
        for one in decided
    ]
    why = [f"{one['id']}: not {done}: {one['reason']}" + (f"; {one['fix']}" if one["fix"] else "") for one in refused]
    if hurried is not None:
        desk.note(f"{hurried}: faster than anyone can read; recorded in the log")
    extra = {"hurried": hurried} if hurried is not None else {}
    data = {"decided": decided, "refused": refused} | extra
    return Output(data, plain("\n".join(lines)), code=1 if refused else 0, refused=why)


def read_item(item: str) -> int:
    """Parse the ID of a message or an action. Raises `Invalid`."""
    number = read_id("m", item)
    if number is None:
        number = read_id("a", item)
    if number is None:
        raise Invalid(
            f"{item!r} is not an id", fix=f"ids look like {spell_id('m', 0)}: postroom queue pending lists them"
        )
    return number


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
