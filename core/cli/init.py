"""`postroom init`: a desk is made.

It makes everything or nothing: the files it wrote go away again if the database refuses, so that the next try does
not find half a desk.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.output import Said, private, table
from core.clock import SystemClock
from core.db import migrate
from core.db.store import Store
from core.errors import Conflict, Invalid
from core.model import Role
from core.rules import policy as policies
from core.rules import roles as rules
from core.rules.providers import registry
from core.security import credentials, encryption, key_file
from core.security.credentials import NewSecret
from core.services.audit import checkpoints
from core.services.identity import operators
from core.services.identity.operators import Founder
from core.settings import MASTER, POLICY, TOML, Settings, load

app: Final = typer.Typer()
"""What the root takes its command from."""

USUAL: Final = (
    "root:admin",
    "alice:reviewer,oncall",
    "olive:owner",
    "gail:governance",
    "dora:deliverability",
    "victor:auditor",
)
"""Who sits at a first desk if nobody is named: enough for an identity to be asked for by one and signed by three."""
MASTER_NAME: Final = "k1"

_TOML: Final = """\
# How this desk speaks to the world. What it allows is in policy.toml; who may do what is in its database.
# The environment overrides this file: POSTROOM_LISTEN, POSTROOM_DATABASE, ...
{database}
organisation = {organisation}
mail_host = {mail_host}         # receives bounces, sends direct mail; stands in SPF and MX records
public_url = {public_url}       # where recipients unsubscribe (RFC 8058)
# dmarc_reports = "dmarc@example.com"  # who reads what receivers report of these domains

# listen = "127.0.0.1:8025"     # agents and operators
# public_listen = "0.0.0.0:8026"  # only /u/ and /feedback/, for the world
# egress = 0                    # processes that deliver beside this one

# [feedback]                    # a provider that is not set up answers 401
# report_token = "..."          # bearer token of POST /feedback/report, for an MTA's pipe
# report_open = false           # true: that door asks for no token
# maildirs = ["/var/mail/bounces"]
{providers}

# [webhooks]
# allow = []                    # private hosts that webhooks may reach all the same
# [notify]                      # of people, whose channels policy.toml names
# allow = []                    # private hosts that they may be on all the same
# schemes = []                  # further Apprise schemes, such as "mqtt": where they connect is not checked
# [checkpoints]                 # signatures of the log, to be kept where nobody of this machine can write
# every = "24h"
# file = "/mnt/elsewhere/postroom-checkpoints.jsonl"
# webhook = "https://..."
# notify = ["mailto://..."]     # Apprise URLs
# [http]                        # what the two listeners take; the defaults suit a desk of hundreds of agents
# connections = 2000            # public_connections = 500
# connections_per_address = 128
# hosts = ["desk.internal"]     # names of this desk beside those of listen and public_url
# proxies = ["127.0.0.0/8", "::1/128"]  # reverse proxies: they may hold more
# [smtp]
# hello = "mail.example.com"    # our name in EHLO
# ca_file = "/etc/ssl/acme.pem" # certificate authorities trusted beside the system's
# [smtp.relays."HOST"]          # where a relay's password comes from; or stream add --password-stdin
# password_file = "/run/secrets/relay"  # or password_env, password_keyring
"""


@command(app, "init", example="postroom init --dir desk --operator root:admin --operator gail:governance")
def init(
    seat: CommandContext,
    *,
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME:ROLE,ROLE]...", help="Further operators.")] = None,
    operator: Annotated[
        list[str] | None, typer.Option("--operator", metavar="NAME:ROLE,ROLE", help="An operator; may be repeated.")
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="SQLite in DIR unless named.")
    ] = None,
    organisation: Annotated[str, typer.Option(help="Who sends: for the footer.")] = "this organisation",
    mail_host: Annotated[str, typer.Option(help="The host that receives bounces.")] = "mail.invalid",
    public_url: Annotated[str, typer.Option(help="Where the world reaches this desk.")] = "http://127.0.0.1:8025",
) -> Said:
    """Make a desk: database, master key, postroom.toml, policy.toml. Prints each operator's token, once."""
    named = [*(operator or ()), *(more or ())] or USUAL
    founders, minted = _founders(named)
    content = {"organisation": organisation, "mail_host": mail_host, "public_url": public_url}
    with _files(seat.directory, database=migrate.driver(database), content=content) as settings:
        store = Store(settings.database_url, clock=SystemClock())
        with contextlib.closing(store):
            migrate.upgrade(store.engine)
            store.transact(lambda tx: operators.first_desk(tx, founders, policy=policies.parse(policies.DEFAULT_TOML)))
            ring, pair = key_file.load_master_keys(settings), encryption.new_key_pair("ed25519")
            store.transact(lambda tx: checkpoints.private_key(tx, ring, pair))
    listed = [
        {"name": one.name, "roles": [role for role in Role if role in one.roles], "token": minted[one.name].secret}
        for one in founders
    ]
    rows = [(one["name"], ",".join(str(role) for role in one["roles"]), one["token"]) for one in listed]
    text = (
        f"A desk in {seat.directory}. These tokens are shown this once: hand each to its person.\n\n"
        f"{table(('NAME', 'ROLES', 'TOKEN'), rows)}\n\n"
        f"Note outside the desk the key that signs its log's checkpoints: {pair.public}\n\n"
        f"Next: postroom serve --dir {seat.directory}, and POSTROOM_TOKEN=... postroom stream add DOMAIN ..."
    )
    return Said({"dir": str(seat.directory), "operators": listed, "checkpoint_key": pair.public}, text)


