"""Checks of `postroom doctor` in the database: the log, the clock, whether a gateway can deliver."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Iterator
from typing import Final

from core.cli import next_steps
from core.cli.context import CommandContext
from core.cli.diagnostics.finding import Finding, Grade
from core.db import audit_log, directory, postgresql
from core.db.development import BANNER, is_development
from core.db.queries import agents
from core.db.transaction import Transaction
from core.durations import HOUR, MICROS, SECOND
from core.errors import PostroomError
from core.model import plural
from core.security import credentials
from core.services.audit import log_integrity
from core.services.control import readiness
from core.services.feedback import kept_webhooks
from core.services.sending import delivery
from core.workers import log_check

SKEW: Final = 2 * SECOND


def development(desk: CommandContext) -> Iterator[Finding]:
    """A desk for development has no signatures and no route out: real mail never leaves it."""
    with desk.read() as conn:
        if is_development(conn):
            yield Finding(
                Grade.FAIL, "development", "", f"{BANNER}: one person, no signatures, mail to loopback only",
                "create a desk for real mail in another directory: postroom init --dir DIR",
            )  # fmt: skip


def handed_over(desk: CommandContext) -> Iterator[Finding]:
    """Anyone who can read the first operators' tokens in one place can act as all of them."""
    waiting = []
    with desk.read() as conn:
        for person in directory.operators(conn):
            file = next_steps.token_file(desk.directory, person.name)
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if credentials.digest(file.read_text(encoding="utf-8").strip()) == person.token_hash:
                    waiting.append((person.name, file))
    if waiting:
        names, files = zip(*waiting, strict=True)
        yield Finding(
            Grade.WARN, "operators", "", f"the tokens of {', '.join(names)} are still in this desk's files",
            f"hand each to its person, then: {shlex.join(['rm', *(next_steps.near(file) for file in files)])}",
        )  # fmt: skip


def durable(desk: CommandContext) -> Iterator[Finding]:
    """PostgreSQL alone: whether what was acknowledged outlives a power cut, and the loss of the primary."""
    if desk.store.sqlite:
        return
    with desk.read() as conn:
        found = postgresql.durability(conn)
    for name in found.off:
        yield Finding(
            Grade.FAIL, "database", name, "it is off: a crash of the server loses mail that was accepted",
            _set_on_server(f"{name} = on"),
        )  # fmt: skip
    if found.standbys and not found.synchronous:
        yield Finding(
            Grade.WARN, "database", "standby",
            "no commit waits for a standby: a failover loses the last of the mail that was accepted",
            _set_on_server("synchronous_standby_names = 'ANY 1 (*)'"),
        )  # fmt: skip
    if found.synchronous and found.cancels is not None:
        yield Finding(
            Grade.WARN, "database", found.cancels,
            "a commit that it cancels while a standby is waited for counts, and a failover may lose it",
            f'as the desk\'s role: psql -c "ALTER ROLE CURRENT_USER SET {found.cancels} = 0"; restart the gateways',
        )  # fmt: skip
    if found.pooled:
        yield Finding(
            Grade.WARN, "database", "pooler", "statements are not prepared: each message costs more CPU",
            "name the server itself, and reserve 16 connections for each gateway: postroom docs databases",
        )  # fmt: skip


def _set_on_server(setting: str) -> str:
    return f'as a superuser: psql -c "ALTER SYSTEM SET {setting}" -c "SELECT pg_reload_conf()"'


def log_holds(desk: CommandContext) -> Iterator[Finding]:
    """The log's newest entries against their record outside the database, and the pages of the database file."""
    with desk.read() as conn:
        fault = log_integrity.fault(conn, log_check.seen(desk.settings))
        damaged = log_integrity.quick_check(conn)
    if damaged is not None:
        yield Finding(Grade.FAIL, "database", "", f"its file is damaged: {damaged}", "restore a backup")
    if fault is not None:
        yield Finding(
            Grade.FAIL, "log", "", fault, "postroom audit verify; then governance: postroom start --reason TEXT"
        )
    else:
        yield Finding(Grade.OK, "log", "", "its newest entries verify, and it is no shorter than last seen")


