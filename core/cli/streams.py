"""`postroom stream`: sending subdomains, their keys, and the records that vouch for them."""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import sys
from collections.abc import Collection, Iterable
from typing import Annotated, Final
from urllib.parse import urlsplit, urlunsplit

import typer

from core.cli import serializers
from core.cli.context import CommandContext, Reason, command
from core.cli.dns_check import Found, Zone
from core.cli.output import Said, group, listed, pairs, table
from core.db.queries import agents as views
from core.durations import MICROS
from core.errors import Conflict, Invalid
from core.rules import dns
from core.rules.dns import DnsRecord, Slot
from core.security import encryption, key_file
from core.security.encryption import MasterKeys
from core.services.control import emergency
from core.services.identity import streams
from core.services.identity.streams import NewStream, SealedKey, StreamChange
from core.smtp import Route
from core.smtp.credentials import checked, first_line

app: Final = group("stream", "Sending subdomains: routes, DKIM keys, DNS records, warm-up.")

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
Domain = Annotated[str, typer.Argument(help="The stream's domain, such as support-bot.acme.com.")]

UNSUBSCRIBE: Final = "What its unsubscribe links begin with; the desk's public_url unless named."


class Provider(enum.StrEnum):
    """Whose relay it is: what it rewrites is not signed."""

    SES = "ses"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"
    NONE = "none"


@command(app, "add", example="postroom stream add support-bot.acme.com --relay smtp://user:password@smtp.acme.com:587")
def add(
    seat: CommandContext,
    *,
    domain: Domain,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="smtp://[user:pass@]host:port, or smtps://")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Deliver to the recipients' own exchangers.")] = False,
    password_stdin: FromStdin = False,
    provider: Annotated[Provider, typer.Option(help="Whose relay it is.")] = Provider.NONE,
    protected: Annotated[bool, typer.Option("--protected", help="Off-limits but for the agents that own it.")] = False,
    owner: Annotated[list[str] | None, typer.Option(help="An agent that may use a protected stream.")] = None,
    warm: Annotated[bool, typer.Option("--warm", help="It has sent for long: no warm-up.")] = False,
    organisation: Annotated[str | None, typer.Option(help="Who commercial mail says it is from.")] = None,
    postal_address: Annotated[str | None, typer.Option(help="The postal address commercial mail must carry.")] = None,
    unsubscribe: Annotated[str | None, typer.Option(metavar="URL", help=UNSUBSCRIBE)] = None,
    per_connection: PerConnection = None,
    per_minute: PerMinute = None,
) -> Said:
    """Add a sending subdomain, with two slots of DKIM keys (RSA-2048 and Ed25519 each)."""
    if bool(relay) == direct:
        raise Invalid("a stream leaves by one way", fix="name --relay smtp://host:port, or --direct")
    named = streams.subdomain(domain)
    ring = key_file.load_master_keys(seat.settings)
    route, password = _parted(relay or "direct", from_stdin=password_stdin)
    new = NewStream(
        domain=named,
        route=route,
        route_secret=ring.seal(password.encode(), about=f"route:{named}") if password else None,
        keys=_fresh(named, streams.SLOTS, ring=ring, now=seat.now),
        provider=provider.value,
        protected=protected,
        owners=tuple(listed(owner)),
        warm=warm,
        organisation=organisation,
        postal_address=postal_address,
        unsubscribe_url=unsubscribe,
        connection_messages=per_connection,
        minute_messages=per_minute,
    )
    seat.act(lambda tx, actor: streams.add(tx, new, actor=actor))
    with seat.read() as conn:
        found = streams.show(conn, named)
    return Said(
        serializers.stream(found) | {"selectors": [key.selector for key in new.keys]},
        f"Added {named}, by {route}. Publish its records: postroom stream dns {named}",
    )


