"""Record in the log what an operator's screen showed. No key waits for it; a failed write is tried again."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Protocol

from console import operations
from core.errors import PostroomError

if TYPE_CHECKING:
    from console.desk_client import Desk
    from console.session import Session

CLOSING_TIMEOUT: Final = 2.0
"""Seconds a closing console waits for a desk that may be gone."""


class Recorder(Protocol):
    """The app, as far as this module needs it."""

    session: Session

    @property
    def desk(self) -> Desk: ...


async def log_shown(app: Recorder) -> None:
    """Write what is pending, several entries in one transaction."""
    while items := app.session.pending_log():
        try:
            await app.desk.act(operations.shown(items))
        except PostroomError:
            app.session.mark_log_failed()
            return
        app.session.mark_logged(items)


async def log_last(app: Recorder) -> None:
    """Write what is still pending when the console ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_TIMEOUT):
            await log_shown(app)
