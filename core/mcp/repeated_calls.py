"""The idempotency key for a call that has none: clients repeat calls after time-outs, and mail must not be sent twice.

The key is derived from the token, the run, the exact content and a slot of ten minutes, so the same content may be
sent again later. Just after the start of a slot, a call uses the previous slot's key if that is in the database or
belongs to a call still under way in this process.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from core.db.gate_queries import TokenFacts
from core.durations import MINUTE
from core.mcp.arguments import Run

WINDOW: Final = 10 * MINUTE


class Repeats:
    """The keys of the calls that are under way in this process."""

    def __init__(self) -> None:
        self._under_way: dict[str, str] = {}

    @contextlib.contextmanager
    def key(
        self, content: bytes, *, token: TokenFacts, run: Run, now: int, used_since: Callable[[str, int], bool]
    ) -> Iterator[str]:
        """The key to send this content with, until the call is answered.

        `used_since(key, at)`: whether mail was accepted with this key after `at`.
        """
        digest = _digest(token, run, content)
        same = self._under_way.get(digest)
        if same is not None:
            yield same
            return
        window = now // WINDOW
        before = _spell(digest, window - 1)
        key = before if used_since(before, now - WINDOW) else _spell(digest, window)
        self._under_way[digest] = key
        try:
            yield key
        finally:
            del self._under_way[digest]


def _digest(token: TokenFacts, run: Run, content: bytes) -> str:
    found = hashlib.sha256()
    for part in (str(token.id), token.run_key or run.id or "", token.run_user or run.user or ""):
        found.update(f"{len(part)}:{part}".encode())
    found.update(content)
    return found.hexdigest()[:40]


def _spell(digest: str, window: int) -> str:
    return f"mcp-{digest}-{window}"
