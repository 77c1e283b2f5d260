"""Held mail as lines of the queue, and lists of ids."""

from __future__ import annotations

import array
import enum
import sys
import zlib
from dataclasses import dataclass
from typing import Final

from core.durations import MINUTE
from core.ids import spell_id
from core.model import RECEIVE, Reason, approvals_missing

ALIKE_COUNTED: Final = 100
"""Cap on counting similar messages: else each line of a page would count all 80,000, four times a second."""


class Order(enum.StrEnum):
    """Sort order of held mail. Worst first: most failed checks, most cautions, then the longest waiting."""

    WORST = "worst"
    OLDEST = "oldest"
    NEWEST = "newest"
    EXPIRING = "expiring"


@dataclass(frozen=True, slots=True)
class To:
    """The first recipient as the agent gave it, and the number of recipients (Cc and Bcc included)."""

    first: str
    count: int


PRESENT: Final = 30 * MINUTE
"""How long somebody who opened an item counts as reading it: a terminal left open overnight reads nothing."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A reviewer who opened an item at `since` and has opened nothing else since."""

    operator: str
    since: int

    def reads(self, now: int) -> bool:
        return self.since > now - PRESENT


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A reviewer's claim on an item; `until` may have passed."""

    operator: str
    until: int

    def holds(self, now: int) -> bool:
        return self.until > now


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One pending action, as a line of the queue.

    Received mail has `kind` `receive`, its `sender`, and its mailbox in `to`; `size` and `digest` are of its bytes.

    `version` changes when anything drawn of it changes. `likeness` is equal for messages that differ only in what
    belongs to their recipient, None for an action without text; `alike` is how many of one agent are held with it,
    itself included, counted up to `ALIKE_COUNTED`. `digest`, `subject` and `run` are None for a held read or tag, whose
    `target` says what is asked. `findings` are the checks its content failed; items held before findings were stored
    have only their number, `failed_checks`. `cautions` is the number of reasons it is held for besides its mailbox's
    mode. `claim` may be past its time; `present` are those who have it open; `editors` have changed it.
    """

    id: int
    version: int
    kind: str
    status: str
    message_id: int | None
    target: str | None
    submitted_at: int
    expires_at: int
    failed_checks: int
    findings: tuple[Reason, ...]
    cautions: int
    agent_id: int
    agent: str
    mailbox_id: int
    mailbox: str
    to: To | None
    subject: str | None
    preview: str
    content_class: str | None
    digest: str | None
    size: int | None
    run: str | None
    user: str | None
    test: bool
    send_at: int | None
    reasons: tuple[Reason, ...]
    needs: int
    approvers: tuple[str, ...]
    opened_by: str | None
    opened_at: int | None
    decided_by: str | None
    release_at: int | None
    likeness: int | None
    alike: int = 1
    sender: str | None = None
    editors: tuple[str, ...] = ()
    claim: ClaimView | None = None
    present: tuple[Presence, ...] = ()

    @property
    def received(self) -> bool:
        """Whether it is mail that came in, rather than something an agent asked for."""
        return self.kind == RECEIVE

    @property
    def spelled(self) -> str:
        """The id that a decision names."""
        return spell_id("m" if self.received or self.message_id is not None else "a", self.id)

    @property
    def approvals_missing(self) -> int:
        return approvals_missing(self.needs, self.approvers, self.editors)

    def claimed_by(self, now: int) -> str | None:
        """Who has claimed it now."""
        return self.claim.operator if self.claim is not None and self.claim.holds(now) else None

    def read_by(self, now: int) -> tuple[str, ...]:
        """Who has it open now."""
        return tuple(one.operator for one in self.present if one.reads(now))

    @property
    def more_alike(self) -> bool:
        """The count of `alike` hit its cap: there may be more."""
        return self.alike >= ALIKE_COUNTED


@dataclass(frozen=True, slots=True)
class HeldRows:
    """Lines by id, as far as they are still pending."""

    rows: tuple[HeldRow, ...]


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids in the order of a list; `held` is the number of all held items in the same moment.

    Compressed: a hundred thousand take some 200 kB.
    """

    packed: bytes
    held: int = 0

    @property
    def ids(self) -> array.array[int]:
        """The ids, unpacked again at each use."""
        found = array.array("q", zlib.decompress(self.packed))
        if sys.byteorder == "big":
            found.byteswap()
        return found


def pack(ids: array.array[int], *, held: int = 0) -> Ids:
    """The ids as a view."""
    if sys.byteorder == "big":
        ids = ids[:]
        ids.byteswap()
    return Ids(zlib.compress(ids.tobytes(), 1), held)
