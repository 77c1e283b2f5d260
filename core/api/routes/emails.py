"""Agents submit mail and read its status.

A route parses, authenticates, and calls one service function. The expensive work (parsing, composing) is done here,
outside the desk's single write transaction; the agent gets its answer after the commit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any, Final, ParamSpec, TypeVar

from fastapi import APIRouter, Request, Response

from core.api.answers import render
from core.api.compose_pool import INLINE, READ_INLINE
from core.api.deps import ApiContext
from core.api.errors import request_id
from core.api.middleware.fast_path import Handler
from core.api.openapi import answer_json, body_of, errors
from core.api.outcome_waiter import OutcomeWaiter
from core.api.parsing import IDEMPOTENCY_HEADER, MAX_WAIT, idempotency_key, replied, seconds_to_wait, submitted
from core.api.routes.read_gate import ReadGate
from core.api.routes.received import ReceivedRoutes
from core.api.schemas.requests.body import read
from core.api.schemas.requests.emails import CancelRequest, ReplyRequest, SendRequest, TagsRequest
from core.api.schemas.requests.mailboxes import mailbox_address
from core.api.schemas.responses import ActionAnswer, MessageAnswer, StandingAnswer, SubmissionAnswer
from core.db.gate_queries import TokenFacts
from core.errors import Conflict, Forbidden, NotFound
from core.ids import read_id, spell_id
from core.model import Actor, Status
from core.rules.roles import Verb
from core.serializers import identities
from core.services.audit import status
from core.services.control.read_log import Shown, What
from core.services.receiving import quoting
from core.services.sending import gated_actions, idempotency, review, token_access
from core.services.sending.loop_prevention import parent
from core.services.sending.prepare import prepare
from core.services.sending.submission import Inherited, Prepared, Submission
from core.services.sending.submit import RunMoved, Submit, take_back
from core.services.sending.submit_result import Answer, RecipientAnswer, blocked, without

P = ParamSpec("P")
T = TypeVar("T")
Responses = dict[int | str, dict[str, Any]]


PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^wait=[0-9]{1,3}$", "example": "wait=10"},
    "description": f"wait=N waits up to N seconds, at most {MAX_WAIT}, for the outcome (RFC 7240).",
}
# Read by hand like the body: the framework would take 180 us a message for it.
SUBMITTING: Final[dict[str, Any]] = {
    "parameters": [
        IDEMPOTENCY_HEADER,
        PREFER,
    ]
}


class EmailRoutes:
    """The agents' routes."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._gate = ReadGate(desk)
        self.received = ReceivedRoutes(desk, self._gate)
        self._outcomes = OutcomeWaiter(desk.store)
        desk.writer.listeners.append(self._outcomes.wake)
        self._running: set[tuple[int, bool, str, str]] = set()
        self.router = APIRouter(tags=["agents"])
        self._routes()

    # --- handing in ---

    async def send(self, request: Request) -> Response:
        """Submit a message. `Prefer: wait=N` waits up to N (30) seconds for its outcome."""
        return await self._outcome_of(request, self._send)

    async def reply(self, request: Request) -> Response:
        """Answer a message; omitted fields follow the message answered."""
        return await self._outcome_of(request, self._reply)

    async def _outcome_of(self, request: Request, take: Handler) -> Response:
        """Turn a refusal into an outcome: a sender without permission gets `blocked`, even before the body is read."""
        try:
            return await take(request)
        except Forbidden as error:
            return render(blocked(error.error, error.reason, fix=error.fix), request_id(request))

    async def _send(self, request: Request) -> Response:
        token = self._desk.callers.agent(request)
        body = await request.body()
        submission = await self._reading(body, submitted, body, key=idempotency_key(request))
        return await self._hand_in(request, submission, token)

    async def _reply(self, request: Request) -> Response:
        token = self._desk.callers.agent(request)
        body = await request.body()
        parsed = await self._reading(body, read, ReplyRequest, body)
        with self._desk.callers.agent_reading(request) as (conn, reader):
            answered = parent(conn, parsed.message_id, token=reader)
            unseen = token_access.unseen(conn, answered.passed_on(("subject", "to", "cc")), token=reader)
        if answered.received is not None:  # its subject goes into the reply, which its agent may read
            await self._gate.show(token, [answered.received])
        elif answered.tainted_sent is not None:
            await self._gate.show(token, sent=[answered.tainted_sent])
        submission = await self._reading(body, replied, parsed, answered, body, key=idempotency_key(request))
        if parsed.quote and not self._repeated(request, submission):
            quoted = quoting.received(answered)
            asked = await self._gate.ask(
                token, answered.mailbox, quoting.target(quoted), Shown(What.BODY, item=quoted), [quoted]
            )
            if asked is not None:
                return render(asked, request_id(request))
            with self._desk.callers.agent_reading(request) as (conn, reader):
                submission = quoting.quoting(conn, submission, quoted, token=reader)
                unseen = token_access.unseen(conn, submission.inherited, token=reader)
        return await self._hand_in(request, submission, token, unseen=unseen)

    def _repeated(self, request: Request, submission: Submission) -> bool:
        """Whether its key was used: the first answer is given again, and an approved read is not used up twice."""
        key = submission.idempotency_key
        if key is None:
            return False
        with self._desk.callers.agent_reading(request) as (conn, token):
            return idempotency.used(conn, submission.sender.normalised, test=token.test, key=key)

    async def _hand_in(
        self, request: Request, submission: Submission, token: TokenFacts, *, unseen: Collection[str] = ()
    ) -> Response:
        hidden = _taken_over(submission, unseen)
        key, wait = submission.idempotency_key, seconds_to_wait(request.headers.get("prefer"))
        if key is None:
            answer, _ = await self._accept(submission, token)
            return render(without(await self._settled(answer, token, wait), hidden), request_id(request))
        running = (token.agent_id, token.test, submission.sender.normalised, key)
        if running in self._running:
            raise Conflict(
                "the first request with this Idempotency-Key is still running",
                error="idempotency_in_progress",
                fix="wait for its answer, or ask again a little later",
            )
        self._running.add(running)
        try:
            first, mailbox_id = await self._accept(submission, token)
            answer = await self._settled(first, token, wait)
            if answer is not first:
                await self._desk.writer.do(
                    lambda tx: idempotency.note_answer(tx, mailbox_id, key, answer, test=token.test)
                )
        finally:
            self._running.discard(running)
        return render(without(answer, hidden), request_id(request))

    async def _accept(self, submission: Submission, token: TokenFacts) -> tuple[Answer, int]:
        """Compose and submit; repeat under the implicit run if the gate asks for one."""
        for implicit in (False, True):
            try:
                prepared = await self._prepared(submission, token, implicit=implicit)
            except Forbidden as error:
                return _refused(submission, error), 0
            try:
                answer = await self._desk.writer.do(Submit(prepared))
            except RunMoved:
                continue
            return answer, prepared.mailbox_id
        raise Conflict("the run could not be settled; try again")

    async def _reading(self, body: bytes, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Parse a small body here, a large one in another process: parsing blocks the event loop."""
        composers = self._desk.composers
        if composers is None or len(body) <= READ_INLINE:
            return work(*args, **named)
        return await composers.call(work, *args, **named)

    async def _prepared(self, submission: Submission, token: TokenFacts, *, implicit: bool) -> Prepared:
        """Compose a small message here, a large one in another process."""
        desk = self._desk
        if desk.composers is None or len(submission.issued) <= INLINE:
            return prepare(desk.store, submission, token=token, ctx=desk.ctx, implicit=implicit)
        return await desk.composers.prepare(submission, token=token, implicit=implicit, now=desk.store.clock.now())

    async def _settled(self, answer: Answer, token: TokenFacts, wait: int) -> Answer:
        """The outcome of queued mail within `wait` seconds, or its state after them."""
        if not wait or answer.status != "queued":
            return answer
        message_id = _id(answer.message_id or "")
        await self._outcomes.wait(message_id, agent_id=token.agent_id, seconds=wait)
        with self._desk.store.read() as conn:
            return status.outcome(conn, message_id, answer, now=self._desk.store.clock.now())

    # --- reading and cancelling ---

    async def _status(self, request: Request, message_id: str) -> Response:
        """The state of a message and each of its recipients, or of an action that waits for a person (`a...`).

        Never shows a body; gated only for received mail. `Prefer: wait=N` waits for the outcome of an agent's mail.
        """
        if (item := read_id("a", message_id)) is not None:
            return await self._action(request, item)
        number = _id(message_id)
        try:
            caller, found, strange = self._looked_up(request, number)
        except NotFound:
            return await self.received.message(request, message_id)
        wait = seconds_to_wait(request.headers.get("prefer"))
        if wait and isinstance(caller, TokenFacts) and not Status(found["status"]).final:
            await self._outcomes.wait(number, agent_id=caller.agent_id, seconds=wait)
            caller, found, strange = self._looked_up(request, number)
        if isinstance(caller, TokenFacts) and strange:
            await self._gate.show(caller, sent=[number])
        await self._desk.reads.anybody(
            request, caller, Shown(What.MESSAGE, item=number), own=Shown(What.STATUS, item=number)
        )
        return answer_json(200, found)

    def _looked_up(self, request: Request, number: int) -> tuple[TokenFacts | Actor, dict[str, Any], bool]:
        """Who asks, the message, and whether it may repeat a stranger's mail."""
        with self._desk.callers.anybody_reading(request, Verb.DESK_READ) as (conn, caller):
            found = status.message(conn, number, caller=caller, now=self._desk.store.clock.now())
            strange = found["tainted_by"] is not None or (bool(found["tags"]) and status.tags_tainted(conn, number))
            return caller, found, strange

    async def _action(self, request: Request, item: int) -> Response:
        with self._desk.callers.anybody_reading(request, Verb.DESK_READ) as (conn, caller):
            found = status.action(conn, item, caller=caller)
        shown = Shown(What.STATUS, item=item)
        await self._desk.reads.anybody(request, caller, shown, own=shown)
        return answer_json(200, found)

    async def _cancel(self, request: Request, message_id: str) -> Response:
        """Cancel a message while it is pending, scheduled or waiting: its agent, or an operator, who may say why."""
        number = _id(message_id)  # not by the operation, which takes no agent's token
        body = await request.body()
        reason = read(CancelRequest, body).reason if body.strip() else None
        if self._desk.callers.is_operator(request):
            actor = self._desk.callers.operator(request)
            await self._desk.writer.do(lambda tx: review.cancel(tx, number, actor=actor, reason=reason))
        else:
            token = self._desk.callers.agent(request)
            await self._desk.writer.do(lambda tx: take_back(tx, number, token=token))
        return await self._status(request, message_id)

    async def _mailbox(self, request: Request, address: str) -> Response:
        """The state of a mailbox: its mode, its budgets, whether its agent is suspended."""
        normalised = mailbox_address(address)
        found = self._desk.callers.anybody_look(
            request,
            Verb.DESK_READ,
            lambda tx, caller: identities.standing(status.mailbox(tx, normalised, caller=caller)),
        )
        return answer_json(200, found)

    async def _tags(self, request: Request, message_id: str) -> Response:
        """Replace a message's tags; an action, which the mode may gate or block."""
        token = self._desk.callers.agent(request)
        tags = read(TagsRequest, await request.body()).tags
        number = _id(message_id)
        with self._desk.callers.agent_reading(request) as (conn, reader):
            address = token_access.owned(conn, number, token=reader)
        refusal = await self._desk.writer.do(
            lambda tx: gated_actions.tag(tx, number, tags, address, token=token, ctx=self._desk.ctx)
        )
        if refusal is not None:
            return render(refusal, request_id(request))
        try:
            with self._desk.callers.agent_reading(request) as (conn, reader):
                return answer_json(200, status.message(conn, number, caller=reader, now=self._desk.store.clock.now()))
        except NotFound:
            with self._desk.callers.agent_reading(request) as (conn, reader):
                hidden = token_access.unseen(conn, Inherited(number, ("subject",)), token=reader)
            if not hidden:
                return self.received.shown(request, number)
            # Its agent may tag the message, but not read it.
            own = spell_id("m", number)
            return answer_json(
                200,
                {"id": own, "message_id": own, "direction": "in", "status": "delivered", "subject": "", "tags": tags},
            )

    def _routes(self) -> None:
        add = self.router.add_api_route
        taken = {"model": SubmissionAnswer}
        message: Responses = {200: {"model": MessageAnswer}}
        held: Responses = {202: taken}
        state: Responses = {200: {"model": MessageAnswer | ActionAnswer}}
        state_answer: Responses = {200: {"model": StandingAnswer}}
        refused = errors(401, 403, 404, 409, 413, 422, 429, 503)
        for path, handler, shape in (
            ("/emails/send", self.send, SendRequest),
            ("/emails/reply", self.reply, ReplyRequest),
        ):
            responses = {200: taken} | held | refused
            add(path, handler, methods=["POST"], responses=responses, openapi_extra=SUBMITTING | body_of(shape))
        add(
            "/emails/{message_id}", self._status, methods=["GET"],
            responses=state | errors(401, 403, 404, 503),
            openapi_extra={"parameters": [PREFER]},
        )  # fmt: skip
        add(
            "/emails/{message_id}/cancel", self._cancel, methods=["POST"],
            responses=message | errors(401, 403, 404, 409, 413, 422, 503),
            openapi_extra=body_of(CancelRequest, required=False),
        )  # fmt: skip
        add(
            "/emails/{message_id}/tags", self._tags, methods=["POST"],
            responses=message | held | errors(401, 403, 404, 409, 413, 422, 503),
            openapi_extra=body_of(TagsRequest),
        )  # fmt: skip
        add(
            "/mailboxes/{address}", self._mailbox, methods=["GET"],
            responses=state_answer | errors(401, 403, 404, 503),
        )  # fmt: skip


def _refused(submission: Submission, error: Forbidden) -> Answer:
    """The outcome of a refusal during composing, with every recipient as the agent gave it."""
    addresses = [submission.given[one.spec] for one in (*submission.to, *submission.cc, *submission.bcc)]
    recipients = tuple(RecipientAnswer(one, "blocked", error.error) for one in dict.fromkeys(addresses))
    return dataclasses.replace(blocked(error.error, error.reason, fix=error.fix), recipients=recipients)


def _taken_over(submission: Submission, unseen: Collection[str]) -> list[str]:
    """The addresses that a reply took from received mail which its agent may not read."""
    taken = () if submission.inherited is None else submission.inherited.fields
    lists = {"to": submission.to, "cc": submission.cc}
    return [
        submission.given[one.spec] for field, listed in lists.items() if field in taken and field in unseen
        for one in listed
    ]  # fmt: skip


def _id(text: str) -> int:
    number = read_id("m", text)
    if number is None:
        raise NotFound(f"there is no message {text[:40]!r}")
    return number
