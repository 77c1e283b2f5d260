"""Contacts that agents keep for their mailboxes; operators can list them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from core.api.answers import render
from core.api.deps import ApiContext
from core.api.errors import request_id
from core.api.openapi import answer_json, body_of, errors
from core.api.operation_runner import OperationRunner
from core.api.parsing import printable
from core.api.schemas.requests.body import read
from core.api.schemas.requests.contacts import ContactPatch, ContactRequest
from core.api.schemas.requests.mailboxes import mailbox_address
from core.api.schemas.responses import ContactAnswer, ContactsAnswer
from core.db import gate_queries
from core.db.gate_queries import TokenFacts
from core.db.transaction import Transaction
from core.errors import Invalid, NotFound
from core.ids import read_id, spell_id
from core.rules.addresses import parse_address
from core.serializers import received
from core.services.control import read_log
from core.services.control.read_log import Shown, What
from core.services.receiving import contacts
from core.services.sending import gated_actions
from core.services.sending.submit_result import Answer

Described = dict[int | str, dict[str, Any]]
PATH: Final = "/mailboxes/{address}/contacts"


class ContactRoutes:
    """Routes for contacts. No mode holds them: they show no mail, and nothing leaves."""

    def __init__(self, desk: ApiContext, runner: OperationRunner) -> None:
        self._desk = desk
        self._runner = runner
        self.router = APIRouter(tags=["inbox"])
        add, refused = self.router.add_api_route, (401, 403, 404, 409, 413, 422, 503)
        one: Described = {200: {"model": ContactAnswer}}
        listed: Described = {200: {"model": ContactsAnswer}}
        made: Described = {201: {"model": ContactAnswer}}
        add(
            PATH, self._list, methods=["GET"],
            responses=listed | errors(401, 403, 404, 422, 503),
        )  # fmt: skip
        add(
            PATH, self._add, methods=["POST"], status_code=201,
            responses=made | errors(*refused), openapi_extra=body_of(ContactRequest),
        )  # fmt: skip
        add(
            PATH, self._change, methods=["PATCH"], responses=one | errors(*refused), openapi_extra=body_of(ContactPatch)
        )
        add(PATH, self._remove, methods=["DELETE"], responses=one | errors(401, 403, 404, 422, 503))

    async def _list(
        self,
        request: Request,
        address: str,
        contact: str | None = None,
        tag: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=contacts.PAGE)] = contacts.PAGE,
    ) -> Response:
        """The mailbox's contacts, the newest first; `contact` is an address. Figures of mail are counted now."""
        box = mailbox_address(address)
        wanted = None if contact is None else _normalised("contact", contact)
        if tag is not None:
            printable(tag, "tag")
        at = read_id("c", cursor) if cursor else None
        if cursor and at is None:
            fix = "leave it out for the first page"
            raise Invalid("invalid cursor", fix=fix, problems=(("cursor", "is invalid"),))
        if self._desk.callers.is_operator(request):
            listed = await self._runner.answer(
                request, "contact.list", address=address, contact=wanted, tag=tag, cursor=cursor or None, limit=limit
            )
            return answer_json(200, listed)
        refused = await self._may_list(request, box)
        if refused is not None:
            return render(refused, request_id(request))

        def look() -> tuple[list[contacts.Contact], int | None]:
            with self._desk.callers.agent_reading(request) as (conn, _):
                state = gate_queries.gate_by_address(conn, box)
                if state is None:
                    raise NotFound(f"there is no mailbox {box}")
                return contacts.page(conn, state.mailbox_id, address=wanted, tag=tag, cursor=at, limit=limit)

        # In a thread: counting the mail of a busy contact takes milliseconds.
        found, following = await asyncio.to_thread(look)
        await self._taint(self._desk.callers.agent(request), found)
        return answer_json(
            200,
            {
                "contacts": [received.contact(one) for one in found],
                "next_cursor": None if following is None else spell_id("c", following),
            },
        )

    async def _add(self, request: Request, address: str) -> Response:
        """Add a contact. It is a note: not consent, and not an entry of an allow-list."""
        token = self._desk.callers.agent(request)
        body = read(ContactRequest, await request.body())
        person = _normalised("address", body.address)
        values = {"name": body.name, "tags": list(body.tags), "notes": body.notes}
        box, ctx = mailbox_address(address), self._desk.ctx
        return await self._kept(
            request, token, 201, lambda tx: contacts.add(tx, box, person, values, token=token, ctx=ctx)
        )  # fmt: skip

    async def _change(self, request: Request, address: str) -> Response:
        """Change a contact's name, tags or notes."""
        token = self._desk.callers.agent(request)
        body = read(ContactPatch, await request.body())
        person = _normalised("address", body.address)
        values = {
            name: value for name in ("name", "tags", "notes") if (value := getattr(body, name)) is not None
        }  # fmt: skip
        box = mailbox_address(address)
        return await self._kept(request, token, 200, lambda tx: contacts.change(tx, box, person, values, token=token))

    async def _remove(self, request: Request, address: str, contact: Annotated[str, Query()]) -> Response:
        """Remove the contact whose address `contact` is; the answer is what it was."""
        token = self._desk.callers.agent(request)
        box, person = mailbox_address(address), _normalised("contact", contact)
        with self._desk.callers.agent_reading(request) as (conn, reader):
            state = gate_queries.gate_by_address(conn, box)
            own = state is not None and state.agent_id == reader.agent_id
            known = contacts.page(conn, state.mailbox_id, address=person)[0] if own and state is not None else []
        refused = await self._desk.writer.do(lambda tx: contacts.remove(tx, box, person, token=token))
        if refused is not None:
            return render(refused, request_id(request))
        await self._taint(token, known)
        return answer_json(200, received.contact(known[0]))

    # --- helpers ---

    async def _may_list(self, request: Request, box: str) -> Answer | None:
        """Log the read, or return the refusal."""
        shown = Shown(What.CONTACTS, mailbox=box)
        token = self._desk.callers.agent(request)

        def verb(tx: Transaction) -> Answer | None:
            found = contacts.keeper(tx, box, token=token)
            if isinstance(found, Answer):
                return found
            read_log.by_agent(tx, shown, token=found[0], mailbox=found[1])
            return None

        return await self._desk.writer.do(verb)

    async def _taint(self, token: TokenFacts, found: Collection[contacts.Contact]) -> None:
        """Taint the reader's run by the mail that these notes may repeat; committed before the answer."""
        strange = [one.row.tainted_by for one in found if one.row.tainted_by is not None]
        if strange:
            ctx = self._desk.ctx
            await self._desk.writer.do(
                lambda tx: gated_actions.show_received(tx, [], token=token, ctx=ctx, repeated=strange)
            )

    async def _kept(
        self, request: Request, token: TokenFacts, http: int, work: Callable[[Transaction], Answer | int]
    ) -> Response:
        done = await self._desk.writer.do(work)
        if isinstance(done, Answer):
            return render(done, request_id(request))
        with self._desk.callers.agent_reading(request) as (conn, _):
            found = contacts.contact(conn, done)
        await self._taint(token, [found])
        return answer_json(http, received.contact(found))


def _normalised(field: str, text: str) -> str:
    """The address as mail to and from it is keyed. Raises `Invalid`."""
    try:
        return parse_address(text).normalised
    except Invalid as error:
        raise Invalid(f"{field}: {error.reason}", problems=((field, error.reason),)) from error
