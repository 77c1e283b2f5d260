"""The people of the desk and their tokens. A token's secret never crosses the wire: its holder sends the SHA-256."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.db import directory
from core.db.development import is_development
from core.durations import duration
from core.json_body import Name, ReasonRequest, Sha256, Shape
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import Nothing, Required
from core.operations.operation import ANYBODY, Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import people
from core.services.identity import operators


class OperatorRequest(Shape):
    """One person, by name."""

    name: Required


class AddRequest(OperatorRequest):
    """A new person and their roles."""

    roles: Annotated[list[Name], Field(min_length=1, max_length=10)]


class ClaimMembers(Shape):
    """The SHA-256, in hex, of a `pro_...` token that the claimant made."""

    token_sha256: Sha256


class ClaimRequest(ClaimMembers, OperatorRequest):
    """Who claims a token, and its SHA-256."""


class ConfirmMembers(Shape):
    """The fingerprint as the person read it out."""

    fingerprint: Required


class ConfirmRequest(ConfirmMembers, OperatorRequest):
    """Who is confirmed, and the fingerprint of their token."""


class OperatorReason(OperatorRequest, ReasonRequest):
    """A person, and the reason for the log."""


class RotateRequest(Shape):
    """The SHA-256, in hex, of the caller's new token; `ttl` (`90d`) makes it expire."""

    token_sha256: Sha256
    ttl: Name | None = None


def list_operators(call: Call, _request: Nothing) -> Json:
    return {"operators": [people.operator(one) for one in directory.operators(call.tx.conn)]}


def me(call: Call, _request: Nothing) -> Json:
    person = directory.operator(call.tx.conn, call.actor.name)
    assert person is not None, "an operator who was admitted is gone"
    return people.operator(person) | {
        "desk": call.resources.settings.name,
        "development": is_development(call.tx.conn),
    }


def sign_in(call: Call, request: Nothing) -> Json:
    operators.signed_in(call.tx, actor=call.actor, entry_point=call.entry_point.value)
    return me(call, request)


def claim(call: Call, request: ClaimRequest) -> Json:
    digest = bytes.fromhex(request.token_sha256)
    return people.claim(operators.claim(call.tx, name=request.name, token_hash=digest), digest)


def add(call: Call, request: AddRequest) -> Json:
    return people.operator(operators.add(call.tx, name=request.name, roles=request.roles, actor=call.actor))


def confirm(call: Call, request: ConfirmRequest) -> Json:
    return people.operator(
        operators.confirm(call.tx, name=request.name, fingerprint=request.fingerprint, actor=call.actor)
    )


def rotate(call: Call, request: RotateRequest) -> Json:
    digest, ttl = bytes.fromhex(request.token_sha256), duration(request.ttl) if request.ttl is not None else None
    return people.operator(operators.rotate(call.tx, token_hash=digest, ttl=ttl, actor=call.actor))


def revoke(call: Call, request: OperatorReason) -> Json:
    return people.operator(operators.revoke(call.tx, name=request.name, reason=request.reason, actor=call.actor))


def disable(call: Call, request: OperatorRequest) -> Json:
    return people.operator(operators.disable(call.tx, name=request.name, actor=call.actor))


# --- answers ----------------------------------------------------------------------------------------------------------


class Operator(WideAnswer):
    """A person. `roles` are the confirmed ones; `claimed`: they hold a token that somebody has confirmed."""

    name: str
    roles: list[str]
    unconfirmed: list[str]
    claimed: bool
    token_expires_at: str | None
    claim_expires_at: str | None
    added_by: str
    confirmed_by: str | None
    disabled_at: str | None


class Caller(Operator):
    """The caller, the name of the desk, and whether it is one for development."""

    desk: str
    development: bool


class Claim(Answer):
    """A claimed token: its fingerprint, which its holder reads out, and until when governance may confirm it."""

    name: str
    fingerprint: str
    expires_at: str


class Operators(Answer):
    """The people of the desk."""

    operators: list[Operator]


OPERATIONS = (
    read("operator.list", list_operators, Nothing, Operators, Verb.DESK_READ, about="The people of this desk."),
    read("operator.me", me, Nothing, Caller, Verb.DESK_READ,
         about="Who the caller is, which roles they have, and when their token ends."),
    act("operator.sign_in", sign_in, Nothing, Caller, Verb.DESK_READ,
        about="Record that the caller begins to work with a screen; answers as `operator.me` does."),
    act("operator.claim", claim, ClaimRequest, Claim, tokens=ANYBODY,
        about="Claim a token for a person who was added. It opens nothing until governance confirms its fingerprint."),
    act("operator.add", add, AddRequest, Operator, Verb.OPERATOR_ADD,
        about="Add a person, who has no access until they claim a token and governance confirms it."),
    act("operator.confirm", confirm, ConfirmRequest, Operator, Verb.OPERATOR_CONFIRM,
        about="Activate a person's token and roles, once they have read out its fingerprint."),
    act("operator.rotate", rotate, RotateRequest, Operator, Verb.OPERATOR_ROTATE,
        about="Replace the caller's own token; the old one ends with the answer."),
    act("operator.revoke", revoke, OperatorReason, Operator, Verb.OPERATOR_REVOKE,
        about="End another person's token; they claim a new one, which must be confirmed again."),
    act("operator.disable", disable, OperatorRequest, Operator, Verb.OPERATOR_DISABLE,
        about="Disable a person: their token is no longer valid; their name stays taken."),
)  # fmt: skip
