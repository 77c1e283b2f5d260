"""`postroom stream`: sending subdomains, their keys, and their DNS records."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any, Final
from urllib.parse import urlsplit, urlunsplit

import typer

from core.cli import handoff
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, listed, pairs, table
from core.cli.stream_dns import Domain, app, check_published
from core.db.queries import agents as views
from core.db.transaction import Transaction
from core.errors import Invalid
from core.model import Actor
from core.rules.providers import registry
from core.security import key_file
from core.serializers import streams as resources
from core.services.control import emergency
from core.services.identity import streams
from core.services.identity.stream_keys import fresh_keys
from core.services.identity.streams import NewStream, StreamChange
from core.smtp.credentials import checked, first_line
from core.smtp.route import Route, is_loopback
from core.text.numbers import whole_number

__all__ = ["app"]

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the relay's password from standard input; no encoding needed.")
]
PerConnection = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="Messages over one connection of the route; 0 for the default.")
]
PerMinute = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Messages a minute over the route, all mailboxes; 0 for no limit."),
]

UNSUBSCRIBE: Final = "Base URL of its unsubscribe links; default: the desk's public_url."


Provider = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=f"Whose relay it is: {', '.join(registry.PROVIDERS)} or {registry.NONE}. Default: recognised by its host.",
    ),
]
Spf = Annotated[
    str | None,
    typer.Option(
        metavar="TERMS", help="What SPF must name so that the relay may send, such as include:_spf.relay.example."
    ),
]


@command(app, "add", example="postroom stream add support-bot.acme.com --relay smtp://user:password@smtp.acme.com:587")
def add(
    desk: CommandContext,
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
    named = streams.subdomain(domain)
    ring = key_file.load_master_keys(desk.settings)
    route, password = parted(desk, relay or "direct", from_stdin=password_stdin)
    provider_name = provider or registry.of_host(Route.parse(route).host)
    new = NewStream(
        domain=named,
        route=route,
        route_secret=ring.seal(password.encode(), about=f"route:{named}") if password else None,
        keys=fresh_keys(named, streams.SLOTS, ring=ring, now=desk.now),
        provider=provider_name,
        protected=protected,
        owners=tuple(listed(owner)),
        warm=warm,
        organisation=organisation,
        postal_address=postal_address,
        unsubscribe_url=unsubscribe,
        connection_messages=per_connection,
        minute_messages=per_minute,
        spf=spf or (None if password_stdin else asked_for_spf(desk, route, provider_name)),
    )

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        streams.add(tx, new, actor=actor)
        return resources.stream(streams.show(tx.conn, named))

    return Output(
        desk.act(verb) | {"selectors": [key.selector for key in new.keys]},
        f"Added {named}, by {route}. {_about(provider_name)}Publish its records: postroom stream dns {named}"
        + handoff.stream(desk, named),
    )


@command(
    app, "set",
    example="postroom stream set support-bot.acme.com --organisation 'Acme Ltd' --postal-address '1 Main St, Leeds' "
    "--reason 'it may send offers'",
)  # fmt: skip
def change(
    desk: CommandContext,
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
    named = streams.subdomain(domain)
    if password_stdin and not relay:
        raise Invalid("--password-stdin belongs to a relay", fix="name it again: --relay smtp://USER@HOST:587")
    route, password = parted(desk, relay or "direct", from_stdin=password_stdin) if relay or direct else (None, None)
    if relay and provider is None and (recognised := registry.of_host(Route.parse(relay).host)) != registry.NONE:
        provider = recognised
    sealed = None
    if password:
        sealed = key_file.load_master_keys(desk.settings).seal(password.encode(), about=f"route:{named}")
    changes = StreamChange(
        route=route,
        route_secret=sealed,
        provider=provider,
        protected=protected,
        owners=tuple(listed(owner)) if owner is not None else None,
        organisation=organisation,
        postal_address=postal_address,
        unsubscribe_url=unsubscribe,
        connection_messages=per_connection,
        minute_messages=per_minute,
        spf=spf,
    )
    if changes == StreamChange():
        raise Invalid("no change given", fix="such as --organisation 'Acme Ltd'")

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        streams.change(tx, named, changes, reason=reason, actor=actor)
        return resources.stream(streams.show(tx.conn, named))

    found = desk.act(verb)
    return Output(found, pairs(found))


@command(app, "rotate", example="postroom stream rotate support-bot.acme.com")
def rotate(
    desk: CommandContext,
    *,
    domain: Domain,
    force: Annotated[bool, typer.Option("--force", help="Rotate even if DNS does not have the new keys.")] = False,
) -> Output:
    """Rotate DKIM keys: the standby slot signs from now on, and new keys replace the old ones."""
    with desk.read() as conn:
        stream = streams.show(conn, domain)
        slot = streams.next_slot(conn, domain)
        used = {key.selector for key in views.keys(conn) if key.stream == stream.domain}
    if not force:
        check_published(desk, stream.domain, slot="b" if slot == "a" else "a")
    fresh = fresh_keys(stream.domain, (slot,), ring=key_file.load_master_keys(desk.settings), now=desk.now, used=used)
    signing = desk.act(lambda tx, actor: streams.rotate(tx, domain, fresh=fresh, actor=actor))
    selectors = [key.selector for key in fresh]
    return Output(
        {"domain": stream.domain, "active_slot": signing, "publish": selectors},
        f"Slot {signing} signs now. Publish the fresh selectors {', '.join(selectors)}: "
        f"postroom stream dns {stream.domain}",
    )


@command(app, "pause", example='postroom stream pause support-bot.acme.com --reason "blocklisted"')
def pause(desk: CommandContext, domain: Domain, reason: Reason) -> Output:
    """Pause a stream: no delivery of it starts from now on."""
    in_flight = desk.act(lambda tx, actor: emergency.pause_stream(tx, domain, reason=reason, actor=actor))
    return Output(
        {"domain": domain, "paused": True, "in_flight": in_flight}, f"Paused {domain}; {in_flight} in flight."
    )


@command(app, "resume", example='postroom stream resume support-bot.acme.com --reason "delisted"')
def resume(desk: CommandContext, domain: Domain, reason: Reason) -> Output:
    """Resume a paused stream."""
    desk.act(lambda tx, actor: emergency.resume_stream(tx, domain, reason=reason, actor=actor))
    return Output({"domain": domain, "paused": False}, f"Resumed {domain}.")


@command(app, "warmup", example='postroom stream warmup support-bot.acme.com 500 --reason "moved from another relay"')
def warmup(
    desk: CommandContext,
    *,
    domain: Domain,
    cap: Annotated[str, typer.Argument(metavar="N|off", help="Messages a day, or off to end the warm-up.")],
    reason: Reason,
) -> Output:
    """Set the stream's daily cap, or end its warm-up."""
    figure = whole_number(cap)
    if cap != "off" and figure is None:
        raise Invalid(f"{cap[:20]!r} is not a daily cap", fix="give a number per day, or off")
    desk.act(lambda tx, actor: streams.set_warmup(tx, domain, cap=figure, reason=reason, actor=actor))
    text = f"{domain}: no warm-up cap." if figure is None else f"{domain}: at most {figure:,} a day."
    return Output({"domain": domain, "warm": figure is None, "warm_cap": figure}, text)


