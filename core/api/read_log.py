"""Write reads over HTTP to the audit log before the data is shown.

A handler reads, logs the read, then answers; if the read cannot be logged, nothing is shown (503). Reads logged within
the same hour are cached, so a polling client does not load the single writer.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fastapi import Request

from core.api.auth import Authenticator
from core.db.counters import bucket
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.writer import Writer
from core.model import Actor
from core.services.control import read_log
from core.services.control.read_log import WINDOW, EntryPoint, Shown

MOST: Final = 100_000
"""Maximum of cached reads; beyond it the counters in the database are queried."""


class ReadLog:
    """Log reads of operators and agents, once an hour for equal reads."""

    def __init__(self, store: Store, writer: Writer, callers: Authenticator) -> None:
        self._store = store
        self._writer = writer
        self._callers = callers
        self._hour = -1
        self._entered: set[tuple[bytes, str]] = set()

    async def operator(self, request: Request, shown: Shown, *, entry_point: EntryPoint = EntryPoint.HTTP) -> None:
        """Log what an operator is about to be shown. Raises `Unauthenticated`, `Forbidden`, `Unavailable`."""
        token = hashlib.sha256(request.headers.get("authorization", "").encode()).digest()
        key = (token, f"{entry_point}:{shown.object}")
        if self._known(key):
            return
        actor = self._callers.operator(request)
        await self._writer.do(lambda tx: read_log.by_operator(tx, shown, entry_point=entry_point, actor=actor))
        self._entered.add(key)

    async def anybody(self, request: Request, caller: TokenFacts | Actor, shown: Shown, *, own: Shown) -> None:
        """Log what an operator or an agent is about to be shown; `own` describes an agent's read of its own mail."""
        if isinstance(caller, Actor):
            await self.operator(request, shown)
            return
        key = (str(caller.id).encode(), own.object)
        if not self._known(key):
            await self._writer.do(lambda tx: read_log.by_agent(tx, own, token=caller))
            self._entered.add(key)

    def _known(self, key: tuple[bytes, str]) -> bool:
        hour = bucket(self._store.clock.now(), WINDOW)
        if hour != self._hour or len(self._entered) > MOST:
            self._entered.clear()
            self._hour = hour
        return key in self._entered
