"""Checks of `postroom doctor` on this machine: keys, policy, the database file, disk, settings."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from typing import Final

from core.api import tls
from core.cli.context import CommandContext
from core.cli.diagnostics import streams
from core.cli.diagnostics.finding import Finding, Grade
from core.db import gate_queries
from core.db import sqlite_file as database
from core.durations import DAY
from core.errors import Invalid, PostroomError, Unavailable
from core.model import plural
from core.rules import policy as policies
from core.security import key_file
from core.security.encryption import MasterKeys
from core.services.sending.desk_additions import default_sender_id
from core.settings import split_listen
from core.smtp.route import is_loopback
from core.workers.sender_config import SenderConfigs

SOON: Final = 14
"""Days of a certificate below which it warns: whatever renews it should have done so by then."""
LOW: Final = 1024**3
"""Bytes of free disk below which it warns; below a tenth it fails: once the disk is full, the desk answers 503."""


def files(desk: CommandContext) -> Iterator[Finding]:
    try:
        ring = key_file.load_master_keys(desk.settings)
    except Invalid as error:
        yield Finding(Grade.FAIL, "master key", desk.settings.master_key.name, error.reason, error.fix or "")
    else:
        yield Finding(Grade.OK, "master key", desk.settings.master_key.name, "only you can read it")
        yield from _sealed(desk, ring)
    yield from _readable(desk)
    file = desk.settings.policy_file
    try:
        policies.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        yield Finding(Grade.WARN, "policy", file.name, f"cannot be read: {error.strerror}", "write one: policy show")
    except (Invalid, UnicodeDecodeError) as error:
        yield Finding(Grade.FAIL, "policy", file.name, str(error), f"postroom policy check {file}")
    else:
        yield Finding(Grade.OK, "policy", file.name, "it is valid")


def _readable(desk: CommandContext) -> Iterator[Finding]:
    """The database holds the mail; anyone who can read the file can read it, with or without the master key."""
    path = database.of(desk.settings.database_url)
    there = [] if path is None else [one for one in database.beside(path) if one.is_file()]
    if not there:
        return
    exposed = [one for one in there if one.stat().st_mode & 0o077]
    if exposed:
        text = f"users other than the owner can read it: {', '.join(one.name for one in exposed)}"
        yield Finding(Grade.WARN, "database", there[0].name, text, shlex.join(["chmod", "600", *map(str, exposed)]))
    else:
        yield Finding(Grade.OK, "database", there[0].name, "only you can read it")


def _sealed(desk: CommandContext, ring: MasterKeys) -> Iterator[Finding]:
    """Whether this master key is the one that sealed this desk's keys: a restored backup may have another."""
    with contextlib.suppress(Unavailable):
        for stream in streams.stored(desk):
            try:
                SenderConfigs(desk.store, ring).of(stream.id)
            except PostroomError as error:
                yield Finding(Grade.FAIL, "keys", stream.domain, str(error), "restore the master.key of this desk")
            else:
                yield Finding(Grade.OK, "keys", stream.domain, "both DKIM keys open")


def disk(desk: CommandContext) -> Iterator[Finding]:
    free = shutil.disk_usage(desk.directory).free
    grade = Grade.OK if free >= LOW else Grade.WARN if free >= LOW // 10 else Grade.FAIL
    text = f"{free / 1024**3:,.1f} GiB free"
    yield Finding(grade, "disk", str(desk.directory), text, "" if grade is Grade.OK else "free some")


def configuration(desk: CommandContext) -> Iterator[Finding]:
    settings = desk.settings
    if settings.mail_host == "mail.invalid":
        yield Finding(
            Grade.WARN, "settings", "mail_host", "is not set: bounces have nowhere to go", "set it in postroom.toml"
        )
    if "127.0.0.1" in settings.public_url or "localhost" in settings.public_url:
        yield Finding(
            Grade.WARN,
            "settings",
            "public_url",
            "leads nowhere: nobody can unsubscribe",
            "set it in postroom.toml",
        )
    elif not settings.public_url.startswith("https://"):
        yield Finding(
            Grade.WARN, "settings", "public_url", "is not https, which RFC 8058 requires", "set it in postroom.toml"
        )
    yield from _sender_id(desk)
    yield from _tls(desk)
    if settings.database is None:
        yield Finding(Grade.OK, "database", "sqlite", f"SQLite {sqlite3.sqlite_version}: one machine")


def _tls(desk: CommandContext) -> Iterator[Finding]:
    """Whether tokens and mail reach the listeners encrypted, and for how long the certificate is good."""
    settings = desk.settings
    far = [one for one in (settings.listen, settings.public_listen) if one and not is_loopback(split_listen(one)[0])]
    try:
        used = tls.certificate(settings)
    except Invalid as error:
        yield Finding(Grade.FAIL, "tls", str(settings.tls_certificate), error.reason, error.fix or "")
        return
    if used is not None:
        left = (used.ends_at - desk.now) // DAY
        grade = Grade.OK if left >= SOON else Grade.WARN if left >= 0 else Grade.FAIL
        text = f"good for {plural(left, 'day')}" if left >= 0 else "has expired: no client trusts it"
        yield Finding(grade, "tls", str(settings.tls_certificate), text, "" if grade is Grade.OK else "renew it")
    elif far:
        text = f"{far[0]} can be reached from other machines, and tokens cross the network in clear text"
        yield Finding(Grade.WARN, "tls", far[0], text, "let a proxy on this machine speak TLS, or set tls_certificate")


def _sender_id(desk: CommandContext) -> Iterator[Finding]:
    """What Gmail's Postmaster Tools list the desk's mail under: nobody finds it there without knowing it."""
    with contextlib.suppress(Unavailable):
        named = desk.settings.feedback.sender_id
        if named is None:
            with desk.read() as conn:
                named = default_sender_id(gate_queries.desk_created_at(conn))
        yield Finding(Grade.OK, "settings", "sender_id", f"Feedback-ID ends in {named}, as Postmaster Tools show it")
