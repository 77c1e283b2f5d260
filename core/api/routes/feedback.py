"""Feedback from receivers: webhooks of providers, and raw reports piped in by a mail server.

A webhook is authenticated by its signature, which then covers everything in it. A raw report is matched by the signed
IDs that it carries, and its route still asks for a token; `feedback.report_open` opens it to everyone. Unsigned or
forged feedback is answered 401 without a reason, logged and counted separately, and changes nothing. A webhook whose
proof cannot be fetched now is answered 202 and kept. Each event is ingested once, however often it arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.schemas.responses import KeptAnswer, ReportAnswer, TakenAnswer
from core.durations import stamp
from core.errors import TooLarge, Unauthenticated
from core.rules import reports
from core.rules.providers import Forged, Provider, Webhook, payload, registry
from core.services.feedback import ingest
from core.services.feedback.fetching import Fetch, fetch
from core.services.feedback.provider_webhooks import Later, ProviderWebhooks, Taken
from core.settings import Settings

REPORT_BYTES: Final = 1 << 20
"""Bytes of a report that are read and kept in memory; the returned original behind them adds nothing."""
READERS: Final = 2
"""Reports parsed at once: parsing costs CPU time, and anybody may send one."""
WRONG: Final = "this is not signed by whom it should be, or nobody set that up here"


class Feedback:
    """The routes under /feedback/, one for each provider. `fetch` downloads from a provider's URL."""

    def __init__(self, desk: ApiContext, settings: Settings, *, fetch: Fetch = fetch) -> None:
        self._desk = desk
        self._set_up = settings.feedback
        self._webhooks = ProviderWebhooks(
            store=desk.store, writer=desk.writer, clock=desk.store.clock, configured=settings.feedback, fetch=fetch
        )
        self._reading = asyncio.Semaphore(READERS)
        self.router = APIRouter(tags=["feedback"])
        self._routes()

    # --- providers ---

    async def _webhook(self, provider: Provider[Any], request: Request) -> Response:
        webhook = Webhook(await _bounded(request), {name.lower(): value for name, value in request.headers.items()})
        match await self._webhooks.take(provider, webhook):
            case Forged(fix=fix):
                own = f"the secret under [feedback.{provider.name}] in postroom.toml must be the provider's own"
                raise Unauthenticated(WRONG, fix=fix or f"{own}: postroom docs {provider.name}")
            case Later(until):
                return answer_json(202, {"events": 0, "matched": 0, "fresh": 0, "kept_until": stamp(until)})
            case Taken(absorbed, confirmed):
                figures = {
                    "events": len(absorbed),
                    "matched": sum(one.matched for one in absorbed),
                    "fresh": sum(one.fresh for one in absorbed),
                }
                return answer_json(200, figures | ({"confirmed": confirmed} if confirmed else {}))

    # --- raw reports ---

    async def _report(self, request: Request) -> Response:
        """A raw bounce or complaint, as a mail server pipes it; answers what was understood."""
        raw, digest = await _head(request, REPORT_BYTES)
        if not self._set_up.report_open:
            token = self._set_up.report_token
            bearer = request.headers.get("authorization", "").partition(" ")[2].strip()
            if token is None:
                await self._refuse("no report token is configured", raw)
            if not payload.same(bearer, token.get_secret_value()):
                await self._refuse("the token does not match", raw)
        async with self._reading:
            report = await asyncio.to_thread(reports.read, raw)
        keyring = self._desk.ctx.keyring
        results = await self._desk.writer.do(
            lambda tx: ingest.absorb_report(tx, report, source="report", keyring=keyring, digest=digest)
        )
        outcome = {"matched": results.matched, "fresh": results.fresh, "reason": results.reason}
        return answer_json(200, report.as_json() | outcome)

    # --- helpers ---

    async def _refuse(self, reason: str, body: bytes) -> NoReturn:
        """Log the reason for the desk; tell the sender only that it was refused. Raises `Unauthenticated`."""
        digest = hashlib.sha256(body).hexdigest()
        await self._desk.writer.do(
            lambda tx: ingest.unverified(tx, source="report", kind="webhook", reason=reason, digest=digest)
        )
        raise Unauthenticated(
            WRONG,
            fix="send feedback.report_token of postroom.toml as a bearer token, or set feedback.report_open = true",
        )

    def _handler(self, provider: Provider[Any]) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            return await self._webhook(provider, request)

        handler.__name__ = provider.name
        handler.__doc__ = f"{provider.title}'s webhook."
        return handler

    def _routes(self) -> None:
        open_ = {"security": list[Any]()}
        json_body = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}
        mail_body = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}
        for provider in registry.PROVIDERS.values():
            self.router.add_api_route(
                f"/feedback/{provider.name}", self._handler(provider), methods=["POST"],
                name=provider.name, openapi_extra=json_body | open_,
                responses=errors(401, 413, 422, 503)
                | {200: {"model": TakenAnswer}, 202: {"model": KeptAnswer, "description": "kept until it is proved"}},
            )  # fmt: skip
        self.router.add_api_route(
            "/feedback/report", self._report, methods=["POST"], openapi_extra=mail_body | open_,
            responses=errors(401, 413, 503) | {200: {"model": ReportAnswer}},
        )  # fmt: skip


async def _bounded(request: Request) -> bytes:
    """The body, up to the largest that any provider sends. Raises `TooLarge`."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > payload.MAX_BODY:
            raise TooLarge(f"the payload is larger than {payload.MAX_BODY:,} bytes")
    return bytes(found)


async def _head(request: Request, most: int) -> tuple[bytes, str]:
    """The first bytes of a body and the SHA-256 of all of it; a pipe must not fail because the original was large."""
    found, digest = bytearray(), hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
        if len(found) < most:
            found += chunk[: most - len(found)]
    return bytes(found), digest.hexdigest()
