"""Reads rows for a table: one request at a time, from a source that answers at once or later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from console.row_cache import RowSource
from console.widgets.columns import Row


class RowReader:
    """`came` is called with what was asked for and what there is of it, `failed` with what could not be had and why.

    `ended` is called after an answer that took its time, when the next request may go.
    """

    def __init__(
        self,
        source: RowSource,
        *,
        came: Callable[[Sequence[int], Mapping[int, Row]], None],
        failed: Callable[[Sequence[int], Exception], None],
        ended: Callable[[], None],
    ) -> None:
        self._source = source
        self._came, self._failed, self._ended = came, failed, ended
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        return self._task is not None

    def ask(self, rows: Sequence[int]) -> None:
        try:
            answer = self._source.fetch(rows)
        except Exception as error:  # noqa: BLE001 - a table outlives its database
            self._failed(rows, error)
            return
        if isinstance(answer, Mapping):
            self._came(rows, answer)
        else:
            self._task = asyncio.create_task(self._wait_for(rows, answer))

    async def _wait_for(self, rows: Sequence[int], answer: Awaitable[Mapping[int, Row]]) -> None:
        try:
            read = await answer
            self._task = None
            self._came(rows, read)
        except Exception as error:  # noqa: BLE001 - nobody hears of what a task raises
            self._task = None
            self._failed(rows, error)
            return
        self._ended()

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
