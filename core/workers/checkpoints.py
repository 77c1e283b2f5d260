"""Signed checkpoints leave the desk: to a file, a webhook, people. Their holders can detect a rewritten log.

A checkpoint that could not be delivered is retried every minute until a later one, which vouches for the same
entries, takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from core.db.writer import Writer
from core.errors import PostroomError
from core.model import Clock
from core.security import encryption
from core.security.encryption import MasterKeys
from core.services.audit import checkpoints
from core.services.audit.checkpoint_targets import Sent, places, send
from core.services.audit.checkpoints import Checkpoint
from core.services.notify.webhook_client import WebhookClient
from core.settings import Settings

LOOK: Final = 60.0
log = structlog.get_logger("checkpoints")


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
