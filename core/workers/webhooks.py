"""Tell each mailbox's webhook what happened to its mail: at least once, in order, at its receiver's own speed.

One task per mailbox that has something to deliver, so that a slow receiver delays only itself; reads run in threads,
writes are small operations, and the gate never waits for any of it. A commit of this process wakes it; those of other
gateways are found by polling once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from typing import Final

import structlog

from core.db.due import AHEAD, Quiet
from core.db.store import Store
from core.db.writer import Writer
from core.durations import SECOND, when
from core.errors import PostroomError, Unavailable
from core.model import Clock
from core.security.encryption import MasterKeys
from core.services.context import ServiceContext
from core.services.notify import webhook_outbox
from core.services.notify.webhook_client import WebhookClient, WebhookResponse, signed_headers
from core.services.notify.webhook_outbox import Delivery, Idle

MOST: Final = 256
"""Receivers spoken to at once. A failing one backs off, so that only active ones hold a place."""
TURN: Final = 50
"""Events a mailbox may deliver before another that waits for a place gets it."""
POLL: Final = 1.0
COALESCE: Final = 0.05
"""Seconds between two looks: a busy desk commits hundreds of times a second."""

log = structlog.get_logger("webhooks")


class WebhookWorker:
    """The webhooks of one gateway; any number of gateways share the work. `wake` belongs to the writer's listeners."""

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        hooks: WebhookClient,
        keyring: MasterKeys,
        ctx: ServiceContext,
        clock: Clock,
    ) -> None:
        self._store = store
        self._writer = writer
        self._hooks = hooks
        self._keyring = keyring
        self._ctx = ctx
        self._clock = clock
        self.worker = ctx.ids.mint(clock.now())
        self._quiet = Quiet(store)
        self._woken = asyncio.Event()
        self._stopping = False
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """Start nothing new; `run` returns when the answers in progress have arrived."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Until `stop`, or until cancelled: then what is in progress is dropped and will be repeated."""
        try:
            while not self._stopping:
                self._woken.clear()
                await self._begin()
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the wake.
                    async with asyncio.timeout(POLL):
                        await self._woken.wait()
                        await asyncio.sleep(COALESCE)
            if self._under_way:
                await asyncio.wait(self._under_way.values())
        finally:
            await self._end()

    async def _begin(self) -> None:
        """Start a task for each mailbox that has something to deliver, as far as there are places."""
        free = MOST - len(self._under_way)
        if free <= 0 or self._quiet.lasts():
            return
        try:
            found = await asyncio.to_thread(self._due)
            fresh = [mailbox for mailbox in found if mailbox not in self._under_way][:free]
            claimed = await self._claim(fresh) if fresh else ()
        except Unavailable as error:
            log.warning("webhooks wait for the database", reason=error.reason)
            return
        for mailbox in claimed:
            task = asyncio.create_task(self._serve(mailbox))
            self._under_way[mailbox] = task
            task.add_done_callback(functools.partial(self._done, mailbox))

    def _due(self) -> Sequence[int]:
        now = self._clock.now()
        if self._store.look(functools.partial(webhook_outbox.due, limit=1, within=AHEAD)):
            return self._store.look(functools.partial(webhook_outbox.due, limit=MOST))
        self._quiet.begin(now)
        return ()

    async def _claim(self, mailboxes: Sequence[int]) -> Sequence[int]:
        return await self._writer.do(lambda tx: webhook_outbox.claim(tx, mailboxes, worker=self.worker))

    def _done(self, mailbox: int, _task: asyncio.Task[None]) -> None:
        self._under_way.pop(mailbox, None)
        # Nothing announced what was committed between its last look and the end of its lease.
        self._woken.set()

    async def _end(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(PostroomError):
            await self._writer.do(lambda tx: webhook_outbox.release_leases(tx, worker=self.worker))

    async def _serve(self, mailbox: int) -> None:
        """One turn of one mailbox. If it goes wrong it keeps the lease, which is the pause before the next try."""
        try:
            pause: Idle | None = None
            for _ in range(TURN):
                step = await asyncio.to_thread(
                    self._store.look, functools.partial(webhook_outbox.next_delivery, mailbox_id=mailbox)
                )
                if not isinstance(step, Delivery):
                    pause = step
                    break
                if not await self._tell(step) or self._stopping:
                    break
            await self._writer.do(lambda tx: webhook_outbox.rest(tx, mailbox, worker=self.worker, pause=pause))
        except PostroomError as error:
            log.warning("webhook interrupted; its lease will lapse", mailbox=mailbox, reason=str(error))
        except Exception:
            log.exception("webhook failed", mailbox=mailbox)

    async def _tell(self, delivery: Delivery) -> bool:
        """Whether the next one may go."""
        reply = await self._post(delivery)
        if reply.ok:
            return await self._writer.do(lambda tx: webhook_outbox.mark_delivered(tx, delivery, worker=self.worker))
        jitter = self._ctx.chance(20) / 2**20
        at = await self._writer.do(
            lambda tx: webhook_outbox.mark_failed(
                tx, delivery, worker=self.worker, reason=reply.reason, retry=reply.retry, jitter=jitter
            )
        )
        log.warning(
            "webhook not accepted", mailbox=delivery.address, webhook_id=delivery.id, reason=reply.reason,
            again_at=when(at),
        )  # fmt: skip
        return False

    async def _post(self, delivery: Delivery) -> WebhookResponse:
        try:
            about = f"webhook:{delivery.address}"
            secrets = [self._keyring.open(sealed, about=about).decode() for sealed in delivery.secrets]
            headers = signed_headers(event_id=delivery.id, at=self._clock.now(), body=delivery.body, secrets=secrets)
        except PostroomError as error:
            # A lost master key is the desk's trouble, not the receiver's: retried and shown like any other failure.
            return WebhookResponse(None, ok=False, retry=True, reason=str(error), elapsed_ms=0)
        return await self._hooks.post(
            url=delivery.url, body=delivery.body, headers=headers, timeout=delivery.timeout / SECOND
        )
