"""A guarded desk in the console: before anything is loosened, its operator types the desk's name once in a session.

The desk says what loosens (`core.rules.roles.LOOSENS`): it refuses that with `Unconfirmed`, and what was asked for is
asked again once the name was typed, with the same message and digest. What tightens is never refused so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from console.dialogs import TypedDialog
from console.safe_text import fill
from core.errors import Unconfirmed

if TYPE_CHECKING:
    from console.app import PostroomConsole
    from console.operations import Operation

T = TypeVar("T")


class DeskGuard:
    """The guard of the desk that a console shows."""

    def __init__(self, app: PostroomConsole) -> None:
        self._app = app
        self._asking = asyncio.Lock()

    async def act(self, operation: Operation[T]) -> T:
        """Run the operation, and ask for the desk's name if it needs it. Raises what the desk refuses it with.

        For a worker: it waits for the operator.
        """
        desk = self._app.desk
        try:
            return await desk.act(operation)
        except Unconfirmed:
            async with self._asking:  # several decisions, made one after the other, ask once
                if desk.guarded:
                    await self._ask()
                    desk.unguard()
            return await desk.act(operation)

    async def _ask(self) -> None:
        name = self._app.saved_as
        dialog = TypedDialog(
            fill("This loosens $name, which is guarded", name=name),
            Content("You are asked once in this session. What tightens never asks."),
            expected=name,
            does="go on",
            clock=self._app.monotonic,
        )
        if await self._app.push_screen_wait(dialog) is None:
            raise Unconfirmed("not done: the name of the desk was not typed")
