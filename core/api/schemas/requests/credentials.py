"""Bodies of the routes under /tokens and /operators: agents' tokens, operators, and the tokens operators generate.

An operator's token is never transmitted: its holder generates it and sends the SHA-256.
"""

from __future__ import annotations

from core.operations import people, tokens


class TokenRequest(tokens.IssueMembers):
    """`POST /tokens`: a token for an agent. `ttl` is a string (`8h`); `run` and `user` bind it to one execution."""


class DelegateRequest(tokens.DelegateMembers):
    """`POST /tokens/delegate`: a token for one run, narrower than the caller's. `ttl` is a string (`1h`)."""


class EnrolRequest(tokens.EnrolMembers):
    """`POST /tokens/enrol`: a token with which an agent asks for its own mailbox. `ttl` (`24h`) is at most `7d`.

    With `address` the agent may ask for that one alone.
    """


class AddOperator(people.AddRequest):
    """`POST /operators`."""


class ClaimRequest(people.ClaimMembers):
    """`POST /operators/{name}/claim`: the SHA-256, in hex, of a `pro_...` token that the claimant generated."""


class ConfirmOperator(people.ConfirmMembers):
    """`POST /operators/{name}/confirm`: the fingerprint as the person read it out."""


class RotateRequest(people.RotateRequest):
    """`POST /operators/rotate`: the SHA-256, in hex, of the new token; `ttl` (`90d`) makes it expire."""
