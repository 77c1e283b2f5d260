"""Received mail as operators see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.ids import spell_id
from core.views.events import Happened


@dataclass(frozen=True, slots=True)
class ReceivedRow:
    """A received message as a line of a list. `readers` are the agents that were shown it, the first one first."""

    id: int
    mailbox: str
    agent: str
    sender: str
    name: str
    subject: str
    received_at: int
    dmarc: str
    score: float | None
    findings: tuple[str, ...]
    """What screening found, one sentence each."""
    status: str
    thread: int
    attachments: int
    size: int
    unread: bool
    readers: tuple[str, ...]
    digest: str

    @property
    def spelled(self) -> str:
        return spell_id("m", self.id)


@dataclass(frozen=True, slots=True)
class Named:
    """An address that a message names, as written."""

    role: str
    given: str
    name: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One entry of the log that says who was shown the message, `what` of it, and by which interface."""

    at: int
    actor: str
    what: str
    door: str
    run: str | None
    token: int | None


@dataclass(frozen=True, slots=True)
class InThread:
    """A message of the same thread. `received`: it came in; otherwise the agent sent it."""

    id: int
    at: int
    received: bool
    subject: str
    status: str


@dataclass(frozen=True, slots=True)
class ReceivedView:
    """One received message with everything a reviewer decides from. `kept`: its content is still there."""

    row: ReceivedRow
    agent_id: int
    mailbox_id: int
    rfc_message_id: str | None
    in_reply_to: str | None
    thread_proof: str | None
    answers: int | None
    source: str
    dated_at: int | None
    automatic: str | None
    authentication: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]
    held_for: tuple[Mapping[str, Any], ...]
    decided_at: int | None
    decided_by: str | None
    reason: str | None
    read_at: int | None
    tags: tuple[str, ...]
    people: tuple[Named, ...]
    text: str
    visible: str
    hidden: tuple[str, ...]
    files: tuple[Mapping[str, Any], ...]
    kept: bool
    raw: bytes | None
    reads: tuple[Reading, ...]
    conversation: tuple[InThread, ...]
    events: tuple[Happened, ...]


@dataclass(frozen=True, slots=True)
class ReceivedRows:
    """Lines by id."""

    rows: tuple[ReceivedRow, ...]
