"""Agents list what their mailboxes received and sent, follow threads, and wait for mail.

Each read is an action: token, scope, mode, mailbox, suspension and run are checked, and the read is logged before
anything is shown. `gated_all` holds it for a person. One message is read in `received`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Coroutine
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from core.api.answers import render
from core.api.deps import ApiContext
from core.api.errors import problem, request_id
from core.api.inbox_waiter import TooManyWaiters
from core.api.openapi import answer_json, errors
from core.api.parsing import moment, printable
from core.api.routes.read_gate import ReadGate
from core.api.routes.received import READ_APART
from core.api.schemas.requests.mailboxes import mailbox_address
from core.api.schemas.responses import MessagesAnswer, SubmissionAnswer, ThreadAnswer, WaitAnswer
from core.db import gate_queries
from core.errors import Invalid, NotFound
from core.ids import read_id, spell_id
from core.rules import signed_ids
from core.rules.inbound import message as inbound_message
from core.rules.inbound import one_time
from core.rules.inbound.one_time import OneTime
from core.serializers import received
from core.services.audit import status
from core.services.control.read_log import Shown, What
from core.services.receiving import inbox, wait
from core.services.receiving.inbox import Filter, Received
from core.services.receiving.wait import Wanted
from core.services.sending import gated_actions

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


class InboxRoutes:
    """Routes for lists, threads and waiting."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._gate = ReadGate(desk)
        self.router = APIRouter(tags=["inbox"])
        self._routes()

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
        asked = await self._gate.ask(token, box, _target("messages", request, _LIST), None)
        if asked is not None:
            return render(asked, request_id(request))
        if direction != "in":

            def sent_mail() -> dict[str, Any]:
                with self._desk.callers.agent_reading(request) as (conn, reader):
                    return status.messages(conn, box, token=reader, direction=direction, q=q, before=at)

            sent = await asyncio.to_thread(sent_mail) if q else sent_mail()
            ids = [read_id("m", one["message_id"]) for one in sent["messages"]]
            await self._gate.show(token, sent=[one for one in ids if one is not None])
            return answer_json(200, sent)

        def look() -> tuple[list[Received], int | None]:
            with self._desk.callers.agent_reading(request) as (conn, reader):
                state = gate_queries.gate_by_address(conn, box)
                if state is None:
                    raise NotFound(f"there is no mailbox {box}")
                return inbox.page(conn, state.mailbox_id, wanted, caller=reader, cursor=at, limit=limit)

        # In a thread: what passes a filter may be far between.
        found, following = look() if wanted == Filter() else await asyncio.to_thread(look)
        await self._gate.show(token, [one.row.id for one in found])
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
            asked = await self._gate.ask(
                token, box, f"thread:{thread_id}", Shown(What.THREAD, item=found.first, mailbox=box)
            )
            if asked is not None:
                return render(asked, request_id(request))
        await self._gate.show(token, [one.row.id for one in found.received], sent=[one.id for one in found.sent])
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
        asked = await self._gate.ask(token, box, target, Shown(What.BODY, item=one.row.id), received=[one.row.id])
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

    def _routes(self) -> None:
        add = self.router.add_api_route
        held: Described = {202: {"model": SubmissionAnswer}}
        for path, handler, model, codes in (
            ("/mailboxes/{address}/messages", self._messages, MessagesAnswer, (401, 403, 404, 422, 503)),
            ("/mailboxes/{address}/wait", self._wait, WaitAnswer, (401, 403, 404, 422, 429, 503)),
            ("/threads/{thread_id}", self._thread, ThreadAnswer, (401, 403, 404, 422, 503)),
        ):
            add(path, handler, methods=["GET"], responses={200: {"model": model}} | held | errors(*codes))


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
