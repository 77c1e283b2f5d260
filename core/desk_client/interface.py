"""The interface of a desk for screens and commands, through a gateway or on its host."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.desk_client.names import OperationName

if TYPE_CHECKING:
    from core.desk_client.reads import Read

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry of the log, as `GET /audit` shows it; or its outline (`core.operations.event_stream.outline`)."""

    seq: int
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing new up to `seq`. `at` is when the desk last looked at its log, None if it has not yet."""

    seq: int
    at: str | None


class Desk(Protocol):
    """A desk, for one operator. `local`: it works on the database itself, without a gateway.

    Every call raises what the services raise: `Forbidden`, `Conflict`, `Invalid` ...; `AccessEnded` once the operator's
    access has ended, `Unavailable` while the desk does not answer.
    """

    name: str
    local: bool
    guarded: bool
    """Acts that loosen are refused with `Unconfirmed`, until the operator has typed the desk's name."""

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation and return its answer."""

    def read(self, read: Read[T], /, **members: Any) -> T:
        """Read what a screen shows (`core.desk_client.reads`)."""

    def events(self, *, after: int | None = None, outline: bool = False) -> Generator[LogLine | Heartbeat, None, None]:
        """Follow the log after this entry, or from now on. `outline`: only what each entry touched.

        Raises `AccessEnded` when the operator's access ends, and `Unavailable` when the desk is lost: follow again
        after the last entry. Close it to stop.
        """

    def close(self) -> None:
        """Close the connections."""
