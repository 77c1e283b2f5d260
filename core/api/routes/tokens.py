"""An agent passes on less than it has: a token for one run of a sub-agent or a tool."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.schemas.requests import DelegateRequest, read
from core.durations import duration, stamp
from core.model import Actor
from core.security import credentials
from core.services.identity import tokens
from core.services.identity.tokens import Grant


class Tokens:
    """The routes of agents about their tokens."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self.router = APIRouter(tags=["agents"])
        self.router.add_api_route(
            "/tokens/delegate", self._delegate, methods=["POST"], status_code=201,
            responses=errors(401, 403, 409, 413, 422, 503), openapi_extra=body_of(DelegateRequest),
        )  # fmt: skip

    async def _delegate(self, request: Request) -> Response:
        """A narrower token, shown this once: some of the caller's scopes, one run, and an end no later than its own."""
        own = self._desk.callers.agent(request)
        asked = read(DelegateRequest, await request.body())
        grant = Grant(
            scopes=tuple(dict.fromkeys(asked.scopes)), ttl=duration(asked.ttl), run=asked.run, user=asked.user
        )
        minted, actor = credentials.new_agent_token(), Actor("agent", own.agent_name)
        issued = await self._desk.writer.do(
            lambda tx: tokens.delegate(tx, parent=own.id, grant=grant, token_hash=minted.digest, actor=actor)
        )
        told = {"token": minted.secret, "id": issued.token, "scopes": [*issued.scopes]}
        return answer_json(201, told | {"run": own.run_key or asked.run, "expires_at": stamp(issued.expires_at)})
