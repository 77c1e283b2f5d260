"""`POST /v1/NAME` for every operation of the registry, and `GET /v1/events`.

One handler serves them all: the registry has each operation's request and permissions. The description in /openapi.json
is made from it as well (`describe_operations`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from core.api.deps import ApiContext
from core.api.openapi import body_of, errors
from core.api.operation_runner import OperationRunner, entry_point
from core.api.parsing import IDEMPOTENCY_HEADER, TIGHTENS_ONLY_HEADER, idempotency_key
from core.errors import Invalid
from core.json_body import read
from core.operations import named, operation
from core.operations.operation import Kind, Operation, TokenKind
from core.operations.registry import OPERATIONS
from core.services.control.read_log import Shown, What
from core.text.numbers import LARGEST, whole_number
from core.views import codec

SSE: Final = "text/event-stream"
_READS: Final = (401, 403, 404, 409, 413, 422, 503)
_ACTS: Final = (401, 403, 404, 409, 413, 422, 428, 503)


class OperationRoutes:
    """The routes of the registry."""

    def __init__(self, desk: ApiContext, runner: OperationRunner) -> None:
        self._desk = desk
        self._runner = runner
        desk.writer.listeners.append(desk.events.wake)
        self.router = APIRouter(tags=["operations"])
        self.router.add_api_route(
            "/v1/events", self._events, methods=["GET"], response_class=StreamingResponse,
            responses=errors(401, 403, 409, 422, 503) | {200: {"content": {SSE: {"schema": {"type": "string"}}}}},
        )  # fmt: skip
        self.router.add_api_route("/v1/{name}", self._run, methods=["POST"], include_in_schema=False)

    async def _run(self, request: Request, name: str) -> Response:
        found, digest = await self._runner.admit(request, name)
        key = idempotency_key(request) if found.kind is Kind.ACT else None
        body = read(found.request, await request.body() or b"{}")
        answer = await self._runner.run(request, found, digest, body, key=key)
        return Response(codec.encode(answer), media_type="application/json")

    async def _events(
        self,
        request: Request,
        *,
        after: Annotated[
            int | None, Query(ge=0, le=LARGEST, description="the last entry known; without it, from now on")
        ] = None,
        outline: Annotated[
            bool, Query(description="only what each entry touched, for everybody who may look at the desk")
        ] = False,
    ) -> Response:
        """Follow the log: server-sent events, each with its entry's number as `id`; `Last-Event-ID` resumes.

        After a second of silence a `heartbeat` follows. `ended` says that the caller's access has ended.
        """
        kind, digest = self._desk.callers.token(request)
        operation.check_token_kind(named("event.list"), kind)
        last = _last_event(request)
        follower, cursor = await self._desk.events.open(
            digest, after=after if last is None else last, outline=outline
        )  # fmt: skip
        if not outline:
            await self._desk.reads.operator(request, Shown(What.LOG), entry_point=entry_point(request))
        request.scope["postroom.stream"] = True
        stream: AsyncIterator[bytes] = self._desk.events.follow(follower, cursor)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold events back
        return StreamingResponse(stream, media_type=SSE, headers=headers)


def _last_event(request: Request) -> int | None:
    """The cursor of a client that reconnects, which overrides the one in its URL. Raises `Invalid`."""
    text = request.headers.get("last-event-id")
    if text is None:
        return None
    number = whole_number(text, most=LARGEST)
    if number is None:
        raise Invalid("Last-Event-ID is not a number of the log", problems=(("Last-Event-ID", "is not a number"),))
    return number


# --- description --------------------------------------------------------------------------------------------------


def describe_operations(document: dict[str, Any]) -> None:
    """Add every operation to an OpenAPI description."""
    for one in OPERATIONS.values():
        document["paths"][f"/v1/{one.name}"] = {"post": _described(one)}


def _described(one: Operation) -> dict[str, Any]:
    callers = f"Roles: {', '.join(sorted(one.roles))}." if one.roles else ""
    callers = "For agents." if TokenKind.AGENT in one.tokens else callers
    required = any(member.is_required() for member in one.request.model_fields.values())
    answer = body_of(one.answer, examples=False)["requestBody"]["content"]
    return {
        "tags": ["operations"],
        "summary": one.name,
        "description": f"{one.about} {callers}".strip(),
        "operationId": one.operation_id,
        "responses": {
            "200": {"description": (one.answer.__doc__ or "").splitlines()[0], "content": answer},
            **{str(code): response for code, response in errors(*_ACTS if one.kind is Kind.ACT else _READS).items()},
        },
        **body_of(one.request, required=required, examples=False),
        **({"parameters": [IDEMPOTENCY_HEADER, TIGHTENS_ONLY_HEADER]} if one.kind is Kind.ACT else {}),
    }
