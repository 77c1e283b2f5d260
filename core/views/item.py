"""One held, sent or received item with everything a reviewer decides from."""

from __future__ import annotations

from dataclasses import dataclass

from core.model import Limit
from core.views.difference import Difference
from core.views.message import MessageView
from core.views.queue import HeldRow
from core.views.received import ReceivedView


@dataclass(frozen=True, slots=True)
class Item:
    """`view` is None for a held read or tag, and for mail that came in, which is `received`.

    `tainting` is mail of a stranger that the run had read before it wrote this; `limits` are the budgets that a message
    will be charged to.
    """

    item: int
    spelled: str
    held: HeldRow | None
    view: MessageView | None = None
    limits: tuple[Limit, ...] = ()
    difference: Difference | None = None
    received: ReceivedView | None = None
    tainting: ReceivedView | None = None
