"""The base class of all events, and the catalogue that maps a name to its event class.

Hides how an event becomes the data of a log entry and is rebuilt from it. This module names no event: each class
registers itself with `fact`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from core.text.redaction import without_addresses

Scalar = str | int | float | bool | None
Data = Scalar | list["Data"] | dict[str, "Data"]

SUBJECTS: Final = ("message", "mailbox", "agent", "run", "stream")
"""IDs to look an event up by; each is a column of the log."""
OWN: Final = frozenset({"by", "changes", "file", "operator", "waiting"})
"""Members that name the desk's own operators, settings and files. No other member may hold an address in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Members common to all events: the actor, and the IDs that the event is about."""

    type: ClassVar[str] = ""
    actor: str
    message: int | None = None
    mailbox: int | None = None
    agent: int | None = None
    run: int | None = None
    stream: int | None = None

    def data(self) -> dict[str, Data]:
        """The members other than actor and subjects, as stored in the log."""
        return {name: getattr(self, name) for name in _members(type(self))}

    def redacted(self) -> dict[str, Data]:
        """The same without addresses: reasons are typed by people, and nothing can be erased from the log."""
        return {name: value if name in OWN else without_addresses(value) for name, value in self.data().items()}


CATALOGUE: Final[dict[str, type[Event]]] = {}
_MEMBERS: Final[dict[type[Event], tuple[str, ...]]] = {}
E = TypeVar("E", bound=type[Event])


def _members(kind: type[Event]) -> tuple[str, ...]:
    found = _MEMBERS.get(kind)
    if found is None:
        own = {"actor", *SUBJECTS}
        found = _MEMBERS[kind] = tuple(f.name for f in dataclasses.fields(kind) if f.name not in own)
    return found


def fact(name: str) -> Callable[[E], E]:
    """Register an event class under its name in the log, in webhooks and on the screen."""

    def enter(kind: E) -> E:
        kind.type = name
        CATALOGUE[name] = kind
        return kind

    return enter


def recall(name: str, *, actor: str, subjects: Mapping[str, int | None], data: Mapping[str, Data]) -> Event:
    """Rebuild the event of a log row. Members that a later version added take their defaults."""
    kind = CATALOGUE[name]
    known = {key: value for key, value in data.items() if key in _members(kind)}
    return kind(actor=actor, **subjects, **known)  # type: ignore[arg-type]  # the row was written by `data`
