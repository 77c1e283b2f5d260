"""Agents read what their mailboxes received: lists, bodies, attachments, threads.

Each read is an action: token, scope, mode, mailbox, suspension and run are checked, and the read is logged before
anything is shown. `gated_all` holds it for a person. Operators read through the same routes, by their role.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Coroutine
from typing import Annotated, Any, Final, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from core.api.answers import render
from core.api.deps import ApiContext
from core.api.errors import problem, request_id
from core.api.inbox_waiter import TooManyWaiters
from core.api.openapi import answer_json, errors
from core.api.parsing import moment, printable
from core.api.schemas.requests.mailboxes import mailbox_address
from core.api.schemas.responses import (
    AttachmentAnswer,
    BodyAnswer,
    MessagesAnswer,
    ReceivedAnswer,
    SubmissionAnswer,
    ThreadAnswer,
    WaitAnswer,
)
from core.db import directory, gate_queries
from core.db.gate_queries import TokenFacts
from core.durations import MINUTE, stamp
from core.errors import Invalid, NotFound
from core.ids import read_id, spell_id
from core.model import Actor
from core.rules import roles, signed_ids
from core.rules.inbound import message as inbound_message
from core.rules.inbound import one_time
from core.rules.inbound.one_time import OneTime
from core.rules.roles import Verb
from core.rules.signed_ids import LINK_TOKEN, AttachmentLink
from core.serializers import received
from core.services.audit import status
from core.services.control.read_log import Shown, What
from core.services.receiving import inbox, marks, wait
from core.services.receiving.inbox import Filter, Received
from core.services.receiving.wait import Wanted
from core.services.sending import gated_actions
from core.services.sending.submit_result import Answer

PAGE_TEXT: Final = 64 * 1024
"""Characters of a body in one answer; `offset` reads on."""
INLINE_TEXT: Final = 64 * 1024
"""Bytes of an attached text that the answer itself holds."""
LINK: Final = 15 * MINUTE
"""How long an attachment's link opens it."""
READ_APART: Final = 256 * 1024
"""Bytes of a message from which it is read in a thread."""

LONGEST_FILTER: Final = 256
"""Characters of what a wait looks for."""

LONGEST_TARGET: Final = 400
"""Characters of a request that a person sees; what is cut off still counts, by its digest."""
_LIST: Final = (
    "direction", "unread", "tag", "from", "after", "before", "has_attachments", "q", "cursor", "limit",
)  # fmt: skip
_WAIT: Final = ("from", "subject_contains", "in_reply_to", "after")

T = TypeVar("T")
Described = dict[int | str, dict[str, Any]]
_READABLE: Final = ("text/", "application/json", "application/xml")


