"""The bases of what operations answer: the members a caller may rely on, for the API description.

Each answer stands beside its operations. A test compares it with what a real desk answers. Wide resources (a mailbox's
record, a message) list their main members and have more, all documented in http-api.md; every other answer has these
members and no others.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Has its members and no others."""

    model_config = ConfigDict(extra="forbid")


class WideAnswer(BaseModel):
    """Lists its main members and has more."""

    model_config = ConfigDict(extra="allow")
