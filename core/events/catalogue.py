"""What every fact has, and the catalogue that knows each by its name.

What it hides: how an event becomes the data of a log entry and comes back from it. It knows no event of its own; each
enters itself with `fact`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

Scalar = str | int | float | bool | None
Data = Scalar | list["Data"] | dict[str, "Data"]

SUBJECTS: Final = ("message", "mailbox", "agent", "run", "stream")
"""Ids an event is found by; each is a column of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every fact has: who did it, and the ids it is about."""

    type: ClassVar[str] = ""
    actor: str
    message: int | None = None
    mailbox: int | None = None
    agent: int | None = None
    run: int | None = None
    stream: int | None = None

    def data(self) -> dict[str, Data]:
        """The members beyond actor and subjects, as they stand in the log."""
        return {name: getattr(self, name) for name in _members(type(self))}


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
    """Enter a class into the catalogue under the name it has in the log, in webhooks and on the screen."""

    def enter(kind: E) -> E:
        kind.type = name
        CATALOGUE[name] = kind
        return kind

    return enter


def recall(name: str, *, actor: str, subjects: Mapping[str, int | None], data: Mapping[str, Data]) -> Event:
    """The event behind a row of the log. Members that a later version added take their defaults."""
    kind = CATALOGUE[name]
    known = {key: value for key, value in data.items() if key in _members(kind)}
    return kind(actor=actor, **subjects, **known)  # type: ignore[arg-type]  # the row was written by `data`
