"""`postroom stream`: sending subdomains, their routes, keys and DNS records."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, listed, pairs, table
from core.cli.relay import FromStdin, Provider, Spf, asked_for_spf, parted
from core.cli.remote import handoff
from core.cli.remote.context import AnyDesk, Reason, command
from core.errors import Invalid
from core.rules.providers import registry
from core.smtp.route import Route
from core.text.numbers import whole_number

app: Final = group("stream")

Domain = Annotated[str, typer.Argument(help="The stream's domain, such as support-bot.acme.com.")]
PerConnection = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="Messages over one connection of the route; 0 for the default.")
]
PerMinute = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Messages a minute over the route, all mailboxes; 0 for no limit."),
]

UNSUBSCRIBE: Final = "Base URL of its unsubscribe links; default: the desk's public_url."


class Strictness(enum.StrEnum):
    """The DMARC policy: what receivers do with mail that fails."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@command(app, "add", example="postroom stream add support-bot.acme.com --relay smtp://user:password@smtp.acme.com:587")
def add(
    desk: AnyDesk,
    *,
    domain: Domain,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="smtp://[user:pass@]host:port, or smtps://")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Deliver directly to the recipients' MX hosts.")] = False,
    password_stdin: FromStdin = False,
    provider: Provider = None,
    spf: Spf = None,
    protected: Annotated[bool, typer.Option("--protected", help="Reserved for the agents that own it.")] = False,
    owner: Annotated[list[str] | None, typer.Option(help="An agent that may use a protected stream.")] = None,
    warm: Annotated[bool, typer.Option("--warm", help="Already warm: no warm-up.")] = False,
    organisation: Annotated[str | None, typer.Option(help="Sender named in commercial mail.")] = None,
    postal_address: Annotated[str | None, typer.Option(help="The postal address commercial mail must carry.")] = None,
    unsubscribe: Annotated[str | None, typer.Option(metavar="URL", help=UNSUBSCRIBE)] = None,
    per_connection: PerConnection = None,
    per_minute: PerMinute = None,
) -> Output:
    """Add a sending subdomain, with two slots of DKIM keys (RSA-2048 and Ed25519 each)."""
    if bool(relay) == direct:
        raise Invalid("a stream has exactly one route", fix="name --relay smtp://host:port, or --direct")
    route, password = parted(desk, relay or "direct", from_stdin=password_stdin)
    provider_name = provider or registry.of_host(Route.parse(route).host)
    found = desk.call(
        "stream.add", domain=domain, route=route, password=password, provider=provider_name, protected=protected,
        owners=listed(owner), warm=warm, organisation=organisation, postal_address=postal_address,
        unsubscribe_url=unsubscribe, connection_messages=per_connection, minute_messages=per_minute,
        spf=spf or (None if password_stdin else asked_for_spf(desk, route, provider_name)),
    )  # fmt: skip
    added = found["domain"]
    return Output(
        found,
        f"Added {added}, by {route}. {_about(provider_name)}Publish its records: postroom stream dns {added}"
        + handoff.stream(desk, added),
    )


@command(
    app, "set",
    example="postroom stream set support-bot.acme.com --organisation 'Acme Ltd' --postal-address '1 Main St, Leeds' "
    "--reason 'it may send offers'",
)  # fmt: skip
def change(
    desk: AnyDesk,
    *,
    domain: Domain,
    reason: Reason,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="smtp://[user:pass@]host:port, or smtps://")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Deliver directly to the recipients' MX hosts.")] = False,
    password_stdin: FromStdin = False,
    provider: Provider = None,
    spf: Spf = None,
    protected: Annotated[
        bool | None, typer.Option("--protected/--open", help="Reserved for the agents that own it, or open.")
    ] = None,
    owner: Annotated[
        list[str] | None, typer.Option(help="The agents that may use a protected stream, all of them.")
    ] = None,
    organisation: Annotated[str | None, typer.Option(help="Sender named in commercial mail; '' for none.")] = None,
    postal_address: Annotated[str | None, typer.Option(help="The postal address it carries; '' for none.")] = None,
    unsubscribe: Annotated[str | None, typer.Option(metavar="URL", help=f"{UNSUBSCRIBE} '' for that.")] = None,
    per_connection: PerConnection = None,
    per_minute: PerMinute = None,
) -> Output:
    """Change a stream's route, or the sender details in its commercial mail. Omitted options stay as they are."""
    if relay and direct:
        raise Invalid("a stream has exactly one route", fix="name --relay smtp://host:port, or --direct")
    if password_stdin and not relay:
        raise Invalid("--password-stdin belongs to a relay", fix="name it again: --relay smtp://USER@HOST:587")
    route, password = parted(desk, relay or "direct", from_stdin=password_stdin) if relay or direct else (None, None)
    changes = {
        "route": route, "password": password, "provider": provider, "protected": protected,
        "owners": listed(owner) if owner is not None else None, "organisation": organisation,
        "postal_address": postal_address, "unsubscribe_url": unsubscribe, "connection_messages": per_connection,
        "minute_messages": per_minute, "spf": spf,
    }  # fmt: skip
    if all(value is None for value in changes.values()):
        raise Invalid("no change given", fix="such as --organisation 'Acme Ltd'")
    found = desk.call("stream.set", domain=domain, reason=reason, **changes)
    return Output(found, pairs(found))


