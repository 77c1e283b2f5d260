"""The story of a message, recipient, run or agent: its steps in time order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.durations import stamp
from core.ids import spell_id

MOST: Final = 50
"""Maximum number of messages in a story, the newest."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened or, with kind `waits`, one that is still due. `kind` is one of `KINDS`."""

    at: int
    kind: str
    actor: str
    text: str
    message: int | None = None
    seq: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "at": stamp(self.at),
            "kind": self.kind,
            "actor": self.actor,
            "text": self.text,
            "message": None if self.message is None else spell_id("m", self.message),
            "seq": self.seq,
            "data": dict(self.data),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """What is known about a key. `ours`: True for this desk's mail, False for mail that imitates it, None if unknown.

    `kind` is what the key was recognized as; `notes` are points a reader should not overlook.
    """

    key: str
    kind: str
    ours: bool | None
    verdict: str
    messages: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def found(self) -> bool:
        return bool(self.steps)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "kind": self.kind,
            "ours": self.ours,
            "verdict": self.verdict,
            "messages": [spell_id("m", one) for one in self.messages],
            "notes": list(self.notes),
            "truncated": self.truncated,
            "steps": [step.as_json() for step in self.steps],
        }

    def text(self) -> str:
        """One line per step, for people. Subjects and addresses are untrusted text: a screen sanitizes them first."""
        shown = [f"{self.kind} {self.key}: {self.verdict}", *(f"! {note}" for note in self.notes)]
        several = len(self.messages) > 1
        for step in self.steps:
            which = f"{spell_id('m', step.message)}  " if several and step.message is not None else ""
            shown.append(f"{stamp(step.at)}  {step.kind:<11}  {which}{step.text}")
        if self.truncated:
            shown.append(f"… only the newest {MOST} messages are shown")
        # text from a receiver or an agent must not look like a step of its own
        return "\n".join(" ".join(line.splitlines()) for line in shown)
