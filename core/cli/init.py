"""`postroom init`: create a desk, for people who sign for each other, or with `--dev` for one person to try it out."""

from __future__ import annotations

import contextlib
import getpass
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli import founding, next_steps
from core.cli.context import CommandContext, command
from core.cli.diagnostics import routes
from core.cli.diagnostics.finding import Finding, Grade
from core.cli.next_steps import found, near
from core.cli.output import Output, table
from core.cli.relay import FromStdin, Provider, Spf, asked_for_spf, parted
from core.cli.remote.streams import zone_text
from core.clock import SystemClock
from core.db import directory, migrate
from core.db.development import BANNER
from core.db.store import Store
from core.db.transaction import Transaction
from core.demo.catcher import MAILDIR
from core.durations import DAY
from core.errors import Conflict, Invalid
from core.model import PARTS, Role
from core.rules import policy as policies
from core.rules.addresses import parse_address
from core.rules.policy import Policy
from core.rules.providers import registry
from core.security import credentials, encryption, key_file
from core.security.credentials import OWN_TOKEN, NewSecret
from core.security.encryption import MasterKeys
from core.serializers import people
from core.serializers import streams as resources
from core.services.audit import checkpoints
from core.services.identity import development, operators, stream_dns, stream_keys, streams
from core.services.identity.mailboxes import Filing
from core.services.identity.operators import Founder
from core.services.identity.streams import NewStream
from core.settings import POLICY, Settings
from core.smtp.route import Route
from core.text import database_url

app: Final = typer.Typer()
"""The command that the root app mounts."""

USUAL: Final = (
    "root:admin",
    "alice:reviewer,oncall",
    "olive:owner",
    "gail:governance",
    "dora:deliverability",
    "victor:auditor",
)
"""The people of a first desk if none are named: enough for one to request an identity and three to sign it."""
DEV_ADDRESS: Final = "agent@desk.test"
DEV_LISTEN: Final = 8025
DEV_RELAY: Final = 2525


@dataclass(frozen=True, slots=True)
class FirstStream:
    """The first stream of a desk; its relay's password separate from the route."""

    domain: str
    route: str
    password: str | None
    provider: str
    spf: str | None = None

    @property
    def way_out(self) -> Route:
        """The route with its relay's password."""
        return replace(Route.parse(self.route), password=self.password)

    def sealed(self, ring: MasterKeys, *, now: int) -> NewStream:
        """Convert to a `NewStream` with fresh keys."""
        secret = ring.seal(self.password.encode(), about=f"route:{self.domain}") if self.password else None
        made = stream_keys.fresh_keys(self.domain, streams.SLOTS, ring=ring, now=now)
        return NewStream(self.domain, self.route, made, route_secret=secret, provider=self.provider, spf=self.spf)


