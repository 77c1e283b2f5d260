"""Bodies of the routes under /emails: send, reply, tags, cancel and a reviewer's decision."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from core.api.schemas.requests.body import AddressText, Line, Name, Sentence, Shape, Short, as_list, null_as_list
from core.api.schemas.requests.runs import RunMember
from core.model import ContentClass

MAX_RECIPIENTS: Final = 50
MAX_TEXT: Final = 5_000_000
MAX_REFERENCES: Final = 1_000
MAX_VALUES: Final = 10_000
"""Maximum of values in one message's metadata. Four million empty lists, 16 MB, took ten seconds to check."""


def _split_list(value: object) -> object:
    """References may also be a string as in the header: message IDs separated by spaces."""
    return value.split() if isinstance(value, str) else null_as_list(value)


def _null_as_table(value: object) -> object:
    return {} if value is None else value


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Every number must fit where it is stored and shown: JSON in PostgreSQL has no infinity, ours no 65th bit."""
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
    BeforeValidator(as_list, json_schema_input_type=list[AddressText] | AddressText | None),
]
"""Several addresses, or one as a string. The limit applies to all three lists together: too many are 413."""
References = Annotated[
    list[Line],
    Field(max_length=MAX_REFERENCES),
    BeforeValidator(
        _split_list, json_schema_input_type=Annotated[list[Line], Field(max_length=MAX_REFERENCES)] | str | None
    ),
]
"""More than a message carries: text too long for a header is truncated, not refused."""
Tags = Annotated[
    list[Short],
    Field(max_length=20),
    BeforeValidator(null_as_list, json_schema_input_type=Annotated[list[Short], Field(max_length=20)] | None),
]
Headers = Annotated[
    dict[str, Line],
    Field(max_length=50),
    BeforeValidator(_null_as_table, json_schema_input_type=Annotated[dict[str, Line], Field(max_length=50)] | None),
]
Metadata = Annotated[
    dict[Short, Any],
    Field(max_length=50),
    AfterValidator(_storable),
    BeforeValidator(_null_as_table, json_schema_input_type=Annotated[dict[Short, Any], Field(max_length=50)] | None),
]


class AttachmentMember(Shape):
    """An attachment; `content` is base64 (RFC 4648). A missing type is guessed from the name and the bytes.

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
        null_as_list, json_schema_input_type=Annotated[list[AttachmentMember], Field(max_length=50)] | None
    ),
]
Answered = Annotated[
    dict[Short, Line],
    Field(max_length=100),
    BeforeValidator(_null_as_table, json_schema_input_type=Annotated[dict[Short, Line], Field(max_length=100)] | None),
]
"""Header fields of the answered mail, as the agent's inbox shows them: automatic mail is not answered."""


SendAt = Annotated[
    str,
    StringConstraints(max_length=64),
    Field(
        json_schema_extra={"format": "date-time"},
        description="The earliest it leaves (RFC 3339, with its offset from UTC). Budgets are charged then.",
    ),
]


class Composition(Shape):
    """The members that a new message and a reply share."""

    LARGEST: ClassVar[int] = sys.maxsize
    """As much as the listener accepts, because of attachments. Large bodies are parsed in another process."""

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
    revises: (
        Annotated[
            Short,
            Field(description="The id of a message of yours that a person returned, which this one replaces."),
        ]
        | None
    ) = None


class SendRequest(Composition):
    """`POST /emails/send`."""

    sender: Annotated[AddressText, Field(alias="from")]
    to: Addresses
    subject: Line


class ReplyRequest(Composition):
    """`POST /emails/reply`: `message_id` of a received or sent message, then as send; omitted fields follow it.

    `message_id` is ours (`m...`) or a Message-ID of ours, with or without angle brackets. `all` adds the answered
    message's other recipients to `cc`. `quote` adds what a received message says below the reply.
    """

    message_id: Short
    sender: Annotated[AddressText | None, Field(alias="from")] = None
    to: Addresses | None = None
    subject: Line | None = None
    to_all: Annotated[bool, Field(alias="all")] = False
    quote: bool = False


class TagsRequest(Shape):
    """`POST /emails/{id}/tags`: replaces the message's tags."""

    tags: Annotated[list[Short], Field(max_length=20)]


class CancelRequest(Shape):
    """`POST /emails/{id}/cancel`: an operator may give a reason."""

    reason: Sentence | None = None


class DecideRequest(Shape):
    """`POST /emails/{id}/decide`. `digest`: of the bytes the reviewer saw; required to approve mail that was edited."""

    action: Literal["approve", "reject"]
    reason: Sentence | None = None
    digest: Name | None = None
