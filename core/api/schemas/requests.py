"""Shapes of requests (CONTRACT.md): parse here, trust inside. Those of answers are in `responses.py`.

`read` turns bytes into a shape or into every problem with its field; nothing past a door looks at JSON again. Empty
lists come from factories: a default that can change is copied deeply for every request, nine times a message.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from core.api.errors import where
from core.errors import Invalid, NotFound
from core.model import ContentClass, Mode, Scope
from core.rules.addresses import check_pattern, parse_address
from core.rules.issuance import Kind

MAX_RECIPIENTS: Final = 50
MAX_TEXT: Final = 5_000_000
MAX_REFERENCES: Final = 1_000
MAX_VALUES: Final = 10_000
"""Values in one message's metadata. Four million empty lists, 16 MB, took ten seconds to look through."""

Line = Annotated[str, StringConstraints(max_length=998)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[str, StringConstraints(max_length=256)]
AddressText = Annotated[str, StringConstraints(max_length=1_000)]
Purpose = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Sentence = Annotated[str, StringConstraints(max_length=2_000)]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else _none_listed(value)


def _none_listed(value: object) -> object:
    """Clients that know no absent members send null for them."""
    return [] if value is None else value


def _split_list(value: object) -> object:
    """References may also come as the header spells them: one text with spaces between the ids."""
    return value.split() if isinstance(value, str) else _none_listed(value)


def _none_named(value: object) -> object:
    return {} if value is None else value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Every number fits where it is kept and shown: JSON in PostgreSQL knows no infinity, ours no 65th bit."""
    waiting: list[object] = [value]
    seen = 0
    while waiting:
        seen += 1
        if seen > MAX_VALUES:
            raise ValueError(f"holds more than {MAX_VALUES:,} values")
        match waiting.pop():
            case dict() as table:
                waiting += table.values()
            case list() as rows:
                waiting += rows
            case int() as whole if not -(2**63) <= whole < 2**64:
                raise ValueError("holds a number of more than 64 bits: write it as a text")
            case float() as real if not math.isfinite(real):
                raise ValueError("holds a number that is none, or has no end")
            case _:
                pass
    return value


Addresses = Annotated[
    list[AddressText],
    BeforeValidator(_listed, json_schema_input_type=list[AddressText] | AddressText | None),
]
"""Several, or one as a plain text. How many there may be is counted over all three lists: too many are 413."""
References = Annotated[
    list[Line],
    Field(max_length=MAX_REFERENCES),
    BeforeValidator(
        _split_list, json_schema_input_type=Annotated[list[Line], Field(max_length=MAX_REFERENCES)] | str | None
    ),
]
"""More than a message carries: what is too long for a header is trimmed, not refused."""
Tags = Annotated[
    list[Short],
    Field(max_length=20),
    BeforeValidator(_none_listed, json_schema_input_type=Annotated[list[Short], Field(max_length=20)] | None),
]
Headers = Annotated[
    dict[str, Line],
    Field(max_length=50),
    BeforeValidator(_none_named, json_schema_input_type=Annotated[dict[str, Line], Field(max_length=50)] | None),
]
Metadata = Annotated[
    dict[Short, Any],
    Field(max_length=50),
    AfterValidator(_storable),
    BeforeValidator(_none_named, json_schema_input_type=Annotated[dict[Short, Any], Field(max_length=50)] | None),
]

S = TypeVar("S", bound="Shape")


class Shape(BaseModel):
    """Unknown members are refused: a misspelled `bcc` must not silently be nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ToolCall(Shape):
    """The call as the agent's framework issued it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: Name | None = None
    arguments: dict[str, Any] | None = None


def _patterns(value: list[str]) -> list[str]:
    """Each pattern in the one spelling that addresses are compared with."""
    try:
        return list(dict.fromkeys(check_pattern(one) for one in value))
    except Invalid as error:
        raise ValueError(error.reason) from error


Targets = Annotated[
    list[AddressText],
    Field(max_length=200),
    AfterValidator(_patterns),
    BeforeValidator(
        _listed, json_schema_input_type=Annotated[list[AddressText], Field(max_length=200)] | AddressText | None
    ),
]
"""Whom a run is for: addresses, domains, or patterns as an allow-list has them."""


class RunMember(Shape):
    """Which execution of the agent this belongs to, on whose behalf, and what it is for.

    Mail of a run that names `targets` to anybody else waits for a person. What was said first stays.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")] | None = None
    user: Name | None = None
    via: Annotated[list[Name], Field(max_length=10)] = Field(default_factory=list)
    agent_version: Name | None = None
    prompt_version: Name | None = None
    tools_version: Name | None = None
    purpose: Purpose | None = None
    targets: Targets = Field(default_factory=list)
    tool_call: ToolCall | None = None


class AttachmentMember(Shape):
    """A file; `content` is base64 (RFC 4648). A type that is left out is guessed from the name and the bytes.

    HTML shows an inline picture by `cid:` and its `content_id`. `text/calendar; method=REQUEST` is an invitation.
    """

    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    content_type: Annotated[str, StringConstraints(max_length=255)] | None = None
    content: str
    content_id: Annotated[str, StringConstraints(max_length=255)] | None = None
    disposition: Literal["attachment", "inline"] | None = None


Attachments = Annotated[
    list[AttachmentMember],
    Field(max_length=50),
    BeforeValidator(
        _none_listed, json_schema_input_type=Annotated[list[AttachmentMember], Field(max_length=50)] | None
    ),
]
Answered = Annotated[
    dict[Short, Line],
    Field(max_length=100),
    BeforeValidator(_none_named, json_schema_input_type=Annotated[dict[Short, Line], Field(max_length=100)] | None),
]
"""Header fields of the mail that is answered, as the agent's inbox shows them: automatic mail is not answered."""


SendAt = Annotated[
    str,
    StringConstraints(max_length=64),
    Field(
        json_schema_extra={"format": "date-time"},
        description="The earliest it leaves (RFC 3339, with its offset from UTC). Budgets are charged then.",
    ),
]


class Composition(Shape):
    """What a new message and a reply have in common."""

    cc: Addresses = Field(default_factory=list)
    bcc: Addresses = Field(default_factory=list)
    reply_to: AddressText | None = None
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    html: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    attachments: Attachments = Field(default_factory=list)
    headers: Headers = Field(default_factory=dict)
    content_class: ContentClass | None = None
    run: RunMember | None = None
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)
    in_reply_to: Line | None = None
    references: References = Field(default_factory=list)
    in_reply_to_headers: Answered = Field(default_factory=dict)
    send_at: SendAt | None = None