@command(
    app, "set",
    example="postroom stream set support-bot.acme.com --organisation 'Acme Ltd' --postal-address '1 Main St, Leeds' "
    "--reason 'it may send offers'",
)  # fmt: skip
def change(
    seat: CommandContext,
    *,
    domain: Domain,
    reason: Reason,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="smtp://[user:pass@]host:port, or smtps://")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Deliver to the recipients' own exchangers.")] = False,
    password_stdin: FromStdin = False,
    provider: Annotated[Provider | None, typer.Option(help="Whose relay it is.")] = None,
    protected: Annotated[
        bool | None, typer.Option("--protected/--open", help="Off-limits but for the agents that own it, or not.")
    ] = None,
    owner: Annotated[
        list[str] | None, typer.Option(help="The agents that may use a protected stream, all of them.")
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Who commercial mail says it is from; '' for nobody.")
    ] = None,
    postal_address: Annotated[str | None, typer.Option(help="The postal address it carries; '' for none.")] = None,
    unsubscribe: Annotated[str | None, typer.Option(metavar="URL", help=f"{UNSUBSCRIBE} '' for that.")] = None,
    per_connection: PerConnection = None,
    per_minute: PerMinute = None,
) -> Said:
    """Change a stream's way out, or what its commercial mail says of the sender. What is not named stays."""
    if relay and direct:
        raise Invalid("a stream leaves by one way", fix="name --relay smtp://host:port, or --direct")
    named = streams.subdomain(domain)
    if password_stdin and not relay:
        raise Invalid("--password-stdin belongs to a relay", fix="name it again: --relay smtp://USER@HOST:587")
    route, password = _parted(relay or "direct", from_stdin=password_stdin) if relay or direct else (None, None)
    sealed = None
    if password:
        sealed = key_file.load_master_keys(seat.settings).seal(password.encode(), about=f"route:{named}")
    asked = StreamChange(
        route=route,
        route_secret=sealed,
        provider=provider.value if provider is not None else None,
        protected=protected,
        owners=tuple(listed(owner)) if owner is not None else None,
        organisation=organisation,
        postal_address=postal_address,
        unsubscribe_url=unsubscribe,
        connection_messages=per_connection,
        minute_messages=per_minute,
    )
    if asked == StreamChange():
        raise Invalid("nothing to change is named", fix="such as --organisation 'Acme Ltd'")
    seat.act(lambda tx, actor: streams.change(tx, named, asked, reason=reason, actor=actor))
    with seat.read() as conn:
        found = serializers.stream(streams.show(conn, named))
    return Said(found, pairs(found))


@command(app, "dns", example="postroom stream dns support-bot.acme.com --json")
def show_dns(seat: CommandContext, domain: Domain) -> Said:
    """The records to publish: DKIM for both slots and both algorithms, SPF, DMARC, the return path's MX."""
    records = _records(seat, domain)
    shown = [
        {
            "type": one.type,
            "name": one.name,
            "value": one.value,
            "purpose": one.purpose,
            "strings": list(one.strings) if one.type == "TXT" else [],
        }
        for one in records
    ]
    text = "\n".join(f"; {one.purpose}\n{one.name}. IN {one.type} {_quoted(one)}" for one in records)
    if seat.settings.mail_host == "mail.invalid":
        seat.note("mail_host is not set in postroom.toml: the MX and SPF records name a host that cannot exist")
    return Said({"domain": streams.subdomain(domain), "records": shown}, text)


@command(app, "rotate", example="postroom stream rotate support-bot.acme.com")
def rotate(
    seat: CommandContext,
    *,
    domain: Domain,
    force: Annotated[bool, typer.Option("--force", help="Although DNS does not have the waiting keys.")] = False,
) -> Said:
    """Let the waiting slot's keys sign; fresh keys take the place of those that signed."""
    with seat.read() as conn:
        stream = streams.show(conn, domain)
        slot = streams.next_slot(conn, domain)
        used = {key.selector for key in views.keys(conn) if key.stream == stream.domain}
    if not force:
        _check_published(seat, stream.domain, route=stream.route, slot="b" if slot == "a" else "a")
    fresh = _fresh(stream.domain, (slot,), ring=key_file.load_master_keys(seat.settings), now=seat.now, used=used)
    signing = seat.act(lambda tx, actor: streams.rotate(tx, domain, fresh=fresh, actor=actor))
    selectors = [key.selector for key in fresh]
    return Said(
        {"domain": stream.domain, "active_slot": signing, "publish": selectors},
        f"Slot {signing} signs now. Publish the fresh selectors {', '.join(selectors)}: "
        f"postroom stream dns {stream.domain}",
    )


@command(app, "pause", example='postroom stream pause support-bot.acme.com --reason "blocklisted"')
def pause(seat: CommandContext, domain: Domain, reason: Reason) -> Said:
    """No new delivery of this stream starts."""
    in_flight = seat.act(lambda tx, actor: emergency.pause_stream(tx, domain, reason=reason, actor=actor))
    return Said({"domain": domain, "paused": True, "in_flight": in_flight}, f"Paused {domain}; {in_flight} in flight.")


@command(app, "resume", example='postroom stream resume support-bot.acme.com --reason "delisted"')
def resume(seat: CommandContext, domain: Domain, reason: Reason) -> Said:
    """Deliveries of this stream start again."""
    seat.act(lambda tx, actor: emergency.resume_stream(tx, domain, reason=reason, actor=actor))
    return Said({"domain": domain, "paused": False}, f"Resumed {domain}.")


