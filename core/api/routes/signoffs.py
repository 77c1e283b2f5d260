"""The three signatures over HTTP: the checklist, approval, veto.

An approval names each checklist item that its signer affirms, and gives a reason for each that the desk found false.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from core.api.openapi import answer_json, body_of, errors
from core.api.operation_runner import OperationRunner
from core.api.schemas.requests.mailboxes import ApproveRequest, VetoRequest
from core.api.schemas.responses import ChecklistAnswer, MailboxAnswer
from core.errors import Invalid
from core.rules.issuance import Kind


class Signing:
    """The routes for signing identities."""

    def __init__(self, runner: OperationRunner) -> None:
        self._runner = runner
        self.router = APIRouter(tags=["operators"])
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add = self.router.add_api_route
        add(
            "/mailboxes/{address}/checklist", self._checklist, methods=["GET"],
            responses=errors(401, 403, 404, 409, 422, 503) | {200: {"model": ChecklistAnswer}},
        )  # fmt: skip
        add(
            "/mailboxes/{address}/approve", self._approve, methods=["POST"],
            responses=acts | {200: {"model": MailboxAnswer}}, openapi_extra=body_of(ApproveRequest),
        )  # fmt: skip
        add(
            "/mailboxes/{address}/veto", self._veto, methods=["POST"],
            responses=acts | {200: {"model": MailboxAnswer}}, openapi_extra=body_of(VetoRequest),
        )  # fmt: skip

    async def _checklist(self, request: Request, address: str, kind: Kind | None = None) -> Response:
        """What the caller would sign: each item with what the desk found about it. Changes nothing.

        `kind` is required. Without it, a caller who may sign learns that it is missing; anyone else learns only that
        they may not.
        """
        if kind is None:
            await self._runner.admit(request, "mailbox.checklist")
            kinds = ", ".join(Kind)
            raise Invalid(f"name the signature: kind is one of {kinds}", problems=(("kind", "is missing"),))
        return answer_json(200, await self._runner.answer(request, "mailbox.checklist", address=address, kind=kind))

    async def _approve(self, request: Request, address: str) -> Response:
        """Sign for an identity; the last of its signatures makes it active.

        Refused with 409 `checklist`, `open` and `found_false` while an item is neither affirmed nor overridden.
        """
        return answer_json(200, await self._runner.answer(request, "mailbox.sign", ApproveRequest, address=address))

    async def _veto(self, request: Request, address: str) -> Response:
        """Refuse a request, as one of the three signers: that ends it."""
        return answer_json(200, await self._runner.answer(request, "mailbox.veto", VetoRequest, address=address))
