"""A message as issued and as sent: what was changed, and by which rule."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from core.durations import stamp
from core.ids import spell_id

ADDED: Final = "added"

REMOVED: Final = "removed"

CHANGED: Final = "changed"

KEPT: Final = "kept"


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the message. `change`: added, removed, changed or kept; `rule` is None if it was kept."""

    part: str
    change: str
    rule: str | None
    why: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address. `rule` names what decided about it: suppression, allow_list, review, receiver, ..., or None."""

    issued: str | None
    address: str
    field: str
    status: str
    change: str
    rule: str | None
    why: str


@dataclass(frozen=True, slots=True)
class EditView:
    """One person's edit of the message while it was held. `diff` are the lines of a unified diff of subject and body.

    `parts` are those that changed: `subject`, `text` and `html`. Once retention has purged the bytes, the digests stay.
    """

    n: int
    by: str
    at: int
    before_digest: str
    after_digest: str
    parts: tuple[str, ...]
    diff: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"at": stamp(self.at), "parts": list(self.parts), "diff": list(self.diff)}


@dataclass(frozen=True, slots=True)
class Difference:
    """Both sides of a message. `purged`: retention has removed the bytes; `digest` still identifies them."""

    message: int
    digest: str
    issued_digest: str | None
    purged: bool
    recipients: tuple[Recipient, ...]
    parts: tuple[Change, ...]
    edits: tuple[EditView, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The parts that differ from what was issued."""
        return tuple(part for part in self.parts if part.change != KEPT)

    def as_json(self) -> dict[str, Any]:
        return {
            "message_id": spell_id("m", self.message),
            "digest": self.digest,
            "issued_digest": self.issued_digest,
            "purged": self.purged,
            "recipients": [asdict(one) for one in self.recipients],
            "parts": [asdict(one) for one in self.parts],
            "edits": [one.as_json() for one in self.edits],
        }