def _founders(named: list[str] | tuple[str, ...]) -> tuple[list[Founder], dict[str, NewSecret]]:
    founders, minted = [], dict[str, NewSecret]()
    for one in named:
        name, colon, roles = one.partition(":")
        if not colon or not name:
            raise Invalid(f"{one!r} is no operator", fix="write --operator NAME:ROLE,ROLE")
        minted[name] = credentials.new_operator_token()
        held = rules.valid_roles(part.strip() for part in roles.split(",") if part.strip())
        founders.append(Founder(name, held, minted[name].digest))
    rules.check_first_desk({one.name: one.roles for one in founders})
    return founders, minted


def _provider_tables() -> str:
    """The table of each provider, as comments to fill in."""
    lines = []
    for one in registry.PROVIDERS.values():
        lines.append(f"# [feedback.{one.name}]".ljust(32) + f"# {one.title}: postroom docs {one.name}")
        for key, field in one.settings.model_fields.items():
            lines.append(f"# {key} = {'[...]' if isinstance(field.default, tuple) else '...'}")
    return "\n".join(lines)


@contextlib.contextmanager
def _files(directory: Path, *, database: str | None, content: dict[str, str]) -> Iterator[Settings]:
    """The desk's files, with the settings they make; gone again if what is done with them fails."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"database = {json.dumps(database)}" if database else '# database = "postgresql+psycopg://..."'
    quoted = {name: json.dumps(value, ensure_ascii=False) for name, value in content.items()}
    wanted = {
        directory / TOML: _TOML.format(database=line, providers=_provider_tables(), **quoted),
        directory / MASTER: encryption.new_master_key(MASTER_NAME) + "\n",
        directory / POLICY: policies.DEFAULT_TOML,
    }
    mine = directory / "postroom.db"
    there = [file for file in (*wanted, mine) if file.exists()]
    if there:
        raise Conflict(f"there is a desk in {directory} already ({there[0].name})", fix="choose another --dir")
    try:
        for file, text in wanted.items():
            private(file, text.encode())
        yield load(directory, database=database)
    except BaseException:
        for file in (*wanted, mine, mine.with_name("postroom.db-wal"), mine.with_name("postroom.db-shm")):
            file.unlink(missing_ok=True)
        raise
