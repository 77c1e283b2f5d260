"""What one operator has done in this session: decisions that can still be undone, and what they opened.

Pure: times come in, answers go out. How long reviewers read and how fast they decide is kept by the desk
(core.services.sending.review).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.views.format import plural


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision on one message or a batch, and when it is released: until then it can be undone."""

    items: tuple[int, ...]
    label: str
    release_at: int
    rejected: bool = False


@dataclass(slots=True)
class Session:
    """The session of one operator at one console."""

    approvals: list[Approval] = field(default_factory=list)
    seen: dict[int, str | None] = field(default_factory=dict)
    """Item -> digest of what was open in front of them."""
    unsaved: dict[str, str] = field(default_factory=dict)
    """Id of a message -> the text they wrote for it that the desk has not taken."""
    sending: set[int] = field(default_factory=set)
    """Items whose decision is on its way to the desk."""
    _decided: set[int] = field(default_factory=set)
    _reading: int = 0
    _synced: int = 0
    _syncing: bool = False

    # -- deciding -----------------------------------------------------------------------------------------------------

    def decides(self, items: Iterable[int]) -> None:
        """The operator is about to decide these: that they leave is no news."""
        self._decided.update(items)

    def deciding(self) -> str:
        """For the footer: what is on its way to the desk, empty if nothing is."""
        return f"sending {plural(len(self.sending), 'decision')} ..." if self.sending else ""

    def not_mine(self, items: Iterable[int]) -> list[int]:
        """Which of them somebody else has decided."""
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
        """Note that they are looking at exactly this now."""
        self.seen[item] = digest

    def set_reading(self, item: int | None) -> bool:
        """They are looking at it now (None: at nothing). True if the caller must start syncing with the desk."""
        self._reading = item or 0
        return self._reading != self._synced and not self._syncing

    def pending_sync(self) -> int | None:
        """The item that the desk does not yet know to be open, 0 for no item; None: nothing to sync."""
        self._syncing = self._reading != self._synced
        return self._reading if self._syncing else None

    def mark_synced(self, item: int) -> None:
        self._synced = item

    def mark_failed(self) -> None:
        """The desk did not accept it; the next item that is opened tries again."""
        self._syncing = False

    def has_seen(self, item: int, digest: str | None) -> bool:
        """Whether exactly this was open."""
        return item in self.seen and self.seen[item] == digest
