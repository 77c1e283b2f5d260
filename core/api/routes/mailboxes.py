"""Identities over HTTP: list, request and change.

While an identity is only requested, its requester completes the record by PATCH. Once it is active, PATCH changes what
may change, each part under its own permission. All changes of one request are made in one transaction or not at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from core.api.openapi import answer_json, body_of, errors
from core.api.operation_runner import OperationRunner
from core.api.parsing import printable
from core.api.schemas.requests.mailboxes import MailboxPatch, MailboxRequest
from core.api.schemas.responses import MailboxAnswer, MailboxesAnswer
from core.db import directory
from core.operations.operation import Json
from core.security import credentials


class Identities:
    """The routes for requesting and changing mailboxes."""

    def __init__(self, runner: OperationRunner) -> None:
        self._runner = runner
        self.router = APIRouter(tags=["operators"])
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add = self.router.add_api_route
        add(
            "/mailboxes", self._list, methods=["GET"],
            responses=errors(401, 403, 422, 503) | {200: {"model": MailboxesAnswer}},
        )  # fmt: skip
        add(
            "/mailboxes", self._file, methods=["POST"], status_code=202,
            responses=acts | {202: {"model": MailboxAnswer}}, openapi_extra=body_of(MailboxRequest),
        )  # fmt: skip
        add(
            "/mailboxes/{address}", self._patch, methods=["PATCH"],
            responses=acts | {200: {"model": MailboxAnswer}}, openapi_extra=body_of(MailboxPatch),
        )  # fmt: skip

    async def _list(
        self,
        request: Request,
        status: Literal["requested", "active", "vetoed", "retired"] | None = None,
        agent: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=directory.PAGE)] = directory.PAGE,
    ) -> Response:
        """A page of identities by address, each with its missing fields and pending signatures."""
        for name, text in (("agent", agent), ("cursor", cursor)):
            if text is not None:
                printable(text, name)
        found = await self._runner.answer(
            request, "mailbox.list", status=status, agent=agent, after=cursor or "", limit=limit
        )
        return answer_json(200, found)

    async def _file(self, request: Request) -> Response:
        """Request an identity. `missing` lists what its record still lacks; complete it by PATCH."""
        secret = credentials.new_webhook_secret()
        filed = await self._runner.answer(request, "mailbox.request", MailboxRequest, webhook_secret=secret)
        return answer_json(202, _shown(filed, secret))

    async def _patch(self, request: Request, address: str) -> Response:
        """Change a mailbox; pending mail is not affected. While only requested, its requester completes the record."""
        secret = credentials.new_webhook_secret()
        changed = await self._runner.answer(
            request, "mailbox.change", MailboxPatch, address=address, webhook_secret=secret
        )
        return answer_json(200, _shown(changed, secret))


def _shown(answer: Json, secret: str) -> dict[str, Any]:
    """With the webhook's secret, shown once to the operator who set the webhook; the desk stores it sealed."""
    shown = {name: value for name, value in answer.items() if name != "webhook_renewed"}
    return shown | ({"webhook_secret": secret} if answer["webhook_renewed"] else {})
