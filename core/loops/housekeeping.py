"""What the clock does by itself: releases, expiries, lapsed leases, retention.

Each step is a verb of its own; one that fails is said and tried again, and never stops the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from core.errors import PostroomError
from core.flow import anomalies, clocksteps, depart, gateways, lookout, refusals, retirement, review, runs, upkeep
from core.ledger.transaction import Transaction
from core.ledger.writer import Writer
from core.words import Clock

log = structlog.get_logger("housekeeping")


@dataclass(frozen=True, slots=True)
class Chore:
    """A verb and how often it runs, in seconds. It returns how many things it did; a full hand means more waits."""

    name: str
    every: float
    verb: Callable[[Transaction], int]


CHORES: Final = (
    Chore("release", 0.25, review.release_due),
    Chore("confirmed", 0.25, runs.release_confirmed),
    Chore("reject", 1.0, review.reject_due),
    Chore("expiring", 30.0, review.warn_expiring),
    Chore("expire", 2.0, review.expire_due),
    Chore("identities", 30.0, retirement.expire_due),
    Chore("retiring", 5.0, retirement.finish_retiring),
    Chore("reclaim", 2.0, depart.reclaim),
    Chore("gateways", 2.0, gateways.notice_lost),
    Chore("bulk line", 60.0, lookout.watch_bulk_line),
    Chore("anomalies", 60.0, anomalies.watch),
    Chore("refusals", 60.0, refusals.tell),
    Chore("purge", 60.0, upkeep.purge_due),
    Chore("forget", 300.0, upkeep.forget_old),
)
FULL_HAND: Final = 200


class Housekeeping:
    """Runs the chores of one gateway; several gateways may do so at once, each act happens once."""

    def __init__(self, *, writer: Writer, clock: Clock, chores: tuple[Chore, ...] | None = None) -> None:
        self._writer = writer
        self._clock = clock
        # This gateway's own eye on its clock: it remembers what the clock said.
        self._chores = chores or (*CHORES, Chore("clock", 5.0, clocksteps.Watch()))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._repeat(chore))

    async def _repeat(self, chore: Chore) -> None:
        while True:
            done = 0
            try:
                done = await self._writer.do(chore.verb)
            except PostroomError as error:
                log.warning("chore failed", chore=chore.name, reason=str(error))
            except Exception:
                log.exception("chore failed", chore=chore.name)
            if done < FULL_HAND:
                await self._clock.sleep(chore.every)
