"""Bodies of the routes under /tokens and /operators: agents' tokens, operators, and the tokens operators generate.

An operator's token is never transmitted: its holder generates it and sends the SHA-256.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.api.schemas.requests.body import AddressText, Name, Sha256, Shape, Short
from core.model import Scope

Granted = Literal[Scope.SEND, Scope.READ]
"""`request` is not among them: only an owner issues it, by a route of its own."""


class TokenRequest(Shape):
    """`POST /tokens`: a token for an agent. `ttl` is a string (`8h`); `run` and `user` bind it to one execution."""

    agent: Short
    ttl: Name = "8h"
    scopes: list[Granted] = Field(default=[Scope.SEND, Scope.READ], min_length=1, max_length=2)
    run: Name | None = None
    user: Name | None = None
    test: bool = False


class DelegateRequest(Shape):
    """`POST /tokens/delegate`: a token for one run, narrower than the caller's. `ttl` is a string (`1h`)."""

    run: Name | None = None
    user: Name | None = None
    scopes: list[Granted] = Field(default=[Scope.SEND], min_length=1, max_length=2)
    ttl: Name = "1h"


class EnrolRequest(Shape):
    """`POST /tokens/enrol`: a token with which an agent asks for its own mailbox. `ttl` (`24h`) is at most `7d`.

    With `address` the agent may ask for that one alone.
    """

    agent: Short
    ttl: Name = "24h"
    address: AddressText | None = None


class AddOperator(Shape):
    """`POST /operators`."""

    name: Name
    roles: Annotated[list[Name], Field(min_length=1, max_length=10)]


class ClaimRequest(Shape):
    """`POST /operators/{name}/claim`: the SHA-256, in hex, of a `pro_...` token that the claimant generated."""

    token_sha256: Sha256


class ConfirmOperator(Shape):
    """`POST /operators/{name}/confirm`: the fingerprint as the person read it out."""

    fingerprint: Name


class RotateRequest(Shape):
    """`POST /operators/rotate`: the SHA-256, in hex, of the new token; `ttl` (`90d`) makes it expire."""

    token_sha256: Sha256
    ttl: Name | None = None
