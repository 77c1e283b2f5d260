"""What happens by the clock alone: releases, expiries, lapsed leases, retention.

Each task is an operation of its own; one that fails is logged and retried, and never stops the others. What must happen
within a quarter of a second is looked for by one read that answers for all of it; the rest simply runs now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from core.db.due import Condition, DueCheck
from core.db.store import Store
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
    """An operation and how often it runs, in seconds. It returns how much it did; a full batch means more waits.

    With `due` it is looked for every `LOOK` seconds and runs only when there is something to do.
    """

    name: str
    every: float
    verb: Callable[[Transaction], int]
    due: Condition | None = None


CHORES: Final = (
    PeriodicTask("release", 0.25, review.release_due, review.RELEASE_DUE),
    PeriodicTask("scheduled", 0.25, delivery.release_scheduled, delivery.SCHEDULED_DUE),
    PeriodicTask("confirmed", 0.25, runs.release_confirmed, runs.CONFIRMED_DUE),
    PeriodicTask("reject", 1.0, review.reject_due, review.REJECT_DUE),
    PeriodicTask("expiring", 30.0, review.warn_expiring),
    PeriodicTask("expire", 2.0, review.expire_due, review.EXPIRE_DUE),
    PeriodicTask("identities", 30.0, retirement.expire_due),
    PeriodicTask("retiring", 5.0, retirement.finish_retiring),
    PeriodicTask("reclaim", 2.0, delivery.reclaim, delivery.LEASES_LAPSED),
    PeriodicTask("gateways", 2.0, gateway_registry.notice_lost, gateway_registry.GATEWAYS_LOST),
    PeriodicTask("bulk line", 60.0, site_discovery.watch_bulk_line),
    PeriodicTask("anomalies", 60.0, anomalies.watch),
    PeriodicTask("refusals", 60.0, refusals.tell),
    PeriodicTask("drills due", 60.0, drills.ask_due),
    PeriodicTask("purge", 60.0, retention.purge_due),
    PeriodicTask("forget", 300.0, retention.forget_old),
)
FULL_HAND: Final = 200
LOOK: Final = 0.25
"""Seconds between two looks for what is due."""
TRY_AGAIN: Final = 1.0


class Scheduler:
    """Runs the periodic tasks of one gateway; several gateways may do so at once, each act happens once."""

    def __init__(
        self, *, store: Store, writer: Writer, clock: Clock, chores: tuple[PeriodicTask, ...] | None = None
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        # This gateway's own watch on its clock: it remembers what the clock said.
        self._chores = chores or (*CHORES, PeriodicTask("clock", 5.0, clock_skew.Watch()))

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                if chore.due is None:
                    group.create_task(self._repeat(chore))
            group.create_task(self._watch({chore.name: chore for chore in self._chores if chore.due is not None}))

    async def _repeat(self, chore: PeriodicTask) -> None:
        while True:
            if (await self._run(chore) or 0) < FULL_HAND:
                await self._clock.sleep(chore.every)

    async def _watch(self, chores: Mapping[str, PeriodicTask]) -> None:
        """Run these when they are due. A read for all of them: most of the time there is nothing to do."""
        check = DueCheck({name: chore.due for name, chore in chores.items() if chore.due is not None})
        while chores:
            try:
                due = await asyncio.to_thread(check, self._store)
            except PostroomError as error:
                log.warning("cannot look for what is due", reason=str(error))
                await self._clock.sleep(TRY_AGAIN)
                continue
            done = await asyncio.gather(*(self._run(chores[name]) for name in due))
            if None in done:
                await self._clock.sleep(TRY_AGAIN)
            elif all(count is not None and count < FULL_HAND for count in done):
                await self._clock.sleep(LOOK)

    async def _run(self, chore: PeriodicTask) -> int | None:
        """How much it did; None if it failed."""
        try:
            return await self._writer.do(chore.verb)
        except PostroomError as error:
            log.warning("chore failed", chore=chore.name, reason=str(error))
        except Exception:
            log.exception("chore failed", chore=chore.name)
        return None
