"""For operators: what changed in a message on its way, and webhook events that were never delivered, to send again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from core.api.openapi import answer_json, errors
from core.api.operation_runner import OperationRunner
from core.errors import NotFound
from core.text.numbers import LARGEST, whole_number

MOST: Final = 1_000


class WebhookRoutes:
    """Operators' routes for message differences and dead letters."""

    def __init__(self, runner: OperationRunner) -> None:
        self._runner = runner
        self.router = APIRouter(tags=["operators"])
        acts = errors(401, 403, 404, 409, 422, 503)
        add = self.router.add_api_route
        add(
            "/emails/{message_id}/difference", self._difference, methods=["GET"],
            responses=errors(401, 403, 404, 503),
        )  # fmt: skip
        add("/webhooks/dead", self._dead, methods=["GET"], responses=errors(401, 403, 404, 422, 503))
        add("/webhooks/dead/{number}/replay", self._replay, methods=["POST"], responses=acts)
        add("/mailboxes/{address}/webhook/replay", self._replay_all, methods=["POST"], responses=acts)

    async def _difference(self, request: Request, message_id: str) -> Response:
        """The message as issued and as sent: what the gateway changed, by recipient and part, and by which rule."""
        return answer_json(200, await self._runner.answer(request, "message.difference", id=message_id))

    async def _dead(
        self,
        request: Request,
        mailbox: str | None = None,
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """Events whose webhook delivery was abandoned, oldest first; continue with `after` = the last one's `id`."""
        found = await self._runner.answer(request, "webhook.dead", mailbox=mailbox, after=after, limit=limit)
        return answer_json(200, found)

    async def _replay(self, request: Request, number: str) -> Response:
        """Send one of them again, from the log, before newer events."""
        parsed = whole_number(number)
        if parsed is None:
            await self._runner.admit(request, "webhook.replay")
            raise NotFound(f"no dead letter has the number {number[:20]!r}", fix="GET /webhooks/dead lists them")
        return answer_json(200, await self._runner.answer(request, "webhook.replay", ids=[parsed]))

    async def _replay_all(self, request: Request, address: str) -> Response:
        """Send all events of a mailbox again, at most a thousand."""
        return answer_json(200, await self._runner.answer(request, "webhook.replay", mailbox=address))
