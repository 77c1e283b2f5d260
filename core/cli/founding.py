"""Create a desk: its files, its people, and their tokens.

All or nothing: if the database refuses, the files are removed again, so that the next attempt does not find half a
desk.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from core.cli.next_steps import token_file
from core.errors import Conflict, Invalid
from core.rules import policy as policies
from core.rules import roles as rules
from core.rules.providers import registry
from core.security import credentials, encryption
from core.security.credentials import NewSecret
from core.security.files import private
from core.services.identity.operators import Founder
from core.settings import MASTER, POLICY, TOML, Settings, load
from core.text import database_url

MASTER_NAME: Final = "k1"
DATABASE: Final = "POSTROOM_DATABASE"

_TOML: Final = """\
# How this desk connects to the world. Its policy is in policy.toml, its operators and their roles in the database.
# The environment overrides this file: POSTROOM_LISTEN, POSTROOM_DATABASE, ...
{database}
name = {name}
organisation = {organisation}
mail_host = {mail_host}         # receives bounces, sends direct mail; named in SPF and MX records
public_url = {public_url}       # base of unsubscribe links (RFC 8058)
# dmarc_reports = "dmarc@example.com"  # receives the DMARC reports on these domains

{listen}     # agents and operators
# public_listen = "0.0.0.0:8026"  # only /u/, /feedback/, /inbound/PROVIDER
# tls_certificate = "/etc/ssl/desk.pem"  # with tls_key: the listeners speak HTTPS themselves
# tls_key = "/etc/ssl/desk.key"
# egress = 0                    # delivery processes; 0: the gateway itself delivers

# [feedback]                    # webhooks of a provider without settings get 401
# report_token = "..."          # bearer token of POST /feedback/report, for an MTA's pipe
# report_open = false           # true: POST /feedback/report needs no token
# maildirs = ["/var/mail/bounces"]
# sender_id = "acme-mail"       # the desk in Feedback-ID, 5-15 characters; the default is made from the desk
# cfbl = ["cold_outreach", "notification"]  # only their mail names a complaint address (RFC 9477); [] none
{providers}

# [webhooks]
# allow = []                    # private hosts that webhooks may reach
# [notify]                      # notifications to people; the channels are in policy.toml
# allow = []                    # private hosts that notifications may reach
# schemes = []                  # further Apprise schemes, such as "mqtt": their destinations are not checked
# [checkpoints]                 # signatures of the log; keep them where nobody on this machine can write
# every = "24h"
# file = "/mnt/elsewhere/postroom-checkpoints.jsonl"
# webhook = "https://..."
# notify = ["mailto://..."]     # Apprise URLs
# [http]                        # limits of the two listeners; the defaults suit hundreds of agents
# connections = 2000            # public_connections = 500
# connections_per_address = 128
# hosts = ["desk.internal"]     # host names in addition to those of listen and public_url
# proxies = ["127.0.0.0/8", "::1/128"]  # reverse proxies: they may hold more connections
# forwarded_allow = ["127.0.0.0/8", "::1/128"]  # proxies whose X-Forwarded-Proto and -For are believed
{smtp}
# hello = "mail.example.com"    # the name sent in EHLO
# [smtp.relays."HOST"]          # source of a relay's password; or stream add --password-stdin
# password_file = "/run/secrets/relay"  # or password_env, password_keyring
"""


def founders(named: Sequence[str]) -> tuple[list[Founder], dict[str, NewSecret]]:
    """Parse `NAME:ROLE,ROLE` into people, with a new token for each. Raises `Invalid`."""
    found, minted = [], dict[str, NewSecret]()
    for one in named:
        name, colon, roles = one.partition(":")
        if not colon or not name:
            raise Invalid(f"{one!r} is not NAME:ROLE,ROLE", fix="write --operator alice:reviewer,oncall")
        minted[name] = credentials.new_operator_token()
        held = rules.valid_roles(part.strip() for part in roles.split(",") if part.strip())
        found.append(Founder(name, held, minted[name].digest))
    rules.check_first_desk({one.name: one.roles for one in found})
    return found, minted


def toml(*, database: str | None, ca_file: Path | None = None, listen: str | None = None, **content: str) -> str:
    """The text of postroom.toml. `content`: name, organisation, mail_host, public_url."""
    ca_line = f"ca_file = {_quoted(str(ca_file or '/etc/ssl/acme.pem'))}  # CAs trusted in addition to the system's"
    return _TOML.format(
        database=f"database = {_quoted(database)}" if database else '# database = "postgresql+psycopg://..."',
        listen=f"listen = {_quoted(listen)}" if listen else '# listen = "127.0.0.1:8025"',
        providers=_provider_tables(),
        smtp=f"[smtp]\n{ca_line}" if ca_file else f"# [smtp]\n# {ca_line}",
        **{name: _quoted(value) for name, value in content.items()},
    )


def policy(channels: Sequence[str]) -> str:
    """The first policy.toml, which notifies these channels. Raises `Invalid` for a malformed Apprise URL."""
    text = policies.DEFAULT_TOML.replace("urls = []  ", f"urls = {json.dumps([*channels])}  ", 1)
    policies.parse(text)
    return text


def _provider_tables() -> str:
    """The table of each provider, as comments to fill in."""
    lines = []
    for one in registry.PROVIDERS.values():
        lines.append(f"# [feedback.{one.name}]".ljust(32) + f"# {one.title}: postroom docs {one.name}")
        for key, field in one.settings.model_fields.items():
            lines.append(f"# {key} = {'[...]' if isinstance(field.default, tuple) else '...'}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@contextlib.contextmanager
def files(directory: Path, *, database: str | None, text: str, more: Mapping[Path, str]) -> Iterator[Settings]:
    """Write the desk's files and yield its settings; remove the files if the block fails."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {
        directory / TOML: text,
        directory / MASTER: encryption.new_master_key(MASTER_NAME) + "\n",
        directory / POLICY: policies.DEFAULT_TOML,
        **more,
    }
    database_file = directory / "postroom.db"
    there = [file for file in (*contents, database_file) if file.exists()]
    if there:
        raise Conflict(f"a desk already exists in {directory} ({there[0].name})", fix="choose another --dir")
    try:
        for file, content in contents.items():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            private(file, content.encode())
        yield load(directory, database=database)
    except BaseException:
        for file in (
            *contents,
            database_file,
            database_file.with_name("postroom.db-wal"),
            database_file.with_name("postroom.db-shm"),
        ):
            file.unlink(missing_ok=True)
        raise


def overridden(url: str) -> str:
    """A warning if the environment names another database, which every later command would use instead of this one."""
    named = database_url.spelled(os.environ.get(DATABASE))
    if not named or named == url:
        return ""
    return (
        f"{DATABASE} names another database and overrides {TOML}: commands on this desk would act on that one. "
        f"Unset it for this desk: env -u {DATABASE} postroom ..."
    )


def token_files(directory: Path, minted: Mapping[str, NewSecret]) -> dict[Path, str]:
    """A file for each person's token, to be handed to them."""
    return {token_file(directory, name): f"{token.secret}\n" for name, token in minted.items()}
