"""What a table tells the screen it is on. Data goes down through methods; these messages come up."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget


class TableMessage(Message):
    """Something about a table; `control` is that table, so that `@on(..., "#queue")` can select it."""

    def __init__(self, table: Widget) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> Widget:
        return self.table


class Highlighted(TableMessage):
    """The cursor moved to another row (None: there is none), or that row changed or left.

    `again`: it is the same row as before, and only what it says has changed.
    """

    def __init__(self, table: Widget, row: int | None, *, again: bool = False) -> None:
        super().__init__(table)
        self.row = row
        self.again = again

    def can_replace(self, message: Message) -> bool:
        # a held arrow key changes the preview once, not fifty times
        return isinstance(message, Highlighted) and message.table is self.table and self.again >= message.again


class MarksChanged(TableMessage):
    """How many are marked, how many of those are not shown now; `lost` were marked and have left."""

    def __init__(self, table: Widget, *, marked: int, hidden: int, lost: tuple[int, ...]) -> None:
        super().__init__(table)
        self.marked = marked
        self.hidden = hidden
        self.lost = lost


class Announced(TableMessage):
    """`fresh` new rows wait to be loaded (0: none any more): `+37 new, . to load`."""

    def __init__(self, table: Widget, fresh: int) -> None:
        super().__init__(table)
        self.fresh = fresh


class FetchFailed(TableMessage):
    """The source did not answer. What was drawn before stays, and the next tick asks again."""

    def __init__(self, table: Widget, error: Exception) -> None:
        super().__init__(table)
        self.error = error
