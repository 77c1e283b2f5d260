"""Agents and what belongs to each; suppressions; keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.model import Mode


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """A mailbox, with the columns that an agent's row and page show."""

    id: int
    address: str
    agent_id: int
    stream_id: int
    status: str
    mode: Mode
    mode_since: int
    raised_at: int | None
    activated_at: int | None
    expires_at: int | None
    waits_for: str | None
    wake_at: int


@dataclass(frozen=True, slots=True)
class AgentBasics:
    """An agent with its active mailboxes, the loosest mode first."""

    id: int
    name: str
    status: str
    suspended_at: int | None
    suspended_by: str | None
    suspend_reason: str | None
    suspend_figures: dict[str, Any]
    guard_since: int
    warned: dict[str, Any]
    mailboxes: tuple[MailboxRow, ...]

    @property
    def mode(self) -> Mode | None:
        """The loosest mode among its mailboxes; None without one."""
        return self.mailboxes[0].mode if self.mailboxes else None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One execution. `accepted` counts recipients, minus the rejected, expired and cancelled."""

    id: int
    key: str
    implicit: bool
    user: str | None
    prompt_version: str | None
    tools_version: str | None
    opened_at: int
    closed_at: int | None
    confirmed_up_to: int | None
    confirmed_by: str | None
    accepted: int


@dataclass(frozen=True, slots=True)
class SuppressionRow:
    """One suppression. `stream` is None if it applies desk-wide; `classes` is `*`, or the classes it blocks."""

    id: int
    address: str
    stream: str | None
    classes: str
    cause: str
    source: str
    reason: str | None
    message_id: int | None
    added_by: str
    added_at: int
    expires_at: int | None
    removed_at: int | None

    def in_force(self, now: int) -> bool:
        return self.removed_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A DKIM key; `signs`: it is in the stream's active slot."""

    stream: str
    slot: str
    algorithm: str
    selector: str
    created_at: int
    retired_at: int | None
    signs: bool


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The newest ones that match a filter."""

    rows: tuple[SuppressionRow, ...]
