"""What `postroom doctor` tries of a stream's route: the whole way to the relay but RCPT, or port 25."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import dns.exception
import dns.resolver

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import REACH_WITHIN, Finding, Grade
from core.clock import SystemClock
from core.errors import Invalid, PostroomError
from core.model import Outcome, Reply
from core.process import make_courier
from core.rules.dns import return_path
from core.security import key_file
from core.services.identity.streams import StreamFacts
from core.services.sending.delivery import finish
from core.smtp import Route, Timeouts
from core.workers.sender_config import SenderConfigs


def route(seat: CommandContext, stream: StreamFacts) -> Finding:
    way_out = Route.parse(stream.route)
    if way_out.kind == "direct":
        return _direct(stream.domain)
    try:
        way_out = SenderConfigs(seat.store, key_file.load_master_keys(seat.settings)).of(stream.id).route
        sender = f"postmaster@{return_path(stream.domain)}"  # mail leaves with senders of this domain
        reply, certificate = asyncio.run(_rehearsed(seat, way_out, sender=sender))
    except PostroomError as error:
        return Finding(
            Grade.FAIL,
            "route",
            stream.domain,
            f"{way_out} cannot be tried: {error}",
            "restore the master.key of this desk, or mend [smtp]",
        )
    said = finish.line(reply)
    if reply.outcome is Outcome.SENT:
        way = "TLS" if reply.tls else "clear text"
        named = seat.settings.smtp.relays.get(way_out.host)
        login = "" if named is None and way_out.username is None else ", login"
        text = f"{way_out} takes mail over {way}{login} and MAIL FROM: {said}{_vouched(certificate)}"
        return Finding(Grade.OK, "route", stream.domain, text)
    # TLS from the first byte has no stage of its own.
    where, fix = _STAGES["starttls" if reply.enhanced == "4.7.5" else reply.stage]
    return Finding(Grade.FAIL, "route", stream.domain, f"{way_out} {where}: {said}", fix)


async def _rehearsed(seat: CommandContext, route: Route, *, sender: str) -> tuple[Reply, Mapping[str, object]]:
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
