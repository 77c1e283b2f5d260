"""`postroom doctor`: what is missing before real mail can leave, each finding with what to do about it.

It looks and changes nothing. What it cannot see from here (no network, no database) is a warning and not a failure: a
check that did not run has found nothing wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import shlex
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import dns.exception
import dns.resolver
import typer

from core import keyfile
from core.cli import streams as streams_cli
from core.cli.frame import Said, table
from core.cli.mailboxes import feedback_connected
from core.cli.seat import Seat, command
from core.cli.zone import Found, Zone
from core.clock import SystemClock
from core.delivery import make_courier
from core.errors import Invalid, PostroomError, Unavailable
from core.flow import depart, integrity, readiness, streams
from core.flow.depart import ending
from core.flow.streams import StreamFacts
from core.keys import KeyRing
from core.ledger import file as database
from core.ledger import log
from core.ledger.transaction import Transaction
from core.ledger.views import agents
from core.loops import logcheck
from core.loops.outfit import Outfits
from core.rules import policy as policies
from core.smtp import Route, Timeouts
from core.words import DAY, MICROS, SECOND, UNSUBSCRIBE_CLASSES, Outcome, Reply

app: Final = typer.Typer()
"""What the root takes its command from."""

REACH_WITHIN: Final = 5.0
LOW: Final = 1024**3
"""Bytes of free disk below which it warns; below a tenth it fails: once the disk is full, the desk answers 503."""
SKEW: Final = 2 * SECOND
MANY: Final = 1_000


class Grade(enum.StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to. `fix` is what to do, where something is to be done."""

    grade: Grade
    check: str
    about: str
    text: str
    fix: str = ""


@command(app, "doctor", example="postroom doctor --dir desk")
def doctor(seat: Seat) -> Said:
    """What is missing before real mail can leave: DNS, keys, routes, feedback, clock, disk. Exits 1 if something is."""
    found = list(_findings(seat))
    worst = [one for one in found if one.grade is Grade.FAIL]
    warned = sum(one.grade is Grade.WARN for one in found)
    data: dict[str, Any] = {
        "ok": not worst,
        "checks": [
            {"grade": one.grade, "check": one.check, "about": one.about, "text": one.text, "fix": one.fix or None}
            for one in found
        ],
    }
    rows = [(one.grade, one.check, one.about, one.text + (f" -> {one.fix}" if one.fix else "")) for one in found]
    summary = f"{len(worst)} to mend, {warned} to look at." if worst or warned else "Real mail can leave."
    return Said(data, f"{table(('', 'CHECK', 'ABOUT', 'FINDING'), rows)}\n\n{summary}", code=1 if worst else 0)


def _findings(seat: Seat) -> Iterator[Finding]:
    yield from _files(seat)
    yield from _disk(seat)
    yield from _settings(seat)
    try:
        stored = _streams(seat)
    except PostroomError as error:
        yield Finding(Grade.FAIL, "database", "", str(error), "postroom serve brings it to this version")
        return
    yield Finding(Grade.OK, "database", "", "it answers and is of this version")
    yield from _log(seat)
    yield from _clock(seat)
    yield from _workers(seat)
    if not stored:
        yield Finding(Grade.WARN, "stream", "", "there is none", "postroom stream add DOMAIN --relay smtp://HOST:PORT")
    for stream in stored:
        yield from _stream(seat, stream)


def _streams(seat: Seat) -> list[StreamFacts]:
    with seat.read() as conn:
        return streams.listed(conn, limit=MANY)


# --- this machine -------------------------------------------------------------------------------------------------


def _files(seat: Seat) -> Iterator[Finding]:
    try:
        ring = keyfile.keyring(seat.settings)
    except Invalid as error:
        yield Finding(Grade.FAIL, "master key", seat.settings.master_key.name, error.reason, error.fix or "")
    else:
        yield Finding(Grade.OK, "master key", seat.settings.master_key.name, "only you can read it")
        yield from _sealed(seat, ring)
    yield from _readable(seat)
    file = seat.settings.policy_file
    try:
        policies.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        yield Finding(Grade.WARN, "policy", file.name, f"cannot be read: {error.strerror}", "write one: policy show")
    except (Invalid, UnicodeDecodeError) as error:
        yield Finding(Grade.FAIL, "policy", file.name, str(error), f"postroom policy check {file}")
    else:
        yield Finding(Grade.OK, "policy", file.name, "it is valid")


