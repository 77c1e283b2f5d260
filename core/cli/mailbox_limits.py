"""`postroom mailbox`: mode, limits, allow-list, classes and webhook of an identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, listed
from core.db.directory import MailboxRecord
from core.db.transaction import Transaction
from core.durations import stamp, when
from core.errors import Invalid
from core.model import Actor, ContentClass, Mode
from core.rules import class_list, modes
from core.security import credentials, key_file
from core.serializers import identities
from core.services.identity import mailbox_settings
from core.services.identity.mailbox_settings import Change
from core.services.notify import webhook_client

app: Final = group("mailbox")

Address = Annotated[str, typer.Argument(help="The mailbox, such as help@support-bot.acme.com.")]
Figure = Annotated[int | None, typer.Option(min=0)]


@command(app, "mode", example="postroom mailbox mode help@support-bot.acme.com gated_all --reason 'odd replies'")
def mode(desk: CommandContext, address: Address, mode: Annotated[Mode, typer.Argument()], reason: Reason) -> Output:
    """Set the oversight mode: lower by any amount, raise one step at a time with the policy's pause between raises."""
    pause = desk.policy.oversight.minimum_time_on_rung
    record, shown = changed(
        desk, lambda tx, actor: mailbox_settings.change_mode(tx, address, mode, reason=reason, actor=actor)
    )
    following = modes.raise_from(record.raised_at, pause, now=desk.now)
    until = f" It may be raised again from {stamp(following)}." if following else ""
    return Output(
        shown | {"raise_from": when(following)},
        f"{record.address} is {record.mode}.{until}",
    )


@command(app, "limits", example="postroom mailbox limits help@support-bot.acme.com --day 200 --reason 'a good month'")
def limits(
    desk: CommandContext,
    *,
    address: Address,
    reason: Reason,
    run: Figure = None,
    hour: Figure = None,
    day: Figure = None,
    new_recipients_day: Figure = None,
    site_minute: Figure = None,
    site_hour: Figure = None,
) -> Output:
    """Set limits for one mailbox. Several roles may lower them; raising needs governance."""
    named = {
        "run": run,
        "hour": hour,
        "day": day,
        "new_recipients_day": new_recipients_day,
        "site_minute": site_minute,
        "site_hour": site_hour,
    }
    given_limits = {name: figure for name, figure in named.items() if figure is not None}
    if not given_limits:
        raise Invalid("no limit given", fix="such as --day 200")
    record, shown = _change(desk, address, Change(limits=given_limits), reason)
    return Output(shown, f"{record.address}: " + ", ".join(f"{k} {v:,}" for k, v in given_limits.items()))


@command(
    app, "allow", example="postroom mailbox allow help@support-bot.acme.com acme.com '*.acme.com' --reason 'inside'"
)
def allow(
    desk: CommandContext,
    *,
    address: Address,
    patterns: Annotated[list[str], typer.Argument(metavar="PATTERN...", help="jane@x.com, x.com, *.x.com, *")],
    reason: Reason,
) -> Output:
    """Replace the list of addresses and domains that a mailbox may write to."""
    record, shown = _change(desk, address, Change(allow=listed(patterns)), reason)
    return Output(shown, f"{record.address} may write to {', '.join(record.allow)}.")


@command(
    app, "classes", example="postroom mailbox classes help@support-bot.acme.com transactional,reply --reason 'less'"
)
def classes(
    desk: CommandContext,
    *,
    address: Address,
    classes: Annotated[str, typer.Argument(metavar="C,...", help=", ".join(ContentClass))],
    reason: Reason,
) -> Output:
    """Replace a mailbox's content classes. Adding one needs the sign-off of deliverability."""
    record, shown = _change(desk, address, Change(classes=class_list.parse(listed([classes]))), reason)
    return Output(shown, f"{record.address} sends {', '.join(record.classes)}.")


@command(app, "webhook", example="postroom mailbox webhook help@support-bot.acme.com https://acme.com/hooks/mail")
def webhook(
    desk: CommandContext,
    *,
    address: Address,
    url: Annotated[
        str, typer.Argument(metavar="URL|rotate|events|off", help="A URL, a new secret, other events, or no webhook.")
    ],
    events: Annotated[
        list[str] | None, typer.Option(metavar="E,...", help="The email.* events it receives, or all.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Reason, recorded in the log.")
    ] = "changed at the command line",
) -> Output:
    """Change a mailbox's webhook: its URL, its secret (the old one also signs for one more day), its events, or none.

    `events` instead of a URL changes only its events: ... ADDRESS events --events email.sent,email.bounced
    """
    subscribed = webhook_events(events)
    if url == "events":
        record, shown = changed(
            desk,
            lambda tx, actor: mailbox_settings.change_webhook_events(
                tx, address, subscribed, reason=reason, actor=actor
            ),
        )
        return Output(shown, f"The webhook of {record.address} receives {_named(record)}.")
    if url == "off":
        record, shown = changed(
            desk,
            lambda tx, actor: mailbox_settings.change_webhook(
                tx, address, url=None, secret=None, reason=reason, actor=actor
            ),
        )
        return Output(shown, f"{record.address} has no webhook.")
    secret = credentials.new_webhook_secret()
    sealed = key_file.load_master_keys(desk.settings).seal(secret.encode(), about=f"webhook:{address.strip().lower()}")
    if url == "rotate":
        desk.hold_interrupts()
        _, shown = changed(
            desk,
            lambda tx, actor: mailbox_settings.rotate_secret(tx, address, secret=sealed, reason=reason, actor=actor),
        )
    else:
        remark = webhook_client.check_url(url, allow=desk.settings.webhooks.allow)
        if remark:
            desk.note(remark)
        desk.hold_interrupts()
        _, shown = changed(
            desk,
            lambda tx, actor: mailbox_settings.change_webhook(
                tx, address, url=url, secret=sealed, reason=reason, actor=actor, events=subscribed
            ),
        )
    return Output(shown | {"webhook_secret": secret}, f"The webhook's secret, shown only once: {secret}")


def webhook_events(given: list[str] | None) -> list[str] | None:
    """The events that an option names; None for all."""
    named = listed(given)
    return None if not named or "all" in named else named


def _named(record: MailboxRecord) -> str:
    return "every event" if record.webhook_events is None else ", ".join(record.webhook_events)


Changing = Callable[[Transaction, Actor], MailboxRecord]


def changed(desk: CommandContext, verb: Changing) -> tuple[MailboxRecord, dict[str, Any]]:
    """Run a function on one identity. Returns its record afterwards, as HTTP would answer it."""

    def run(tx: Transaction, actor: Actor) -> tuple[MailboxRecord, dict[str, Any]]:
        record = verb(tx, actor)
        return record, identities.identity(tx, record)

    return desk.act(run)


def _change(desk: CommandContext, address: str, change: Change, reason: str) -> tuple[MailboxRecord, dict[str, Any]]:
    return changed(
        desk, lambda tx, actor: mailbox_settings.change_limits(tx, address, change, reason=reason, actor=actor)
    )
