"""What happens by the clock alone: releases, expiries, lapsed leases, retention.

Each task is an operation of its own; one that fails is logged and retried, and never stops the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import PostroomError
from core.model import Clock
from core.services.control import gateway_registry, retention, site_discovery
from core.services.feedback import anomalies
from core.services.identity import drills, retirement
from core.services.sending import clock_skew, delivery, refusals, review, runs

log = structlog.get_logger("housekeeping")


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """An operation and how often it runs, in seconds. It returns how much it did; a full batch means more waits."""

    name: str
    every: float
    verb: Callable[[Transaction], int]


CHORES: Final = (
    PeriodicTask("release", 0.25, review.release_due),
    PeriodicTask("scheduled", 0.25, delivery.release_scheduled),
    PeriodicTask("confirmed", 0.25, runs.release_confirmed),
    PeriodicTask("reject", 1.0, review.reject_due),
    PeriodicTask("expiring", 30.0, review.warn_expiring),
    PeriodicTask("expire", 2.0, review.expire_due),
    PeriodicTask("identities", 30.0, retirement.expire_due),
    PeriodicTask("retiring", 5.0, retirement.finish_retiring),
    PeriodicTask("reclaim", 2.0, delivery.reclaim),
    PeriodicTask("gateways", 2.0, gateway_registry.notice_lost),
    PeriodicTask("bulk line", 60.0, site_discovery.watch_bulk_line),
    PeriodicTask("anomalies", 60.0, anomalies.watch),
    PeriodicTask("refusals", 60.0, refusals.tell),
    PeriodicTask("drills due", 60.0, drills.ask_due),
    PeriodicTask("purge", 60.0, retention.purge_due),
    PeriodicTask("forget", 300.0, retention.forget_old),
)
FULL_HAND: Final = 200


class Scheduler:
    """Runs the periodic tasks of one gateway; several gateways may do so at once, each act happens once."""

    def __init__(self, *, writer: Writer, clock: Clock, chores: tuple[PeriodicTask, ...] | None = None) -> None:
        self._writer = writer
        self._clock = clock
        # This gateway's own watch on its clock: it remembers what the clock said.
        self._chores = chores or (*CHORES, PeriodicTask("clock", 5.0, clock_skew.Watch()))

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._repeat(chore))

    async def _repeat(self, chore: PeriodicTask) -> None:
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
