"""Received mail over HTTP: the raw message from a mail server's pipe or a program, or a post from a provider.

A provider's post is authenticated like its feedback; `/inbound/raw` needs a token of its own and is not served on the
public listener.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.schemas.responses import HandedAnswer
from core.errors import Invalid, NotFound, TooLarge, Unauthenticated, Unavailable, UnsupportedMedia
from core.rules.inbound.message import MAX_BYTES
from core.rules.providers import Forged, Provider, payload, registry
from core.services.feedback.fetching import Fetch, fetch
from core.services.receiving import outside_scorer, sender_proof
from core.services.receiving.intake import Intake
from core.services.receiving.provider_mail import MAX_RECIPIENTS, ProviderMail
from core.services.receiving.receive import Receipt
from core.settings import Settings

WRONG: Final = "this is not signed by whom it should be, or nobody set that up here"
NOBODY: Final = "no mailbox of this desk has one of these addresses; posting it again changes nothing"


class InboundRoutes:
    """/inbound/raw."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._token = settings.inbound.raw_token
        self._intake = Intake(
            store=desk.store, writer=desk.writer, ctx=desk.ctx, settings=settings.inbound, pool=desk.composers,
            proof=sender_proof.configured(settings.inbound), scorer=outside_scorer.configured(settings.inbound),
        )  # fmt: skip
        self.router = APIRouter(tags=["inbox"])
        self._routes()

    async def _raw(
        self,
        request: Request,
        recipient: Annotated[list[str] | None, Query(max_length=MAX_RECIPIENTS)] = None,
        sender: str | None = None,
    ) -> Response:
        """Hand over a message as it was received; answered after it is stored, for each recipient.

        Without `recipient` the message's Delivered-To or X-Original-To names them. `sender` is the envelope's.
        """
        bearer = request.headers.get("authorization", "").partition(" ")[2].strip()
        if self._token is None or not payload.same(bearer, self._token.get_secret_value()):
            raise Unauthenticated(
                "the token does not match", fix="send inbound.raw_token of postroom.toml as a bearer token"
            )
        raw = await _bounded(request, MAX_BYTES)
        if not raw.strip():
            raise Invalid("the body is empty", fix="post the message itself, as message/rfc822")
        mail = await self._intake.read(raw, source="raw")
        wanted = recipient or list(mail.named)
        if not wanted:
            raise Invalid(
                "no recipient is named", fix="add ?recipient=ADDRESS", problems=(("recipient", "is missing"),)
            )
        receipts = await self._intake.take_read(
            mail, raw=raw, sender=mail.returned_to if sender is None else sender, recipients=wanted, source="raw"
        )
        if Receipt.OVER_QUOTA in receipts:
            raise Unavailable("a mailbox is over its quota; hand the message over again later", retry_after=600)
        if not any(one.taken for one in receipts):
            raise NotFound("no mailbox of this desk has one of these addresses")
        return answer_json(200, _listed(list(zip(wanted, receipts, strict=True))))

    def _routes(self) -> None:
        body: dict[str, Any] = {
            "requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}},
            "security": [],
        }
        handed: dict[int | str, dict[str, Any]] = {200: {"model": HandedAnswer}}
        self.router.add_api_route(
            "/inbound/raw", self._raw, methods=["POST"], openapi_extra=body,
            responses=handed | errors(401, 404, 413, 422, 503),
        )  # fmt: skip


class ProviderInbound:
    """The routes under /inbound/ of providers, which face the internet. `fetch` downloads from a provider's URL."""

    def __init__(self, desk: ApiContext, settings: Settings, *, fetch: Fetch = fetch) -> None:
        intake = Intake(
            store=desk.store, writer=desk.writer, ctx=desk.ctx, settings=settings.inbound, pool=desk.composers,
            proof=sender_proof.configured(settings.inbound), scorer=outside_scorer.configured(settings.inbound),
        )  # fmt: skip
        self._mail = ProviderMail(
            intake=intake, writer=desk.writer, clock=desk.store.clock, configured=settings.feedback, fetch=fetch
        )
        self.router = APIRouter(tags=["inbox"])
        for provider in registry.PROVIDERS.values():
            content: dict[str, Any] = {kind: {"schema": {}} for kind in sorted(provider.inbound.media)}
            for path in provider.inbound.paths:
                self.router.add_api_route(
                    f"/inbound/{provider.name}{path}", self._handler(provider), methods=["POST"],
                    name=f"inbound {provider.name}{path}",
                    openapi_extra={"requestBody": {"required": True, "content": content}, "security": []},
                    responses=errors(401, 413, 415, 422, 503) | {200: {"model": HandedAnswer}},
                )  # fmt: skip

    def _handler(self, provider: Provider[Any]) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            return await self._post(provider, request)

        handler.__name__ = f"inbound_{provider.name}"
        handler.__doc__ = f"Received mail, as {provider.title} posts it; stored before the answer."
        return handler

    async def _post(self, provider: Provider[Any], request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in provider.inbound.media:
            wanted = " or ".join(sorted(provider.inbound.media))
            raise UnsupportedMedia(f"{provider.title} posts {wanted}", fix=f"postroom docs {provider.name}")
        headers = {name.lower(): value for name, value in request.headers.items()}
        outcome = await self._mail.take(provider, headers, lambda: _bounded(request, provider.inbound.most))
        if isinstance(outcome, Forged):
            own = f"the secret under [feedback.{provider.name}] in postroom.toml must be the provider's own"
            raise Unauthenticated(WRONG, fix=outcome.fix or f"{own}: postroom docs {provider.name}")
        answer = _listed(outcome.receipts)
        if outcome.receipts and not any(receipt.taken for _, receipt in outcome.receipts):
            answer["reason"] = NOBODY
        return answer_json(200, answer | ({"confirmed": outcome.confirmed} if outcome.confirmed else {}))


def _listed(receipts: Sequence[tuple[str, Receipt]]) -> dict[str, Any]:
    return {"recipients": [{"address": address, "status": one.value} for address, one in receipts]}


async def _bounded(request: Request, most: int) -> bytes:
    """The body. Raises `TooLarge`."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most:
            raise TooLarge(f"it is larger than {most >> 20} MiB")
    return bytes(found)