@command(
    app, "init",
    example="postroom init --dir desk --token-files --stream support-bot.acme.com --relay smtp://USER@smtp.acme.com:587"
    "\n  postroom init --dir desk --operator root:admin --operator gail:governance --operator olive:owner"
    "\n  postroom init --dev --dir trial",
)  # fmt: skip
def init(
    desk: CommandContext,
    *,
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME:ROLE,ROLE]...", help="Further operators.")] = None,
    operator: Annotated[
        list[str] | None, typer.Option("--operator", metavar="NAME:ROLE,ROLE", help="An operator; may be repeated.")
    ] = None,
    database: Annotated[str | None, typer.Option("--database", metavar="URL", help="Default: SQLite in DIR.")] = None,
    organisation: Annotated[str, typer.Option(help="Sending organisation, for the footer.")] = "this organisation",
    mail_host: Annotated[str, typer.Option(help="The host that receives bounces.")] = "mail.invalid",
    public_url: Annotated[str, typer.Option(help="Public URL of this desk.")] = "http://127.0.0.1:8025",
    stream: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Also create the first sending subdomain.")
    ] = None,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="Its relay: smtp://USER@HOST:587")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="It delivers directly to the recipients' MX hosts.")] = False,
    provider: Provider = None,
    spf: Spf = None,
    password_stdin: FromStdin = False,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Certificate authorities to trust in addition to the system's.")
    ] = None,
    token_files: Annotated[
        bool, typer.Option("--token-files", help="Write each token to DIR/tokens/NAME instead of printing it.")
    ] = False,
    notify: Annotated[
        list[str] | None,
        typer.Option("--notify", metavar="URL", help="Who to notify of a suspension: an Apprise URL; may be repeated."),
    ] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="A desk for one person to try things: loopback only, never for production.")
    ] = False,
) -> Output:
    """Make a desk, its people and its first stream; --dev: one person's desk to try things.

    Writes the database, the master key, postroom.toml and policy.toml. Each person's token is printed once, or
    left in a file of its own for them. Ends with what to type next.
    """
    named = [*(operator or ()), *(more or ())]
    if dev:
        if named or stream or relay or direct or notify:
            raise Invalid("--dev makes one person and one stream to loopback", fix="leave the other options out")
        return _for_development(desk, database=database_url.spelled(database), organisation=organisation)
    if ca_file is not None and not ca_file.is_file():
        raise Invalid(f"there is no file {ca_file}", fix="name the PEM file of the relay's authority")
    first = _first_stream(desk, stream, relay, direct=direct, provider=provider, spf=spf, from_stdin=password_stdin)
    made, minted = founding.founders(named or USUAL)
    policy = founding.policy(notify or _asked_for_channels(desk))
    base = database_url.spelled(database)
    text = founding.toml(
        database=base, ca_file=ca_file and ca_file.absolute(), name="PROD", organisation=organisation,
        mail_host=mail_host, public_url=public_url,
    )  # fmt: skip
    files = founding.token_files(desk.directory, minted) if token_files else {}
    files |= {desk.directory / POLICY: policy}
    first_policy = policies.parse(policy)
    public, tried = _made(
        desk, base, text, lambda tx, ring: _found(tx, made, first, first_policy, ring), files=files, first=first
    )
    return _created_output(
        desk, made, minted, first, public=public, tried=tried, in_files=token_files,
        notified=bool(first_policy.notify.urls),
    )  # fmt: skip


def _asked_for_channels(desk: CommandContext) -> list[str]:
    """Ask a person at a terminal for notification channels; a program is not asked, and `doctor` reports it."""
    if not desk.interactive:
        return []
    with desk.asking():
        desk.note("Who should be notified when an agent is suspended? A chat, a pager, a mailbox.")
        question = "Apprise URL, such as slack://... or mailto://... (empty: nobody yet)"
        return str(typer.prompt(question, default="", show_default=False, err=True)).split()


def _found(tx: Transaction, made: list[Founder], first: FirstStream | None, policy: Policy, ring: MasterKeys) -> None:
    operators.first_desk(tx, made, policy=policy)
    if first is not None:
        streams.add_first(tx, first.sealed(ring, now=tx.now), actor=operators.INIT)


Making = Callable[[Transaction, MasterKeys], Any]


def _made(
    desk: CommandContext, database: str | None, text: str, verb: Making, *, files: Mapping[Path, str],
    first: FirstStream | None = None,
) -> tuple[str, Finding | None]:  # fmt: skip
    """Create the desk with this function. Returns the public key of its checkpoints, and how trying the route went."""
    with (
        founding.files(desk.directory, database=database, text=text, more=files) as settings,
        contextlib.closing(Store(settings.database_url, clock=SystemClock())) as store,
    ):
        desk.database = settings.database_url
        # The relay can take seconds. An interrupt meanwhile leaves no desk; after the commit it would lose the tokens.
        tried = None if first is None else routes.rehearsal(settings, first.domain, first.way_out)
        migrate.found(store.engine)
        ring, pair = key_file.load_master_keys(settings), encryption.new_key_pair("ed25519")
        desk.hold_interrupts()
        store.transact(lambda tx: verb(tx, ring))
        store.transact(lambda tx: checkpoints.private_key(tx, ring, pair))
    return pair.public, tried


# --- the first stream ---------------------------------------------------------------------------------------------