class SendRequest(Composition):
    """`POST /emails/send`."""

    sender: Annotated[AddressText, Field(alias="from")]
    to: Addresses
    subject: Line


class ReplyRequest(Composition):
    """`POST /emails/reply`: `message_id` of a received or sent message, then as send; what is left out follows it.

    `message_id` is ours (`m...`) or a Message-ID of ours, with or without its brackets.
    """

    message_id: Short
    sender: Annotated[AddressText | None, Field(alias="from")] = None
    to: Addresses | None = None
    subject: Line | None = None


class TagsRequest(Shape):
    """`POST /emails/{id}/tags`: replaces the message's tags."""

    tags: Annotated[list[Short], Field(max_length=20)]


class DecideRequest(Shape):
    """`POST /emails/{id}/decide`. `digest`, where given, is that of the bytes the reviewer saw."""

    action: Literal["approve", "reject"]
    reason: Sentence | None = None
    digest: Name | None = None


class ReasonRequest(Shape):
    """What stops something or lets it go on says why."""

    reason: Sentence


class ConfirmRequest(Shape):
    """`POST /runs/{id}/confirm`. `agent` may be left out where `id` is the run's number."""

    agent: Name | None = None
    up_to: Annotated[int, Field(ge=1, le=10_000_000)]
    reason: Sentence


class CloseRequest(Shape):
    """`POST /runs/{id}/close`. `agent` may be left out where `id` is the run's number."""

    agent: Name | None = None


class OpenRun(RunMember):
    """`POST /runs`: start a run of an agent before its first message, or say what one that goes on is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    agent: Name


Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class DelegateRequest(Shape):
    """`POST /tokens/delegate`: a token for one run, narrower than the caller's. `ttl` is a text (`1h`)."""

    run: Name | None = None
    user: Name | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = [Scope.SEND]
    ttl: Name = "1h"


class TokenRequest(Shape):
    """`POST /tokens`: a token for an agent. `ttl` is a text (`8h`); `run` and `user` bind it to one execution."""

    agent: Short
    ttl: Name = "8h"
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = [Scope.SEND, Scope.READ]
    run: Name | None = None
    user: Name | None = None
    test: bool = False


class CancelRequest(Shape):
    """`POST /emails/{id}/cancel`: an operator may say why."""

    reason: Sentence | None = None


class VetoRequest(Shape):
    """`POST /mailboxes/{address}/veto`: a no of one of the three who sign, with the reason that the log keeps."""

    kind: Kind
    reason: Sentence


class ApproveRequest(Shape):
    """`POST /mailboxes/{address}/approve`: a signature of one kind.

    `affirm` names the items of the checklist that the signer answers for, or is `all`: what the desk did not find
    false. Each item that it found false needs its reason in `override`. `digest`, where given, is the record's or
    that of what was shown.
    """

    kind: Kind
    affirm: Literal["all"] | Annotated[list[Name], Field(max_length=50)] = Field(default_factory=list)
    override: Annotated[dict[Name, Sentence], Field(max_length=50)] = Field(default_factory=dict)
    reason: Sentence | None = None
    digest: Sha256 | None = None


class AddOperator(Shape):
    """`POST /operators`."""

    name: Name
    roles: Annotated[list[Name], Field(min_length=1, max_length=10)]


