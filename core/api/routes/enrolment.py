"""An agent asks for its own mailbox: the request, its state, the claim of the first token.

These routes accept enrolment tokens only, and no other route accepts them. A request only enters the queue in which
people's requests wait.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from core.api.deps import ApiContext
from core.api.errors import problem, request_id
from core.api.openapi import answer_json, body_of, errors
from core.api.schemas.requests.body import read
from core.api.schemas.requests.enrolment import ClaimTokenRequest, EnrolmentRequest, WideningRequest
from core.api.schemas.responses import EnrolmentAnswer, TokenAnswer
from core.db import directory
from core.db.transaction import Transaction
from core.durations import duration
from core.errors import Invalid
from core.ids import sha256
from core.model import DEFAULT_CLASSES
from core.security import credentials
from core.serializers import enrolment as serializer
from core.serializers import people
from core.services.identity import enrolment, enrolment_claims, enrolment_progress
from core.services.identity.enrolment import Wanted
from core.services.identity.enrolment_claims import Refusal
from core.services.identity.widenings import More


class EnrolmentRoutes:
    """The routes under /enrolment."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self.router = APIRouter()
        add = self.router.add_api_route
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add(
            "/enrolment/requests", self._file, methods=["POST"], status_code=202, tags=["agents"],
            responses=acts | {202: {"model": EnrolmentAnswer}}, openapi_extra=body_of(EnrolmentRequest),
        )  # fmt: skip
        add(
            "/enrolment/widenings", self._widen, methods=["POST"], status_code=202, tags=["agents"],
            responses=acts | {202: {"model": EnrolmentAnswer}}, openapi_extra=body_of(WideningRequest),
        )  # fmt: skip
        add(
            "/enrolment/requests/{request_id}", self._show, methods=["GET"], tags=["agents"],
            responses=errors(401, 403, 404, 409, 503) | {200: {"model": EnrolmentAnswer}},
        )  # fmt: skip
        add(
            "/enrolment/requests/{request_id}/claim", self._claim, methods=["POST"], status_code=201, tags=["agents"],
            responses=acts | errors(429) | {201: {"model": TokenAnswer}}, openapi_extra=body_of(ClaimTokenRequest),
        )  # fmt: skip

    async def _file(self, request: Request) -> Response:
        """Ask for a mailbox, with an enrolment token. People sign the request; `next_step` says what to do.

        The same request with the same `claim_sha256` is filed once, so a client that timed out repeats it safely.
        """
        token = self._desk.callers.enrolling(request).id
        wanted = parse(read(EnrolmentRequest, await request.body()))

        def verb(tx: Transaction) -> dict[str, Any]:
            return _shown(tx, enrolment.file(tx, token=token, wanted=wanted), token)

        return answer_json(202, await self._desk.writer.do(verb))

    async def _widen(self, request: Request) -> Response:
        """Ask for more than your mailbox may do. Nothing changes until the same three roles have signed it."""
        token = self._desk.callers.enrolling(request).id
        body = read(WideningRequest, await request.body())
        more = More(
            reason=body.reason, limits=body.limits, classes=tuple(body.classes), allow=tuple(body.allow),
            fingerprint=sha256(body.model_dump_json().encode()),
        )  # fmt: skip

        def verb(tx: Transaction) -> dict[str, Any]:
            return _shown(tx, enrolment.widen(tx, token=token, address=body.address, more=more), token)

        return answer_json(202, await self._desk.writer.do(verb))

    async def _show(self, request: Request, request_id: str) -> Response:
        """The state of a request: which roles must still sign, what is decided, the next step."""
        shown = self._desk.callers.enrolling_look(request, lambda tx, token: _shown(tx, request_id, token.id))
        return answer_json(200, shown)

    async def _claim(self, request: Request, request_id: str) -> Response:
        """Claim the agent's first token, once, with the secret whose SHA-256 came with the request.

        A wrong secret is 403 `wrong_secret`, a second claim 409 `claimed`; both are logged. After five within an hour
        the answer to more of them is 429; the right secret still claims.
        """
        token = self._desk.callers.enrolling(request).id
        secret = read(ClaimTokenRequest, await request.body()).claim_secret
        minted = credentials.new_agent_token()

        def verb(tx: Transaction) -> dict[str, Any] | Refusal:
            claimed = enrolment_claims.claim(
                tx, request_id, token=token, secret_hash=credentials.digest(secret), token_hash=minted.digest
            )
            return (
                claimed if isinstance(claimed, Refusal) else people.token(directory.known_token(tx.conn, claimed.token))
            )

        done = await self._desk.writer.do(verb)
        if isinstance(done, Refusal):
            return _refused(done, request)
        return answer_json(201, done | {"token": minted.secret})


def parse(body: EnrolmentRequest) -> Wanted:
    """The request as the service takes it. Raises `Invalid`."""
    try:
        expires_in = duration(body.expires) if body.expires is not None else None
    except Invalid as error:
        raise Invalid(error.reason, fix="write 90d", problems=(("expires", error.reason),)) from error
    return Wanted(
        purpose=body.purpose,
        systems=", ".join(body.systems) if isinstance(body.systems, list) else body.systems,
        revoke_when=body.revoke_when,
        claim_hash=bytes.fromhex(body.claim_sha256),
        fingerprint=sha256(body.model_dump_json().encode()),
        address=body.address,
        owner=body.owner,
        system_owner=body.system_owner,
        users=body.users,
        display_name=body.display_name,
        classes=tuple(body.classes) or DEFAULT_CLASSES,
        allow=tuple(body.allow),
        limits=body.limits,
        expires_in=expires_in,
    )


def _shown(tx: Transaction, number: str, token: int) -> dict[str, Any]:
    return serializer.request(enrolment_progress.of(tx, number, token=token))


def _refused(refusal: Refusal, request: Request) -> Response:
    http = {"rate_limited": 429, "claimed": 409}.get(refusal.error, 403)
    more = {} if refusal.retry_after is None else {"retry_after_seconds": refusal.retry_after}
    return problem(
        http, error=refusal.error, reason=refusal.reason, fix=refusal.fix, request_id=request_id(request), **more
    )
