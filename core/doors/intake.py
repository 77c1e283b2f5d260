"""Agents hand in mail and ask how it stands.

A door parses, finds the token, and calls one verb. The work that costs time (parsing, composing) is done here, outside
the desk's one transaction; what the agent is told comes after the commit.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from core.doors.answers import MessageAnswer, MessagesAnswer, StandingAnswer, SubmissionAnswer
from core.doors.contract import (
    MAX_RECIPIENTS,
    Composition,
    ReplyRequest,
    SendRequest,
    TagsRequest,
    attachment,
    mailbox_address,
    read,
)
from core.doors.describe import answer_json, body_of, errors
from core.doors.desk import Desk
from core.doors.problems import problem, request_id
from core.errors import Conflict, Invalid, NotFound, TooLarge
from core.flow import actions, review, status
from core.flow.answers import Answer
from core.flow.prepare import RunClaim, Submission, answered, prepare
from core.flow.submit import RunMoved, Submit, note_answer
from core.ledger.facts import TokenFacts
from core.rules.addresses import Address, parse_address
from core.words import Action, Actor, read_id

MAX_WAIT: Final = 30
POLL: Final = 0.05

Told = dict[int | str, dict[str, Any]]


# Read by hand like the body: letting the framework do it costs 180 us a message.
SUBMITTING: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 256},
            "description": "The same key and body answers the first answer again.",
        },
        {
            "name": "Prefer",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "wait=N waits up to N (30) seconds for the outcome (RFC 7240).",
        },
    ]
}


class Intake:
    """The agents' routes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._running: set[tuple[int, str]] = set()
        self.router = APIRouter(tags=["agents"])
        self._routes()

    # --- handing in ---

    async def send(self, request: Request) -> Response:
        """Hand in a message. `Prefer: wait=N` waits up to N (30) seconds for its outcome."""
        token = self._desk.callers.agent(request)
        body = await request.body()
        parsed = read(SendRequest, body)
        submission = _submission(
            parsed,
            sender=parsed.sender,
            to=parsed.to,
            subject=parsed.subject,
            in_reply_to=parsed.in_reply_to,
            references=tuple(parsed.references),
            kind=Action.REPLY if parsed.in_reply_to or parsed.in_reply_to_headers else Action.SEND,
            answered=parsed.in_reply_to_headers,
            issued=body,
            key=_key(request),
        )
        return await self._hand_in(request, submission, token, wait=_wait(request.headers.get("prefer")))

    async def reply(self, request: Request) -> Response:
        """Answer a message; what is left out follows it."""
        token = self._desk.callers.agent(request)
        body = await request.body()
        parsed = read(ReplyRequest, body)
        with self._desk.store.read() as conn:
            box, to, subject, parent = answered(conn, _id(parsed.message_id), token=token)
        submission = _submission(
            parsed,
            sender=parsed.sender or box,
            to=parsed.to or to,
            subject=parsed.subject if parsed.subject is not None else _re(subject),
            in_reply_to=parent,
            references=(),
            kind=Action.REPLY,
            answered=parsed.in_reply_to_headers,
            issued=body,
            key=_key(request),
        )
        return await self._hand_in(request, submission, token, wait=_wait(request.headers.get("prefer")))

    async def _hand_in(self, request: Request, submission: Submission, token: TokenFacts, *, wait: int) -> Response:
        key = submission.idempotency_key
        running = (token.agent_id, f"{submission.sender.normalised} {key}")
        if key is not None and running in self._running:
            raise Conflict(
                "the first request with this Idempotency-Key is still running",
                error="idempotency_in_progress",
                fix="wait for its answer, or ask again a little later",
            )
        self._running.add(running)
        try:
            answer, mailbox_id = await self._accept(submission, token)
            if wait and answer.status == "queued":
                answer = await self._outcome(answer, wait)
                if key is not None:
                    told = answer
                    await self._desk.writer.do(lambda tx: note_answer(tx, mailbox_id, key, told))
        finally:
            self._running.discard(running)
        return render(answer, request_id(request))

    async def _accept(self, submission: Submission, token: TokenFacts) -> tuple[Answer, int]:
        """Compose and submit; once more under the implicit run where the gate asks for it."""
        for implicit in (False, True):
            prepared = prepare(self._desk.store, submission, token=token, house=self._desk.house, implicit=implicit)
            try:
                answer = await self._desk.writer.do(Submit(prepared))
            except RunMoved:
                continue
            return answer, prepared.mailbox_id
        raise Conflict("the run could not be settled; try again")

    async def _outcome(self, answer: Answer, wait: int) -> Answer:
        message_id = _id(answer.message_id or "")
        clock = self._desk.store.clock
        until = clock.now() + wait * 1_000_000
        while clock.now() < until:
            with self._desk.store.read() as conn:
                settled = status.outcome(conn, message_id, answer)
            if settled is not None:
                return settled
            await asyncio.sleep(POLL)
        return answer

    # --- asking ---

    async def _status(self, request: Request, message_id: str) -> Response:
        """Where a message and each of its recipients stand. Never gated, never shows a body."""
        caller = self._desk.callers.anybody(request)
        with self._desk.store.read() as conn:
            found = status.message(conn, _id(message_id), caller=caller)
        return answer_json(200, found)

    async def _cancel(self, request: Request, message_id: str) -> Response:
        """Take a message back while it is pending or waiting."""
        token = self._desk.callers.agent(request)
        number = _id(message_id)
        with self._desk.store.read() as conn:
            status.owned(conn, number, token=token)
        actor = Actor("agent", token.agent_name)
        await self._desk.writer.do(lambda tx: review.cancel(tx, number, actor=actor))
        with self._desk.store.read() as conn:
            return answer_json(200, status.message(conn, number, caller=token))

    async def _mailbox(self, request: Request, address: str) -> Response:
        """How a mailbox stands: its mode, its budgets, whether its agent is suspended."""
        caller = self._desk.callers.anybody(request)
        return answer_json(
            200, self._desk.store.look(lambda tx: status.mailbox(tx, mailbox_address(address), caller=caller))
        )

    async def _messages(
        self, request: Request, address: str, direction: str | None = None, q: str | None = None,
        cursor: str | None = None,
    ) -> Response:  # fmt: skip
        """The mailbox's messages, newest first; reading is an action, which the mode may gate."""
        token = self._desk.callers.agent(request)
        if direction not in (None, "in", "out"):
            raise Invalid("direction is in or out", problems=(("direction", "is in or out"),))
        if not (q or "").isprintable():
            raise Invalid("q has characters that no subject has", problems=(("q", "is not printable"),))
        before = _id(cursor) if cursor else None
        target = f"messages:{direction or ''}:{q or ''}:{cursor or ''}"
        asked = await self._desk.writer.do(
            lambda tx: actions.ask(
                tx, Action.READ, mailbox_address(address), target, token=token, house=self._desk.house
            )
        )
        if asked is not None:
            return render(asked, request_id(request))
        with self._desk.store.read() as conn:
            return answer_json(
                200, status.messages(conn, mailbox_address(address), direction=direction, q=q, before=before)
            )

    async def _tags(self, request: Request, message_id: str) -> Response:
        """Replace a message's tags; an action, which the mode may gate or block."""
        token = self._desk.callers.agent(request)
        tags = read(TagsRequest, await request.body()).tags
        number = _id(message_id)
        with self._desk.store.read() as conn:
            address = status.owned(conn, number, token=token)
        asked = await self._desk.writer.do(
            lambda tx: actions.tag(tx, number, tags, address, token=token, house=self._desk.house)
        )
        if asked is not None:
            return render(asked, request_id(request))
        with self._desk.store.read() as conn:
            return answer_json(200, status.message(conn, number, caller=token))

    def _routes(self) -> None:
        add = self.router.add_api_route
        taken = {"model": SubmissionAnswer}
        message: Told = {200: {"model": MessageAnswer}}
        held: Told = {202: taken}
        standing: Told = {200: {"model": StandingAnswer}}
        listed: Told = {200: {"model": MessagesAnswer}}
        refused = errors(401, 403, 404, 409, 413, 422, 429, 503)
        for path, handler, shape in (
            ("/emails/send", self.send, SendRequest),
            ("/emails/reply", self.reply, ReplyRequest),
        ):
            told = {200: taken} | held | refused
            add(path, handler, methods=["POST"], responses=told, openapi_extra=body_of(shape))
        add("/emails/{message_id}", self._status, methods=["GET"], responses=message | errors(401, 403, 404, 503))
        add(
            "/emails/{message_id}/cancel", self._cancel, methods=["POST"],
            responses=message | errors(401, 403, 404, 409, 503),
        )  # fmt: skip
        add(
            "/emails/{message_id}/tags", self._tags, methods=["POST"],
            responses=message | held | errors(401, 403, 404, 409, 413, 422, 503),
            openapi_extra=body_of(TagsRequest),
        )  # fmt: skip
        add(
            "/mailboxes/{address}", self._mailbox, methods=["GET"],
            responses=standing | errors(401, 403, 404, 503),
        )  # fmt: skip
        add(
            "/mailboxes/{address}/messages", self._messages, methods=["GET"],
            responses=listed | held | errors(401, 403, 404, 422, 503),
        )  # fmt: skip


