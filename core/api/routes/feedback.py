"""Where receivers' words come in: the webhooks of four providers, and raw reports from a mail server's pipe.

A webhook is believed by its signature and then about all it says; a raw report by the marks of ours that it carries,
and its door asks for a token all the same: `feedback.report_open` opens it to everybody. What is unsigned or forged is
answered 401 without saying why, told and counted apart, and moves nothing. Each event is absorbed once, however often
it comes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NoReturn

import httpx
import structlog
from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.schemas.responses import ReportAnswer, TakenAnswer
from core.db import feedback
from core.db.transaction import Transaction
from core.errors import Invalid, PostroomError, TooLarge, Unauthenticated, Unavailable
from core.rules import reports
from core.rules.providers import Forged, Genuine, Proof, ProviderEvent, mailgun, postmark, sendgrid, ses
from core.rules.providers import payload as provider_payload
from core.rules.providers.ses import Envelope
from core.services.feedback import ingest
from core.services.feedback.ingest import Absorbed
from core.settings import Feedback as Configured
from core.settings import Settings

log = structlog.get_logger("feedback")

REPORT_BYTES: Final = 1 << 20
"""What of a report is read and kept in memory; a returned original behind it says nothing more."""
READERS: Final = 2
"""Reports read at once: reading costs processor time, and anybody may send one."""
BATCH_SIZE: Final = 50
"""Events absorbed in one transaction: a batch of a thousand must not hold up the gate."""

LEGACY: Final = (
    "this is one of Mailgun's legacy webhooks, from before 2018: delete it and add the URL under Sending > Webhooks, "
    "which posts JSON"
)
FETCHED: Final = 64 * 1024
FETCH_TIMEOUT: Final = 5.0
CERTIFICATES: Final = 16

Fetch = Callable[[str], Awaitable[bytes]]


class Reused(PostroomError):
    """A proof that is good for one payload came again over another."""


async def fetch(url: str) -> bytes:
    """The body behind an HTTPS address that was judged before, and behind no other: no redirect, no proxy.

    At most 64 KiB, within five seconds. Raises `Unavailable`, so that SNS asks again.
    """
    try:
        async with (
            asyncio.timeout(FETCH_TIMEOUT),
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=FETCH_TIMEOUT) as client,
            client.stream("GET", url) as answer,
        ):
            found = b""
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > FETCHED:
                    raise Unavailable("Amazon answered with more than a certificate holds")
            if answer.status_code != 200:
                raise Unavailable(f"Amazon answered {answer.status_code}")
            return found
    except (httpx.HTTPError, TimeoutError) as error:
        raise Unavailable("Amazon does not answer, so the notification cannot be verified", retry_after=30) from error


class Feedback:
    """The routes under /feedback/. `fetch` gets what lies at an address of Amazon's."""

    def __init__(self, desk: ApiContext, settings: Settings, *, fetch: Fetch = fetch) -> None:
        self._desk = desk
        self._set_up: Configured = settings.feedback
        self._fetch = fetch
        self._certificates: OrderedDict[str, bytes] = OrderedDict()
        self._fetching = asyncio.Lock()
        self._reading = asyncio.Semaphore(READERS)
        self.router = APIRouter(tags=["feedback"])
        self._routes()

    # --- providers ---

    async def _ses(self, request: Request) -> Response:
        """Amazon SES through SNS; a subscription to one of our topics is confirmed."""
        body = await _bounded(request)
        topics = self._set_up.ses.topics
        now = self._desk.store.clock.now()
        try:
            envelope = ses.read(body)
        except Invalid as error:
            await self._refuse("ses", error.reason, body)
        url = ses.certificate_url(envelope, topics=topics, now=now)
        if isinstance(url, Forged):
            await self._refuse("ses", url.reason, body)
        pem = await self._certificate(url)
        await self._demand("ses", ses.verify(envelope, certificate_pem=pem, topics=topics, now=now), body)
        return await self._notified(envelope, body)

    async def _notified(self, envelope: Envelope, body: bytes) -> Response:
        match envelope.type:
            case "SubscriptionConfirmation":
                url = ses.subscribe_url(envelope, topics=self._set_up.ses.topics)
                if isinstance(url, Forged):
                    await self._refuse("ses", url.reason, body)
                await self._fetch(url)
                log.info("subscription confirmed", topic=envelope.topic)
                return _taken([], confirmed=envelope.topic)
            case "Notification":
                return await self._absorb("ses", ses.events(envelope.message))
            case _:
                log.warning("topic unsubscribed", topic=envelope.topic)
                return _taken([])

    async def _certificate(self, url: str) -> bytes:
        """Fetched once; who floods us with notifications must not have us flood Amazon."""
        async with self._fetching:
            found = self._certificates.get(url)
            if found is None:
                found = self._certificates[url] = await self._fetch(url)
                if len(self._certificates) > CERTIFICATES:
                    self._certificates.popitem(last=False)
            self._certificates.move_to_end(url)
            return found

    async def _sendgrid(self, request: Request) -> Response:
        """SendGrid's signed event webhook."""
        body = await _bounded(request)
        proof = sendgrid.verify(
            body,
            signature=request.headers.get(sendgrid.SIGNATURE_HEADER),
            timestamp=request.headers.get(sendgrid.TIMESTAMP_HEADER),
            public_key=self._set_up.sendgrid.public_key or "",
            now=self._desk.store.clock.now(),
        )
        await self._demand("sendgrid", proof, body)
        return await self._absorb("sendgrid", sendgrid.events(provider_payload.parse(body)))

    async def _mailgun(self, request: Request) -> Response:
        """Mailgun's webhook; its signature covers a token alone, which is good for one payload."""
        body = await _bounded(request)
        key = self._set_up.mailgun.signing_key
        if mailgun.legacy(request.headers.get("content-type")):
            await self._refuse("mailgun", "a legacy webhook: it posts a form and not JSON", body, fix=LEGACY)
        try:
            payload = provider_payload.parse(body)
        except Invalid as error:
            await self._refuse("mailgun", error.reason, body)
        now = self._desk.store.clock.now()
        proof = mailgun.verify(payload, signing_key=key.get_secret_value() if key else "", now=now)
        once = await self._demand("mailgun", proof, body)
        try:
            return await self._absorb("mailgun", mailgun.events(payload), once=once, payload=body)
        except Reused:
            await self._refuse("mailgun", "the token was used for another payload", body)

    async def _postmark(self, request: Request) -> Response:
        """Postmark's webhook, by basic auth or by X-Postroom-Token."""
        body = await _bounded(request)
        mine = self._set_up.postmark
        ways: list[postmark.Basic | postmark.Token] = []
        if mine.password is not None:
            ways.append(postmark.Basic(mine.username or "", mine.password.get_secret_value()))
        if mine.token is not None:
            ways.append(postmark.Token(mine.token.get_secret_value()))
        authorization, token = request.headers.get("authorization"), request.headers.get(postmark.TOKEN_HEADER)
        proofs = [postmark.verify(way, authorization=authorization, token=token) for way in ways]
        proof = next((one for one in proofs if isinstance(one, Genuine)), Forged("the credentials do not match"))
        await self._demand("postmark", proof if ways else Forged("nothing is configured"), body)
        return await self._absorb("postmark", postmark.events(provider_payload.parse(body)))

    # --- raw reports ---

    async def _report(self, request: Request) -> Response:
        """A raw bounce or complaint, as a mail server pipes it; answers what was understood."""
        raw, digest = await _head(request, REPORT_BYTES)
        if not self._set_up.report_open:
            token = self._set_up.report_token
            given = request.headers.get("authorization", "").partition(" ")[2].strip()
            if token is None:
                await self._refuse("report", "no report token is configured", raw)
            if not provider_payload.same(given, token.get_secret_value()):
                await self._refuse("report", "the token does not match", raw)
        async with self._reading:
            report = await asyncio.to_thread(reports.read, raw)
        keyring = self._desk.house.keyring
        told = await self._desk.writer.do(
            lambda tx: ingest.absorb_report(tx, report, source="report", keyring=keyring, digest=digest)
        )
        outcome = {"matched": told.matched, "fresh": told.fresh, "reason": told.reason}
        return answer_json(200, report.as_json() | outcome)

    # --- how ---

    async def _demand(self, source: str, proof: Proof, body: bytes) -> str | None:
        """Go on only with what is genuine; returns the name of a proof that is good once."""
        if isinstance(proof, Forged):
            await self._refuse(source, proof.reason, body)
        return proof.once

    async def _refuse(self, source: str, reason: str, body: bytes, *, fix: str | None = None) -> NoReturn:
        """Tell the desk why, the sender only that. Raises `Unauthenticated`."""
        digest = hashlib.sha256(body).hexdigest()
        await self._desk.writer.do(
            lambda tx: ingest.unverified(tx, source=source, kind="webhook", reason=reason, digest=digest)
        )
        raise Unauthenticated(
            "this is not signed by whom it should be, or nobody set that up here",
            fix=fix or f"the secret under [feedback.{source}] in postroom.toml must be the provider's own"
            if source != "report" or fix
            else "send feedback.report_token of postroom.toml as a bearer token, or set feedback.report_open = true",
        )

    async def _absorb(
        self, source: str, events: Sequence[ProviderEvent], *, once: str | None = None, payload: bytes = b""
    ) -> Response:
        told: list[Absorbed] = []
        for start in range(0, len(events), BATCH_SIZE):
            hand = events[start : start + BATCH_SIZE]

            def verb(tx: Transaction, hand: Sequence[ProviderEvent] = hand) -> list[Absorbed]:
                if once is not None:
                    _use(tx, once, payload)
                return [ingest.absorb_provider(tx, event, source=source) for event in hand]

            told += await self._desk.writer.do(verb)
        return _taken(told)

    def _routes(self) -> None:
        open_ = {"security": list[Any]()}
        json_body = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
        mail_body = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}
        for name, handler in (
            ("ses", self._ses),
            ("sendgrid", self._sendgrid),
            ("mailgun", self._mailgun),
            ("postmark", self._postmark),
        ):
            self.router.add_api_route(
                f"/feedback/{name}", handler, methods=["POST"], openapi_extra=json_body | open_,
                responses=errors(401, 413, 422, 503) | {200: {"model": TakenAnswer}},
            )  # fmt: skip
        self.router.add_api_route(
            "/feedback/report", self._report, methods=["POST"], openapi_extra=mail_body | open_,
            responses=errors(401, 413, 503) | {200: {"model": ReportAnswer}},
        )  # fmt: skip


def _use(tx: Transaction, once: str, payload: bytes) -> None:
    """Tie a proof to its payload for as long as feedback is remembered. Raises `Reused`, which keeps nothing."""
    tied = f"{once}:{hashlib.sha256(payload).hexdigest()[:40]}"
    if feedback.first_time(tx, tied) and not feedback.first_time(tx, once):
        raise Reused("a proof came again over another payload")


def _taken(told: Sequence[Absorbed], **more: str) -> Response:
    figures = {
        "events": len(told),
        "matched": sum(one.matched for one in told),
        "fresh": sum(one.fresh for one in told),
    }
    return answer_json(200, figures | more)


async def _bounded(request: Request) -> bytes:
    """The body, up to what any provider sends. Raises `TooLarge`."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > provider_payload.MAX_BODY:
            raise TooLarge(f"the payload is larger than {provider_payload.MAX_BODY:,} bytes")
    return bytes(found)


async def _head(request: Request, most: int) -> tuple[bytes, str]:
    """The first bytes of a body and the SHA-256 of all of it; a pipe must not fail because the original was large."""
    found, digest = bytearray(), hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
        if len(found) < most:
            found += chunk[: most - len(found)]
    return bytes(found), digest.hexdigest()
