"""Whether approvals come faster than anyone can read.

The alarm is about reading, not about people: an approval without reading is worth no more than none, and the desk
should show it. It looks at one reviewer's last minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

QUICK: Final = 3
"""Barely read approvals within a minute that raise the alarm: one quick yes to a familiar message is no habit."""


@dataclass(frozen=True, slots=True)
class Hurry:
    """One minute of a reviewer: the number of approvals, how many were barely read, and their total seconds."""

    approved: int
    unread: int
    seconds: int

    def text(self, *, who: str, per_message: int) -> str:
        """`alice approved 21 in a minute, 18 of them read for less than 3 s`."""
        text = f"{who} approved {self.approved} in a minute"
        return f"{text}, {self.unread} of them read for less than {per_message} s" if self.unread else text


def hurry(dwells_ms: Sequence[int | None], *, seconds_per_message: int, messages_per_minute: int) -> Hurry | None:
    """The alarm for one minute of approvals, or None.

    `dwells_ms`: how long the reviewer had each open; None where that is unknown, which does not count against them.
    """
    unread = sum(dwell is not None and dwell < seconds_per_message * 1_000 for dwell in dwells_ms)
    if len(dwells_ms) <= messages_per_minute and unread < QUICK:
        return None
    return Hurry(len(dwells_ms), unread, sum(dwell or 0 for dwell in dwells_ms) // 1_000)
