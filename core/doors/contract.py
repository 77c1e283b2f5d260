"""Shapes of requests and answers (CONTRACT.md): parse here, trust inside.

`read` turns bytes into a shape or into every problem with its field; nothing past a door looks at JSON again.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from core.doors.problems import where
from core.errors import Invalid
from core.rules.compose import Attachment
from core.words import ContentClass

MAX_RECIPIENTS: Final = 50
MAX_TEXT: Final = 5_000_000

Line = Annotated[str, StringConstraints(max_length=998)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[str, StringConstraints(max_length=256)]
AddressText = Annotated[str, StringConstraints(min_length=3, max_length=1_000)]
Addresses = Annotated[list[AddressText], Field(max_length=MAX_RECIPIENTS)]

S = TypeVar("S", bound="Shape")


class Shape(BaseModel):
    """Unknown members are refused: a misspelled `bcc` must not silently be nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ToolCall(Shape):
    """The call as the agent's framework issued it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: Name | None = None
    arguments: dict[str, Any] | None = None


class RunMember(Shape):
    """Which execution of the agent this belongs to, and on whose behalf."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None = None
    user: Name | None = None
    via: Annotated[list[Name], Field(max_length=10)] = []
    agent_version: Name | None = None
    prompt_version: Name | None = None
    tools_version: Name | None = None
    tool_call: ToolCall | None = None


class AttachmentMember(Shape):
    """A file; `content` is base64 (RFC 4648)."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    content_type: Annotated[str, StringConstraints(max_length=255)] = "application/octet-stream"
    content: str


class Composition(Shape):
    """What a new message and a reply have in common."""

    cc: Addresses | AddressText = []
    bcc: Addresses | AddressText = []
    reply_to: AddressText | None = None
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    html: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    attachments: Annotated[list[AttachmentMember], Field(max_length=50)] = []
    headers: Annotated[dict[str, Line], Field(max_length=50)] = {}
    content_class: ContentClass | None = None
    run: RunMember | None = None
    tags: Annotated[list[Short], Field(max_length=20)] = []
    metadata: Annotated[dict[Short, Any], Field(max_length=50)] = {}


class SendRequest(Composition):
    """`POST /emails/send`."""

    sender: Annotated[AddressText, Field(alias="from")]
    to: Addresses | AddressText
    subject: Line
    in_reply_to: Line | None = None
    references: Annotated[list[Line], Field(max_length=100)] = []


class ReplyRequest(Composition):
    """`POST /emails/reply`: `message_id` of a received or sent message, then as send; what is left out follows it."""

    message_id: Short
    sender: Annotated[AddressText | None, Field(alias="from")] = None
    to: Addresses | AddressText | None = None
    subject: Line | None = None


class TagsRequest(Shape):
    """`POST /emails/{id}/tags`: replaces the message's tags."""

    tags: Annotated[list[Short], Field(max_length=20)]


class RecipientMember(BaseModel):
    """One recipient as the agent gave it."""

    address: str
    status: str
    reason: str | None = None


class ReasonMember(BaseModel):
    """Why a human decides first."""

    code: str
    text: str


class SubmissionAnswer(BaseModel):
    """`sent`, `queued` or `pending`."""

    model_config = ConfigDict(extra="allow")
    status: str
    message_id: str | None = None
    action_id: str | None = None
    rfc_message_id: str | None = None
    recipients: list[RecipientMember] = []
    departs_at: str | None = None
    estimated_review_time: int | None = None
    expires_at: str | None = None
    reasons: list[ReasonMember] | None = None
    content_class: str | None = None


class FieldProblem(BaseModel):
    """One thing wrong with a request."""

    field: str
    problem: str


class Problem(BaseModel):
    """RFC 9457, with `error` to branch on. `status` is the outcome (`blocked`, `rate_limited`) of a submission."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int | str
    error: str
    reason: str
    request_id: str
    fix: str | None = None
    errors: list[FieldProblem] | None = None
    limit: dict[str, Any] | None = None
    retry_after_seconds: int | None = None


def read(shape: type[S], body: bytes) -> S:
    """The shape, or `Invalid` with every problem and its field."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        problems = tuple(
            (where(one["loc"]) or "body", one["msg"]) for one in error.errors(include_input=False, include_url=False)
        )
        first = problems[0]
        raise Invalid(f"{first[0]}: {first[1]}", problems=problems[:50]) from error


def several(value: list[str] | str | None) -> list[str]:
    """A list of addresses that may be written as one string."""
    return [value] if isinstance(value, str) else list(value or ())


def attachment(member: AttachmentMember, place: int) -> Attachment:
    """The file with its bytes. Raises `Invalid` for what is not base64."""
    try:
        content = base64.b64decode(member.content, validate=True)
    except (binascii.Error, ValueError) as error:
        field = f"attachments[{place}].content"
        raise Invalid(f"{field} is not base64", problems=((field, "is not base64 (RFC 4648)"),)) from error
    return Attachment(filename=member.filename, content_type=member.content_type, content=content)
