"""What one operator has done in this session: decisions they can still take back, what they opened.

Pure: times come in, answers go out. How long reviewers read and how fast they decide is kept by the desk
(core.services.sending.review).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision on one message or on a batch, and when it is released: until then it can be taken back."""

    items: tuple[int, ...]
    label: str
    release_at: int
    rejected: bool = False


@dataclass(slots=True)
class Session:
    """Of one operator at one console."""

    approvals: list[Approval] = field(default_factory=list)
    seen: dict[int, str | None] = field(default_factory=dict)
    """Item -> digest of what was open before their eyes."""
    _decided: set[int] = field(default_factory=set)
    _reads: int = 0
    _told: int = 0
    _telling: bool = False

    # -- deciding -----------------------------------------------------------------------------------------------------

    def decides(self, items: Iterable[int]) -> None:
        """These are about to be decided by this operator: that they leave is no news."""
        self._decided.update(items)

    def not_mine(self, items: Iterable[int]) -> list[int]:
        """Those of them that somebody else has decided."""
        return [item for item in items if item not in self._decided]

    # -- undo ---------------------------------------------------------------------------------------------------------

    def approved(self, approval: Approval) -> None:
        self.approvals.append(approval)

    def undoable(self, now: int) -> Approval | None:
        """The latest decision that is not released yet."""
        self.approvals = [each for each in self.approvals if each.release_at > now]
        return self.approvals[-1] if self.approvals else None

    def undone(self, approval: Approval) -> None:
        self._decided.difference_update(approval.items)
        self.approvals = [each for each in self.approvals if each != approval]

    # -- reading ------------------------------------------------------------------------------------------------------

    def opened(self, item: int, digest: str | None) -> None:
        """Note that exactly this is before their eyes now."""
        self.seen[item] = digest

    def reads(self, item: int | None) -> bool:
        """It is before their eyes now (None: nothing is). True if somebody has to begin to tell the desk."""
        self._reads = item or 0
        return self._reads != self._told and not self._telling

    def to_tell(self) -> int | None:
        """What the desk does not know yet to be read, 0 for nothing at all; None: it knows."""
        self._telling = self._reads != self._told
        return self._reads if self._telling else None

    def told(self, item: int) -> None:
        self._told = item

    def untold(self) -> None:
        """The desk could not be told; the next thing that is read will try again."""
        self._telling = False

    def has_seen(self, item: int, digest: str | None) -> bool:
        """Whether exactly this was open."""
        return item in self.seen and self.seen[item] == digest
