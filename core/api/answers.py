"""The response to an agent's action: an outcome of a submission, or what a held or refused read is told."""

from __future__ import annotations

from fastapi import Response

from core.api.errors import problem
from core.services.sending.submit_result import Answer


def render(answer: Answer, rid: str) -> Response:
    """The response to a submission: plain JSON if it was accepted, a problem if not."""
    if answer.accepted:
        return Response(answer.body(), status_code=answer.http, media_type="application/json")
    members = answer.members()
    error, reason = members.pop("error"), members.pop("reason")
    fix = members.pop("fix", None)
    return problem(answer.http, error=error, reason=reason, fix=fix, request_id=rid, **members)
