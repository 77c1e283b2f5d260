"""Check the log while a gateway runs, and hold the desk if the log is not what it was.

The head is kept in a small file beside the configuration, where a restored database does not bring it back; the file of
checkpoints, if one is configured, is checked as well. Anybody who can write there can stop the desk, and no more.
"""

from __future__ import annotations

import asyncio
import functools
import os
from pathlib import Path
from typing import Final

import structlog

from core.db import sqlite_file as database
from core.db.store import Store
from core.db.writer import Writer
from core.errors import Invalid, PostroomError
from core.model import Clock
from core.services.audit import checkpoints, log_integrity
from core.services.audit.log_integrity import Seen
from core.settings import Settings

SEEN: Final = "log-head.json"
LOOK: Final = 60.0
"""Seconds between two looks."""
QUICK: Final = 256 * 1024**2
"""Bytes of a SQLite file up to which its pages are checked at start: about a second."""
LAST_LINE: Final = 8_192

log = structlog.get_logger("log check")


def seen(settings: Settings) -> tuple[Seen, ...]:
    """What is known about the log outside the database. An unreadable source says nothing."""
    found: list[Seen] = []
    try:
        found.append(log_integrity.read_seen((settings.dir / SEEN).read_bytes()))
    except FileNotFoundError:
        pass
    except (OSError, Invalid) as error:
        log.warning("the record of the log's head cannot be read", reason=str(error))
    if settings.checkpoints.file is not None:
        found += _newest(settings.dir / settings.checkpoints.file)
    return tuple(found)


def _newest(file: Path) -> list[Seen]:
    """The last checkpoint of the file they are appended to, if the key it names signed it."""
    try:
        with file.open("rb") as opened:
            opened.seek(max(file.stat().st_size - LAST_LINE, 0))
            lines = [line for line in opened.read().splitlines() if line.strip()]
        made = checkpoints.parse(lines[-1]) if lines else None
    except (OSError, Invalid) as error:
        log.warning("the file of checkpoints cannot be read", reason=str(error))
        return []
    return [log_integrity.seen_of(made)] if made is not None and made.genuine else []


def at_start(settings: Settings, store: Store) -> None:
    """Before anything is accepted or leaves. Raises `Unavailable` for a damaged file."""
    path = database.of(settings.database_url)
    with store.read() as conn:
        if path is not None and path.stat().st_size <= QUICK:
            log_integrity.require_readable(conn)
        found = log_integrity.fault(conn, seen(settings))
    if found is not None:
        store.transact(functools.partial(log_integrity.hold, reason=found))
        log.error("the desk is held", reason=found)


class LogCheck:
    """The checks of one gateway."""

    def __init__(self, settings: Settings, *, store: Store, writer: Writer, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._writer = writer
        self._clock = clock

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                await self.look()
            except (PostroomError, OSError) as error:
                log.warning("log not checked", reason=str(error))
            except Exception:
                log.exception("log not checked")
            await self._clock.sleep(LOOK)

    async def look(self) -> str | None:
        """Check once; returns what is wrong. While something is, what was seen before is kept."""
        seen_before = await asyncio.to_thread(seen, self._settings)
        found, now = await asyncio.to_thread(self._store.look, lambda tx: (
            log_integrity.fault(tx.conn, seen_before), log_integrity.seen_now(tx.conn, now=tx.now)
        ))  # fmt: skip
        if found is None:
            await asyncio.to_thread(_keep, self._settings.dir / SEEN, now.text())
        elif await self._writer.do(functools.partial(log_integrity.hold, reason=found)):
            log.error("the desk is held", reason=found)
        return found


def _keep(file: Path, text: str) -> None:
    """Atomically: half a record would say that the log was rewritten."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    fresh.replace(file)
