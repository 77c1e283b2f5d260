"""Take received mail that a provider posts: authenticate the post, then store the message like any other.

After a 4xx a provider gives up, or repeats for hours what can never succeed. So mail for unknown recipients is answered
200 with the reason, and what may succeed later (a full mailbox, a certificate that cannot be fetched) is 503.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import Invalid, TooLarge, Unavailable
from core.model import Clock
from core.rules.inbound.message import MAX_BYTES
from core.rules.providers import Forged, PostedMail, Provider, Unproven, Verdict, Webhook
from core.services.feedback import fetching, ingest, webhook_proof
from core.services.feedback.fetching import Fetch
from core.services.feedback.webhook_proof import Reused, Verifier
from core.services.receiving.intake import Intake
from core.services.receiving.receive import Receipt
from core.settings import Feedback

MAX_RECIPIENTS: Final = 200
AGAIN: Final = 600
"""Seconds after which a full mailbox is tried again."""

log = structlog.get_logger("receiving")


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a message for each recipient; none if it was no mail. `confirmed` names a subscription."""

    receipts: Sequence[tuple[str, Receipt]] = ()
    confirmed: str | None = None


class ProviderMail:
    """Received mail from providers, for one gateway. `fetch` reads a provider's URL."""

    def __init__(
        self, *, intake: Intake, writer: Writer, clock: Clock, configured: Feedback, fetch: Fetch = fetching.fetch
    ) -> None:
        self._intake = intake
        self._writer = writer
        self._clock = clock
        self._configured = configured
        self._verifier = Verifier(clock=clock, fetch=fetch)

    async def take(
        self, provider: Provider[Any], headers: Mapping[str, str], body: Callable[[], Awaitable[bytes]]
    ) -> Posted | Forged:
        """Verify and store a posted message. `body` reads the request's body.

        Raises `Invalid` for a genuine one of an unknown shape, `TooLarge`, `Unavailable`.
        """
        inbound = provider.inbound
        if inbound.early:
            verdict = await self._judge(provider, Webhook(b"", headers))
            if isinstance(verdict, Forged):
                return await self._refuse(provider, verdict, body=None)
        webhook = Webhook(await body(), headers)
        verdict = await self._judge(provider, webhook)
        if isinstance(verdict, Forged):
            return await self._refuse(provider, verdict, body=webhook.body)
        if isinstance(verdict, Unproven):
            raise Unavailable("the certificate that this is verified with cannot be fetched now", retry_after=60)
        if verdict.remark is not None:
            log.warning(verdict.remark, source=provider.name)
        posted = await asyncio.to_thread(inbound.read, webhook)
        if posted is None:
            return Posted(confirmed=verdict.confirm.subject if verdict.confirm else None)
        try:
            return Posted(await self._store(provider, posted, once=verdict.once))
        except Reused as error:
            return await self._refuse(provider, Forged(str(error)), body=webhook.body)

    async def _judge(self, provider: Provider[Any], webhook: Webhook) -> Verdict:
        settings = self._configured.of(provider)
        return await self._verifier.judge(provider.inbound.verify, webhook, settings, now=self._clock.now())

    async def _store(
        self, provider: Provider[Any], posted: PostedMail, *, once: str | None
    ) -> list[tuple[str, Receipt]]:
        if not posted.raw.strip():
            raise Invalid("the message is empty")
        if not posted.recipients:
            raise Invalid("no recipient is named")
        if len(posted.raw) > MAX_BYTES:
            raise TooLarge(f"the message is larger than {MAX_BYTES >> 20} MiB")
        wanted = list(dict.fromkeys(posted.recipients))[:MAX_RECIPIENTS]
        mail = await self._intake.read(posted.raw, source=provider.name)
        # The form around a message differs from attempt to attempt, so the message is what the proof is bound to.
        bound = "\n".join([mail.digest, *wanted]).encode("utf-8", "replace")
        receipts = await self._intake.take_read(
            mail,
            raw=posted.raw,
            sender=mail.returned_to if posted.sender is None else posted.sender.strip("<>"),
            recipients=wanted,
            source=provider.name,
            first=None if once is None else functools.partial(webhook_proof.use, once=once, payload=bound),
        )
        if Receipt.OVER_QUOTA in receipts:
            raise Unavailable("a mailbox is over its quota; post the message again later", retry_after=AGAIN)
        return list(zip(wanted, receipts, strict=True))

    async def _refuse(self, provider: Provider[Any], forged: Forged, *, body: bytes | None) -> Forged:
        """Record why a post was refused, in the log and on the screens."""
        digest = None if body is None else hashlib.sha256(body).hexdigest()

        def verb(tx: Transaction) -> None:
            ingest.unverified(tx, source=provider.name, kind="mail", reason=forged.reason, digest=digest)

        await self._writer.do(verb)
        return forged
