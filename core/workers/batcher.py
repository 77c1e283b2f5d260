"""Collect what many coroutines want written and write it in one transaction.

While one write is in progress the next one fills up, so the busier the desk, the fewer statements a message costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """`write` takes the items of one batch and returns an answer for each, in order. `pace` is awaited before each."""

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        pace: Callable[[], Awaitable[None]],
        most: int = 128,
    ) -> None:
        self._write = write
        self._pace = pace
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._pump: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        """The answer for this item, once its batch is written."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            await self._pace()
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                answers = await self._write([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - it belongs to those who wait for this round
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


class PerKey(Generic[K, T, R]):
    """A batcher for each key: items with different keys do not wait for each other."""

    def __init__(
        self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, pace: Callable[[], Awaitable[None]]
    ) -> None:
        self._write = write
        self._pace = pace
        self._batchers: dict[K, Batcher[T, R]] = {}

    async def put(self, key: K, item: T) -> R:
        """The answer for this item, once the batch of its key is written."""
        batcher = self._batchers.get(key)
        if batcher is None:
            batcher = self._batchers[key] = Batcher(self._write, pace=self._pace)
        return await batcher.put(item)