def clock(desk: CommandContext) -> Iterator[Finding]:
    """Compare the clock with the newest entry of the log, which cannot be from the future."""
    with desk.read() as conn:
        last, _ = audit_log.head(conn)
        entries = audit_log.read(conn, after=last - 1, limit=1) if last else []
    ahead = entries[0].at - desk.now if entries else 0
    if ahead > SKEW:
        yield Finding(
            Grade.FAIL,
            "clock",
            "",
            f"{ahead / MICROS:,.0f} s behind the log's last event",
            "set the clock (NTP)",
        )
    elif time.time() < 1_700_000_000:  # a board without a battery starts in 1970
        yield Finding(Grade.FAIL, "clock", "", "it is years behind", "set the clock (NTP)")
    else:
        yield Finding(Grade.OK, "clock", "", "not behind the log")


def workers(desk: CommandContext) -> Iterator[Finding]:
    with desk.read() as conn:
        troubles = agents.troubles(conn, now=desk.now)
        faults = [one for one in readiness.delivery(conn, now=desk.now) if one.what != "deliver"]
    faults += _claims(desk)
    for fault in faults:
        yield Finding(Grade.FAIL, "gateway", fault.what, fault.reason, fault.fix)
    for one in troubles:
        if one.kind == "no_worker":
            yield Finding(Grade.WARN, "gateway", "", "gateway is not running", "postroom serve")
        elif one.kind.startswith("webhook"):
            yield Finding(Grade.WARN, "webhook", one.subject, one.text, "ask the receiver's operator")
    if not faults and not any(one.kind == "no_worker" for one in troubles):
        yield Finding(Grade.OK, "gateway", "", "it delivers")


def unproved(desk: CommandContext) -> Iterator[Finding]:
    """Webhooks that cannot be verified yet."""
    with desk.read() as conn:
        found = kept_webhooks.waiting(conn)
    if found is not None:
        hours = (desk.now - found.since) // HOUR
        text = f"{plural(found.count, 'webhook')} cannot be verified yet; the oldest has waited {hours} h"
        yield Finding(
            Grade.WARN, "feedback", "", text,
            "let this machine reach the provider over HTTPS (SES: sns.REGION.amazonaws.com)",
        )  # fmt: skip


URGENT: Final = ("agent.suspended", "desk.stopped", "email.altered", "gateway.lost")
"""Events that must reach a person who is not watching a screen."""


def notified(desk: CommandContext) -> Iterator[Finding]:
    """Whether a person is notified when the desk stops an agent, or stops working."""
    notify = desk.policy.notify
    missing = [one for one in URGENT if one not in notify.events]
    if not notify.urls:
        yield Finding(
            Grade.WARN, "notify", "", "no channel reports a suspension, the all-stop, altered mail or a lost gateway",
            "name a channel in [notify] urls of policy.toml, then: postroom notify test",
        )  # fmt: skip
    elif missing:
        yield Finding(
            Grade.WARN, "notify", "", f"no notifications for {', '.join(missing)}",
            "add it to [notify] events of policy.toml",
        )  # fmt: skip
    else:
        yield Finding(Grade.OK, "notify", "", f"notifications go to {plural(len(notify.urls), 'channel')}")


class _Undone(Exception):
    """Raised to roll back a trial."""


def _claims(desk: CommandContext) -> list[readiness.Fault]:
    """Claim as a gateway would, then roll back: missing rights or tables show only this way."""

    def trial(tx: Transaction) -> list[readiness.Fault]:
        delivery.claim(tx, worker=0, limit=1)
        raise _Undone

    try:
        return desk.store.transact(trial)
    except _Undone:
        return []
    except PostroomError as error:
        message = " ".join(str(error).split())[:200]
        return [
            readiness.Fault(
                "claim", f"the queue cannot be claimed from: {message}", "check the database user's privileges"
            )
        ]
