"""One received message: its summary, body, headers and attachments, for agents and operators.

Each read is an action: the gate is asked, and the read is logged, before anything is shown (`ReadGate`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from core.api.answers import render
from core.api.deps import ApiContext
from core.api.errors import request_id
from core.api.openapi import answer_json, errors
from core.api.routes.read_gate import ReadGate
from core.api.schemas.responses import AttachmentAnswer, BodyAnswer, ReceivedAnswer, SubmissionAnswer
from core.db import directory
from core.durations import MINUTE, stamp
from core.errors import NotFound
from core.ids import read_id
from core.model import Actor
from core.rules import roles, signed_ids
from core.rules.inbound import message as inbound_message
from core.rules.roles import Verb
from core.rules.signed_ids import LINK_TOKEN, AttachmentLink
from core.serializers import received
from core.services.control.read_log import Shown, What
from core.services.receiving import inbox, marks
from core.services.receiving.inbox import Received

PAGE_TEXT: Final = 64 * 1024
"""Characters of a body in one answer; `offset` reads on."""
INLINE_TEXT: Final = 64 * 1024
"""Bytes of an attached text that the answer itself holds."""
LINK: Final = 15 * MINUTE
"""How long an attachment's link opens it."""
READ_APART: Final = 256 * 1024
"""Bytes of a message from which it is read in a thread."""

Described = dict[int | str, dict[str, Any]]
_READABLE: Final = ("text/", "application/json", "application/xml")


