"""`postroom stream dns`: the DNS records of a stream, what is still open about them, and whether they are published."""

from __future__ import annotations

import enum
from typing import Annotated, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import Output
from core.db.development import is_development
from core.db.queries import agents as views
from core.dns_check import Zone
from core.durations import when
from core.errors import Conflict
from core.rules.stream_records import Alignment, DnsRecord, Found, Slot
from core.serializers import streams as resources
from core.services.identity import stream_dns, streams
from core.services.identity.stream_dns import Publication

app: Final = group("stream")
"""streams.py adds the other commands."""

Domain = Annotated[str, typer.Argument(help="The stream's domain, such as support-bot.acme.com.")]


class Strictness(enum.StrEnum):
    """The DMARC policy: what receivers do with mail that fails."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@command(app, "dns", example="postroom stream dns support-bot.acme.com --json")
def show_dns(
    desk: CommandContext,
    domain: Domain,
    dmarc: Annotated[Strictness, typer.Option(help="The DMARC policy to publish now.")] = Strictness.NONE,
) -> Output:
    """The records to publish: DKIM for both slots and both algorithms, SPF, DMARC, the MX of bounces and replies."""
    found = published(desk, domain, dmarc=dmarc.value)
    questions = stream_dns.open_questions(found, domain, desk.settings)
    for one in questions:
        desk.note(f"{one['question']} {one['fix']}")
    data = {
        "domain": streams.subdomain(domain),
        "records": [resources.dns_record(one) for one in found.records],
        "dmarc": {
            "policy": dmarc.value, "due": found.plan.policy, "next": found.plan.next,
            "next_at": when(found.plan.at),
        },
        "removable": list(found.removable),
        "open": questions,
    }  # fmt: skip
    return Output(data, zone_text(found))


def zone_text(found: Publication) -> str:
    """The records as lines of a zone file."""
    lines = [f"; {one.purpose}\n{one.name}. IN {one.type} {_quoted(one)}" for one in found.records]
    lines += [f"; {name} may go from DNS now" for name in found.removable]
    return "\n".join(lines)


def published(desk: CommandContext, domain: str, *, dmarc: Alignment = "none") -> Publication:
    """The records that a stream publishes, from this desk's settings."""
    with desk.read() as conn:
        return stream_dns.publication(
            conn, domain, mail_host=desk.settings.mail_host, now=desk.now, dmarc=dmarc,
            report_address=desk.settings.dmarc_reports,
        )  # fmt: skip


def check_published(desk: CommandContext, domain: str, *, slot: Slot) -> None:
    """Look up a key before signing with it, in public DNS: signing with an unpublished key fails every mail."""
    with desk.read() as conn:
        if is_development(conn):
            return
        selectors = {
            key.selector
            for key in views.keys(conn)
            if key.stream == domain and key.slot == slot and key.retired_at is None
        }
    waiting = [one for one in published(desk, domain).records if one.name.partition("._domainkey")[0] in selectors]
    wrong = [
        one.name
        for one, found in zip(waiting, Zone().look_up(waiting), strict=True)
        if found in {Found.MISSING, Found.OTHER}
    ]
    if wrong:
        raise Conflict(
            f"DNS does not have the keys that would sign: {', '.join(wrong)}",
            fix=f"publish them (postroom stream dns {domain}), or rotate with --force",
        )


def _quoted(record: DnsRecord) -> str:
    if record.type != "TXT":
        return record.value
    return " ".join(f'"{part}"' for part in record.strings)
