"""`postroom mailbox`: request, sign and end identities; mailbox_limits.py has modes, limits and webhooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from core.cli import serializers
from core.cli.context import CommandContext, Reason, command
from core.cli.dns_check import Found, Zone
from core.cli.mailbox_limits import Address, app, webhook_events
from core.cli.output import Said, listed, moment, pairs, plain, table
from core.cli.stream_dns import published as dns_of
from core.cli.stream_dns import relays_locally
from core.db import directory
from core.db.directory import MailboxRecord
from core.db.transaction import Transaction
from core.durations import duration, stamp
from core.errors import Invalid
from core.model import DEFAULT_CLASSES, ContentClass, Mode, plural
from core.rules import addresses, issuance
from core.rules.issuance import Kind
from core.security import credentials, key_file
from core.services import context
from core.services.audit import mode_evidence
from core.services.identity import mailbox_record, mailboxes, retirement, streams
from core.services.identity.mailboxes import Filing, Lookups
from core.services.notify import webhook_client

__all__ = ["app"]

ALL: Final = "all"
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")
As = Annotated[Kind, typer.Option("--as", help="Which of the three signatures.")]


# --- asking -------------------------------------------------------------------------------------------------------


@command(
    app,
    "request",
    example="postroom mailbox request help@support-bot.acme.com --agent support-bot --purpose 'answers tickets' "
    "--owner olive --system-owner 'platform team' --systems 'tickets, read only' --revoke-when 'the project ends' "
    "--expires 90d --allow '*'",
)
def request(
    seat: CommandContext,
    *,
    address: Address,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Further --allow patterns.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent it belongs to.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    owner: Annotated[str | None, typer.Option(help="The operator who answers for it.")] = None,
    system_owner: Annotated[str | None, typer.Option(help="Who owns the systems it touches.")] = None,
    systems: Annotated[str | None, typer.Option(help="The systems it touches.")] = None,
    revoke_when: Annotated[str | None, typer.Option(help="What ends it early.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="90d", help="When it ends: a duration or a date.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Its oversight mode; the policy's default unless named.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Whom it may write to: jane@x.com, x.com, *.x.com, *")
    ] = None,
    classes: Annotated[list[str] | None, typer.Option(metavar="C,...", help="Its content classes.")] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Told of approvals and outcomes.")] = None,
    events: Annotated[
        list[str] | None, typer.Option("--webhook-events", metavar="E,...", help="The email.* events it is told of.")
    ] = None,
    standing_reason: Annotated[str | None, typer.Option(help="Why it needs to act unattended.")] = None,
    display_name: Annotated[str | None, typer.Option(help="The name beside the address.")] = None,
    pending_expiry: Annotated[str | None, typer.Option(metavar="72h", help="How long pending mail waits.")] = None,
    stores_or_forwards: Annotated[
        bool, typer.Option("--stores-or-forwards", help="It keeps tokens, forwards mail or feeds tools.")
    ] = False,
) -> Said:
    """Request a mailbox. Prints what is still missing. The requester cannot approve."""
    if more and not allow:
        raise Invalid(f"unexpected argument {more[0]!r}", fix="see postroom mailbox request --help")
    named = addresses.parse_address(address)
    url, secret, sealed = _webhook(seat, webhook, named.normalised)
    filing = Filing(
        address=named,
        agent=agent,
        display_name=display_name,
        mode=mode,
        purpose=purpose,
        owner=owner,
        system_owner=system_owner,
        systems=systems,
        standing_reason=standing_reason,
        revoke_when=revoke_when,
        expires_at=moment(expires, now=seat.now) if expires else None,
        stores_or_forwards=stores_or_forwards,
        classes=read_classes(classes) or DEFAULT_CLASSES,
        allow=tuple(listed([*(allow or ()), *(more or ())])),
        pending_expiry=duration(pending_expiry) if pending_expiry else None,
        webhook_url=url,
        webhook_secret=sealed,
        webhook_events=webhook_events(events),
    )
    filed, shown = seat.act(
        lambda tx, actor: _with_shown(tx, mailboxes.request(tx, filing, actor=actor))
    )  # fmt: skip
    data = shown | {"stuck": filed.stuck} | ({"webhook_secret": secret} if secret else {})
    lines = [f"Asked for {named.normalised}. It waits for {', '.join(shown['waiting_for'])}."]
    lines += [f"Missing in its record: {', '.join(filed.missing)}."] if filed.missing else []
    lines += [f"It can never be signed like this: {filed.stuck}."] if filed.stuck else []
    lines += [f"The webhook's secret, shown this once: {secret}"] if secret else []
    return Said(data, "\n".join(lines))


def _with_shown(tx: Transaction, filed: mailboxes.Filed) -> tuple[mailboxes.Filed, dict[str, Any]]:
    return filed, shown_of(tx, filed.record)


def shown_of(tx: Transaction, record: MailboxRecord) -> dict[str, Any]:
    """A record with who has signed it and who must still."""
    asked, signed = mailbox_record.as_request(record), mailbox_record.signatures(tx, record)
    return serializers.mailbox(record, context.current_policy(tx)[1]) | {
        "missing": list(issuance.missing(asked)) if record.status == "requested" else [],
        "waiting_for": [*issuance.waiting_for(asked, signed)] if record.status == "requested" else [],
        "signoffs": [serializers.signoff(one) for one in directory.signoffs(tx.conn, record.id)],
    }


def _webhook(seat: CommandContext, url: str | None, address: str) -> tuple[str | None, str | None, bytes | None]:
    if url is None:
        return None, None, None
    remark = webhook_client.check_url(url, allow=seat.settings.webhooks.allow)
    if remark:
        seat.note(remark)
    secret = credentials.new_webhook_secret()
    return url, secret, key_file.load_master_keys(seat.settings).seal(secret.encode(), about=f"webhook:{address}")


def read_classes(given: Sequence[str] | None) -> tuple[ContentClass, ...]:
    """Content classes by name. Raises `Invalid`."""
    names = listed(given)
    unknown = [name for name in names if name not in {*ContentClass}]
    if unknown:
        raise Invalid(f"no such class: {', '.join(unknown)}", fix=f"the classes are {', '.join(ContentClass)}")
    return tuple(dict.fromkeys(ContentClass(name) for name in names))


# --- signing ------------------------------------------------------------------------------------------------------


@command(app, "approve", example="postroom mailbox approve help@support-bot.acme.com --as governance")
def approve(
    seat: CommandContext,
    *,
    address: Address,
    kind: As,
    reason: Annotated[str | None, typer.Option(help="Why; it stands in the log.")] = None,
    affirm: Annotated[
        list[str] | None,
        typer.Option(metavar="all|ITEM", help="What you answer for on the checklist; may be repeated."),
    ] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="HEX", help="Sign only the record with this record_digest (mailbox show).")
    ] = None,
) -> Said:
    """Sign for an identity, as owner, governance or deliverability; the last signature brings it into being.

    By default you affirm its checklist whole; what you answered for then, and what the desk saw itself, is shown.
    """
    items = {item.code: item.sentence for item in issuance.CHECKLISTS[kind]}
    named = listed(affirm) or [ALL]
    if unknown := [code for code in named if code not in {ALL, *items}]:
        fix = f"the items are all, {', '.join(items)}" if items else f"{kind} has no checklist: leave --affirm out"
        raise Invalid(f"no such item: {', '.join(unknown)}", fix=fix)
    if digest is not None and not _DIGEST.fullmatch(digest.strip()):
        raise Invalid("a digest is 64 hexadecimal characters", fix="copy record_digest from postroom mailbox show")
    affirmed = [*items] if ALL in named else named
    lookups = _lookups(seat, address) if kind is Kind.DELIVERABILITY else None

    def verb(tx: Transaction, actor: Any) -> dict[str, Any]:
        record = mailboxes.sign(
            tx, address, kind, actor=actor, affirmed=affirmed, reason=reason, lookups=lookups, digest=digest
        )  # fmt: skip
        return shown_of(tx, record)

    shown = seat.act(verb)
    mine = next(one for one in shown["signoffs"] if one["kind"] == kind)
    lines = [
        f"[x] {code}: {items[code]} {'The desk saw it itself.' if by == 'desk' else 'You answer for it.'}"
        for code, by in mine["checklist"].items()
    ]
    waits = shown["waiting_for"]
    lines.append(f"You signed the record with the digest {mine['record_digest']}.")
    lines.append(f"{address} waits for {', '.join(waits)}." if waits else f"{address} is {shown['status']}.")
    return Said(shown, "\n".join(lines))


def _lookups(seat: CommandContext, address: str) -> Lookups:
    """What the desk can see from here. A no is never made of it: DNS may be young, and the signer looks too."""
    with seat.read() as conn:
        record = directory.mailbox(conn, address)
        if record is None:
            return Lookups()
        stream = streams.show(conn, record.domain)
    wanted = [one for one in dns_of(seat, record.domain).records if one.required]
    published = None
    if not relays_locally(stream.route):
        published = all(one is Found.THERE for one in Zone().look_up(wanted)) or None
    return Lookups(published=published, feedback=seat.settings.feedback.connected(stream.provider) or None)


@command(app, "veto", example="postroom mailbox veto x@bot.acme.com --as deliverability --reason 'shared subdomain'")
def veto(seat: CommandContext, address: Address, kind: As, reason: Reason) -> Said:
    """Say no to a request, which ends it."""
    record = seat.act(lambda tx, actor: mailboxes.veto(tx, address, kind, actor=actor, reason=reason))
    return Said(serializers.mailbox(record, seat.policy), f"{record.address} is vetoed.")


@command(app, "renew", example="postroom mailbox renew help@support-bot.acme.com --expires 90d --reason 'goes on'")
def renew(
    seat: CommandContext,
    *,
    address: Address,
    expires: Annotated[str, typer.Option(metavar="90d", help="When it ends now: a duration or a date.")],
    reason: Reason,
) -> Said:
    """Move the end of a living identity."""
    until = moment(expires, now=seat.now)
    record = seat.act(lambda tx, actor: mailboxes.renew(tx, address, expires_at=until, reason=reason, actor=actor))
    return Said(serializers.mailbox(record, seat.policy), f"{record.address} ends {stamp(until)}.")


@command(app, "retire", example="postroom mailbox retire help@support-bot.acme.com --reason 'replaced by tickets-bot'")
def retire(seat: CommandContext, address: Address, reason: Reason) -> Said:
    """End an identity for good and cancel what it has waiting."""
    cancelled = seat.act(lambda tx, actor: retirement.retire(tx, address, reason=reason, actor=actor))
    return Said(
        {"address": address, "status": "retired", "cancelled": cancelled},
        f"{address} is retired; cancelled: {plural(cancelled, 'waiting action')}. The gateway ends what is left.",
    )


# --- looking ------------------------------------------------------------------------------------------------------


@command(app, "list", example="postroom mailbox list --status requested")
def list_mailboxes(
    seat: CommandContext,
    *,
    agent: Annotated[str | None, typer.Option(help="Of this agent only.")] = None,
    status: Annotated[str | None, typer.Option(help="requested, active, vetoed or retired.")] = None,
    after: Annotated[str, typer.Option(help="Go on after this address.")] = "",
) -> Said:
    """Identities and requests for them."""
    with seat.read() as conn:
        found = directory.mailboxes(conn, after=after, agent=agent, status=status)
    rows = [
        (one.address, one.agent, one.status, one.mode, one.owner, stamp(one.expires_at) if one.expires_at else None)
        for one in found
    ]
    text = table(("ADDRESS", "AGENT", "STATUS", "MODE", "OWNER", "ENDS"), rows, none="no mailboxes yet")
    return Said({"mailboxes": [serializers.mailbox(one, seat.policy) for one in found]}, text)


@command(app, "show", example="postroom mailbox show help@support-bot.acme.com")
def show(seat: CommandContext, address: Address) -> Said:
    """One identity: its whole record, who signed it, who must still."""
    shown = seat.look(lambda tx: shown_of(tx, mailbox_record.found(tx, address)))
    signed = [
        f"{one['kind']}: {'yes' if one['approved'] else 'no'} from {one['operator']}{_of(one, shown)}"
        for one in shown["signoffs"]
    ]
    limits = {name: figure for name, figure in shown["limits"].items() if figure is not None}
    return Said(shown, pairs(shown | {"signoffs": signed, "limits": limits}))


def _of(signed: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """Which record a signature was given to, where it is not the one that is shown."""
    digest = signed["record_digest"]
    return f" (to the record {digest[:12]})" if digest and digest != shown["record_digest"] else ""


@command(app, "evidence", example="postroom mailbox evidence help@support-bot.acme.com")
def show_evidence(seat: CommandContext, address: Address) -> Said:
    """Thirty days of figures, and what they say for and against each rung of the ladder."""
    found = seat.look(lambda tx: mode_evidence.evidence(tx, address.strip().lower()))
    return Said(found.as_json(), plain(found.text()))