@command(app, "warmup", example='postroom stream warmup support-bot.acme.com 500 --reason "moved from another relay"')
def warmup(
    seat: CommandContext,
    *,
    domain: Domain,
    cap: Annotated[str, typer.Argument(metavar="N|off", help="Mails a day, or off to end the warm-up.")],
    reason: Reason,
) -> Said:
    """Fix the stream's daily cap, or end its warm-up."""
    if cap != "off" and not cap.isdecimal():
        raise Invalid(f"{cap!r} is no daily cap", fix="write a number a day, or off")
    figure = None if cap == "off" else int(cap)
    seat.act(lambda tx, actor: streams.set_warmup(tx, domain, cap=figure, reason=reason, actor=actor))
    said = f"{domain}: no warm-up cap." if figure is None else f"{domain}: at most {figure:,} a day."
    return Said({"domain": domain, "warm": figure is None, "warm_cap": figure}, said)


@command(app, "list", example="postroom stream list")
def list_streams(
    seat: CommandContext, after: Annotated[str, typer.Option(help="Go on after this domain.")] = ""
) -> Said:
    """The streams of this desk."""
    with seat.read() as conn:
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
    return Said({"streams": [serializers.stream(one) for one in found]}, text)


@command(app, "show", example="postroom stream show support-bot.acme.com")
def show(seat: CommandContext, domain: Domain) -> Said:
    """One stream."""
    with seat.read() as conn:
        found = serializers.stream(streams.show(conn, domain))
    return Said(found, pairs(found))


# --- how ----------------------------------------------------------------------------------------------------------


def relays_locally(route: str) -> bool:
    """Whether mail goes no further than this machine: a test, and nobody out there looks at its records."""
    parsed = Route.parse(route)
    return parsed.kind == "relay" and parsed.tls == "none" and parsed.host in {"localhost", "127.0.0.1", "::1"}


def _parted(relay: str, *, from_stdin: bool) -> tuple[str, str | None]:
    """The route without its password, which is sealed, and the password."""
    route = Route.parse(relay)
    if from_stdin:
        if route.kind != "relay" or not route.username or route.password:
            raise Invalid("--password-stdin needs a user in the URL, and no password", fix="smtp://USER@HOST:587")
        if route.tls == "none" and not relays_locally(relay):
            raise Invalid("a password would cross the network in clear", fix="leave out tls=none")
        return relay, checked(first_line(sys.stdin.read()))
    if not route.password:
        return relay, None
    parts = urlsplit(relay.strip())
    user, _, place = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}@{place}")), route.password


def _fresh(
    domain: str, slots: Iterable[Slot], *, ring: MasterKeys, now: int, used: Collection[str] = ()
) -> tuple[SealedKey, ...]:
    """New keys, sealed for their rows, under dated names that were never used before."""
    today = dt.datetime.fromtimestamp(now / MICROS, tz=dt.UTC).date()
    made = []
    for slot in slots:
        for algorithm in streams.ALGORITHMS:
            pair = encryption.new_key_pair(algorithm)
            dated = dns.selector(today, slot=slot, algorithm=algorithm)
            further = (dated.replace(f"{slot}-", f"{slot}{n}-") for n in itertools.count(2))
            selector = next(one for one in itertools.chain((dated,), further) if one not in used)
            sealed = ring.seal(pair.private, about=f"dkim:{domain}:{selector}")
            made.append(SealedKey(slot, algorithm, selector, sealed, pair.public))
    return tuple(made)


def _records(seat: CommandContext, domain: str) -> tuple[DnsRecord, ...]:
    with seat.read() as conn:
        return streams.dns_records(conn, domain, mail_host=seat.settings.mail_host, now=seat.now)


def _check_published(seat: CommandContext, domain: str, *, route: str, slot: Slot) -> None:
    """Signing with a key nobody can look up fails every mail: look before, where anybody out there would look."""
    if relays_locally(route):
        return
    with seat.read() as conn:
        selectors = {
            key.selector
            for key in views.keys(conn)
            if key.stream == domain and key.slot == slot and key.retired_at is None
        }
    waiting = [one for one in _records(seat, domain) if one.name.partition("._domainkey")[0] in selectors]
    wrong = [
        one.name
        for one, found in zip(waiting, Zone().look_up(waiting), strict=True)
        if found in {Found.MISSING, Found.OTHER}
    ]
    if wrong:
        raise Conflict(
            f"DNS does not have the keys that would sign: {', '.join(wrong)}",
            fix=f"publish them (postroom stream dns {domain}), or rotate with --force",
        )


def _quoted(record: DnsRecord) -> str:
    if record.type != "TXT":
        return record.value
    return " ".join(f'"{part}"' for part in record.strings)