def _log(seat: Seat) -> Iterator[Finding]:
    """The log's newest entries, what is known of it outside, and the pages of the file."""
    with seat.read() as conn:
        fault = integrity.fault(conn, logcheck.seen(seat.settings))
        damaged = integrity.quick_check(conn)
    if damaged is not None:
        yield Finding(Grade.FAIL, "database", "", f"its file is damaged: {damaged}", "restore a backup")
    if fault is not None:
        yield Finding(
            Grade.FAIL, "log", "", fault, "postroom audit verify; then governance: postroom start --reason TEXT"
        )
    else:
        yield Finding(Grade.OK, "log", "", "its newest entries hold, and it is as far as it was seen to be")


def _readable(seat: Seat) -> Iterator[Finding]:
    """The database holds the mail; whoever may read it reads that, the master key or not."""
    path = database.of(seat.settings.database_url)
    there = [] if path is None else [one for one in database.beside(path) if one.is_file()]
    if not there:
        return
    exposed = [one for one in there if one.stat().st_mode & 0o077]
    if exposed:
        said = f"others than its owner may read it: {', '.join(one.name for one in exposed)}"
        yield Finding(Grade.WARN, "database", there[0].name, said, shlex.join(["chmod", "600", *map(str, exposed)]))
    else:
        yield Finding(Grade.OK, "database", there[0].name, "only you can read it")


def _sealed(seat: Seat, ring: KeyRing) -> Iterator[Finding]:
    """Whether the master key at hand is the one that sealed this desk's keys: a restored backup may differ."""
    with contextlib.suppress(Unavailable):
        for stream in _streams(seat):
            try:
                Outfits(seat.store, ring).of(stream.id)
            except PostroomError as error:
                yield Finding(Grade.FAIL, "keys", stream.domain, str(error), "restore the master.key of this desk")
            else:
                yield Finding(Grade.OK, "keys", stream.domain, "both DKIM keys open")


def _disk(seat: Seat) -> Iterator[Finding]:
    free = shutil.disk_usage(seat.directory).free
    grade = Grade.OK if free >= LOW else Grade.WARN if free >= LOW // 10 else Grade.FAIL
    said = f"{free / 1024**3:,.1f} GiB free"
    yield Finding(grade, "disk", str(seat.directory), said, "" if grade is Grade.OK else "free some")


def _settings(seat: Seat) -> Iterator[Finding]:
    settings = seat.settings
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
            Grade.WARN, "settings", "public_url", "is not https, which RFC 8058 asks for", "set it in postroom.toml"
        )
    if settings.database is None:
        yield Finding(Grade.OK, "database", "sqlite", f"SQLite {sqlite3.sqlite_version}: one machine")


def _clock(seat: Seat) -> Iterator[Finding]:
    """The database's last entry cannot be from the future, and the two clocks of this machine should agree."""
    with seat.read() as conn:
        last, _ = log.head(conn)
        entries = log.read(conn, after=last - 1, limit=1) if last else []
    ahead = entries[0].at - seat.now if entries else 0
    if ahead > SKEW:
        yield Finding(
            Grade.FAIL,
            "clock",
            "",
            f"{ahead / MICROS:,.0f} s behind the log's last event",
            "set the clock (NTP)",
        )
    elif time.time() < 1_700_000_000:  # a board without a battery wakes up in 1970
        yield Finding(Grade.FAIL, "clock", "", "it is years behind", "set the clock (NTP)")
    else:
        yield Finding(Grade.OK, "clock", "", "not behind the log")


def _workers(seat: Seat) -> Iterator[Finding]:
    with seat.read() as conn:
        troubles = agents.troubles(conn, now=seat.now)
        faults = [one for one in readiness.delivery(conn, now=seat.now) if one.what != "deliver"]
    faults += _claims(seat)
    for fault in faults:
        yield Finding(Grade.FAIL, "gateway", fault.what, fault.reason, fault.fix)
    for one in troubles:
        if one.kind == "no_worker":
            yield Finding(Grade.WARN, "gateway", "", "no process delivers", "postroom serve")
        elif one.kind.startswith("webhook"):
            yield Finding(Grade.WARN, "webhook", one.subject, one.text, "ask whoever runs the receiver")
    if not faults and not any(one.kind == "no_worker" for one in troubles):
        yield Finding(Grade.OK, "gateway", "", "it delivers")


