"""Process providers' webhooks: verify, then ingest, refuse or store for later.

Both the HTTP routes and the worker that retries stored webhooks call this module, so a webhook goes through the same
steps whenever it can be verified. Events are ingested once, however often they arrive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import DAY
from core.errors import Invalid, Unavailable
from core.model import Clock
from core.rules.providers import Forged, Genuine, Provider, ProviderEvent, Unproven, Verdict, Webhook, registry
from core.services.feedback import fetching, ingest, kept_webhooks, webhook_proof
from core.services.feedback.fetching import Fetch
from core.services.feedback.ingest import FeedbackResult
from core.services.feedback.kept_webhooks import Kept
from core.services.feedback.webhook_proof import Reused, Verifier
from core.settings import Feedback

BATCH_SIZE: Final = 50
"""Events ingested in one transaction: a batch of a thousand must not hold up the gate."""
AT_ONCE: Final = 20
"""Stored webhooks verified in one round."""
REUSED: Final = "the token was used for another payload"

log = structlog.get_logger("feedback")


@dataclass(frozen=True, slots=True)
class Taken:
    """The webhook was genuine. `confirmed` names the subscription, if it asked to confirm one."""

    absorbed: Sequence[FeedbackResult]
    confirmed: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """The webhook is stored durably until it can be verified, at most until `until`."""

    until: int


Outcome = Taken | Later | Forged


class ProviderWebhooks:
    """Webhook processing, one instance for each process that accepts webhooks. `fetch` reads a provider's URL."""

    def __init__(
        self, *, store: Store, writer: Writer, clock: Clock, configured: Feedback, fetch: Fetch = fetching.fetch
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._configured = configured
        self._verifier = Verifier(clock=clock, fetch=fetch)

    async def take(self, provider: Provider[Any], webhook: Webhook) -> Outcome:
        """Process an incoming webhook. Raises `Invalid` for a genuine one of an unknown shape, `Unavailable`."""
        verdict = await self._judge(provider, webhook, now=self._clock.now())
        match verdict:
            case Genuine():
                return await self._absorb(provider, webhook, verdict)
            case Forged():
                return await self._refuse(provider, webhook, verdict)
            case Unproven():
                until = await self._writer.do(
                    lambda tx: kept_webhooks.keep(tx, source=provider.name, body=webhook.body)
                )
                log.warning("webhook cannot be verified now; kept for later", source=provider.name, address=verdict.url)
                return Later(until)

    async def take_kept(self) -> int:
        """Retry the stored webhooks that are due; return how many were settled, either way."""
        settled = 0
        with self._store.read() as conn:
            due = kept_webhooks.due(conn, now=self._clock.now(), limit=AT_ONCE)
        for kept in due:
            try:
                settled += await self._again(kept)
            except Unavailable:
                raise  # the database is down: the others would fail too
            except Exception:
                log.exception("kept webhook could not be processed", kept=kept.id)
                await self._postpone(kept)  # one bad row must not block those behind it
        return settled

    # --- helpers ---

    async def _again(self, kept: Kept) -> bool:
        provider, webhook = registry.PROVIDERS.get(kept.source), Webhook(kept.body)
        if provider is None:
            await self._writer.do(lambda tx: kept_webhooks.forget(tx, kept))
            return True
        # Judged as of its arrival: its timestamp was valid then, and the certificate is the one of that time.
        verdict = await self._judge(provider, webhook, now=kept.received_at)
        if isinstance(verdict, Unproven) and self._clock.now() < kept.until:
            await self._postpone(kept)
            return False
        if isinstance(verdict, Unproven):
            verdict = Forged(f"its certificate could not be fetched in {kept_webhooks.KEPT_FOR // DAY} days")
        if isinstance(verdict, Genuine):
            try:
                taken = await self._absorb(provider, webhook, verdict, kept=kept)
            except Invalid as error:
                verdict = Forged(f"it is genuine but malformed: {error.reason}")
            else:
                log.info("kept webhook verified", source=kept.source, genuine=isinstance(taken, Taken))
                return True
        await self._refuse(provider, webhook, verdict, kept=kept)
        return True

    async def _postpone(self, kept: Kept) -> None:
        await self._writer.do(lambda tx: kept_webhooks.postpone(tx, kept))

    async def _judge(self, provider: Provider[Any], webhook: Webhook, *, now: int) -> Verdict:
        return await self._verifier.judge(provider.verify, webhook, self._configured.of(provider), now=now)

    async def _absorb(
        self, provider: Provider[Any], webhook: Webhook, proof: Genuine, *, kept: Kept | None = None
    ) -> Taken | Forged:
        if proof.remark is not None:
            log.warning(proof.remark, source=provider.name)
        events = provider.read(webhook)
        batches = [events[start : start + BATCH_SIZE] for start in range(0, len(events), BATCH_SIZE)] or [()]
        results: list[FeedbackResult] = []
        for batch in batches:
            last = kept if batch is batches[-1] else None

            def verb(
                tx: Transaction, batch: Sequence[ProviderEvent] = batch, done: Kept | None = last
            ) -> list[FeedbackResult]:
                if proof.once is not None and batch:
                    webhook_proof.use(tx, proof.once, webhook.body)
                if done is not None:
                    kept_webhooks.forget(tx, done)
                return [ingest.absorb_provider(tx, event, source=provider.name) for event in batch]

            try:
                results += await self._writer.do(verb)
            except Reused:
                return await self._refuse(provider, webhook, Forged(REUSED), kept=kept)
        return Taken(results, confirmed=proof.confirm.subject if proof.confirm else None)

    async def _refuse(
        self, provider: Provider[Any], webhook: Webhook, forged: Forged, *, kept: Kept | None = None
    ) -> Forged:
        """Record why a webhook was refused, in the log and on the screens."""
        digest = hashlib.sha256(webhook.body).hexdigest()

        def verb(tx: Transaction) -> None:
            ingest.unverified(tx, source=provider.name, kind="webhook", reason=forged.reason, digest=digest)
            if kept is not None:
                kept_webhooks.forget(tx, kept)

        await self._writer.do(verb)
        return forged