def _first_stream(
    desk: CommandContext,
    domain: str | None,
    relay: str | None,
    *,
    direct: bool,
    provider: str | None,
    spf: str | None,
    from_stdin: bool,
) -> FirstStream | None:
    """Parse the options before anything is created; ask for a relay's password at a terminal. Raises `Invalid`."""
    if domain is None:
        if relay or direct or from_stdin:
            raise Invalid("a relay needs a stream", fix="name it: --stream support-bot.acme.com")
        return None
    if bool(relay) == direct:
        raise Invalid("a stream has exactly one route", fix="name --relay smtp://USER@HOST:587, or --direct")
    named = streams.subdomain(domain)
    route, password = parted(desk, relay or "direct", from_stdin=from_stdin)
    way = Route.parse(route)
    if way.username and password is None and desk.interactive:
        with desk.asking():
            password = typer.prompt(f"Password of {way.username} at {way.host}", hide_input=True, err=True)
    provider_name = provider or registry.of_host(way.host)
    return FirstStream(
        named,
        route,
        password,
        provider_name,
        spf or (None if from_stdin else asked_for_spf(desk, route, provider_name)),
    )


def _zone_file(desk: CommandContext, domain: str) -> Path:
    """Write the DNS records to publish to a file in the desk's directory."""
    file = desk.directory / f"{domain}.zone"
    with desk.read() as conn:
        found = stream_dns.published_by(conn, domain, desk.settings, now=desk.now)
    records = [resources.dns_record(one) for one in found.records]
    file.write_text(zone_text(records, found.removable) + "\n")
    return file


def _records(desk: CommandContext, domain: str) -> tuple[Path | None, str]:
    """Where the records to publish are. A failure is part of the answer: the tokens still have to be printed."""
    try:
        zone = _zone_file(desk, domain)
    except Exception as error:  # noqa: BLE001 - nothing may stand between the commit and the tokens
        printed = next_steps.typed(desk.directory, "stream", "dns", domain)
        return None, f"The records to publish are in no file ({error}); to see them: {printed}"
    return zone, f"Publish the records in {near(zone)}; postroom doctor says whether they are there."


# --- output -------------------------------------------------------------------------------------------------------


def _created_output(
    desk: CommandContext, made: list[Founder], minted: dict[str, NewSecret], first: FirstStream | None, *, public: str,
    tried: Finding | None, in_files: bool, notified: bool,
) -> Output:  # fmt: skip
    secret = {one.name: minted[one.name].secret for one in made}
    file = {one.name: next_steps.token_file(desk.directory, one.name) for one in made}
    listed = [
        {"name": one.name, "roles": [role for role in Role if role in one.roles]}
        | ({"token_file": str(file[one.name])} if in_files else {"token": secret[one.name]})
        for one in made
    ]
    data: dict[str, Any] = {"dir": str(desk.directory), "operators": listed, "checkpoint_key": public}
    place = near(desk.directory)
    opening = (
        f"A desk in {place}. Each person's token waits in {next_steps.TOKENS}/NAME there: hand it over, then delete it."
        if in_files
        else f"A desk in {place}. These tokens are not shown again: hand each to its owner."
    )
    rows = [
        (
            one.name,
            ",".join(role for role in Role if role in one.roles),
            near(file[one.name]) if in_files else secret[one.name],
        )
        for one in made
    ]
    parts = [opening, table(("NAME", "ROLES", "FILE" if in_files else "TOKEN"), rows)]
    if warning := founding.overridden(desk.settings.database_url):
        parts.append(warning)
    parts.append(f"Note outside the desk the key that signs its log's checkpoints: {public}")
    parts.append(
        "Test the notifications: postroom notify test"
        if notified
        else "Nobody is notified of a suspension yet: name a channel in [notify] urls of policy.toml."
    )
    if first is not None and tried is not None:
        zone, publish = _records(desk, first.domain)
        mark = {Grade.OK: "The route works", Grade.WARN: "The route", Grade.FAIL: "The route fails"}[tried.grade]
        parts.append(
            f"{mark}: {tried.text}" + (f"\n  {tried.fix}" if tried.fix else "")
            + f"\n{publish}"
        )  # fmt: skip
        data |= {
            "stream": first.domain, "zone_file": None if zone is None else str(zone),
            "route": {"grade": tried.grade, "text": tried.text, "fix": tried.fix or None},
        }  # fmt: skip
    parts.append(found(lambda: _next(desk, first)))
    return Output(data, "\n\n".join(parts))


