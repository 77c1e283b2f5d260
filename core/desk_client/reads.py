"""What screens read: the name of the operation and the type of its answer, so that a type checker knows both.

To add a read:

1. its view, a frozen dataclass in `core/views/` (no ORM, no I/O; a tuple for each list, int microseconds for times);
2. here: `LANES: Final = Read("screen.lanes", Waiting)`, and the name in `names.py`;
3. in `core/operations/screens/`: its request, and `screen(reads.LANES, function, Request, Verb.DESK_READ, about=...)`.
   The function takes a `Call` and the request, and returns the view. If it shows mail or people, `shown=` says which:
   that is logged before the answer leaves. Then the row in `tests/operations/test_matrix.py`, a request in
   `tests/operations/scene.py`, and the table in docs (`python -m core.operations.documentation`);
4. in the console: `waiting = await self.desk.read(reads.LANES)`.

A test sends every read's answer through the codec and back.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from core.desk_client.names import OperationName
from core.views.agent_page import AgentPage
from core.views.agents import Suppressions
from core.views.codec import Decoder
from core.views.events import EventPage
from core.views.identities import Identities
from core.views.item import Item
from core.views.lanes import Sites, Waiting
from core.views.live import Reading
from core.views.queue import HeldRows, Ids
from core.views.received import ReceivedRows
from core.views.templates import Templates
from core.views.trace import Story

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """One read: the operation, and what it answers."""

    name: OperationName
    view: type[T]

    def decode(self, answer: bytes) -> T:
        """The view in an answer. Raises `Unavailable` if it is that of another version."""
        view: Any = self.view  # mypy does not see that a class is hashable
        found: T = _decoder(view)(answer)
        return found


@functools.cache
def _decoder(view: Any) -> Decoder[Any]:
    return Decoder(view)


LIVE: Final = Read("screen.live", Reading)
QUEUE: Final = Read("screen.queue", Ids)
QUEUE_ROWS: Final = Read("screen.queue_rows", HeldRows)
ALIKE: Final = Read("screen.alike", Ids)
ITEM: Final = Read("screen.item", Item)
AGENT: Final = Read("screen.agent", AgentPage)
GROUPS: Final = Read("screen.groups", Templates)
LANES: Final = Read("screen.lanes", Waiting)
SITES: Final = Read("screen.sites", Sites)
EVENTS: Final = Read("screen.events", EventPage)
SUPPRESSIONS: Final = Read("screen.suppressions", Suppressions)
IDENTITIES: Final = Read("screen.identities", Identities)
INBOX: Final = Read("screen.inbox", Ids)
INBOX_ROWS: Final = Read("screen.inbox_rows", ReceivedRows)
TRACE: Final = Read("screen.trace", Story)
