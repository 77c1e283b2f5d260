"""`postroom mailbox`: request, renew and retire identities; signoffs.py signs them, mailbox_settings.py limits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.cli.output import Output, listed, pairs, plain, table
from core.cli.remote import handoff, prompts
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.mailbox_settings import Address, settings_of, webhook_events
from core.cli.remote.signoffs import app
from core.errors import Invalid
from core.model import Mode, plural
from core.rules import class_list
from core.security import credentials
from core.views import evidence

__all__ = ["app"]


# --- requesting ---------------------------------------------------------------------------------------------------


@command(
    app,
    "request",
    example="postroom mailbox request help@support-bot.acme.com --agent support-bot --purpose 'answers tickets' "
    "--owner olive --system-owner 'platform team' --systems 'tickets, read only' --revoke-when 'the project ends' "
    "--expires 90d --allow example.com",
)
def request(
    desk: AnyDesk,
    *,
    address: Address,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Further --allow patterns.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent it belongs to.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    owner: Annotated[str | None, typer.Option(help="The operator who answers for it.")] = None,
    system_owner: Annotated[str | None, typer.Option(help="Who owns the systems it touches.")] = None,
    systems: Annotated[str | None, typer.Option(help="The systems it touches.")] = None,
    users: Annotated[str | None, typer.Option(help="The people it writes to or acts for.")] = None,
    revoke_when: Annotated[str | None, typer.Option(help="Conditions that end it early.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="90d", help="When it ends: a duration or a date.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Its oversight mode; default: the policy's.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Whom it may write to: jane@x.com, x.com, *.x.com, *")
    ] = None,
    classes: Annotated[list[str] | None, typer.Option(metavar="C,...", help="Its content classes.")] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Receives approvals and outcomes.")] = None,
    events: Annotated[
        list[str] | None, typer.Option("--webhook-events", metavar="E,...", help="The email.* events it receives.")
    ] = None,
    standing_reason: Annotated[str | None, typer.Option(help="Why it needs to act unattended.")] = None,
    display_name: Annotated[str | None, typer.Option(help="Display name of the sender.")] = None,
    pending_expiry: Annotated[str | None, typer.Option(metavar="72h", help="How long pending mail waits.")] = None,
    stores_or_forwards: Annotated[
        bool, typer.Option("--stores-or-forwards", help="It keeps tokens, forwards mail or feeds tools.")
    ] = False,
) -> Output:
    """Request a mailbox. Asks for missing fields at a terminal, or lists them. The requester cannot approve."""
    if more and not allow:
        raise Invalid(f"unexpected argument {more[0]!r}", fix="see postroom mailbox request --help")
    record = prompts.completed(
        desk, address,
        {
            "agent": agent, "purpose": purpose, "owner": owner, "system_owner": system_owner, "systems": systems,
            "users": users, "revoke_when": revoke_when, "expires": expires, "standing_reason": standing_reason,
            "allow": ",".join(listed([*(allow or ()), *(more or ())])) or None,
        },
        mode=mode,
    )  # fmt: skip
    secret = credentials.new_webhook_secret() if webhook else None
    members: dict[str, object] = record | {
        "allow": listed([record["allow"] or ""]), "oversight_mode": mode, "display_name": display_name,
        "stores_or_forwards": stores_or_forwards, "classes": class_list.parse(listed(classes)) or None,
        "pending_expiry": pending_expiry, "approval_webhook": webhook, "webhook_secret": secret,
        "webhook_events": webhook_events(events),
    }  # fmt: skip
    if secret is not None:
        desk.hold_interrupts()
    given = {name: value for name, value in members.items() if value is not None}
    return _requested(desk, desk.call("mailbox.request", address=address, **given), secret=secret)


def _requested(desk: AnyDesk, filed: Mapping[str, Any], *, secret: str | None) -> Output:
    """Who must sign, what is missing, the webhook's secret, and who does what next."""
    shown = settings_of(desk, filed)
    missing, stuck = shown["missing"], shown["stuck"]
    lines = [f"Requested {shown['address']}. It waits for {', '.join(shown['waiting_for'])}."]
    lines += [f"Missing in its record: {', '.join(missing)}."] if missing else []
    lines += [f"It can never be signed as it is: {stuck}."] if stuck else []
    lines += [f"The webhook's secret, shown only once: {secret}"] if secret else []
    if not missing and not stuck:
        lines += handoff.request(desk, shown)
    return Output(shown | ({"webhook_secret": secret} if secret else {}), "\n".join(lines))