@command(app, "list", example="postroom stream list")
def list_streams(
    desk: CommandContext, after: Annotated[str, typer.Option(help="Start after this domain.")] = ""
) -> Output:
    """List streams."""
    with desk.read() as conn:
        found = streams.listed(conn, after=after)
    rows = [
        (
            one.domain,
            one.route,
            one.provider,
            "paused" if one.paused_at else "sends",
            "warm" if one.warm else one.warm_cap if one.warm_cap is not None else "warming up",
        )
        for one in found
    ]
    text = table(("DOMAIN", "ROUTE", "PROVIDER", "STATE", "WARM-UP"), rows, none="no streams yet")
    return Output({"streams": [resources.stream(one) for one in found]}, text)


@command(app, "show", example="postroom stream show support-bot.acme.com")
def show(desk: CommandContext, domain: Domain) -> Output:
    """Show one stream."""
    with desk.read() as conn:
        found = resources.stream(streams.show(conn, domain))
    return Output(found, pairs(found))


# --- helpers ------------------------------------------------------------------------------------------------------


def parted(desk: CommandContext, relay: str, *, from_stdin: bool) -> tuple[str, str | None]:
    """The route without its password, which is sealed, and the password."""
    route = Route.parse(relay)
    if from_stdin:
        if route.kind != "relay" or not route.username or route.password:
            raise Invalid("--password-stdin needs a user in the URL, and no password", fix="smtp://USER@HOST:587")
        if route.tls == "none" and not is_loopback(route.host):
            raise Invalid("the password would cross the network in clear text", fix="leave out tls=none")
        typed = getpass.getpass("The relay's password: ") if sys.stdin.isatty() else first_line(sys.stdin.read())
        return relay, checked(typed)
    if not route.password:
        return relay, None
    desk.note(
        "The password was on the command line, where every local user can read it: "
        "use --password-stdin, and change it at the relay if this machine is shared."
    )
    parts = urlsplit(relay.strip())
    user, _, place = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}@{place}")), route.password


def _about(provider: str) -> str:
    """The documentation page about setting up a provider."""
    found = registry.PROVIDERS.get(provider)
    return f"Set up {found.title}: postroom docs {provider}. " if found else ""


def asked_for_spf(desk: CommandContext, route: str, provider: str) -> str | None:
    """Ask a person at a terminal; a program is not asked, and `stream dns` lists what is open."""
    parsed = Route.parse(route)
    provider_known = provider != registry.NONE or parsed.kind == "direct"
    if provider_known or not desk.interactive:
        return None
    near = is_loopback(parsed.host)
    sender = "what the relay on this machine sends from" if near else parsed.host
    with desk.asking():
        desk.note(f"Receivers let {sender} send for this domain if SPF names it; whoever runs it says how.")
        question = "SPF terms, such as include:_spf.relay.example (empty: not known yet)"
        answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
