"""For operators: what changed in a message on its way, and webhook events that were never delivered, to send again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.schemas.requests.mailboxes import mailbox_address
from core.errors import NotFound
from core.ids import read_id
from core.rules.roles import Verb
from core.services.audit import difference
from core.services.control.read_log import Shown, What
from core.services.notify import dead_letters
from core.text.numbers import LARGEST, whole_number

MOST: Final = 1_000


class WebhookRoutes:
    """Operators' routes for message differences and dead letters."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
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
        with self._desk.callers.reading(request, Verb.MESSAGE_READ) as conn:
            number = read_id("m", message_id)
            if number is None:
                raise NotFound(f"there is no message {message_id[:40]!r}")
            found = difference.difference(conn, number, now=self._desk.store.clock.now())
        await self._desk.reads.operator(request, Shown(What.DIFFERENCE, item=number))
        return answer_json(200, found.as_json())

    async def _dead(
        self,
        request: Request,
        mailbox: str | None = None,
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """Events whose webhook delivery was abandoned, oldest first; continue with `after` = the last one's `id`."""
        normalised = mailbox_address(mailbox) if mailbox is not None else None
        found = self._desk.callers.look(
            request, Verb.AUDIT_READ, lambda tx: dead_letters.listed(tx, mailbox=normalised, after=after, limit=limit)
        )
        return answer_json(200, {"dead": [one.as_json() for one in found]})

    async def _replay(self, request: Request, number: str) -> Response:
        """Send one of them again, from the log, before newer events."""
        actor = self._desk.callers.operator(request)
        parsed = whole_number(number)
        if parsed is None:
            raise NotFound(f"no dead letter has the number {number[:20]!r}", fix="GET /webhooks/dead lists them")
        n = await self._desk.writer.do(lambda tx: dead_letters.replay(tx, [parsed], actor=actor))
        return answer_json(200, {"replayed": n})

    async def _replay_all(self, request: Request, address: str) -> Response:
        """Send all events of a mailbox again, at most a thousand."""
        actor = self._desk.callers.operator(request)
        normalised = mailbox_address(address)
        n = await self._desk.writer.do(lambda tx: dead_letters.replay_mailbox(tx, normalised, actor=actor))
        return answer_json(200, {"replayed": n})
