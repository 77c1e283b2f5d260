"""Checks of `postroom doctor` for each stream: DNS records, warm-up, commercial mail, incoming feedback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import Finding, Grade
from core.db.development import is_development
from core.dns_check import Zone
from core.durations import DAY
from core.model import UNSUBSCRIBE_CLASSES
from core.rules import stream_records
from core.rules.providers import registry
from core.rules.stream_records import DnsRecord, Found
from core.services.identity import stream_dns, streams
from core.services.identity.stream_dns import Publication
from core.services.identity.streams import StreamFacts
from core.smtp.route import Route

MANY: Final = 1_000
_STRICTNESS: Final = ("none", "quarantine", "reject")


def stored(desk: CommandContext) -> list[StreamFacts]:
    with desk.read() as conn:
        return streams.listed(conn, limit=MANY)


def state(stream: StreamFacts) -> Iterator[Finding]:
    """Whether it is paused."""
    if stream.paused_at is not None:
        yield Finding(
            Grade.WARN, "stream", stream.domain, f"paused by {stream.paused_by}: {stream.pause_reason}",
            "postroom stream resume",
        )  # fmt: skip


def records(desk: CommandContext, stream: StreamFacts) -> Iterator[Finding]:
    with desk.read() as conn:
        if is_development(conn):
            yield Finding(Grade.OK, "dns", stream.domain, "not looked up: mail does not leave this machine")
            return
        publication = stream_dns.published_by(conn, stream.domain, desk.settings, now=desk.now)
    if not publication.spf_known:
        text = "SPF names the relay's host only, and it may send from other hosts"
        if publication.near:
            text = "SPF names mail_host only, and the relay on this machine may hand mail on to other hosts"
        yield Finding(Grade.WARN, "dns", stream.domain, text, stream_dns.spf_fix(stream.domain))
    expected, zone = publication.records, Zone()
    answers = zone.look_up(expected)
    if all(one is Found.UNKNOWN for one in answers):
        yield Finding(Grade.WARN, "dns", stream.domain, "DNS did not answer", "run this where there is a network")
        return
    if all(one is Found.THERE for one in answers):
        yield Finding(Grade.OK, "dns", stream.domain, f"all {len(expected)} records are published")
    for record, answer in zip(expected, answers, strict=True):
        if answer is not Found.THERE:
            yield _unpublished(stream, record, answer)
    yield from _dmarc(stream, publication, answers, zone=zone)


def _unpublished(stream: StreamFacts, record: DnsRecord, answer: Found) -> Finding:
    if answer is Found.UNKNOWN:
        return Finding(Grade.WARN, "dns", f"{record.type} {record.name}", answer.value)
    grade = Grade.FAIL if record.required else Grade.WARN
    text = f"{answer.value} ({record.purpose})"
    return Finding(grade, "dns", f"{record.type} {record.name}", text, f"postroom stream dns {stream.domain}")


def _dmarc(stream: StreamFacts, publication: Publication, answers: Sequence[Found], *, zone: Zone) -> Iterator[Finding]:
    """Whether the DMARC policy is due for its next, stricter step."""
    name = f"_dmarc.{stream.domain}"
    for record, answer in zip(publication.records, answers, strict=True):
        if record.name != name or answer is not Found.THERE:
            continue
        published = " ".join(zone.values(record)).lower().replace(" ", "")
        policy = next((one for one in _STRICTNESS if f";p={one}" in published), "none")
        due = publication.plan.policy
        if _STRICTNESS.index(policy) < _STRICTNESS.index(due):
            step = _STRICTNESS[_STRICTNESS.index(policy) + 1]
            yield Finding(
                Grade.WARN, "dns", f"TXT {name}", f"p={policy} although its mail is old enough for p={step}",
                f"read the reports, then publish: postroom stream dns {stream.domain} --dmarc {step}",
            )  # fmt: skip


def terms(desk: CommandContext, stream: StreamFacts) -> Iterator[Finding]:
    """Its warm-up and commercial mail, and whether feedback has a way in."""
    yield _warmup(desk, stream)
    yield _commercial(desk, stream)
    if desk.settings.feedback.connected(stream.provider):
        invites = desk.settings.feedback.invites_complaints
        where = f"; mail asks for complaints at {stream_records.complaint_address(stream.domain)}" if invites else ""
        yield Finding(Grade.OK, "feedback", stream.domain, f"the desk can receive bounces and complaints{where}")
    else:
        named = stream.provider in registry.PROVIDERS
        way = f"[feedback.{stream.provider}]" if named else "report_token or maildirs in [feedback]"
        yield Finding(
            Grade.WARN, "feedback", stream.domain, "the desk cannot receive bounces and complaints",
            f"set {way} in postroom.toml: postroom docs {stream.provider if named else page(stream)}",
        )  # fmt: skip


def page(stream: StreamFacts) -> str:
    """The page of `postroom docs` about setting up this stream's route."""
    if stream.provider in registry.PROVIDERS:
        return stream.provider
    return "direct" if Route.parse(stream.route).kind == "direct" else "relay"


def _warmup(desk: CommandContext, stream: StreamFacts) -> Finding:
    if stream.warm:
        return Finding(Grade.OK, "warm-up", stream.domain, "none: only budgets limit it")
    if stream.warm_cap is not None:
        return Finding(Grade.OK, "warm-up", stream.domain, f"at most {stream.warm_cap:,} a day, fixed by an operator")
    if stream.first_sent_at is None:
        return Finding(Grade.OK, "warm-up", stream.domain, "the policy's curve starts with its first mail")
    days = (desk.now - stream.first_sent_at) // DAY
    return Finding(Grade.OK, "warm-up", stream.domain, f"on the policy's curve; its first mail left {days} days ago")


def _commercial(desk: CommandContext, stream: StreamFacts) -> Finding:
    """Whether the stream can send classes that must name a sender and an address and offer an unsubscribe."""
    missing = [
        what
        for what, there in (("organisation", stream.organisation), ("postal address", stream.postal_address))
        if not there
    ]
    classes = ", ".join(sorted(UNSUBSCRIBE_CLASSES))
    if missing:
        options = " ".join(f"--{what.replace(' ', '-')} TEXT" for what in missing)
        return Finding(
            Grade.WARN, "commercial", stream.domain, f"it cannot send {classes}: it has no {' and no '.join(missing)}",
            f"postroom stream set {stream.domain} {options} --reason TEXT",
        )  # fmt: skip
    link = stream.unsubscribe_url or desk.settings.public_url
    if urlsplit(link).scheme != "https":
        return Finding(
            Grade.WARN, "commercial", stream.domain, f"its unsubscribe links are not https (RFC 8058 3.1): {link}",
            f"postroom stream set {stream.domain} --unsubscribe https://HOST --reason TEXT",
        )  # fmt: skip
    return Finding(
        Grade.OK, "commercial", stream.domain, f"may send {classes}: sender, address and unsubscribe link are set"
    )