class _Undone(Exception):
    """Rolls a trial back."""


def _claims(seat: Seat) -> list[readiness.Fault]:
    """Claim as a gateway would, and take it back: rights or tables that lack show only there."""

    def trial(tx: Transaction) -> list[readiness.Fault]:
        depart.claim(tx, worker=0, limit=1)
        raise _Undone

    try:
        return seat.store.transact(trial)
    except _Undone:
        return []
    except PostroomError as error:
        said = " ".join(str(error).split())[:200]
        return [readiness.Fault("claim", f"the queue cannot be claimed from: {said}", "look at the database's rights")]


# --- streams ------------------------------------------------------------------------------------------------------


def _stream(seat: Seat, stream: StreamFacts) -> Iterator[Finding]:
    name = stream.domain
    local = streams_cli.relays_locally(stream.route)
    if stream.paused_at is not None:
        yield Finding(
            Grade.WARN, "stream", name, f"paused by {stream.paused_by}: {stream.pause_reason}", "postroom stream resume"
        )
    yield from _records(seat, stream, local=local)
    yield _route(seat, stream)
    yield from _warmup(seat, stream)
    yield _commercial(seat, stream)
    if feedback_connected(seat.settings, stream.provider):
        yield Finding(Grade.OK, "feedback", name, "bounces and complaints have a way in")
    else:
        way = f"[feedback.{stream.provider}]" if stream.provider != "none" else "report_token or maildirs in [feedback]"
        yield Finding(
            Grade.WARN, "feedback", name, "bounces and complaints have no way in", f"set {way} in postroom.toml"
        )


def _commercial(seat: Seat, stream: StreamFacts) -> Finding:
    """Whether the stream can send the classes that owe the recipient a sender, an address and a way out."""
    lacks = [
        what
        for what, there in (("organisation", stream.organisation), ("postal address", stream.postal_address))
        if not there
    ]
    classes = ", ".join(sorted(UNSUBSCRIBE_CLASSES))
    if lacks:
        options = " ".join(f"--{what.replace(' ', '-')} TEXT" for what in lacks)
        return Finding(
            Grade.WARN, "commercial", stream.domain, f"it cannot send {classes}: it has no {' and no '.join(lacks)}",
            f"postroom stream set {stream.domain} {options} --reason TEXT",
        )  # fmt: skip
    link = stream.unsubscribe_url or seat.settings.public_url
    if urlsplit(link).scheme != "https":
        return Finding(
            Grade.WARN, "commercial", stream.domain, f"its unsubscribe links are not https (RFC 8058 3.1): {link}",
            f"postroom stream set {stream.domain} --unsubscribe https://HOST --reason TEXT",
        )  # fmt: skip
    return Finding(
        Grade.OK, "commercial", stream.domain, f"may send {classes}: sender, address and unsubscribe are there"
    )


def _records(seat: Seat, stream: StreamFacts, *, local: bool) -> Iterator[Finding]:
    if local:
        yield Finding(Grade.OK, "dns", stream.domain, "not looked up: mail goes no further than this machine")
        return
    with seat.read() as conn:
        wanted = streams.dns_records(conn, stream.domain, mail_host=seat.settings.mail_host, now=seat.now)
    answers = Zone().look_up(wanted)
    if all(one is Found.THERE for one in answers):
        yield Finding(Grade.OK, "dns", stream.domain, f"all {len(wanted)} records are published")
        return
    if all(one is Found.UNKNOWN for one in answers):
        yield Finding(Grade.WARN, "dns", stream.domain, "DNS did not answer", "run this where there is a network")
        return
    for record, answer in zip(wanted, answers, strict=True):
        if answer is not Found.THERE:
            grade = Grade.WARN if answer is Found.UNKNOWN else Grade.FAIL
            fix = "" if answer is Found.UNKNOWN else f"postroom stream dns {stream.domain}"
            yield Finding(grade, "dns", f"{record.type} {record.name}", answer.value, fix)


