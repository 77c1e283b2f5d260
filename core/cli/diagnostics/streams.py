"""What `postroom doctor` looks at for each stream: DNS records, warm-up, commercial mail, the way in for feedback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import Finding, Grade
from core.cli.dns_check import Found, Zone
from core.cli.mailboxes import feedback_connected
from core.cli.streams import relays_locally
from core.durations import DAY
from core.model import UNSUBSCRIBE_CLASSES
from core.services.identity import streams
from core.services.identity.streams import StreamFacts

MANY: Final = 1_000


def stored(seat: CommandContext) -> list[StreamFacts]:
    with seat.read() as conn:
        return streams.listed(conn, limit=MANY)


def state(stream: StreamFacts) -> Iterator[Finding]:
    """Whether somebody has paused it."""
    if stream.paused_at is not None:
        yield Finding(
            Grade.WARN, "stream", stream.domain, f"paused by {stream.paused_by}: {stream.pause_reason}",
            "postroom stream resume",
        )  # fmt: skip


def records(seat: CommandContext, stream: StreamFacts) -> Iterator[Finding]:
    if relays_locally(stream.route):
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


def terms(seat: CommandContext, stream: StreamFacts) -> Iterator[Finding]:
    """How much and what it may send, and whether anything comes back."""
    yield from _warmup(seat, stream)
    yield _commercial(seat, stream)
    if feedback_connected(seat.settings, stream.provider):
        yield Finding(Grade.OK, "feedback", stream.domain, "bounces and complaints have a way in")
    else:
        way = f"[feedback.{stream.provider}]" if stream.provider != "none" else "report_token or maildirs in [feedback]"
        yield Finding(
            Grade.WARN,
            "feedback",
            stream.domain,
            "bounces and complaints have no way in",
            f"set {way} in postroom.toml",
        )


def _warmup(seat: CommandContext, stream: StreamFacts) -> Iterator[Finding]:
    if stream.warm:
        yield Finding(Grade.OK, "warm-up", stream.domain, "none: it may send as much as budgets let it")
    elif stream.warm_cap is not None:
        yield Finding(Grade.OK, "warm-up", stream.domain, f"at most {stream.warm_cap:,} a day, fixed by an operator")
    else:
        day = 1 if stream.first_sent_at is None else (seat.now - stream.first_sent_at) // DAY + 1
        yield Finding(Grade.OK, "warm-up", stream.domain, f"day {day} of the policy's curve")


def _commercial(seat: CommandContext, stream: StreamFacts) -> Finding:
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