def render(answer: Answer, rid: str) -> Response:
    """The answer to a submission: plain JSON if it was taken, a problem if not."""
    if answer.accepted:
        return Response(answer.body(), status_code=answer.http, media_type="application/json")
    members = answer.members()
    error, reason = members.pop("error"), members.pop("reason")
    fix = members.pop("fix", None)
    return problem(answer.http, error=error, reason=reason, fix=fix, request_id=rid, **members)


def _submission(
    parsed: Composition, *, sender: str, to: list[str], subject: str, in_reply_to: str | None,
    references: tuple[str, ...], kind: Action, answered: dict[str, str], issued: bytes, key: str | None,
) -> Submission:  # fmt: skip
    """A shape with its addresses read. Raises `Invalid` naming every address that cannot be."""
    problems: list[tuple[str, str]] = []
    given: dict[str, str] = {}
    lists = {
        name: _addresses(name, listed, problems, given)
        for name, listed in (("to", to), ("cc", parsed.cc), ("bcc", parsed.bcc))
    }
    from_ = _addresses("from", [sender], problems, {})
    reply_to = _addresses("reply_to", [parsed.reply_to] if parsed.reply_to else [], problems, {})
    count = sum(len(listed) for listed in lists.values())
    if count > MAX_RECIPIENTS:
        raise TooLarge(f"{count} recipients; a message takes at most {MAX_RECIPIENTS}", fix="send several messages")
    if not lists["to"] and not problems:
        problems.append(("to", "at least one address"))
    if problems:
        raise Invalid(f"{problems[0][0]}: {problems[0][1]}", problems=tuple(problems))
    run = parsed.run
    claim = RunClaim()
    if run is not None:
        claim = RunClaim(run.id, run.user, tuple(run.via), run.agent_version, run.prompt_version, run.tools_version)
    return Submission(
        sender=from_[0],
        to=lists["to"],
        cc=lists["cc"],
        bcc=lists["bcc"],
        subject=subject,
        issued=issued,
        kind=kind,
        given=given,
        reply_to=reply_to[0] if reply_to else None,
        text=parsed.text,
        html=parsed.html,
        attachments=tuple(attachment(one, place) for place, one in enumerate(parsed.attachments)),
        headers=parsed.headers,
        in_reply_to=in_reply_to,
        references=references,
        content_class=parsed.content_class,
        run=claim,
        tags=tuple(parsed.tags),
        metadata=parsed.metadata,
        idempotency_key=key,
        answered=answered,
    )


def _addresses(
    field: str, listed: list[str], problems: list[tuple[str, str]], given: dict[str, str]
) -> tuple[Address, ...]:
    found = []
    for place, text in enumerate(listed):
        try:
            address = parse_address(text)
        except Invalid as error:
            problems.append((f"{field}[{place}]", error.reason))
        else:
            given[address.spec] = text
            found.append(address)
    return tuple(found)


def _key(request: Request) -> str | None:
    """The Idempotency-Key, 1-256 visible characters. Raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 256 and key.isprintable()):
        raise Invalid(
            "the Idempotency-Key is not 1-256 characters that can be printed",
            problems=(("Idempotency-Key", "1-256 characters that can be printed"),),
        )
    return key


def _wait(prefer: str | None) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240 4.3), at most 30; anything else asks for nothing."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isdigit():
            return min(int(value), MAX_WAIT)
    return 0


def _re(subject: str) -> str:
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


def _id(text: str) -> int:
    number = read_id("m", text)
    if number is None:
        raise NotFound(f"there is no message {text[:40]!r}")
    return number