class ClaimRequest(Shape):
    """`POST /operators/{name}/claim`: the SHA-256, in hex, of a `pro_...` token that the claimant has made."""

    token_sha256: Sha256


class ConfirmOperator(Shape):
    """`POST /operators/{name}/confirm`: the fingerprint as the person has read it out."""

    fingerprint: Name


class RotateRequest(Shape):
    """`POST /operators/rotate`: the SHA-256, in hex, of the new token; `ttl` (`90d`) lets it end by itself."""

    token_sha256: Sha256
    ttl: Name | None = None


class IdentityMembers(Shape):
    """The record of an identity. Durations are texts (`72h`, `90d`); `expires` may also be a time (RFC 3339)."""

    display_name: Name | None = None
    oversight_mode: Mode | None = None
    approval_webhook: Annotated[str, StringConstraints(max_length=2_048)] | None = None
    webhook_events: Annotated[list[Name], Field(max_length=50)] | None = None
    pending_expiry: Name | None = None
    agent: Name | None = None
    purpose: Sentence | None = None
    owner: Name | None = None
    system_owner: Name | None = None
    systems: Sentence | Annotated[list[Name], Field(max_length=50)] | None = None
    users: Sentence | None = None
    standing_reason: Sentence | None = None
    revoke_when: Sentence | None = None
    expires: Name | None = None
    stores_or_forwards: bool | None = None
    classes: Annotated[list[ContentClass], Field(max_length=10)] | None = None
    allow: Annotated[list[Name], Field(max_length=1_000)] | None = None
    limits: Annotated[dict[Name, int | None], Field(max_length=10)] | None = None


class MailboxRequest(IdentityMembers):
    """`POST /mailboxes`: what the record still lacks is listed in the answer's `missing`."""

    address: AddressText


class MailboxPatch(IdentityMembers):
    """`PATCH /mailboxes/{address}`: what is left out stays. A mode, a limit, a list changes with a reason only."""

    change_reason: Sentence | None = None


BODIES: Final[tuple[type[Shape], ...]] = (
    SendRequest, ReplyRequest, TagsRequest, DecideRequest, ReasonRequest, ConfirmRequest, OpenRun, CloseRequest,
    MailboxRequest, MailboxPatch,
)  # fmt: skip
"""Every body that a door reads itself; the description of the doors must name what they refer to."""


def read(shape: type[S], body: bytes) -> S:
    """The shape, or `Invalid` with every problem and its field."""
    try:
        parsed = shape.model_validate_json(body)
    except ValidationError as error:
        problems = tuple(
            (where(one["loc"]) or "body", one["msg"]) for one in error.errors(include_input=False, include_url=False)
        )
        first = problems[0]
        raise Invalid(f"{first[0]}: {first[1]}", problems=problems[:50]) from error
    if (twice := _duplicate_key(body)) is not None:
        # Which of the two counts depends on the reader: a reviewer could be shown the one, a recipient sent the other.
        raise Invalid(
            f"the JSON names {twice!r} twice in one object",
            fix=f"give {twice!r} once",
            problems=((twice, "is given twice in one object"),),
        )
    if b"\\u0000" in body and (field := _nul(parsed.model_dump(by_alias=True), "")) is not None:
        # PostgreSQL keeps no NUL in a text: it would answer for the whole desk being down.
        raise Invalid(f"{field}: has a NUL character", problems=((field, "has a NUL character"),))
    return parsed


class _DuplicateKey(Exception):
    """Carries the key out of the parser."""


def _duplicate_key(body: bytes) -> str | None:
    """The first key that one object of a valid JSON text has twice, or None. pydantic's parser takes the last."""
    try:
        json.loads(body, object_pairs_hook=_count_keys, parse_int=str, parse_float=str)
    except _DuplicateKey as found:
        return str(found)[:100]
    except (ValueError, RecursionError):
        return None  # pydantic's parser has accepted it, so nothing here decides
    return None


def _count_keys(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1:
        keys = {key for key, _ in pairs}
        if len(keys) < len(pairs):
            seen: set[str] = set()
            raise _DuplicateKey(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]


def _nul(value: object, place: str) -> str | None:
    """Where a NUL character stands in a parsed body, or None."""
    if isinstance(value, str):
        return (place or "body") if "\x00" in value else None
    if isinstance(value, dict):
        named = ((f"{place}.{key}" if place else str(key), key, one) for key, one in value.items())
        return next((spot for name, key, one in named if (spot := _nul(key, place) or _nul(one, name))), None)
    if isinstance(value, list):
        return next((spot for n, one in enumerate(value) if (spot := _nul(one, f"{place}[{n}]"))), None)
    return None


def mailbox_address(text: str) -> str:
    """The address in a path, normalised; what is none is no mailbox either: `NotFound`."""
    try:
        return parse_address(text).normalised
    except Invalid as error:
        raise NotFound(f"there is no mailbox {text[:100]!r}") from error
