"""Where signed checkpoints go outside the desk: a file, a webhook, people.

Destinations are in postroom.toml and not in the database, because whoever can write the database is the one it guards
against.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.durations import MICROS
from core.security.files import append_line
from core.services.audit.checkpoints import Checkpoint
from core.services.notify.apprise_client import AppriseClient, masked
from core.services.notify.webhook_client import WebhookClient
from core.settings import Settings

TIMEOUT: Final = 15.0
"""Seconds for one receiver."""

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
        await asyncio.to_thread(append_line, file, made.text())
    except OSError as error:
        return error.strerror or str(error)
    return None


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


def send_all(made: Checkpoint, settings: Settings) -> tuple[Sent, ...]:
    """Deliver a checkpoint everywhere, with a client of its own; blocks until that is done."""

    async def sent() -> tuple[Sent, ...]:
        hooks = WebhookClient(allow=settings.webhooks.allow)
        try:
            return await send(made, places(settings, hooks))
        finally:
            await hooks.close()

    return asyncio.run(sent())
