"""Agents' tokens: governance issues them, overseers revoke them, and an agent delegates narrower ones."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.parsing import printable
from core.api.schemas.requests.body import ReasonRequest, read
from core.api.schemas.requests.credentials import DelegateRequest, TokenRequest
from core.api.schemas.responses import RevokedAnswer, TokenAnswer, TokensAnswer
from core.db import directory
from core.db.transaction import Transaction
from core.durations import duration
from core.model import Actor
from core.rules.roles import Verb
from core.security import credentials
from core.serializers import people
from core.services.identity import tokens
from core.services.identity.tokens import Grant

LAST: Final = 2**31 - 1
"""The highest token ID: a database cannot even compare larger numbers."""


class Tokens:
    """The routes for agents' tokens, for agents and operators."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self.router = APIRouter()
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add = self.router.add_api_route
        add(
            "/tokens/delegate", self._delegate, methods=["POST"], status_code=201, tags=["agents"],
            responses=errors(401, 403, 409, 413, 422, 503), openapi_extra=body_of(DelegateRequest),
        )  # fmt: skip
        add(
            "/tokens", self._list, methods=["GET"], tags=["operators"],
            responses=errors(401, 403, 422, 503) | {200: {"model": TokensAnswer}},
        )  # fmt: skip
        add(
            "/tokens", self._issue, methods=["POST"], status_code=201, tags=["operators"],
            responses=acts | {201: {"model": TokenAnswer}}, openapi_extra=body_of(TokenRequest),
        )  # fmt: skip
        add(
            "/tokens/{token}/revoke", self._revoke, methods=["POST"], tags=["operators"],
            responses=acts | {200: {"model": RevokedAnswer}}, openapi_extra=body_of(ReasonRequest),
        )  # fmt: skip

    async def _list(
        self,
        request: Request,
        agent: str | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=LAST)] = None,
        limit: Annotated[int, Query(ge=1, le=directory.PAGE)] = directory.PAGE,
    ) -> Response:
        """A page of tokens, newest first, of one agent or of all. The secrets themselves are not stored."""
        if agent is not None:
            printable(agent, "agent")
        with self._desk.callers.reading(request, Verb.DESK_READ) as conn:
            found = directory.tokens(conn, agent=agent, before=cursor, limit=limit + 1)
        return answer_json(200, people.tokens_page(found, limit=limit))

    async def _issue(self, request: Request) -> Response:
        """Issue a token for an agent, as governance. Its secret is in this answer and nowhere else."""
        actor = self._desk.callers.operator(request)
        body = read(TokenRequest, await request.body())
        grant = Grant(
            scopes=tuple(dict.fromkeys(body.scopes)), ttl=duration(body.ttl), run=body.run, user=body.user,
            test=body.test,
        )  # fmt: skip
        minted = credentials.new_agent_token()

        def verb(tx: Transaction) -> dict[str, Any]:
            issued = tokens.issue(tx, agent=body.agent, grant=grant, token_hash=minted.digest, actor=actor)
            return people.token(directory.known_token(tx.conn, issued.token))

        return answer_json(201, await self._desk.writer.do(verb) | {"token": minted.secret})

    async def _revoke(self, request: Request, token: Annotated[int, Path(ge=1, le=LAST)]) -> Response:
        """Revoke a token, and every token that was delegated from it, from this answer on."""
        actor = self._desk.callers.operator(request)
        reason = read(ReasonRequest, await request.body()).reason
        ended = await self._desk.writer.do(lambda tx: tokens.revoke(tx, token=token, actor=actor, reason=reason))
        return answer_json(200, people.revoked(token, ended))

    async def _delegate(self, request: Request) -> Response:
        """A narrower token, shown once: some of the caller's scopes, one run, and no later an expiry than its own."""
        parent = self._desk.callers.agent(request)
        body = read(DelegateRequest, await request.body())
        grant = Grant(scopes=tuple(dict.fromkeys(body.scopes)), ttl=duration(body.ttl), run=body.run, user=body.user)
        minted, actor = credentials.new_agent_token(), Actor("agent", parent.agent_name)

        def verb(tx: Transaction) -> dict[str, Any]:
            made = tokens.delegate(tx, parent=parent.id, grant=grant, token_hash=minted.digest, actor=actor)
            return people.token(directory.known_token(tx.conn, made.token))

        return answer_json(201, await self._desk.writer.do(verb) | {"token": minted.secret})
