"""Verify that a provider sent a request: fetch what its proof needs, confirm the subscription that it asks for."""

from __future__ import annotations

import hashlib
from typing import Any

import structlog

from core.db import feedback
from core.db.transaction import Transaction
from core.errors import PostroomError, Unavailable
from core.model import Clock
from core.rules.providers import Forged, Genuine, Unproven, Verdict, Webhook
from core.rules.providers.provider import Verify
from core.services.feedback.fetching import Absent, Fetch, Fetcher

log = structlog.get_logger("feedback")


class Reused(PostroomError):
    """A proof that is valid for one payload arrived again with another."""


class Verifier:
    """Verification for one process; certificates are fetched once. `fetch` reads a provider's URL."""

    def __init__(self, *, clock: Clock, fetch: Fetch) -> None:
        self._fetcher = Fetcher(clock=clock, fetch=fetch)

    async def judge(self, verify: Verify[Any], webhook: Webhook, settings: Any, *, now: int) -> Verdict:
        """Return the provider's verdict. `Unproven`: what decides cannot be fetched now."""
        verdict = verify(webhook, settings, now=now, fetched={})
        try:
            if isinstance(verdict, Unproven):
                found = {verdict.url: await self._fetcher.certificate(verdict.url)}
                verdict = verify(webhook, settings, now=now, fetched=found)
        except Unavailable:
            return verdict
        except Absent as error:
            return Forged(f"there is no certificate: {error}")
        if isinstance(verdict, Genuine) and verdict.confirm is not None:
            try:
                await self._fetcher.once(verdict.confirm.url)
            except (Unavailable, Absent) as error:
                log.warning("a subscription was not confirmed", topic=verdict.confirm.subject, reason=str(error))
                return Unproven(verdict.confirm.url)
            log.info("subscription confirmed", topic=verdict.confirm.subject)
        return verdict


def use(tx: Transaction, once: str, payload: bytes) -> None:
    """Bind a proof to its payload for as long as feedback is remembered. Raises `Reused`, which rolls back."""
    tied = f"{once}:{hashlib.sha256(payload).hexdigest()[:40]}"
    if feedback.first_time(tx, tied) and not feedback.first_time(tx, once):
        raise Reused("signature was used again for another payload")