def _next(desk: CommandContext, first: FirstStream | None) -> str:
    with desk.store.read() as conn:
        operators = [people.operator(one) for one in directory.operators(conn)]
    if first is None:
        who = next_steps.holder(operators, Role.DELIVERABILITY) or "an operator with role deliverability"
        return next_steps.step(
            desk.directory, who, "add a sending subdomain of yours and its relay",
            "stream", "add", "support-bot.example.com", "--relay", "smtp://USER@HOST:587",
        )  # fmt: skip
    asker = next_steps.requester(operators)
    return next_steps.ask(desk.directory, asker or "an operator who will not sign", first.domain)


# --- one person's desk --------------------------------------------------------------------------------------------


def _for_development(desk: CommandContext, *, database: str | None, organisation: str) -> Output:
    """One person, one agent, one mailbox, one token, and a receiver on loopback that keeps what is sent."""
    listen, relay = f"127.0.0.1:{_free_port(DEV_LISTEN)}", f"smtp://127.0.0.1:{_free_port(DEV_RELAY)}"
    text = founding.toml(
        database=database, listen=listen, name="DEV", organisation=organisation, mail_host="mail.invalid",
        public_url=f"http://{listen}",
    )  # fmt: skip
    name, operator_token, agent = _user(), credentials.new_operator_token(), credentials.new_agent_token()
    developer = Founder(name, development.ROLES, operator_token.digest)
    sender = parse_address(DEV_ADDRESS)
    stream = FirstStream(sender.domain_ascii, relay, None, registry.NONE)

    def found(tx: Transaction, ring: MasterKeys) -> None:
        filing = Filing(
            address=sender, agent="agent", purpose="development", owner=name, system_owner=name, systems="none",
            users="nobody beyond this machine",
            revoke_when="the trial is over", expires_at=tx.now + 90 * DAY, allow=("*",),
        )  # fmt: skip
        development.found(
            tx, developer=developer, stream=stream.sealed(ring, now=tx.now), filing=filing, token_hash=agent.digest,
            policy=policies.parse(policies.DEFAULT_TOML),
        )  # fmt: skip

    public, _ = _made(desk, database, text, found, files={desk.directory / OWN_TOKEN: f"{operator_token.secret}\n"})
    return _said_for_development(desk, name, operator_token, agent, public=public)


def _said_for_development(
    desk: CommandContext, name: str, operator_token: NewSecret, agent: NewSecret, *, public: str
) -> Output:
    settings: Settings = desk.settings
    here = desk.directory
    call = {"sender": DEV_ADDRESS, "to": "jane@example.com", "token": agent.secret}
    data = {
        "dir": str(here), "development": True, "operators": [{"name": name, "roles": [
            role for role in Role if role in development.ROLES], "token": operator_token.secret}],
        "checkpoint_key": public, "mailbox": DEV_ADDRESS, "agent": "agent", "token": agent.secret,
        "url": next_steps.api(settings),
    }  # fmt: skip
    warning = founding.overridden(settings.database_url)
    text = (
        f"{BANNER}: {near(here)}\n"
        f"{warning and warning + chr(10)}"
        f"You, {name}, have every role but admin, and nobody has signed for the mailbox {DEV_ADDRESS}.\n"
        f"Mail goes to loopback only, where the gateway keeps it in {near(here / MAILDIR)}.\n"
        f"Your own token is in {near(here / OWN_TOKEN)}; commands on this desk find it there.\n\n"
        f"Next, run the gateway, and leave it running:\n  {next_steps.typed(here, 'serve')}\n\n"
        f'In a second terminal, send as the agent would; the answer is "pending":\n\n'
        f"{next_steps.curl(next_steps.api(settings), **call)}\n\n"
        f"or, in Python:\n\n{next_steps.python(next_steps.api(settings), **call)}\n\n"
        f"Then read it and decide; what you approve is in {near(here / MAILDIR)} at once:\n"
        f"  {next_steps.typed(here, 'queue', 'review')}\n"
        f"or look at the whole desk: {next_steps.typed(here, 'console')}"
    )
    return Output(data, text)


def _user() -> str:
    """The name under which the log records this user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user in a container may have no name
        name = ""
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) and name not in PARTS else "dev"


def _free_port(usual: int) -> int:
    """The default port, or else a free one: a second desk must not reach the first one's receiver."""
    for port in (usual, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Conflict("no port of 127.0.0.1 is free", fix="stop a program that listens there")
