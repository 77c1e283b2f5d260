"""Agents' tokens: governance issues them, overseers revoke them, and an agent delegates narrower ones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from core.api.auth import Authenticator
from core.api.openapi import answer_json, body_of, errors
from core.api.operation_runner import OperationRunner
from core.api.parsing import printable
from core.api.schemas.requests.body import ReasonRequest, Shape
from core.api.schemas.requests.credentials import DelegateRequest, EnrolRequest, TokenRequest
from core.api.schemas.responses import RevokedAnswer, TokenAnswer, TokensAnswer
from core.db import directory
from core.operations.bodies import LAST_ID
from core.security import credentials


class Tokens:
    """The routes for agents' tokens, for agents and operators."""

    def __init__(self, runner: OperationRunner, callers: Authenticator) -> None:
        self._runner = runner
        self._callers = callers
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
            "/tokens/enrol", self._enrol, methods=["POST"], status_code=201, tags=["operators"],
            responses=acts | {201: {"model": TokenAnswer}}, openapi_extra=body_of(EnrolRequest),
        )  # fmt: skip
        add(
            "/tokens/{token}/revoke", self._revoke, methods=["POST"], tags=["operators"],
            responses=acts | {200: {"model": RevokedAnswer}}, openapi_extra=body_of(ReasonRequest),
        )  # fmt: skip

    async def _list(
        self,
        request: Request,
        agent: str | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=LAST_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=directory.PAGE)] = directory.PAGE,
    ) -> Response:
        """A page of tokens, newest first, of one agent or of all. The secrets themselves are not stored."""
        if agent is not None:
            printable(agent, "agent")
        found = await self._runner.answer(request, "token.list", agent=agent, cursor=cursor, limit=limit)
        return answer_json(200, found)

    async def _issue(self, request: Request) -> Response:
        """Issue a token for an agent, as governance. Its secret is in this answer and nowhere else."""
        return await self._minted(request, "token.issue", TokenRequest)

    async def _enrol(self, request: Request) -> Response:
        """Issue an enrolment token for an agent, as the owner who will answer for it. It is in this answer only."""
        return await self._minted(request, "token.enrol", EnrolRequest)

    async def _delegate(self, request: Request) -> Response:
        """A narrower token, shown once: some of the caller's scopes, one run, and no later an expiry than its own."""
        self._callers.agent(request)  # records when the token was last used
        return await self._minted(request, "token.delegate", DelegateRequest)

    async def _minted(self, request: Request, operation: str, shape: type[Shape]) -> Response:
        minted = credentials.new_agent_token()
        made = await self._runner.answer(request, operation, shape, token_sha256=minted.digest.hex())
        return answer_json(201, made | {"token": minted.secret})

    async def _revoke(self, request: Request, token: Annotated[int, Path(ge=1, le=LAST_ID)]) -> Response:
        """Revoke a token, and every token that was delegated from it, from this answer on."""
        return answer_json(200, await self._runner.answer(request, "token.revoke", ReasonRequest, id=token))
