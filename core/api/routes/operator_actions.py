"""Operators decide, confirm, read the log and stop mail over HTTP.

Every route authenticates the operator first, and every service function checks the roles again; agents' tokens are
refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.operation_runner import OperationRunner
from core.api.schemas.requests.body import ReasonRequest, read
from core.api.schemas.requests.emails import DecideRequest
from core.api.schemas.requests.mailboxes import mailbox_address
from core.api.schemas.requests.runs import CloseRequest, ConfirmRequest, OpenRun
from core.api.schemas.responses import DecidedAnswer, PendingAnswer
from core.db import audit_log, directory
from core.db.audit_log import Entry
from core.db.queries import pending
from core.errors import Invalid, NotFound
from core.ids import read_item
from core.rules.roles import Verb
from core.serializers import mail
from core.services.control.read_log import Shown, What
from core.services.sending import review
from core.services.sending.review import Decision
from core.text.numbers import LARGEST

NDJSON: Final = "application/x-ndjson"


class Operators:
    """The operators' routes."""

    def __init__(self, desk: ApiContext, runner: OperationRunner) -> None:
        self._desk = desk
        self._runner = runner
        self.router = APIRouter(tags=["operators"])
        self._routes()

    # --- the queue ---

    async def _pending(self, request: Request, address: str, cursor: str | None = None) -> Response:
        """A page of what waits for a human, the longest waiting first."""
        with self._desk.callers.reading(request, Verb.MESSAGE_READ) as conn:
            normalised = mailbox_address(address)
            if cursor:
                _cursor(cursor)
            if directory.mailbox(conn, normalised) is None:
                raise NotFound(f"there is no mailbox {normalised}", fix="postroom mailbox list shows them all")
        found = await self._runner.answer(
            request, "queue.list", mailbox=address, cursor=cursor or None, limit=pending.PAGE
        )  # fmt: skip
        return answer_json(200, found)

    async def _decide(self, request: Request, item: str) -> Response:
        """Approve or reject what is pending. Approved mail leaves in the order it was queued.

        Received mail that is approved can be read by its agent from now on; rejected, it never can.
        """
        # Not by the operation: clients of this route do not report what they open, so nothing counts as unread.
        actor = self._desk.callers.operator(request)
        body = read(DecideRequest, await request.body())
        decision = Decision(_item(item), body.action == "approve", reason=body.reason, digest=body.digest)
        decided = await self._desk.writer.do(lambda tx: review.decide(tx, decision, actor=actor))
        return answer_json(200, mail.decision(item, decided, actor))

    # --- runs, log, trace ---

    async def _confirm(self, request: Request, run: str) -> Response:
        """Let a run reach `up_to` recipients: lifts the run cap's hold and nothing else."""
        return answer_json(200, await self._runner.answer(request, "run.confirm", ConfirmRequest, run=run))

    async def _open(self, request: Request) -> Response:
        """Start a run of an agent, or set the purpose and targets of a running one; other mail waits for a person."""
        return answer_json(201, await self._runner.answer(request, "run.open", OpenRun, translate=_opening))

    async def _close(self, request: Request, run: str) -> Response:
        """End a run: it takes no more mail, and a token that is bound to it is no longer valid."""
        return answer_json(200, await self._runner.answer(request, "run.close", CloseRequest, run=run))

    async def _audit(
        self,
        request: Request,
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    ) -> Response:
        """The log after entry `after`, one JSON object a line; without `limit`, up to its current end."""
        with self._desk.callers.reading(request, Verb.AUDIT_READ) as conn:
            head, _ = audit_log.head(conn)
            # Read the first page before the first byte: a database that is down is a 503, not half a response.
            first = audit_log.read(conn, after=after, limit=min(limit or audit_log.PAGE, audit_log.PAGE))
        await self._desk.reads.operator(request, Shown(What.LOG))
        return StreamingResponse(self._lines(request, first, head=head, left=limit or LARGEST), media_type=NDJSON)

    def _lines(self, request: Request, entries: list[Entry], *, head: int, left: int) -> Iterator[bytes]:
        """Page by page. Each page checks the reader again, or an export would outlive a dismissal by hours."""
        while entries:
            entries = [entry for entry in entries if entry.seq <= head][:left]
            if not entries:
                return
            yield b"".join(orjson.dumps(entry.as_json(), option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
            left -= len(entries)
            if left <= 0 or entries[-1].seq >= head:
                return
            with self._desk.callers.reading(request, Verb.AUDIT_READ) as conn:
                entries = audit_log.read(conn, after=entries[-1].seq, limit=min(left, audit_log.PAGE))

    async def _trace(self, request: Request, key: str) -> Response:
        """Everything about a message, Message-ID, return path, run, recipient or agent, in time order."""
        checked_key = _printable(key, "the key")
        return answer_json(200, await self._runner.answer(request, "trace.show", key=checked_key))

    # --- brakes ---

    async def _suspend(self, request: Request, agent: str) -> Response:
        """Suspend an agent: from this answer on, no new deliveries starts."""
        return answer_json(200, await self._runner.answer(request, "agent.suspend", ReasonRequest, agent=agent))

    async def _resume(self, request: Request, agent: str) -> Response:
        """Resume a suspended agent; not by the person who suspended it."""
        return answer_json(200, await self._runner.answer(request, "agent.resume", ReasonRequest, agent=agent))

    async def _stop(self, request: Request) -> Response:
        """The all-stop."""
        return answer_json(200, await self._runner.answer(request, "desk.stop", ReasonRequest))

    async def _start(self, request: Request) -> Response:
        """End the all-stop: one governance, or the second of two on call."""
        return answer_json(200, await self._runner.answer(request, "desk.start", ReasonRequest))

    def _routes(self) -> None:
        add = self.router.add_api_route
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        asks = errors(401, 403, 404, 422, 503)
        add(
            "/mailboxes/{address}/pending", self._pending, methods=["GET"],
            responses=asks | {200: {"model": PendingAnswer}},
        )  # fmt: skip
        add(
            "/emails/{item}/decide", self._decide, methods=["POST"],
            responses=acts | {200: {"model": DecidedAnswer}}, openapi_extra=body_of(DecideRequest),
        )  # fmt: skip
        add(
            "/runs/{run}/confirm", self._confirm, methods=["POST"], responses=acts,
            openapi_extra=body_of(ConfirmRequest),
        )  # fmt: skip
        add("/runs", self._open, methods=["POST"], status_code=201, responses=acts, openapi_extra=body_of(OpenRun))
        add("/runs/{run}/close", self._close, methods=["POST"], responses=acts, openapi_extra=body_of(CloseRequest))
        add(
            "/audit", self._audit, methods=["GET"], response_class=StreamingResponse,
            responses=asks | {200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
        )  # fmt: skip
        add("/trace/{key:path}", self._trace, methods=["GET"], responses=asks)
        for path, handler in (
            ("/agents/{agent}/suspend", self._suspend),
            ("/agents/{agent}/resume", self._resume),
            ("/desk/stop", self._stop),
            ("/desk/start", self._start),
        ):
            add(path, handler, methods=["POST"], responses=acts, openapi_extra=body_of(ReasonRequest))


# --- helpers ------------------------------------------------------------------------------------------------------


def _item(text: str) -> int:
    number = read_item(text)
    if number is None:
        raise NotFound("no pending or past item has this id", fix="GET /mailboxes/{address}/pending lists what waits")
    return number


def _cursor(text: str) -> None:
    """Validate a page cursor. Raises `Invalid` if no page ended with it."""
    if read_item(text) is None:
        what = "is invalid"
        raise Invalid(f"the cursor {what}", fix="leave it out for the first page", problems=(("cursor", what),))


def _printable(text: str, what: str) -> str:
    if not text.isprintable():
        raise NotFound(f"{what} contains characters that cannot be printed, so nothing has it")
    return text


def _opening(body: OpenRun) -> dict[str, Any]:
    """The members of `run.open`; a message names its run by `id`."""
    members = body.model_dump(exclude={"id", "tool_call"}, exclude_unset=True)
    return members | {"run": body.id}
