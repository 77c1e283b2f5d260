"""DNS records of a stream: its keys with their current state, its SPF senders, how strict DMARC may be.

A retired key stays published while its mail is in transit, then without the key; then its name may be removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from core.db.development import is_development
from core.db.tables import STREAM_KEY
from core.durations import DAY
from core.rules import stream_records
from core.rules.providers import registry
from core.services.identity import streams
from core.services.identity.streams import StreamFacts
from core.settings import Settings
from core.smtp.route import Route, is_loopback

IN_TRANSIT: Final = 7 * DAY
"""How long a retired key stays published: RFC 5321 4.5.4.1 lets a relay retry for 4-5 days, and readers verify late."""
REVOKED: Final = 30 * DAY
"""How long its name is then published without a key (RFC 6376 3.6.1), before it may be removed from the zone."""
NO_HOST: Final = "mail.invalid"
"""`mail_host` where postroom.toml does not set it."""
REMOVABLE: Final = 12
"""Most old keys reported as removable from DNS: three years of quarterly rotations."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a stream publishes.

    `spf_known`: the SPF terms of its relay are known, not guessed from its host name. `removable` are the names of old
    keys that may be removed from DNS now, newest first.
    """

    records: tuple[stream_records.DnsRecord, ...]
    spf_known: bool
    plan: stream_records.DmarcPlan
    removable: tuple[str, ...]
    near: bool = False
    """Mail goes to a relay on this machine, and only that relay knows how it sends it on."""


def publication(
    conn: Connection,
    domain: str,
    *,
    mail_host: str,
    now: int,
    report_address: str | None = None,
    dmarc: stream_records.Alignment = "none",
) -> Publication:
    """Return all records: both slots, and retired keys while mail may still need them. Raises `NotFound`."""
    stream = streams.show(conn, domain)
    keys = conn.execute(
        select(STREAM_KEY).where(STREAM_KEY.c.stream_id == stream.id).order_by(STREAM_KEY.c.slot, STREAM_KEY.c.id)
    ).all()
    senders, known = _senders(stream, mail_host=mail_host)
    way = Route.parse(stream.route)
    plan = stream_records.dmarc_plan(stream.first_sent_at, now=now)
    records = stream_records.records(
        stream.domain,
        keys=[_published(key, active=stream.active_slot, now=now) for key in keys if not _gone(key, now)],
        mail_host=mail_host,
        senders=senders,
        report_address=report_address,
        dmarc=dmarc,
        plan=plan,
    )
    removable = sorted((key for key in keys if _gone(key, now)), key=lambda key: int(key.id), reverse=True)
    names = tuple(f"{key.selector}._domainkey.{stream.domain}" for key in removable[:REMOVABLE])
    near = way.kind == "relay" and is_loopback(way.host)
    # Mail of a development desk ends here, and nobody checks who may send it.
    return Publication(records, known or is_development(conn), plan, names, near)


def published_by(
    conn: Connection, domain: str, settings: Settings, *, now: int, dmarc: stream_records.Alignment = "none"
) -> Publication:
    """The records that a stream of this desk publishes. Raises `NotFound`."""
    return publication(
        conn, domain, mail_host=settings.mail_host, now=now, report_address=settings.dmarc_reports, dmarc=dmarc
    )


def open_questions(found: Publication, domain: str, settings: Settings) -> list[dict[str, str]]:
    """What is still open about the records, and how to settle each."""
    questions = []
    if settings.mail_host == NO_HOST:
        questions.append(
            {
                "about": "mail_host",
                "question": "mail_host is not set: the MX records name a host that cannot exist.",
                "fix": "set it in postroom.toml",
            }
        )
    if not found.spf_known:
        questions.append({"about": "spf", "question": spf_question(found), "fix": spf_fix(domain)})
    if settings.dmarc_reports is None:
        questions.append(
            {
                "about": "dmarc_reports",
                "question": "Who reads DMARC reports? Without an address they go to the bounce host.",
                "fix": "set dmarc_reports in postroom.toml",
            }
        )
    return questions


def spf_question(found: Publication) -> str:
    """What is unknown about the relay."""
    if found.near:
        return (
            "Where does the relay on this machine send from? SPF must name its own way out. "
            "Only mail_host is named now, which is wrong if the relay hands mail on to another."
        )
    return "Which SPF terms authorise the relay? Only its host is named now, and it may send from others."


def spf_fix(domain: str) -> str:
    return f"ask its operator: postroom stream set {domain} --spf include:_spf.relay.example --reason TEXT"


def _senders(stream: StreamFacts, *, mail_host: str) -> tuple[tuple[str, ...], bool]:
    """Return the SPF terms of the hosts that send a stream's mail, and whether they are known.

    Of an unknown relay only the name is known: it often sends from other hosts than the one that accepts mail. A relay
    on this machine may deliver from here, as direct mail does, or through another relay: SPF must name its outgoing
    route, which only its administrator knows.
    """
    route = Route.parse(stream.route)
    if stream.spf:
        return stream_records.sender_terms(stream.spf), True
    if route.kind == "direct":
        return (stream_records.host_term(mail_host),), True
    if terms := registry.relay(stream.provider).spf:
        return terms, True
    return (stream_records.host_term(mail_host if is_loopback(route.host) else route.host),), False


def _published(row: Row[Any], *, active: str, now: int) -> stream_records.PublishedKey:
    """Return a key as published. A retired one is published whole while its mail is in transit, then empty: revoked."""
    if row.retired_at is None:
        state: stream_records.KeyState = "signs" if row.slot == active else "waits"
        return stream_records.PublishedKey(row.selector, row.algorithm, row.public, state)
    revoke_at, remove_at = row.retired_at + IN_TRANSIT, row.retired_at + IN_TRANSIT + REVOKED
    revoked = now >= revoke_at
    return stream_records.PublishedKey(
        row.selector,
        row.algorithm,
        "" if revoked else row.public,
        "revoked" if revoked else "retired",
        revoke_at=revoke_at,
        remove_at=remove_at,
    )


def _gone(row: Row[Any], now: int) -> bool:
    return row.retired_at is not None and bool(now >= row.retired_at + IN_TRANSIT + REVOKED)
