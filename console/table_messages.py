"""What a table tells the screen it is on. Data goes down through methods; these come up."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget


class TableMessage(Message):
    """Something about a table; `control` is that table, so that `@on(..., "#queue")` can choose."""

    def __init__(self, table: Widget) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> Widget:
        return self.table


class Highlighted(TableMessage):
    """The cursor is on another row (None: there is none), or that row's content changed or left."""

    def __init__(self, table: Widget, row: int | None) -> None:
        super().__init__(table)
        self.row = row

    def can_replace(self, message: Message) -> bool:
        # a held arrow key is one change of the preview, not fifty
        return isinstance(message, Highlighted) and message.table is self.table


class MarksChanged(TableMessage):
    """How many are marked, how many of those the present order does not show; `lost` were marked and have left."""

    def __init__(self, table: Widget, *, marked: int, hidden: int, lost: tuple[int, ...]) -> None:
        super().__init__(table)
        self.marked = marked
        self.hidden = hidden
        self.lost = lost


class Announced(TableMessage):
    """`fresh` new rows wait to be loaded (0: no longer): `+37 new, . to load`."""

    def __init__(self, table: Widget, fresh: int) -> None:
        super().__init__(table)
        self.fresh = fresh


class FetchFailed(TableMessage):
    """The source did not answer. What was drawn before stays, and the next tick asks again."""

    def __init__(self, table: Widget, error: Exception) -> None:
        super().__init__(table)
        self.error = error
