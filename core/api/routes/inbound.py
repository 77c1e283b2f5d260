"""Received mail over HTTP: the raw message, as a mail server's pipe or a program posts it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.schemas.responses import HandedAnswer
from core.errors import Invalid, NotFound, TooLarge, Unauthenticated, Unavailable
from core.rules.inbound.message import MAX_BYTES
from core.rules.providers import payload
from core.services.receiving.intake import Intake
from core.services.receiving.receive import Receipt
from core.settings import Settings

MAX_RECIPIENTS: Final = 200


class InboundRoutes:
    """The route under /inbound/."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._token = settings.inbound.raw_token
        self._intake = Intake(
            store=desk.store, writer=desk.writer, ctx=desk.ctx, settings=settings.inbound, pool=desk.composers
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
        raw = await _bounded(request)
        if not raw.strip():
            raise Invalid("the body is empty", fix="post the message itself, as message/rfc822")
        mail = await self._intake.read(raw)
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
        listed = [{"address": to, "status": one.value} for to, one in zip(wanted, receipts, strict=True)]
        return answer_json(200, {"recipients": listed})

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


async def _bounded(request: Request) -> bytes:
    """The body. Raises `TooLarge`."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BYTES:
            raise TooLarge(f"the message is larger than {MAX_BYTES >> 20} MiB")
    return bytes(found)