# --- renewing, retiring -------------------------------------------------------------------------------------------


@command(app, "renew", example="postroom mailbox renew help@support-bot.acme.com --expires 90d --reason 'goes on'")
def renew(
    desk: AnyDesk,
    *,
    address: Address,
    expires: Annotated[str, typer.Option(metavar="90d", help="The new end: a duration or a date.")],
    reason: Reason,
) -> Output:
    """Extend or shorten an active mailbox."""
    shown = desk.call("mailbox.renew", address=address, expires=expires, reason=reason)
    return Output(shown, f"{shown['address']} ends {shown['expires_at']}.")


@command(app, "retire", example="postroom mailbox retire help@support-bot.acme.com --reason 'replaced by tickets-bot'")
def retire(desk: AnyDesk, address: Address, reason: Reason) -> Output:
    """Retire a mailbox for good and cancel its waiting mail."""
    done = desk.call("mailbox.retire", address=address, reason=reason)
    cancelled = plural(done["cancelled"], "waiting action")
    return Output(done, f"{done['address']} is retired; cancelled: {cancelled}. The gateway ends what is left.")


# --- reading ------------------------------------------------------------------------------------------------------


@command(app, "list", example="postroom mailbox list --status requested")
def list_mailboxes(
    desk: AnyDesk,
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent.")] = None,
    status: Annotated[str | None, typer.Option(help="requested, active, vetoed or retired.")] = None,
    wanted: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'owner:ann mode>=monitored expires<14d'.")
    ] = "",
    after: Annotated[str, typer.Option(help="Start after this address.")] = "",
) -> Output:
    """List mailboxes, requested ones included."""
    page = desk.call("mailbox.list", agent=agent, status=status, filter=wanted, after=after)
    rows = [
        (one["address"], one["agent"], one["status"], one["oversight_mode"], one["owner"], one["expires_at"])
        for one in page["mailboxes"]
    ]
    none = "no mailbox matches" if wanted or agent or status else "no mailboxes yet"
    text = table(("ADDRESS", "AGENT", "STATUS", "MODE", "OWNER", "ENDS"), rows, none=none)
    if page["next_cursor"]:
        desk.note(f"there is more: --after {page['next_cursor']}")
    return Output(page, text)


@command(app, "show", example="postroom mailbox show help@support-bot.acme.com")
def show(desk: AnyDesk, address: Address) -> Output:
    """Show one mailbox: its record, its signatures, those it still waits for, and what is left of its budgets."""
    shown = desk.call("mailbox.show", address=address)
    signed = [
        f"{one['kind']}: {'yes' if one['approved'] else 'no'} from {one['operator']}{_of(one, shown)}{_against(one)}"
        for one in shown["signoffs"]
    ]
    limits = {name: figure for name, figure in shown["limits"].items() if figure is not None}
    left = [f"{one['name']}: {one['used']:,} of {one['limit']:,}" for one in shown["budgets"]]
    return Output(shown, pairs(shown | {"signoffs": signed, "limits": limits, "budgets": left}))


def _of(signed: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """The record that a signature was given for, if it is not the one shown."""
    digest = signed["record_digest"]
    return f" (to the record {digest[:12]})" if digest and digest != shown["record_digest"] else ""


def _against(signed: Mapping[str, Any]) -> str:
    """What was signed although the desk found it false, and why."""
    overridden = [code for code, by in signed["checklist"].items() if by == "override"]
    return "".join(f" (overrides the failed check {code}: {signed['reasons'].get(code)})" for code in overridden)


@command(app, "evidence", example="postroom mailbox evidence help@support-bot.acme.com")
def show_evidence(desk: AnyDesk, address: Address) -> Output:
    """Thirty days of figures, and what they say for and against each oversight mode."""
    found = desk.call("mailbox.evidence", address=address)
    return Output(found, plain(evidence.as_text(found)))
