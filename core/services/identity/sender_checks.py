"""Checks for a sign-off outside the database: DNS, feedback channels, unsubscribe links.

They take seconds, so they run between two transactions: `wanted` reads what to check, `look` checks it, and the verb
that signs takes the results. Mail of a development desk never leaves this machine, and nobody outside looks at its
records: nothing is asked and nothing is claimed. A loopback relay does not imply that: Postfix on 127.0.0.1 relays mail
to the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from core.db.development import is_development
from core.db.directory import MailboxRecord
from core.domains import organisational_domain
from core.rules.stream_records import DnsRecord, Found
from core.services.identity import stream_dns, streams
from core.settings import Settings

if TYPE_CHECKING:
    from core.dns_check import Zone

LOCAL: Final = "Not checked: mail does not leave this machine."
UNASKED: Final = "Not checked."
SILENT: Final = "DNS did not answer."
NAMED: Final = 3
"""Records listed by name."""


@dataclass(frozen=True, slots=True)
class Look:
    """Result of a check: true, false, or None if it could not be determined. `detail` is a sentence."""

    found: bool | None = None
    detail: str = UNASKED


@dataclass(frozen=True, slots=True)
class Lookups:
    """Results from outside the database. By default nothing was checked."""

    published: Look = Look()
    """The stream's DNS records."""
    zone: Look = Look()
    """The stream's own name and the domain above it."""
    feedback: Look = Look()
    """Whether bounces and complaints have a channel."""
    unsubscribe: Look = Look()
    """Whether unsubscribe links lead here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to check for one stream."""

    domain: str
    local: bool
    """Whether this is a development desk."""
    records: tuple[DnsRecord, ...]
    feedback: Look
    unsubscribe: Look


def wanted(conn: Connection, record: MailboxRecord, settings: Settings, *, now: int) -> Wanted:
    """Return what to check before this identity is signed for deliverability."""
    stream = streams.show(conn, record.domain)
    published = stream_dns.published_by(conn, stream.domain, settings, now=now)
    return Wanted(
        domain=stream.domain,
        local=is_development(conn),
        records=tuple(one for one in published.records if one.required),
        feedback=_feedback(settings, stream.provider),
        unsubscribe=_unsubscribe(stream.unsubscribe_url or settings.public_url),
    )


def look(expected: Wanted, zone: Zone | None = None) -> Lookups:
    """Query DNS, for a few seconds at most. `zone` overrides the machine's own resolver."""
    if expected.local:
        unseen = Look(None, LOCAL)
        return Lookups(published=unseen, zone=unseen, feedback=unseen, unsubscribe=unseen)
    if zone is None:
        from core.dns_check import Zone  # noqa: PLC0415 - its resolver is slow to import, and few commands ask DNS

        zone = Zone()
    answers = zone.look_up(expected.records)
    published = _published(expected, answers)
    silent = all(one is Found.UNKNOWN for one in answers)
    return Lookups(
        published=published,
        zone=Look(None, SILENT) if silent else _zone(zone, expected),
        feedback=expected.feedback,
        unsubscribe=expected.unsubscribe,
    )


def _feedback(settings: Settings, provider: str) -> Look:
    if settings.feedback.connected(provider):
        return Look(True, "This desk can receive bounces and complaints.")
    way = f"[feedback.{provider}]" if provider != "none" else "report_token or maildirs in [feedback]"
    return Look(False, f"This desk cannot receive bounces and complaints: set {way} in postroom.toml.")


def _unsubscribe(link: str) -> Look:
    # RFC 8058 3.1: an https URI; otherwise mailbox providers show no unsubscribe button.
    if urlsplit(link).scheme == "https":
        return Look(True, f"Unsubscribe links lead to {link}.")
    return Look(False, f"Unsubscribe links are not https (RFC 8058): {link}.")


def _published(expected: Wanted, answers: Sequence[Found]) -> Look:
    total = len(expected.records)
    pairs = list(zip(expected.records, answers, strict=True))
    faults = [(record, answer) for record, answer in pairs if answer in (Found.MISSING, Found.OTHER)]
    if faults:
        named = ", ".join(f"{record.type} {record.name} ({answer.value})" for record, answer in faults[:NAMED])
        more = f" and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        return Look(False, f"{len(faults)} of {total} records are missing or wrong: {named}{more}.")
    if any(answer is Found.UNKNOWN for answer in answers):
        return Look(None, SILENT)
    return Look(True, f"All {total} records are published.")


def _zone(zone: Zone, expected: Wanted) -> Look:
    """Check in DNS who else sends from the name, and the organisational domain above it."""
    missing = _without_parent(zone, expected.domain)
    if missing is None:
        return Look(None, SILENT)
    if missing:
        return Look(False, f"{missing} does not exist in DNS, so nothing below it can be published.")
    others = _other_senders(zone, expected)
    if others is None:
        return Look(None, SILENT)
    parent = organisational_domain(expected.domain)
    policies = zone.published(f"_dmarc.{parent}", "TXT")
    remark = _about_parent(parent, policies)
    if others:
        return Look(None, f"Its SPF record also lets {', '.join(others)} send: is that other mail? {remark}")
    return Look(True, remark)


def _without_parent(zone: Zone, domain: str) -> str | None:
    """Return the organisational domain if it does not exist, "" if it does; None: DNS did not answer.

    A name between the two need not be a zone of its own: the one below the public suffix decides.
    """
    registered = organisational_domain(domain)
    match zone.exists(registered):
        case None:
            return None
        case there:
            return "" if there else registered


def _other_senders(zone: Zone, expected: Wanted) -> list[str] | None:
    """Return the senders that the name's published SPF record allows beyond those the desk asks for."""
    values = zone.published(expected.domain, "TXT")
    if values is None:
        return None
    own_terms = {term for record in expected.records if record.name == expected.domain for term in record.value.split()}
    found = [term for value in values if value.lower().startswith("v=spf1") for term in value.split()[1:]]
    return [term for term in found if term not in own_terms and term.lstrip("+-~?").lower() != "all"]


def _about_parent(parent: str, policies: Sequence[str] | None) -> str:
    policy = next((one for one in policies or () if one.lower().startswith("v=dmarc1")), None)
    if policy is None:
        return f"{parent} has no DMARC policy." if policies is not None else ""
    return f"{parent} has a DMARC policy: {' '.join(policy.split())}."
