"""The input and the findings of screening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One mark. `text` is a sentence of ours, `where` the part of the message, `weight` 0 to 1.

    `quote` is what the stranger wrote, hidden characters spelled out: for people, never beside a model's instructions.
    """

    code: str
    text: str
    weight: float
    where: str
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An attached file. `sniffed` is the type its bytes show; `inside` are the names in an archive."""

    name: str
    declared: str
    sniffed: str
    inside: Sequence[str] = ()
    locked: bool = False
    """The archive needs a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenable:
    """A received message for screening.

    `shown` is what the HTML shows its reader, `hidden` its text that is not seen. `failed` are the checks of
    `rules/content` that the message fails: code -> sentence.
    """

    subject: str = ""
    senders: Sequence[str] = ()
    text: str = ""
    html: str = ""
    shown: str = ""
    hidden: Sequence[str] = ()
    failed: Sequence[tuple[str, str]] = ()
    attachments: Sequence[Attached] = ()


@dataclass(frozen=True, slots=True)
class Screened:
    """The result: a score from 0 to 1, and the findings that make it, the heaviest first."""

    score: float = 0.0
    findings: tuple[Finding, ...] = field(default=())