def _route(seat: Seat, stream: StreamFacts) -> Finding:
    route = Route.parse(stream.route)
    if route.kind == "direct":
        return _direct(stream.domain)
    try:
        route = Outfits(seat.store, keyfile.keyring(seat.settings)).of(stream.id).route
        reply, certificate = asyncio.run(_rehearsed(seat, route, sender=f"postmaster@{stream.domain}"))
    except PostroomError as error:
        return Finding(
            Grade.FAIL,
            "route",
            stream.domain,
            f"{route} cannot be tried: {error}",
            "restore the master.key of this desk, or mend [smtp]",
        )
    said = ending.line(reply)
    if reply.outcome is Outcome.SENT:
        way = "TLS" if reply.tls else "clear text"
        named = seat.settings.smtp.relays.get(route.host)
        login = "" if named is None and route.username is None else ", login"
        text = f"{route} takes mail over {way}{login} and MAIL FROM: {said}{_vouched(certificate)}"
        return Finding(Grade.OK, "route", stream.domain, text)
    # TLS from the first byte has no stage of its own.
    where, fix = _STAGES["starttls" if reply.enhanced == "4.7.5" else reply.stage]
    return Finding(Grade.FAIL, "route", stream.domain, f"{route} {where}: {said}", fix)


async def _rehearsed(seat: Seat, route: Route, *, sender: str) -> tuple[Reply, Mapping[str, object]]:
    """What the relay says to everything before RCPT: TCP, EHLO, STARTTLS, AUTH, MAIL FROM, RSET."""
    patience = Timeouts(connect=REACH_WITHIN, command=REACH_WITHIN, quit=1.0)
    courier = make_courier(seat.settings, clock=SystemClock(), timeouts=patience)
    try:
        return await courier.rehearse(route, sender=sender)
    except OSError as error:  # [smtp] ca_file
        raise Invalid(f"ca_file of [smtp]: {error}", fix="name a PEM file of certificate authorities") from error
    finally:
        await courier.close()


def _vouched(certificate: Mapping[str, object]) -> str:
    """Who signed the relay's certificate, and until when it is good."""
    if not certificate:
        return ""
    issuer = {name: value for part in cast("Iterable[Any]", certificate.get("issuer", ())) for name, value in part}
    signed_by = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    return f"; certificate by {signed_by}, until {certificate.get('notAfter', 'no date')}"


_STAGES: Final = {
    "connect": ("does not answer", "check host, port and firewall"),
    "ehlo": ("answers and refuses a conversation", "ask whoever runs the relay"),
    "starttls": (
        "does not encrypt as required",
        "check the name in its certificate; name your own CA as ca_file in [smtp] of postroom.toml",
    ),
    "auth": ("refuses the login", "check user and password: postroom stream set DOMAIN --relay URL --password-stdin"),
    "mail": ("refuses the sender", "allow this domain at the relay, or log in: --relay smtp://USER@HOST:587"),
}
"""What a stage that failed means, and what to do."""


def _direct(domain: str) -> Finding:
    """Many networks let nothing out on port 25; the mail exchangers of a large provider show it."""
    try:
        best = min(dns.resolver.resolve("gmail.com", "MX", lifetime=REACH_WITHIN), key=lambda one: one.preference)
        host = best.exchange.to_text().rstrip(".")
    except (dns.exception.DNSException, OSError):
        return Finding(Grade.WARN, "route", domain, "direct; DNS did not answer", "run this where there is a network")
    try:
        socket.create_connection((host, 25), timeout=REACH_WITHIN).close()
    except OSError as error:
        return Finding(
            Grade.FAIL, "route", domain, f"direct; port 25 does not lead out: {error}", "use --relay, or ask the host"
        )
    return Finding(Grade.OK, "route", domain, "direct; port 25 leads out")


def _warmup(seat: Seat, stream: StreamFacts) -> Iterator[Finding]:
    if stream.warm:
        yield Finding(Grade.OK, "warm-up", stream.domain, "none: it may send as much as budgets let it")
    elif stream.warm_cap is not None:
        yield Finding(Grade.OK, "warm-up", stream.domain, f"at most {stream.warm_cap:,} a day, fixed by an operator")
    else:
        day = 1 if stream.first_sent_at is None else (seat.now - stream.first_sent_at) // DAY + 1
        yield Finding(Grade.OK, "warm-up", stream.domain, f"day {day} of the policy's curve")
