"""Agents' tokens: issued by governance, passed on by agents, revoked by anyone who watches.

A token's secret never crosses the wire: the caller makes it and sends its SHA-256. So a request whose answer was lost
can be repeated, and the answers that the desk keeps for that hold no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from core.db import directory, gate_queries
from core.durations import duration
from core.errors import Conflict, Unauthenticated
from core.json_body import AddressText, Name, Sha256, Shape, Short
from core.model import Scope
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import LAST_ID, Limit, OptionalReason
from core.operations.operation import AGENTS, Call, Json, act, read
from core.rules import roles
from core.rules.roles import Verb
from core.serializers import people
from core.services.control.read_log import Shown, What
from core.services.identity import enrolment, tokens
from core.services.identity.tokens import Grant, Issued

TokenId = Annotated[int, Field(ge=1, le=LAST_ID)]
Granted = Literal[Scope.SEND, Scope.READ]
"""`request` is not among them: only an owner issues it, by an operation of its own."""


# --- requests -----------------------------------------------------------------------------------------------------


class TokensRequest(Shape):
    """A page of one agent's tokens, or of all; `cursor` is the `next_cursor` of the page before."""

    agent: Name | None = None
    cursor: TokenId | None = None
    limit: Limit = directory.PAGE


class BindingMembers(Shape):
    """What a token is bound to: one run, one person it acts for."""

    run: Name | None = None
    user: Name | None = None


class IssueMembers(BindingMembers):
    """A token for an agent, without what makes it secret: `POST /tokens` has these members too."""

    agent: Short
    ttl: Name = "8h"
    scopes: list[Granted] = Field(default=[Scope.SEND, Scope.READ], min_length=1, max_length=2)
    test: bool = False


class IssueRequest(IssueMembers):
    """A token for an agent. `token_sha256` is the SHA-256, in hex, of a `pra_...` token that the caller made."""

    token_sha256: Sha256


class DelegateMembers(BindingMembers):
    """A token for one run; `POST /tokens/delegate` has these members too."""

    ttl: Name = "1h"
    scopes: list[Granted] = Field(default=[Scope.SEND], min_length=1, max_length=2)


class DelegateRequest(DelegateMembers):
    """A token for one run, narrower than the caller's. `token_sha256` is that of a `pra_...` token the caller made."""

    token_sha256: Sha256


class EnrolMembers(Shape):
    """A token with which an agent asks for its own mailbox; `POST /tokens/enrol` has these members too."""

    agent: Short
    ttl: Name = "24h"
    address: AddressText | None = None


class EnrolRequest(EnrolMembers):
    """A token with which an agent asks for its own mailbox: for `address` alone, if given. `ttl` is at most `7d`."""

    token_sha256: Sha256


class RevokeRequest(OptionalReason):
    """One token, by its id."""

    id: TokenId


# --- operations ---------------------------------------------------------------------------------------------------


def list_tokens(call: Call, request: TokensRequest) -> Json:
    found = directory.tokens(call.tx.conn, agent=request.agent, before=request.cursor, limit=request.limit + 1)
    return people.tokens_page(found, limit=request.limit, users=may_see_users(call))


def may_see_users(call: Call) -> bool:
    """Whether the caller may see for whom tokens act: who may read runs, which have the same people."""
    return roles.may(call.actor, Verb.MESSAGE_READ)


def users_shown(_request: object, answer: Mapping[str, Any]) -> Shown | None:
    """Tokens that name people are a read of runs."""
    return Shown(What.RUNS) if any(one["user"] for one in answer["tokens"]) else None


def issue(call: Call, request: IssueRequest) -> Json:
    grant = Grant(
        scopes=tuple(dict.fromkeys(request.scopes)), ttl=duration(request.ttl), run=request.run, user=request.user,
        test=request.test,
    )  # fmt: skip
    digest = fresh(call, request.token_sha256)
    return _issued(call, tokens.issue(call.tx, agent=request.agent, grant=grant, token_hash=digest, actor=call.actor))


def enrol(call: Call, request: EnrolRequest) -> Json:
    issued = enrolment.issue(
        call.tx, agent=request.agent, ttl=duration(request.ttl), address=request.address,
        token_hash=fresh(call, request.token_sha256), actor=call.actor,
    )  # fmt: skip
    return _issued(call, issued) | {"guide": f"{call.resources.settings.public_url.rstrip('/')}/skill.md"}


def delegate(call: Call, request: DelegateRequest) -> Json:
    parent = gate_queries.token_by_hash(call.tx.conn, call.actor.token or b"")
    if parent is None:
        raise Unauthenticated("no agent has this token", fix="ask governance for one: postroom token issue")
    grant = Grant(
        scopes=tuple(dict.fromkeys(request.scopes)), ttl=duration(request.ttl), run=request.run, user=request.user
    )
    digest = fresh(call, request.token_sha256)
    return _issued(
        call, tokens.delegate(call.tx, parent=parent.id, grant=grant, token_hash=digest, actor=call.actor)
    )  # fmt: skip


def revoke(call: Call, request: RevokeRequest) -> Json:
    ended = tokens.revoke(call.tx, token=request.id, actor=call.actor, reason=request.reason)
    return people.revoked(request.id, ended)


def fresh(call: Call, token_sha256: str) -> bytes:
    """The digest of an agent's token that nobody has yet. Raises `Conflict`: a token is issued once."""
    digest = bytes.fromhex(token_sha256)
    if gate_queries.token_by_hash(call.tx.conn, digest) is not None:
        raise Conflict("this token was issued before", fix="make a new one: 32 random bytes")
    return digest


def _issued(call: Call, one: Issued) -> Json:
    return people.token(directory.known_token(call.tx.conn, one.token))


# --- answers ------------------------------------------------------------------------------------------------------


class Token(WideAnswer):
    """An agent's token, without its secret."""

    id: int
    agent: str
    scopes: list[str]
    test: bool
    run: str | None
    user: str | None
    parent: int | None
    issued_at: str
    issued_by: str
    expires_at: str
    revoked_at: str | None
    last_used_at: str | None


class EnrolmentToken(Token):
    """An enrolment token, and where its agent reads what to do with it."""

    guide: str


class Tokens(Answer):
    """A page of tokens, newest first."""

    tokens: list[Token]
    next_cursor: int | None


class Revoked(Answer):
    """How many tokens were revoked: the one named, and those delegated from it."""

    id: int
    revoked: int


OPERATIONS = (
    read("token.list", list_tokens, TokensRequest, Tokens, Verb.DESK_READ,
         about="Agents' tokens, newest first. Their secrets are not stored.", shown=users_shown),
    act("token.issue", issue, IssueRequest, Token, Verb.TOKEN_ISSUE,
        about="Issue a token for an agent. The caller makes the secret; the desk never sees it."),
    act("token.enrol", enrol, EnrolRequest, EnrolmentToken, Verb.TOKEN_ENROL,
        about="Issue a token with which an agent asks for its own mailbox. The caller is its owner, and signs later."),
    act("token.delegate", delegate, DelegateRequest, Token, tokens=AGENTS,
        about="Make a narrower token from an agent's own, for one run of a sub-agent or tool."),
    act("token.revoke", revoke, RevokeRequest, Revoked, Verb.TOKEN_REVOKE,
        about="Revoke an agent's token and every token delegated from it."),
)  # fmt: skip
