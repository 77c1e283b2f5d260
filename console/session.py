"""What one operator has done in this session: approvals they can still take back, what they opened, how fast they went.

Pure: times come in, answers go out. The alarm is about reading, not about people: somebody who approves twenty a minute
has not read them, and the desk should know that its approvals are worth less than they look.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from core.words import MINUTE, SECOND

HURRIED: Final = 3
"""Decisions in a row that were too fast before it is said: one quick yes to a mail one knows is no habit."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval, of one message or of a batch, and when it is released."""

    items: tuple[int, ...]
    label: str
    release_at: int


@dataclass(slots=True)
class Session:
    """Of one operator at one console."""

    approvals: list[Approval] = field(default_factory=list)
    seen: dict[int, str | None] = field(default_factory=dict)
    """Item -> digest of what was open before their eyes."""
    _opened: dict[int, int] = field(default_factory=dict)
    _decided: deque[tuple[int, int]] = field(default_factory=deque)
    _quick: int = 0

    # -- undo ---------------------------------------------------------------------------------------------------------

    def approved(self, approval: Approval) -> None:
        self.approvals.append(approval)

    def undoable(self, now: int) -> Approval | None:
        """The latest approval that is not released yet."""
        self.approvals = [each for each in self.approvals if each.release_at > now]
        return self.approvals[-1] if self.approvals else None

    def undone(self, approval: Approval) -> None:
        self.approvals = [each for each in self.approvals if each != approval]

    # -- reading ------------------------------------------------------------------------------------------------------

    def opened(self, item: int, digest: str | None, *, now: int) -> None:
        """Note that exactly this is before their eyes now."""
        if self.seen.get(item, "") != digest or item not in self._opened:
            self._opened[item] = now
        self.seen[item] = digest

    def has_seen(self, item: int, digest: str | None) -> bool:
        """Whether exactly this was open."""
        return item in self.seen and self.seen[item] == digest

    # -- pace ---------------------------------------------------------------------------------------------------------

    def decided(self, items: tuple[int, ...], *, now: int, seconds: int, per_minute: int) -> str | None:
        """Note approvals; answers with the alarm if they were faster than anyone can read.

        `seconds` a message must have been open, `per_minute` is the most of them in any minute (policy, `review`).
        """
        self._decided.append((now, len(items)))
        while self._decided and self._decided[0][0] <= now - MINUTE:
            self._decided.popleft()
        last_minute = sum(n for _, n in self._decided)
        open_for = sum(now - self._opened[item] for item in items if item in self._opened)
        quick = open_for < seconds * SECOND * len(items)
        self._quick = self._quick + len(items) if quick else 0
        if last_minute > per_minute:
            return f"{last_minute} approved within a minute: more than the {per_minute} anyone can read"
        if self._quick >= HURRIED:
            return f"{self._quick} approved after less than {seconds} s each: nobody reads that fast"
        return None
