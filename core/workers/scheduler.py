"""What happens by the clock alone: releases, expiries, lapsed leases, retention.

Each task is an operation of its own; one that fails is logged and retried, and never stops the others. What must happen
within a quarter of a second is looked for by one read that answers for all of it; the rest simply runs now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from core.db.due import Condition, DueCheck, DueWatch
from core.db.locks import ReadFirst
from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import PostroomError
from core.model import Clock
from core.services.control import gateway_registry, received_retention, retention, site_discovery
from core.services.feedback import anomalies
from core.services.identity import drills, retirement
from core.services.sending import clock_skew, delivery, refusals, review, runs

log = structlog.get_logger("scheduler")


FULL_BATCH: Final = 200
LOOK: Final = 0.25
"""Seconds between two looks for what is due."""
TRY_AGAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """An operation and how often it runs, in seconds. It returns how much it did; a full batch means more waits."""

    name: str
    every: float
    verb: Callable[[Transaction], int]


@dataclass(frozen=True, slots=True)
class DueTask:
    """An operation that runs as soon as `due` holds, looked at every `LOOK` seconds; it returns the same."""

    name: str
    due: Condition
    verb: Callable[[Transaction], int]


DUE: Final = (
    DueTask("release", review.RELEASE_DUE, review.release_due),
    DueTask("scheduled", delivery.SCHEDULED_DUE, delivery.release_scheduled),
    DueTask("confirmed", runs.CONFIRMED_DUE, runs.release_confirmed),
    DueTask("reject", review.REJECT_DUE, review.reject_due),
    DueTask("expire", review.EXPIRE_DUE, review.expire_due),
    DueTask("reclaim", delivery.LEASES_LAPSED, delivery.reclaim),
    DueTask("gateways", gateway_registry.GATEWAYS_LOST, gateway_registry.notice_lost),
)
PERIODIC: Final = (
    PeriodicTask("retiring", 5.0, retirement.finish_retiring),
    PeriodicTask("expiring", 30.0, review.warn_expiring),
    PeriodicTask("identities", 30.0, retirement.expire_due),
    PeriodicTask("bulk line", 60.0, site_discovery.watch_bulk_line),
    PeriodicTask("anomalies", 60.0, anomalies.watch),
    PeriodicTask("refusals", 60.0, refusals.tell),
    PeriodicTask("drills due", 60.0, drills.ask_due),
    PeriodicTask("purge", 60.0, retention.purge_due),
    PeriodicTask("purge received", 60.0, received_retention.purge_due),
    PeriodicTask("forget", 300.0, retention.forget_old),
)


class Scheduler:
    """Runs the tasks of one gateway; several gateways may do so at once, each act happens once."""

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        clock: Clock,
        due: Sequence[DueTask] = DUE,
        periodic: Sequence[PeriodicTask] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._due = {task.name: task for task in due}
        # This gateway's own watch on its clock: it remembers what the clock said.
        clock_watch = PeriodicTask("clock", 5.0, clock_skew.Watch())
        self._periodic = (*PERIODIC, clock_watch) if periodic is None else periodic

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for task in self._periodic:
                group.create_task(self._repeat(task))
            if self._due:
                group.create_task(self._run_due())

    async def _repeat(self, task: PeriodicTask) -> None:
        while True:
            if (await self._run(task) or 0) < FULL_BATCH:
                await self._clock.sleep(task.every)

    async def _run_due(self) -> None:
        """Run what is due. One read asks for all of it: most of the time there is nothing to do."""
        watch = DueWatch(DueCheck({name: task.due for name, task in self._due.items()}), self._store)
        loop = asyncio.get_running_loop()
        rests_until: dict[str, float] = {}
        while True:
            try:
                due = await watch.due()
            except PostroomError as error:
                log.warning("cannot query what is due", reason=str(error))
                await self._clock.sleep(TRY_AGAIN)
                continue
            except Exception:
                log.exception("cannot query what is due")  # an error of one look must not end all of them
                await self._clock.sleep(TRY_AGAIN)
                continue
            ready = [name for name in due if rests_until.get(name, 0) <= loop.time()]
            done = await asyncio.gather(*(self._run(self._due[name]) for name in ready))
            for name, count in zip(ready, done, strict=True):
                if count is None:  # this one alone rests: the others go on at their own pace
                    rests_until[name] = loop.time() + TRY_AGAIN
            if all(count is None or count < FULL_BATCH for count in done):
                await self._clock.sleep(watch.pause(LOOK))

    async def _run(self, task: PeriodicTask | DueTask) -> int | None:
        """How much it did; None if it failed."""
        try:
            # What is due has work to do; what runs now and then has mostly none, and must not keep others waiting.
            verb = ReadFirst(task.verb) if isinstance(task, PeriodicTask) else task.verb
            done: int = await self._writer.do(verb)
        except PostroomError as error:
            log.warning("task failed", task=task.name, reason=str(error))
        except Exception:
            log.exception("task failed", task=task.name)
        else:
            return done
        return None