@command(app, "rotate", example="postroom stream rotate support-bot.acme.com")
def rotate(
    desk: AnyDesk,
    *,
    domain: Domain,
    force: Annotated[bool, typer.Option("--force", help="Rotate even if DNS does not have the new keys.")] = False,
) -> Output:
    """Rotate DKIM keys: the standby slot signs from now on, and new keys replace the old ones."""
    done = desk.call("stream.rotate", domain=domain, force=force)
    return Output(
        done,
        f"Slot {done['active_slot']} signs now. Publish the fresh selectors {', '.join(done['publish'])}: "
        f"postroom stream dns {done['domain']}",
    )


@command(app, "pause", example='postroom stream pause support-bot.acme.com --reason "blocklisted"')
def pause(desk: AnyDesk, domain: Domain, reason: Reason) -> Output:
    """Pause a stream: no delivery of it starts from now on."""
    done = desk.call("stream.pause", domain=domain, reason=reason)
    return Output(done, f"Paused {domain}; {done['in_flight']} in flight.")


@command(app, "resume", example='postroom stream resume support-bot.acme.com --reason "delisted"')
def resume(desk: AnyDesk, domain: Domain, reason: Reason) -> Output:
    """Resume a paused stream."""
    return Output(desk.call("stream.resume", domain=domain, reason=reason), f"Resumed {domain}.")


@command(app, "warmup", example='postroom stream warmup support-bot.acme.com 500 --reason "moved from another relay"')
def warmup(
    desk: AnyDesk,
    *,
    domain: Domain,
    cap: Annotated[str, typer.Argument(metavar="N|off", help="Messages a day, or off to end the warm-up.")],
    reason: Reason,
) -> Output:
    """Set the stream's daily cap, or end its warm-up."""
    figure = whole_number(cap)
    if cap != "off" and figure is None:
        raise Invalid(f"{cap[:20]!r} is not a daily cap", fix="give a number per day, or off")
    done = desk.call("stream.warmup", domain=domain, cap=figure, reason=reason)
    text = f"{domain}: no warm-up cap." if figure is None else f"{domain}: at most {figure:,} a day."
    return Output(done, text)


@command(app, "list", example="postroom stream list")
def list_streams(desk: AnyDesk, after: Annotated[str, typer.Option(help="Start after this domain.")] = "") -> Output:
    """List streams."""
    found = desk.call("stream.list", after=after)
    rows = [
        (
            one["domain"],
            one["route"],
            one["provider"],
            "paused" if one["paused_at"] else "sends",
            "warm" if one["warm"] else one["warm_cap"] if one["warm_cap"] is not None else "warming up",
        )
        for one in found["streams"]
    ]
    return Output(found, table(("DOMAIN", "ROUTE", "PROVIDER", "STATE", "WARM-UP"), rows, none="no streams yet"))


@command(app, "show", example="postroom stream show support-bot.acme.com")
def show(desk: AnyDesk, domain: Domain) -> Output:
    """Show one stream."""
    found = desk.call("stream.show", domain=domain)
    return Output(found, pairs(found))


@command(app, "dns", example="postroom stream dns support-bot.acme.com --json")
def show_dns(
    desk: AnyDesk,
    *,
    domain: Domain,
    dmarc: Annotated[Strictness, typer.Option(help="The DMARC policy to publish now.")] = Strictness.NONE,
    check: Annotated[bool, typer.Option("--check", help="Say of each record whether public DNS has it.")] = False,
) -> Output:
    """The records to publish: DKIM for both slots and both algorithms, SPF, DMARC, the MX of bounces and replies."""
    found = desk.call("stream.dns", domain=domain, dmarc=dmarc.value, look_up=check)
    for one in found["open"]:
        desk.note(f"{one['question']} {one['fix']}")
    return Output(found, zone_text(found["records"], found["removable"]))


# --- helpers ------------------------------------------------------------------------------------------------------


def zone_text(records: Sequence[Mapping[str, Any]], removable: Sequence[str]) -> str:
    """The records as lines of a zone file."""
    lines = [f"; {_remark(one)}\n{one['name']}. IN {one['type']} {_quoted(one)}" for one in records]
    lines += [f"; {name} may go from DNS now" for name in removable]
    return "\n".join(lines)


def _remark(record: Mapping[str, Any]) -> str:
    found = f" ({record['found']} in public DNS)" if "found" in record else ""
    return f"{record['purpose']}{found}"


def _quoted(record: Mapping[str, Any]) -> str:
    if record["type"] != "TXT":
        return str(record["value"])
    return " ".join(f'"{part}"' for part in record["strings"])


def _about(provider: str) -> str:
    """The documentation page about setting up a provider."""
    found = registry.PROVIDERS.get(provider)
    return f"Set up {found.title}: postroom docs {provider}. " if found else ""
