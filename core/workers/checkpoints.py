"""Signed checkpoints leave the desk: to a file, a webhook, people. Their holders can detect a rewritten log.

Destinations are in postroom.toml and not in the database, because whoever can write the database is the one it guards
against. A checkpoint that could not be delivered is retried every minute until a later one, which vouches for the same
entries, takes its place.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from core.db.writer import Writer
from core.durations import MICROS
from core.errors import PostroomError
from core.model import Clock
from core.security import encryption
from core.security.encryption import MasterKeys
from core.services.audit import checkpoints
from core.services.audit.checkpoints import Checkpoint
from core.services.notify.apprise_client import AppriseClient, masked
from core.services.notify.webhook_client import WebhookClient
from core.settings import Settings

LOOK: Final = 60.0
TIMEOUT: Final = 15.0
"""Seconds for one receiver."""

log = structlog.get_logger("checkpoints")

Deliver = Callable[[Checkpoint], Awaitable[str | None]]
"""Delivers a checkpoint; returns what went wrong, None for nothing."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a checkpoint at one place outside the desk. `place` is safe to display."""

    place: str
    ok: bool
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"place": self.place, "ok": self.ok, "reason": self.reason}


def places(settings: Settings, hooks: WebhookClient) -> dict[str, Deliver]:
    """Where this desk's checkpoints go, by a name that is safe to display."""
    destinations = settings.checkpoints
    found: dict[str, Deliver] = {}
    if destinations.file is not None:
        file = settings.dir / destinations.file
        found[f"file {file}"] = functools.partial(_append, file)
    if destinations.webhook is not None:
        found[f"webhook {destinations.webhook.partition('://')[2].partition('/')[0]}"] = functools.partial(
            _post, hooks, destinations.webhook
        )
    for number, url in enumerate(destinations.notify, start=1):
        found[f"notify {number} {masked(url)}"] = functools.partial(_notify, url)
    return found


async def send(made: Checkpoint, to: dict[str, Deliver]) -> tuple[Sent, ...]:
    """Deliver a checkpoint everywhere at once; trouble at one place does not affect the others."""
    reasons = await asyncio.gather(*(deliver(made) for deliver in to.values()))
    return tuple(Sent(place, reason is None, reason) for place, reason in zip(to, reasons, strict=True))


async def _append(file: Path, made: Checkpoint) -> str | None:
    try:
        await asyncio.to_thread(append, file, made)
    except OSError as error:
        return error.strerror or str(error)
    return None


def append(file: Path, made: Checkpoint) -> None:
    """Append one line, on disk before this returns. Raises `OSError`."""
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, f"{made.text()}\n".encode())
        os.fsync(opened)
    finally:
        os.close(opened)


async def _post(hooks: WebhookClient, url: str, made: Checkpoint) -> str | None:
    """It has no secret of its own: the signature in the checkpoint is the proof."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Postroom",
        "webhook-id": f"checkpoint_{made.seq}",
        "webhook-timestamp": str(made.at // MICROS),
    }
    reply = await hooks.post(url=url, body=made.text().encode(), headers=headers, timeout=TIMEOUT)
    return None if reply.ok else reply.reason


async def _notify(url: str, made: Checkpoint) -> str | None:
    channel = await asyncio.to_thread(AppriseClient, (url,), reach=None)
    (result,) = await channel.post(f"Postroom: checkpoint of the log, entry {made.seq}", made.text(), "info")
    return None if result.ok else result.reason or "it was not taken"


class Checkpoints:
    """The checkpoints of one gateway; with several gateways, one takes each and sends it."""

    def __init__(
        self, settings: Settings, *, writer: Writer, hooks: WebhookClient, keyring: MasterKeys, clock: Clock
    ) -> None:
        self._every = settings.checkpoints.interval
        self._places = places(settings, hooks)
        self._writer = writer
        self._keyring = keyring
        self._clock = clock
        self._owed: tuple[Checkpoint, tuple[str, ...]] | None = None

    async def run(self) -> None:
        """Runs until cancelled; returns at once where checkpoints are only taken by hand."""
        while self._every > 0:
            try:
                await self.look()
            except PostroomError as error:
                log.warning("no checkpoint for now", reason=str(error))
            except Exception:
                log.exception("no checkpoint for now")
            await self._clock.sleep(LOOK)

    async def look(self) -> Sequence[Sent]:
        """Take a checkpoint if one is due, and deliver what is owed; returns what became of that."""
        fresh = encryption.new_key_pair("ed25519")
        made = await self._writer.do(lambda tx: checkpoints.take_due(tx, self._keyring, fresh, every=self._every))
        if made is not None:
            self._owed = (made, tuple(self._places))
        if self._owed is None:
            return ()
        owed, names = self._owed
        results = await send(owed, {name: self._places[name] for name in names})
        left = tuple(one.place for one in results if not one.ok)
        self._owed = (owed, left) if left else None
        for one in results:
            if not one.ok:
                log.warning("a checkpoint was not taken", place=one.place, reason=one.reason)
        return results
