"""Watch policy.toml: tightening takes effect at once, loosening waits, a bad edit is refused and shown.

The active policy is in the database, the same for every gateway; the file is how people edit it. Each gateway of a desk
may watch its own copy: the same edit is reported once.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import structlog

from core.db.writer import Writer
from core.errors import Invalid, PostroomError
from core.rules import policy as rules
from core.services.control import policy

EVERY: Final = 0.5
"""Seconds between two looks at the file's metadata. Its directory also holds a SQLite desk's database, so a watch for
changes there would wake up at every commit."""

log = structlog.get_logger("policy")


class PolicyWatcher:
    """One file and the operations it triggers."""

    def __init__(self, file: Path, *, writer: Writer) -> None:
        self._file = file
        self._writer = writer

    async def run(self) -> None:
        """Read the file now and after every change, until cancelled."""
        read = found = self._state()
        await self.look()
        while True:
            await asyncio.sleep(EVERY)
            before, found = found, self._state()
            # A file that is still being written would be refused as a bad edit, so it must have come to rest.
            if found == before and found != read:
                read = found
                await self.look()

    def _state(self) -> tuple[int, int, int] | None:
        """What differs after an edit, whether the file was written in place or replaced; None without a file."""
        try:
            seen = self._file.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    async def look(self) -> None:
        """Read the file and act on it once."""
        try:
            content = await asyncio.to_thread(self._file.read_text)
        except (OSError, UnicodeDecodeError) as error:
            log.warning("policy.toml cannot be read; the policy in force stays", reason=str(error))
            return
        try:
            await self._act(content)
        except PostroomError as error:
            log.warning("policy.toml was not applied", reason=str(error))

    async def _act(self, content: str) -> None:
        try:
            edited = rules.parse(content)
        except Invalid as error:
            problems = error.problems or (("policy.toml", error.reason),)
            if await self._writer.do(lambda tx: policy.refuse_edit(tx, problems)):
                # A person's slip, not ours: a traceback beside it would hide the line that says where.
                log.warning("policy.toml is not valid; the policy in force stays", problems=problems)
            return
        applied = await self._writer.do(lambda tx: policy.watch_edit(tx, edited))
        if applied.changes or applied.waiting:
            log.info(
                "policy.toml edited",
                version=applied.version,
                in_force=[change.path for change in applied.changes],
                waiting_for_governance=[change.path for change in applied.waiting],
            )
