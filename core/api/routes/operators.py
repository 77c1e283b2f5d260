"""Operators come and go over HTTP, by the verbs of the command line.

Secrets are made on the caller's side: what comes in is the SHA-256 of a token, so no log of a proxy ever holds one.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.schemas.requests.body import ReasonRequest, read
from core.api.schemas.requests.credentials import AddOperator, ClaimRequest, ConfirmOperator, RotateRequest
from core.db import directory
from core.durations import duration
from core.rules.roles import Verb
from core.serializers import people
from core.services.identity import operators


class People:
    """The routes of operators about operators."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self.router = APIRouter(tags=["operators"])
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add = self.router.add_api_route
        add("/operators", self._list, methods=["GET"], responses=errors(401, 403, 503))
        for path, handler, shape, http in (
            ("/operators", self._add, AddOperator, 201),
            ("/operators/rotate", self._rotate, RotateRequest, 200),
            ("/operators/{name}/claim", self._claim, ClaimRequest, 202),
            ("/operators/{name}/confirm", self._confirm, ConfirmOperator, 200),
            ("/operators/{name}/revoke", self._revoke, ReasonRequest, 200),
        ):
            add(
                path, handler, methods=["POST"], status_code=http, responses=acts, openapi_extra=body_of(shape),
            )  # fmt: skip
        add("/operators/{name}/disable", self._disable, methods=["POST"], responses=acts)

    async def _list(self, request: Request) -> Response:
        """The people of this desk."""
        with self._desk.callers.reading(request, Verb.DESK_READ) as conn:
            return answer_json(200, {"operators": [people.operator(one) for one in directory.operators(conn)]})

    async def _add(self, request: Request) -> Response:
        """Add a person, as admin; they can do nothing before they have claimed a token and governance confirmed it."""
        actor = self._desk.callers.operator(request)
        asked = read(AddOperator, await request.body())
        added = await self._desk.writer.do(
            lambda tx: operators.add(tx, name=asked.name, roles=asked.roles, actor=actor)
        )
        return answer_json(201, people.operator(added))

    async def _claim(self, request: Request, name: str) -> Response:
        """Claim a token for a person who was added: no token is needed, and none is given before it is confirmed."""
        asked = read(ClaimRequest, await request.body())
        digest = bytes.fromhex(asked.token_sha256)
        claimed = await self._desk.writer.do(lambda tx: operators.claim(tx, name=name, token_hash=digest))
        return answer_json(202, people.claim(claimed, digest))

    async def _confirm(self, request: Request, name: str) -> Response:
        """Let a person's token and roles count, as governance that has heard the fingerprint from them."""
        actor = self._desk.callers.operator(request)
        asked = read(ConfirmOperator, await request.body())
        confirmed = await self._desk.writer.do(
            lambda tx: operators.confirm(tx, name=name, fingerprint=asked.fingerprint, actor=actor)
        )
        return answer_json(200, people.operator(confirmed))

    async def _rotate(self, request: Request) -> Response:
        """Replace the caller's own token; the old one ends with this answer."""
        actor = self._desk.callers.operator(request)
        asked = read(RotateRequest, await request.body())
        digest, ttl = bytes.fromhex(asked.token_sha256), duration(asked.ttl) if asked.ttl is not None else None
        rotated = await self._desk.writer.do(lambda tx: operators.rotate(tx, token_hash=digest, ttl=ttl, actor=actor))
        return answer_json(200, people.operator(rotated))

    async def _revoke(self, request: Request, name: str) -> Response:
        """End somebody's token; they claim another, which is confirmed anew."""
        actor = self._desk.callers.operator(request)
        asked = read(ReasonRequest, await request.body())
        revoked = await self._desk.writer.do(
            lambda tx: operators.revoke(tx, name=name, reason=asked.reason, actor=actor)
        )
        return answer_json(200, people.operator(revoked))

    async def _disable(self, request: Request, name: str) -> Response:
        """Their token opens nothing any more; their name stays theirs."""
        actor = self._desk.callers.operator(request)
        disabled = await self._desk.writer.do(lambda tx: operators.disable(tx, name=name, actor=actor))
        return answer_json(200, people.operator(disabled))
