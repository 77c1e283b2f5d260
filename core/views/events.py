"""Entries of the log as lines."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Severity(enum.StrEnum):
    """Severity of an event: information, a warning, an error."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line. `target` is the object it is about, written as an operator would look it up."""

    seq: int
    at: int
    severity: Severity
    type: str
    actor: str
    target: str
    detail: str
    message: int | None
    mailbox: int | None
    agent: int | None
    run: int | None
    stream: int | None
    data: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class EventPage:
    """Lines in log order. Continue with `older` (as `before`) or `newer` (as `after`); None: no more that way."""

    rows: tuple[EventRow, ...]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class WholeEvent:
    """One entry, and those that led to it: of a suspension or a warning, the latest complaints or bounces."""

    row: EventRow
    causes: tuple[EventRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the log beside the message that it is about."""

    at: int
    type: str
    actor: str
