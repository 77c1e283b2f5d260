"""The gate that every read of received mail passes: asked, and logged, before anything is shown."""

from __future__ import annotations

from collections.abc import Collection

from core.api.deps import ApiContext
from core.db.gate_queries import TokenFacts
from core.services.control.read_log import Shown
from core.services.sending import gated_actions
from core.services.sending.submit_result import Answer


class ReadGate:
    """Whether an agent may be shown received mail now."""

    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk

    async def ask(
        self, token: TokenFacts, box: str, target: str, shown: Shown | None, received: Collection[int] = (), *,
        unsigned: Collection[int] = (),
    ) -> Answer | None:  # fmt: skip
        """Return None, and log the read, if the agent may be shown this now; otherwise its answer."""
        ctx = self._desk.ctx
        return await self._desk.writer.do(
            lambda tx: gated_actions.read(
                tx, box, target, token=token, ctx=ctx, shown=shown, received=received, unsigned=unsigned
            )
        )

    async def show(self, token: TokenFacts, received: Collection[int] = (), *, sent: Collection[int] = ()) -> None:
        """Taint the reader's run by what it is about to be shown; committed before the answer."""
        ctx = self._desk.ctx
        if received or sent:
            await self._desk.writer.do(
                lambda tx: gated_actions.show_received(tx, received, token=token, ctx=ctx, sent=sent)
            )
