"""Notify people, many things in one message: what policy names is collected for a while and posted as one digest.

Trouble with one channel affects no other: posts are bounded, failures are retried a minute later with whatever has been
added since, and nothing that sends mail ever waits for a chat server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from core.db.due import Quiet
from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import DAY, MINUTE
from core.errors import PostroomError
from core.model import Clock
from core.services.notify import notification_outbox
from core.services.notify.apprise_client import PUBLIC, AppriseClient, Reach, Result, digest, worst
from core.services.notify.notification_outbox import Batch, Message, Position

POLL: Final = 1.0
TRY_AGAIN: Final = MINUTE
GIVE_UP: Final = DAY
KEEP: Final = MINUTE
"""How often the cursors are written while there is nothing to say."""
MOST: Final = 5_000
"""Notices in one digest; the rest go into the next one."""

log = structlog.get_logger("notify")


class NotificationWorker:
    """The notifier of one gateway; several agree through the database on which one speaks. `worker` identifies each.

    `console` is the command that opens this desk.
    """

    def __init__(
        self, *, store: Store, writer: Writer, clock: Clock, worker: int, reach: Reach = PUBLIC, console: str = ""
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._worker = worker
        self._reach = reach
        self._console = console
        self._channels: tuple[tuple[str, ...], AppriseClient] = ((), AppriseClient(()))
        self._base: Position | None = None
        self._read = Position(0, 0)
        self._quiet = Quiet(store)
        self._told: list[Message] = []
        self._not_before = 0
        self._kept_at = 0

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self.look()
            except PostroomError as error:
                log.warning("notifications are delayed", reason=str(error))
            except Exception:
                log.exception("notifications are delayed")
            await asyncio.sleep(POLL)

    async def look(self) -> tuple[Result, ...]:
        """Read once, and post if a digest is due; returns what became of it on each channel."""
        if not self._told and self._quiet.lasts():
            return ()
        looked = self._clock.now()
        found = await asyncio.to_thread(self._store.look, self._collect)
        if found is None:
            await self._writer.do(notification_outbox.begin)
            return ()
        base, heard = found
        if base != self._base:
            self._base, self._read, self._told = base, base, []
        more = heard.place.events != self._read.events
        if len(self._told) < MOST:
            self._read = heard.place
            self._told += heard.messages
        now = self._clock.now()
        if not self._told or not heard.urls:
            await self._keep(base, now)
            if not more:  # a full batch is followed by the next one
                self._quiet.begin(looked)
            return ()
        if now < max(self._not_before, min(one.at for one in self._told) + heard.digest):
            return ()
        return await self._speak(base, heard, now=now)

    def _collect(self, tx: Transaction) -> tuple[Position, Batch] | None:
        base = notification_outbox.place(tx)
        if base is None:
            return None
        # Another base than before: at start, or after another gateway has posted.
        after = self._read if base == self._base else base
        return base, notification_outbox.collect(tx, after=after)

    async def _keep(self, base: Position, now: int) -> None:
        """Nothing to say: let a restart begin near the end of the log, for one small write a minute."""
        self._told = []
        if self._read.events != base.events and now >= self._kept_at + KEEP:
            to, self._kept_at = self._read, now
            await self._writer.do(lambda tx: notification_outbox.move(tx, base, to))

    async def _speak(self, base: Position, heard: Batch, *, now: int) -> tuple[Result, ...]:
        if not await self._writer.do(lambda tx: notification_outbox.claim(tx, base, worker=self._worker)):
            return ()
        notices = [one.notice for one in self._told]
        title, body = digest(notices, console=self._console)
        results = await (await self._open(heard.urls)).post(title, body, worst(notices))
        for result in results:
            if not result.ok:
                log.warning("notification not delivered", channel=result.url, reason=result.reason)
        oldest = min(one.at for one in self._told)
        if any(result.ok for result in results) or now >= oldest + GIVE_UP:
            to = self._read
            await self._writer.do(lambda tx: notification_outbox.move(tx, base, to))
        else:
            self._not_before = now + TRY_AGAIN
            await self._writer.do(lambda tx: notification_outbox.release(tx, worker=self._worker))
        return results

    async def _open(self, urls: tuple[str, ...]) -> AppriseClient:
        known, notices = self._channels
        if known != urls:
            notices = await _channels(urls, self._reach)
            self._channels = (urls, notices)
        return notices


async def _channels(urls: Sequence[str], reach: Reach) -> AppriseClient:
    return await asyncio.to_thread(
        AppriseClient, urls, reach=reach
    )  # the first one loads Apprise's plug-ins, most of a second
