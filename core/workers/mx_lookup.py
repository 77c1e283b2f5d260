"""Ask DNS where recipient domains really go, beside delivery and never in its way.

Without an answer (no network, a broken zone) the guess from the domain's name stays, and the bundled list of large
providers still sets their pace.
"""

from __future__ import annotations

import asyncio
from typing import Final

import dns.exception
import dns.resolver
import structlog

from core.db.writer import Writer
from core.errors import PostroomError
from core.model import Clock, Site
from core.rules.mailbox_providers import site_of_mx
from core.services.control import site_discovery
from core.smtp.mx import LookUp, system_resolver

log = structlog.get_logger("mx_lookup")

EVERY: Final = 10.0
AT_ONCE: Final = 4


class MxLookup:
    """One loop per gateway. `look_up` is the resolver; None takes the machine's."""

    def __init__(self, *, writer: Writer, clock: Clock, look_up: LookUp | None = None) -> None:
        self._writer = writer
        self._clock = clock
        self._look_up = look_up
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                looked_up = await self.look()
            except PostroomError as error:
                log.warning("MX lookup failed", reason=str(error))
                looked_up = 0
            if not looked_up:
                await self._clock.sleep(EVERY)

    async def look(self) -> int:
        """Look up one batch of domains; returns how many."""
        domains = await self._writer.do(site_discovery.domains_to_ask)
        if domains:
            sites = await asyncio.gather(*(self._site(domain) for domain in domains))
            found = list(zip(domains, sites, strict=True))
            await self._writer.do(lambda tx: site_discovery.note_sites(tx, found))
        return len(domains)

    async def _site(self, domain: str) -> Site | None:
        async with self._slots:
            try:
                if self._look_up is None:
                    self._look_up = system_resolver()
                records = await self._look_up(domain, "MX")
            except (dns.exception.DNSException, OSError, UnicodeError):
                return None
        best = sorted((record.preference, str(record.exchange)) for record in records)  # type: ignore[attr-defined]  # MX
        return site_of_mx(domain, [name for _, name in best])
