"""`postroom mailbox`: mode, limits, allow-list, classes and webhook of an identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, listed
from core.cli.remote.context import AnyDesk, Reason, command
from core.desk_client.interface import Json
from core.errors import Invalid
from core.model import ContentClass, Mode
from core.rules import class_list
from core.security import credentials

app: Final = group("mailbox")

Address = Annotated[str, typer.Argument(help="The mailbox, such as help@support-bot.acme.com.")]
Figure = Annotated[int | None, typer.Option(min=0)]


@command(app, "mode", example="postroom mailbox mode help@support-bot.acme.com gated_all --reason 'odd replies'")
def mode(desk: AnyDesk, address: Address, mode: Annotated[Mode, typer.Argument()], reason: Reason) -> Output:
    """Set the oversight mode: lower by any amount, raise one step at a time with the policy's pause between raises."""
    shown = desk.call("mailbox.mode", address=address, mode=mode, reason=reason)
    until = f" It may be raised again from {shown['raise_from']}." if shown["raise_from"] else ""
    return Output(shown, f"{shown['address']} is {shown['oversight_mode']}.{until}")


@command(app, "limits", example="postroom mailbox limits help@support-bot.acme.com --day 200 --reason 'a good month'")
def limits(
    desk: AnyDesk,
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
    shown = desk.call("mailbox.limits", address=address, limits=given_limits, reason=reason)
    return Output(shown, f"{shown['address']}: " + ", ".join(f"{k} {v:,}" for k, v in given_limits.items()))


@command(
    app, "allow", example="postroom mailbox allow help@support-bot.acme.com acme.com '*.acme.com' --reason 'inside'"
)
def allow(
    desk: AnyDesk,
    *,
    address: Address,
    patterns: Annotated[list[str], typer.Argument(metavar="PATTERN...", help="jane@x.com, x.com, *.x.com, *")],
    reason: Reason,
) -> Output:
    """Replace the list of addresses and domains that a mailbox may write to."""
    shown = desk.call("mailbox.allow", address=address, allow=listed(patterns), reason=reason)
    return Output(shown, f"{shown['address']} may write to {', '.join(shown['allow'])}.")


@command(
    app, "classes", example="postroom mailbox classes help@support-bot.acme.com transactional,reply --reason 'less'"
)
def classes(
    desk: AnyDesk,
    *,
    address: Address,
    classes: Annotated[str, typer.Argument(metavar="C,...", help=", ".join(ContentClass))],
    reason: Reason,
) -> Output:
    """Replace a mailbox's content classes. Adding one needs the sign-off of deliverability."""
    shown = desk.call(
        "mailbox.classes", address=address, classes=class_list.parse(listed([classes])), reason=reason
    )  # fmt: skip
    return Output(shown, f"{shown['address']} sends {', '.join(shown['classes'])}.")


@command(app, "webhook", example="postroom mailbox webhook help@support-bot.acme.com https://acme.com/hooks/mail")
def webhook(
    desk: AnyDesk,
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
        shown = desk.call("mailbox.webhook_events", address=address, events=subscribed, reason=reason)
        return Output(shown, f"The webhook of {shown['address']} receives {_named(shown)}.")
    if url == "off":
        shown = desk.call("mailbox.webhook", address=address, url=None, reason=reason)
        return Output(shown, f"{shown['address']} has no webhook.")
    secret = credentials.new_webhook_secret()
    desk.hold_interrupts()
    if url == "rotate":
        shown = desk.call("mailbox.webhook_rotate", address=address, secret=secret, reason=reason)
    else:
        shown = settings_of(
            desk,
            desk.call("mailbox.webhook", address=address, url=url, secret=secret, events=subscribed, reason=reason),
        )
    return Output(shown | {"webhook_secret": secret}, f"The webhook's secret, shown only once: {secret}")


def settings_of(desk: AnyDesk, answer: Mapping[str, Any]) -> Json:
    """The mailbox of an answer; what the desk remarks on its webhook is said apart."""
    if answer.get("webhook_remark"):
        desk.note(answer["webhook_remark"])
    return {name: value for name, value in answer.items() if name not in ("webhook_remark", "webhook_renewed")}


def webhook_events(given: list[str] | None) -> list[str] | None:
    """The events that an option names; None for all."""
    named = listed(given)
    return None if not named or "all" in named else named


def _named(shown: Mapping[str, Any]) -> str:
    return "every event" if shown["webhook_events"] is None else ", ".join(shown["webhook_events"])