class InboxRoutes:
    """Routes for received mail."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self.router = APIRouter(tags=["inbox"])
        self._routes()

    # --- lists ---

    async def _messages(  # noqa: PLR0917 - the framework names a route's query parameters by its arguments
        self,
        request: Request,
        address: str,
        direction: str | None = None,
        unread: bool | None = None,  # noqa: FBT001 - a query parameter
        tag: str | None = None,
        from_: Annotated[str | None, Query(alias="from")] = None,
        after: str | None = None,
        before: str | None = None,
        has_attachments: bool | None = None,  # noqa: FBT001 - a query parameter
        q: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=inbox.PAGE)] = inbox.PAGE,
    ) -> Response:
        """The mailbox's messages, newest first: what it sent, or what it received (`direction=in`).

        Reading is an action, which the mode may gate.
        """
        token = self._desk.callers.agent(request)
        if direction not in (None, "in", "out"):
            raise Invalid("direction is in or out", problems=(("direction", "is in or out"),))
        for name, text in (("q", q), ("tag", tag), ("from", from_)):
            printable(text or "", name)
        at = read_id("m", cursor) if cursor else None
        if cursor and at is None:
            raise Invalid(
                "invalid cursor", fix="leave it out for the first page", problems=(("cursor", "is invalid"),)
            )  # fmt: skip
        wanted = Filter(
            unread=unread, tag=tag, author=from_, has_attachments=has_attachments, q=q,
            after=moment("after", after) if after else None, before=moment("before", before) if before else None,
        )  # fmt: skip
        box = mailbox_address(address)
        asked = await self.ask(token, box, _target("messages", request, _LIST), None)
        if asked is not None:
            return render(asked, request_id(request))
        if direction != "in":
            with self._desk.callers.agent_reading(request) as (conn, reader):
                sent = status.messages(conn, box, token=reader, direction=direction, q=q, before=at)
            ids = [read_id("m", one["message_id"]) for one in sent["messages"]]
            await self._show(token, sent=[one for one in ids if one is not None])
            return answer_json(200, sent)

        def look() -> tuple[list[Received], int | None]:
            with self._desk.callers.agent_reading(request) as (conn, reader):
                state = gate_queries.gate_by_address(conn, box)
                if state is None:
                    raise NotFound(f"there is no mailbox {box}")
                return inbox.page(conn, state.mailbox_id, wanted, caller=reader, cursor=at, limit=limit)

        # In a thread: a search of a common word with a rare filter takes many looks.
        found, following = await asyncio.to_thread(look) if q else look()
        await self._show(token, [one.row.id for one in found])
        return answer_json(
            200,
            {
                "messages": [received.summary(one) for one in found],
                "next_cursor": None if following is None else spell_id("m", following),
            },
        )

    async def _thread(self, request: Request, thread_id: str) -> Response:
        """A thread's messages, received and sent, oldest first, without bodies."""
        token = self._desk.callers.agent(request)
        key = read_id("t", thread_id)
        if key is None:
            raise NotFound(f"there is no thread {thread_id[:40]!r}")
        with self._desk.callers.agent_reading(request) as (conn, reader):
            found = inbox.thread(conn, key, token=reader)
        for box in found.mailboxes:
            asked = await self.ask(token, box, f"thread:{thread_id}", Shown(What.THREAD, item=found.first, mailbox=box))
            if asked is not None:
                return render(asked, request_id(request))
        await self._show(token, [one.row.id for one in found.received], sent=[one.id for one in found.sent])
        return answer_json(200, received.thread(found))

    async def _wait(
        self,
        request: Request,
        address: str,
        from_: Annotated[str | None, Query(alias="from", max_length=LONGEST_FILTER)] = None,
        subject_contains: Annotated[str | None, Query(max_length=LONGEST_FILTER)] = None,
        in_reply_to: Annotated[str | None, Query(max_length=LONGEST_FILTER)] = None,
        timeout: Annotated[int, Query(ge=5, le=120)] = 30,  # noqa: ASYNC109 - the route's own parameter
        after: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """Wait for mail to the mailbox: answers when it is committed, or `timed_out` after `timeout` seconds.

        `after` of an earlier answer, or the id of the newest message that you know, finds what came in between too.
        """
        token = self._desk.callers.agent(request)
        filters = {"from": from_ or "", "subject_contains": subject_contains or "", "in_reply_to": in_reply_to or ""}
        for name, text in filters.items():
            printable(text, name)
        box, target = mailbox_address(address), _target("wait", request, _WAIT)
        ctx = self._desk.ctx
        asked = await self._desk.writer.do(lambda tx: gated_actions.may_read(tx, box, target, token=token, ctx=ctx))
        if asked is not None:
            return render(asked, request_id(request))
        with self._desk.callers.agent_reading(request) as (conn, reader):
            state = gate_queries.gate_by_address(conn, box)
            if state is None:
                raise NotFound(f"there is no mailbox {box}")
            since = wait.position(conn, after)
        wanted = Wanted(from_ or None, subject_contains or None, in_reply_to or None)
        try:
            found = await self._until_gone(
                request,
                self._desk.arrivals.wait(state.mailbox_id, wanted, token=reader, after=since, seconds=timeout),
            )
        except TooManyWaiters:
            return problem(
                429, error="rate_limited", reason="this token already waits for mail in too many requests",
                fix="end one of them, or wait for several things in one request", request_id=request_id(request),
                retry_after_seconds=5,
            )  # fmt: skip
        if found is None:
            nothing: dict[str, Any] = {"message": None, "code": None, "links": []}
            return answer_json(200, {"timed_out": True} | nothing | {"after": wait.spelled(since)})
        seq, one = found
        # Asked again: the agent may have been suspended, or its token revoked, while it waited.
        asked = await self.ask(token, box, target, Shown(What.BODY, item=one.row.id), received=[one.row.id])
        if asked is not None:
            return render(asked, request_id(request))
        secret = await self._one_time(one)
        shown = {"message": received.summary(one), "code": secret.code, "links": [*secret.links]}
        return answer_json(200, {"timed_out": False} | shown | {"after": wait.spelled(seq)})

    async def _until_gone(self, request: Request, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` returns; None, and the work cancelled, once the client has hung up."""
        doing, gone = asyncio.ensure_future(work), asyncio.ensure_future(_hung_up(request))
        try:
            await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            gone.cancel()
            doing.cancel()

    async def _one_time(self, one: Received) -> OneTime:
        """The code and the links of a message that may be shown."""

        def find() -> OneTime:
            with self._desk.store.read() as conn:
                text, _ = inbox.text_of(conn, one.row.content_id, full=False)
                raw = inbox.raw_of(conn, one.row.content_id) if one.row.size <= READ_APART else b""
            html = inbound_message.read(raw).html if raw else None
            conceal = signed_ids.conceal  # as in a body
            return one_time.find(conceal(one.row.subject), conceal(text), None if html is None else conceal(html))

        try:
            return await asyncio.to_thread(find)
        except NotFound:  # erased a moment ago
            return OneTime()

    # --- one message ---

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
        asked = await self.ask(
            caller, found.row.mailbox, target, shown, received=[number], unsigned=[number] if unsigned else ()
        )
        return found if asked is None else render(asked, request_id(request))

    async def ask(
        self, token: TokenFacts, box: str, target: str, shown: Shown | None, received: Collection[int] = (), *,
        unsigned: Collection[int] = (),
    ) -> Answer | None:  # fmt: skip
        """Return None, and log the read, if the agent may be shown this now; otherwise its answer."""
        ctx = self._desk.ctx
        return await self._desk.writer.do(
            lambda tx: gated_actions.read(
                tx, box, target, token=token, ctx=ctx, shown=shown, received=received, unsigned=unsigned
            )
        )

    async def _show(self, token: TokenFacts, received: Collection[int] = (), *, sent: Collection[int] = ()) -> None:
        """Taint the reader's run by what it is about to be shown; committed before the answer."""
        ctx = self._desk.ctx
        if received or sent:
            await self._desk.writer.do(
                lambda tx: gated_actions.show_received(tx, received, token=token, ctx=ctx, sent=sent)
            )

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
        add(
            "/mailboxes/{address}/messages", self._messages, methods=["GET"],
            responses={200: {"model": MessagesAnswer}} | held | errors(401, 403, 404, 422, 503),
        )  # fmt: skip
        add(
            "/mailboxes/{address}/wait", self._wait, methods=["GET"],
            responses={200: {"model": WaitAnswer}} | held | errors(401, 403, 404, 422, 429, 503),
        )  # fmt: skip
        for path, handler, model in (
            ("/emails/{message_id}/body", self._body, BodyAnswer),
            ("/emails/{message_id}/attachments/{index}", self._attachment, AttachmentAnswer),
            ("/threads/{thread_id}", self._thread, ThreadAnswer),
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


def _target(action: str, request: Request, names: Collection[str]) -> str:
    """What a person is asked to allow: the request with every parameter that decides what it shows.

    A parameter left out here could be changed after the approval, and the grant would open a different list.
    """
    given = sorted((name, request.query_params[name]) for name in names if request.query_params.get(name))
    text = f"{action}:{urlencode(given, safe='@:')}"
    if len(text) <= LONGEST_TARGET:
        return text
    return f"{text[:LONGEST_TARGET]}... sha256={hashlib.sha256(text.encode()).hexdigest()}"


async def _hung_up(request: Request) -> None:
    """Return once the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _html(raw: bytes) -> str:
    return inbound_message.read(raw).html or ""


def _headers(raw: bytes) -> str:
    return inbound_message.header_text(raw)
