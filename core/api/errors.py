"""Error responses: `application/problem+json` (RFC 9457) with a stable code.

The status and code of each `PostroomError` stand in its class. Any other exception is a bug: it is logged, and the
response reveals nothing about it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from core.errors import ChecklistOpen, Invalid, NoAnswer, PostroomError, Refused, Unavailable
from core.json_body import where

log = structlog.get_logger("api")

MEDIA_TYPE: Final = "application/problem+json"


def problem(http: int, *, error: str, reason: str, request_id: str, fix: str | None = None, **more: Any) -> Response:
    """One error response. `more` adds members; `status` may be a submission's outcome instead of the HTTP status."""
    body: dict[str, Any] = {
        "type": f"urn:postroom:error:{error}",
        "title": HTTPStatus(http).phrase,
        "status": http,
        "error": error,
        "reason": reason,
        "request_id": request_id,
    }
    if fix is not None:
        body["fix"] = fix
    headers = {"WWW-Authenticate": "Bearer"} if http == 401 else {}
    if (seconds := more.get("retry_after_seconds")) is not None:
        headers["Retry-After"] = str(seconds)
    return Response(orjson.dumps(body | more), status_code=http, media_type=MEDIA_TYPE, headers=headers)


UNWRITTEN: Final = "nothing was written; try again after retry_after_seconds"
UNANSWERED: Final = "try again with the same Idempotency-Key, or look whether it was done"


def request_id(request: Request) -> str:
    """The request ID that appears in our log and in the caller's response."""
    found = request.scope.get("postroom.request_id")
    return str(found) if found else "-"


def of_error(error: PostroomError, rid: str) -> Response:
    """The response to a `PostroomError`."""
    if isinstance(error, Unavailable):
        return problem(
            error.http, error=error.error, reason=error.reason, request_id=rid, retry_after_seconds=error.retry_after,
            fix=UNANSWERED if isinstance(error, NoAnswer) else UNWRITTEN,
        )  # fmt: skip
    assert isinstance(error, Refused)
    more: dict[str, Any] = {}
    if isinstance(error, Invalid):
        more["errors"] = [{"field": field, "problem": what} for field, what in error.problems]
    if isinstance(error, ChecklistOpen):
        more |= {"open": list(error.open_items), "found_false": list(error.found_false)}
    return problem(error.http, error=error.error, reason=error.reason, fix=error.fix, request_id=rid, **more)


def install(app: FastAPI) -> None:
    """Register handlers so that every error of an app is sent in this format."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, PostroomError)
        return of_error(error, request_id(request))

    async def unparsed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = tuple((where(one["loc"][1:]) or str(one["loc"][0]), str(one["msg"])) for one in error.errors())
        return of_error(Invalid("the request is not of the expected form", problems=problems), request_id(request))

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        answer = problem(error.status_code, error=code, reason=str(error.detail), request_id=request_id(request))
        answer.headers.update(error.headers or {})
        return answer

    async def broken(request: Request, error: Exception) -> Response:
        log.error("unexpected error", request_id=request_id(request), exc_info=error)
        return problem(
            500, error="internal", reason="something unexpected happened; it is in the gateway's log",
            request_id=request_id(request),
        )  # fmt: skip

    app.add_exception_handler(PostroomError, refused)
    app.add_exception_handler(RequestValidationError, unparsed)
    app.add_exception_handler(HTTPException, routed)
    app.add_exception_handler(Exception, broken)
