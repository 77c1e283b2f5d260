"""Retries webhooks that could not be verified when they arrived, until what verifies them can be fetched."""

from __future__ import annotations

from typing import Final

import structlog

from core.errors import PostroomError
from core.model import Clock
from core.services.feedback.provider_webhooks import ProviderWebhooks

log = structlog.get_logger("feedback")

EVERY: Final = 30.0


class KeptFeedback:
    """One loop per gateway; two may look at the same webhook, and its events count once."""

    def __init__(self, webhooks: ProviderWebhooks, *, clock: Clock) -> None:
        self._webhooks = webhooks
        self._clock = clock

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            settled = 0
            try:
                settled = await self._webhooks.take_kept()
            except PostroomError as error:
                log.warning("kept webhooks not processed", reason=str(error))
            except Exception:
                log.exception("kept webhooks not processed")
            if not settled:
                await self._clock.sleep(EVERY)
