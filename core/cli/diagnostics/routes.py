"""`postroom doctor`'s check of a stream's route: an SMTP session up to RCPT, with the relay or a large receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import dns.exception

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import REACH_WITHIN, Finding, Grade
from core.clock import SystemClock
from core.errors import Invalid, PostroomError
from core.model import Outcome, Reply
from core.process import make_courier
from core.rules.stream_records import return_path
from core.security import key_file
from core.services.identity.streams import StreamFacts
from core.services.sending.delivery import finish
from core.settings import Settings
from core.smtp import mx
from core.smtp.replies import refused
from core.smtp.route import Route, Timeouts
from core.workers.sender_config import SenderConfigs

PROBED: Final = "gmail.com"
"""Its mail exchangers show whether direct mail gets out, and what a large receiver answers to this machine."""


def route(desk: CommandContext, stream: StreamFacts) -> Finding:
    """Try the route of a stream, with its relay's password from the database."""
    way_out = Route.parse(stream.route)
    try:
        if way_out.kind != "direct":
            way_out = SenderConfigs(desk.store, key_file.load_master_keys(desk.settings)).of(stream.id).route
    except PostroomError as error:
        return _untried(stream.domain, way_out, error)
    return rehearsal(desk.settings, stream.domain, way_out)


def rehearsal(settings: Settings, domain: str, way_out: Route) -> Finding:
    """Try a route up to RCPT. `way_out` carries the relay's password, so the stream need not exist yet."""
    sender = f"postmaster@{return_path(domain)}"  # mail leaves with senders of this domain
    try:
        if way_out.kind == "direct":
            return _direct(domain, *asyncio.run(_rehearsed(settings, way_out, sender=sender, domain=PROBED)))
        reply, certificate = asyncio.run(_rehearsed(settings, way_out, sender=sender))
    except PostroomError as error:
        return _untried(domain, way_out, error)
    reply_line = finish.line(reply)
    if reply.outcome is Outcome.SENT:
        named = settings.smtp.relays.get(way_out.host)
        login = "" if named is None and way_out.username is None else ", login"
        text = f"{way_out} takes mail over {_way(reply)}{login} and MAIL FROM: {reply_line}{_vouched(certificate)}"
        return Finding(Grade.OK, "route", domain, text)
    # implicit TLS has no stage of its own
    where, fix = _STAGES["starttls" if reply.enhanced == "4.7.5" else reply.stage]
    return Finding(Grade.FAIL, "route", domain, f"{way_out} {where}: {reply_line}", fix)


def _untried(domain: str, way_out: Route, error: PostroomError) -> Finding:
    text = f"{way_out} cannot be tried: {error}"
    return Finding(Grade.FAIL, "route", domain, text, "restore the master.key of this desk, or correct [smtp]")


def _direct(domain: str, reply: Reply, certificate: Mapping[str, object]) -> Finding:
    """Many networks block outgoing port 25, and large receivers refuse machines without reverse DNS (PTR)."""
    del certificate  # opportunistic TLS: nobody verifies it
    reply_line = finish.line(reply)
    if reply.outcome is Outcome.SENT:
        text = f"direct; {reply.host or PROBED} takes mail over {_way(reply)} and MAIL FROM: {reply_line}"
        return Finding(Grade.OK, "route", domain, text)
    if reply.host is None:  # found no host to connect to
        return Finding(Grade.WARN, "route", domain, f"direct; {reply_line}", "run this where there is a network")
    if reply.stage == "connect" and reply.code is None:
        text = f"direct; no outbound connection on port 25: {reply_line}"
        return Finding(Grade.FAIL, "route", domain, text, "ask your network's administrator, or use a relay")
    fix = "give this address a PTR name that resolves back to it, and set it as hello in [smtp]: postroom docs direct"
    return Finding(Grade.FAIL, "route", domain, f"direct; {reply.host} refuses this machine: {reply_line}", fix)


def _way(reply: Reply) -> str:
    return "TLS" if reply.tls else "clear text"


async def _rehearsed(
    settings: Settings, route: Route, *, sender: str, domain: str | None = None
) -> tuple[Reply, Mapping[str, object]]:
    """The receiver's replies to everything before RCPT: TCP, EHLO, STARTTLS, AUTH, MAIL FROM, RSET."""
    patience = Timeouts(connect=REACH_WITHIN, command=REACH_WITHIN, quit=1.0)
    try:
        look_up = mx.system_resolver(patience=REACH_WITHIN) if domain else None
    except dns.exception.DNSException as error:  # no /etc/resolv.conf
        return refused(f"DNS cannot be queried: {error}", enhanced="4.4.3", stage="connect", host=None), {}
    courier = make_courier(settings, clock=SystemClock(), timeouts=patience, look_up=look_up)
    try:
        return await courier.rehearse(route, sender=sender, domain=domain)
    except OSError as error:  # [smtp] ca_file
        raise Invalid(f"ca_file of [smtp]: {error}", fix="name a PEM file of certificate authorities") from error
    finally:
        await courier.close()


def _vouched(certificate: Mapping[str, object]) -> str:
    """The issuer of the relay's certificate, and when it expires."""
    if not certificate:
        return ""
    issuer = {name: value for part in cast("Iterable[Any]", certificate.get("issuer", ())) for name, value in part}
    signed_by = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed CA"
    return f"; certificate by {signed_by}, until {certificate.get('notAfter', 'no date')}"


_STAGES: Final = {
    "connect": ("does not answer", "check host, port and firewall"),
    "ehlo": ("answers but refuses the session", "ask the relay's operator"),
    "starttls": (
        "does not encrypt as required",
        "check the name in its certificate; name your own CA as ca_file in [smtp] of postroom.toml",
    ),
    "auth": ("refuses the login", "check user and password: postroom stream set DOMAIN --relay URL --password-stdin"),
    "mail": ("refuses the sender", "allow this domain at the relay, or log in: --relay smtp://USER@HOST:587"),
}
"""What a failed stage means, and what to do."""
