"""Site discovery and the bulk-sender line: where domains are hosted, and how near a domain is to the line.

A recipient domain's site is guessed from its name at first. Once its MX is known, domains of one provider share a site,
and with it a sending rate. Receivers count a primary domain's mail over all its subdomains, so streams are summed by
primary domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select, update

from core.db.counters import bucket
from core.db.tables import LANE, STREAM
from core.db.transaction import Transaction
from core.domains import organisational_domain
from core.durations import DAY
from core.events import StreamWarned
from core.model import SYSTEM, Site
from core.rules import guards
from core.rules.budgets import DAY_MINUTES

ASK_AGAIN: Final = 7 * DAY
TOLD: Final = "bulk_warned_1d"


def domains_to_ask(tx: Transaction, *, limit: int = 32) -> Sequence[str]:
    """Recipient domains of lanes in use whose MX was never looked up, or not lately."""
    c = LANE.c
    old = c.site_known_at.is_(None) | (c.site_known_at < tx.now - ASK_AGAIN)
    rows = tx.all(select(c.domain).where(old, (c.depth > 0) | (c.in_flight > 0)).distinct().limit(limit))
    return [row.domain for row in rows]


def note_sites(tx: Transaction, sites: Sequence[tuple[str, Site | None]]) -> int:
    """Store the sites that were found; None (no answer) keeps the guess. Returns how many domains moved."""
    moved = 0
    for domain, site in sites:
        values: dict[str, Any] = {"site_known_at": tx.now}
        if site is not None:
            moved += bool(tx.one(select(LANE.c.id).where(LANE.c.domain == domain, LANE.c.site != site).limit(1)))
            values["site"] = site
        tx.write(update(LANE).where(LANE.c.domain == domain).values(**values))
    return moved


def watch_bulk_line(tx: Transaction) -> int:
    """Warn once a day when a primary domain's streams together near the line. Returns the number of warnings."""
    today = bucket(tx.now, DAY_MINUTES)
    sums: dict[str, int] = {}
    for stream in tx.all(select(STREAM.c.id, STREAM.c.domain)):
        sent = tx.counters.total("stream", str(stream.id), "sent_1d", since=today)
        if sent == 0:
            continue  # a desk that sends nothing need not load the list of public suffixes
        primary = organisational_domain(stream.domain)
        sums[primary] = sums.get(primary, 0) + sent
    warned = 0
    for domain, sent in sums.items():
        line = guards.bulk_line(sent, domain=domain)
        level = 0 if line is None else 1 + line.crossed
        if line is None or tx.counters.total("domain", domain, TOLD, since=today) >= level:
            continue
        tx.bump("domain", domain, TOLD, minute=today, n=level - tx.counters.total("domain", domain, TOLD, since=today))
        tx.emit(StreamWarned(actor=str(SYSTEM), domain=domain, sent=sent, crossed=line.crossed, reason=line.text))
        warned += 1
    return warned