class ReceivedRoutes:
    """Routes for one received message."""

    def __init__(self, desk: ApiContext, gate: ReadGate) -> None:
        self._desk = desk
        self._gate = gate
        self.router = APIRouter(tags=["inbox"])
        self._routes()

    async def message(self, request: Request, message_id: str) -> Response:
        """A received message without its body."""
        opened = await self._open(request, message_id, What.MESSAGE, f"message:{message_id}")
        return opened if isinstance(opened, Response) else self.shown(request, opened.row.id)

    def shown(self, request: Request, number: int) -> Response:
        """A received message as it is now, for a reader who may see it."""
        with self._desk.callers.anybody_reading(request, Verb.DESK_READ) as (conn, caller):
            found = inbox.message(conn, number, caller=caller)
            attachments = inbox.attachments_of(conn, found.row.content_id)
            return answer_json(200, received.message(found, attachments, quotes=isinstance(caller, Actor)))

    async def _body(
        self,
        request: Request,
        message_id: str,
        part: Literal["text", "html", "headers"] = "text",
        full: bool = False,  # noqa: FBT001, FBT002 - a query parameter
        offset: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    ) -> Response:
        """A received message's body, `text` without the mail that it quotes unless `full`; never marks it read."""
        opened = await self._open(
            request, message_id, What.BODY, f"body:{message_id}:{part}:{int(full)}", unsigned=part == "headers"
        )
        if isinstance(opened, Response):
            return opened
        content_id = opened.row.content_id
        cut = False
        with self._desk.store.read() as conn:
            if part == "text":
                text, cut = inbox.text_of(conn, content_id, full=full)
            else:
                raw = inbox.raw_of(conn, content_id)
        if part != "text":
            text = await self._apart(raw, _html if part == "html" else _headers)
        text = signed_ids.conceal(text)  # what proves feedback: an agent that reads it could forge a complaint
        shown = text[offset : offset + PAGE_TEXT]
        more = offset + PAGE_TEXT < len(text)
        return answer_json(
            200,
            {
                "id": message_id, "part": part, "text": shown, "truncated": more, "quotes_cut": cut,
                "next_offset": offset + PAGE_TEXT if more else None,
            },
        )  # fmt: skip

    async def _mark_read(self, request: Request, message_id: str) -> Response:
        """Mark a received message as read."""
        opened = await self._open(request, message_id, What.MESSAGE, f"read:{message_id}")
        if isinstance(opened, Response):
            return opened
        await self._desk.writer.do(lambda tx: marks.mark_read(tx, opened.row.id))
        return self.shown(request, opened.row.id)

    async def _attachment(self, request: Request, message_id: str, index: int) -> Response:
        """An attachment of a received message: short text in the answer, else a link that opens it for 15 minutes."""
        opened = await self._open(request, message_id, What.ATTACHMENT, f"attachment:{message_id}:{index}")
        if isinstance(opened, Response):
            return opened
        with self._desk.store.read() as conn:
            listed = inbox.attachments_of(conn, opened.row.content_id)
        one = next((each for each in listed if each["index"] == index), None)
        if one is None:
            raise NotFound(f"{message_id} has no attachment {index}, or it is no longer kept")
        answer: dict[str, Any] = {"id": message_id} | dict(one)
        if one["size"] <= INLINE_TEXT and str(one["sniffed"]).startswith(_READABLE):
            content = await self._content(opened.row.content_id, index)
            return answer_json(200, answer | {"text": inbound_message.storable(content.decode("utf-8", "replace"))})
        until = self._desk.store.clock.now() + LINK
        link = signed_ids.attachment_link(
            AttachmentLink(opened.row.id, index, until, *self._holder(request)), keyring=self._desk.ctx.keyring
        )
        url = f"{request.base_url}attachments/{link}"
        return answer_json(200, answer | {"url": url, "expires_at": stamp(until)})

    async def _download(self, request: Request, link: str) -> Response:
        """An attachment by its link: the bytes as they were sent, never to be shown by a browser."""
        del request
        opened = signed_ids.read_attachment_link(link, self._desk.ctx.keyring)
        if opened is None or opened.expires_at <= self._desk.store.clock.now():
            raise NotFound("there is no such attachment, or its link has expired", fix="ask for the attachment again")
        content_id = self._desk.store.look(lambda tx: inbox.opened_by(tx, opened))
        content = await self._content(content_id, opened.index)
        return Response(
            content,
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )  # fmt: skip

    # --- helpers ---

    def _holder(self, request: Request) -> tuple[int, bytes]:
        """Whose token asks, for the link that it gets (`AttachmentLink`)."""
        with self._desk.callers.anybody_reading(request, Verb.MESSAGE_READ) as (conn, caller):
            if not isinstance(caller, Actor):
                return caller.id, bytes(LINK_TOKEN)
            digest = caller.token or b""
            known = directory.operator_by_token(conn, digest)
        if known is None:
            raise NotFound("there is no such attachment")
        return known.id, digest[:LINK_TOKEN]

    async def _open(
        self, request: Request, message_id: str, what: What, target: str, *, unsigned: bool = False
    ) -> Received | Response:
        """The message, once its reader may see it and the read is in the log; or the answer instead.

        `unsigned`: what is shown is more than a signature of its author covers.
        """
        number = read_id("m", message_id)
        if number is None:
            raise NotFound(f"there is no message {message_id[:40]!r}")
        with self._desk.callers.anybody_reading(request, Verb.DESK_READ) as (conn, caller):
            if isinstance(caller, Actor) and not roles.may(caller, Verb.MESSAGE_READ):
                raise NotFound(f"there is no message {message_id}")
            found = inbox.message(conn, number, caller=caller)
        shown = Shown(what, item=number)
        if isinstance(caller, Actor):
            await self._desk.reads.operator(request, shown)
            return found
        asked = await self._gate.ask(
            caller, found.row.mailbox, target, shown, received=[number], unsigned=[number] if unsigned else ()
        )
        return found if asked is None else render(asked, request_id(request))

    async def _content(self, content_id: int, index: int) -> bytes:
        with self._desk.store.read() as conn:
            raw = inbox.raw_of(conn, content_id)
        found = await asyncio.to_thread(inbound_message.attached, raw, index)
        if found is None:
            raise NotFound("there is no such attachment")
        attachment, content = found
        if attachment.sniffed != "message/rfc822" and not attachment.sniffed.startswith(_READABLE):
            return content
        return signed_ids.conceal(content.decode("latin-1")).encode("latin-1")  # as in a body

    async def _apart(self, raw: bytes, work: Callable[[bytes], str]) -> str:
        return work(raw) if len(raw) <= READ_APART else await asyncio.to_thread(work, raw)

    def _routes(self) -> None:
        add = self.router.add_api_route
        opened: Described = {200: {"content": {"application/octet-stream": {}}}}
        held: Described = {202: {"model": SubmissionAnswer}}
        for path, handler, model in (
            ("/emails/{message_id}/body", self._body, BodyAnswer),
            ("/emails/{message_id}/attachments/{index}", self._attachment, AttachmentAnswer),
        ):
            responses = {200: {"model": model}} | held | errors(401, 403, 404, 422, 503)
            add(path, handler, methods=["GET"], responses=responses)
        add(
            "/emails/{message_id}/read", self._mark_read, methods=["POST"],
            responses={200: {"model": ReceivedAnswer}} | held | errors(401, 403, 404, 503),
        )  # fmt: skip
        add(
            "/attachments/{link}", self._download, methods=["GET"], openapi_extra={"security": []},
            responses=opened | errors(404, 503),
        )  # fmt: skip


def _html(raw: bytes) -> str:
    return inbound_message.read(raw).html or ""


def _headers(raw: bytes) -> str:
    return inbound_message.header_text(raw)
