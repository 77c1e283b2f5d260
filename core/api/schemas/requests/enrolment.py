"""Bodies of the routes under /enrolment: what an agent asks for, and its claim of the first token."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from core.api.schemas.requests.body import AddressText, Name, Sentence, Sha256, Shape
from core.model import ContentClass

Figure = Annotated[int, Field(ge=0, le=10_000_000)]


class EnrolmentRequest(Shape):
    """`POST /enrolment/requests`: an agent asks for a mailbox. People sign what stands here, so write it for them.

    `claim_sha256` is the SHA-256, in hex, of a secret that the agent makes and keeps: 32 random bytes as text, for
    example. `owner` may be left out: it is whoever issued the token. `expires` is a duration (`90d`).
    """

    LARGEST = 64 * 1024

    purpose: Sentence
    systems: Sentence | Annotated[list[Name], Field(min_length=1, max_length=20)]
    revoke_when: Sentence
    claim_sha256: Sha256
    address: AddressText | None = None
    owner: Name | None = None
    system_owner: Name | None = None
    users: Sentence | None = None
    display_name: Name | None = None
    classes: Annotated[list[ContentClass], Field(max_length=10)] = Field(default_factory=list)
    allow: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)
    limits: Annotated[dict[Name, Figure], Field(max_length=10)] = Field(default_factory=dict)
    expires: Name | None = None


class WideningRequest(Shape):
    """`POST /enrolment/widenings`: an agent asks for more than its mailbox may do, in each member what is to be added.

    `limits` names new figures, `classes` and `allow` what comes to those it has. `reason` is read by those who sign.
    """

    LARGEST = 64 * 1024

    address: AddressText
    reason: Sentence
    limits: Annotated[dict[Name, Figure], Field(max_length=10)] = Field(default_factory=dict)
    classes: Annotated[list[ContentClass], Field(max_length=10)] = Field(default_factory=list)
    allow: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list)


class ClaimTokenRequest(Shape):
    """`POST /enrolment/requests/{request_id}/claim`: the secret whose SHA-256 came with the request."""

    claim_secret: Annotated[str, StringConstraints(min_length=16, max_length=256)]
