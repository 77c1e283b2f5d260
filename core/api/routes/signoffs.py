"""The three signatures over HTTP: the checklist, approval, veto.

An approval names each checklist item that its signer affirms, and gives a reason for each that the desk found false.
DNS is looked up between two transactions, in a thread, because it takes seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.schemas.requests.body import read
from core.api.schemas.requests.mailboxes import ApproveRequest, VetoRequest, mailbox_address
from core.api.schemas.responses import ChecklistAnswer, MailboxAnswer
from core.db import directory
from core.db.transaction import Transaction
from core.errors import Invalid
from core.rules import issuance
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.serializers import identities
from core.services.identity import sender_checks, signoffs
from core.services.identity.sender_checks import Lookups
from core.settings import Settings

ALL: Final = "all"


class Signing:
    """The routes for signing identities."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
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
        actor = self._desk.callers.operator(request)
        if kind is None:
            kinds = ", ".join(Kind)
            raise Invalid(f"name the signature: kind is one of {kinds}", problems=(("kind", "is missing"),))
        normalised = mailbox_address(address)
        lookups = await self._lookups(request, normalised, kind)
        sheet = self._desk.callers.look(
            request, Verb.DESK_READ, lambda tx: signoffs.to_sign(tx, normalised, kind, actor=actor, lookups=lookups)
        )
        return answer_json(200, identities.checklist(sheet))

    async def _approve(self, request: Request, address: str) -> Response:
        """Sign for an identity; the last of its signatures makes it active.

        Refused with 409 `checklist`, `open` and `found_false` while an item is neither affirmed nor overridden.
        """
        actor = self._desk.callers.operator(request)
        normalised = mailbox_address(address)
        body = read(ApproveRequest, await request.body())
        lookups = await self._lookups(request, normalised, body.kind)
        codes = [item.code for item in issuance.CHECKLISTS[body.kind]]
        affirmed = codes if body.affirm == ALL else [one for one in body.affirm if one != ALL]

        def verb(tx: Transaction) -> dict[str, Any]:
            record = signoffs.sign(
                tx, normalised, body.kind, actor=actor, affirmed=affirmed, overrides=body.override, reason=body.reason,
                lookups=lookups, digest=body.digest,
            )  # fmt: skip
            return identities.identity(tx, record)

        return answer_json(200, await self._desk.writer.do(verb))

    async def _veto(self, request: Request, address: str) -> Response:
        """Refuse a request, as one of the three signers: that ends it."""
        actor = self._desk.callers.operator(request)
        normalised = mailbox_address(address)
        body = read(VetoRequest, await request.body())

        def verb(tx: Transaction) -> dict[str, Any]:
            return identities.identity(tx, signoffs.veto(tx, normalised, body.kind, actor=actor, reason=body.reason))

        return answer_json(200, await self._desk.writer.do(verb))

    async def _lookups(self, request: Request, address: str, kind: Kind) -> Lookups | None:
        """DNS and settings of the stream, for the one signature that covers them."""
        if kind is not Kind.DELIVERABILITY:
            return None
        with self._desk.callers.reading(request, Verb.DESK_READ) as conn:
            record = directory.mailbox(conn, address)
            if record is None:
                return None
            checks = sender_checks.wanted(conn, record, self._settings, now=self._desk.store.clock.now())
        return await asyncio.to_thread(sender_checks.look, checks)
