"""Readiness: whether this desk can accept, claim and deliver. Each fault comes with its fix."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, select

from core.db.tables import WORKER
from core.durations import SECOND
from core.model import SILENT

LEAST_DISK: Final = 8 * 2**20
"""Free disk, in bytes, below which a submission with an attachment might not be written."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. `what` cannot be done: accept, claim or deliver."""

    what: str
    reason: str
    fix: str


def disk(directory: Path) -> Iterator[Fault]:
    """Report a disk that is nearly full."""
    free = shutil.disk_usage(directory).free
    if free < LEAST_DISK:
        yield Fault("accept", f"the disk has {free // 2**20} MiB left", f"free space on the disk of {directory}")


def delivery(conn: Connection, *, now: int) -> Iterator[Fault]:
    """Report that no process of the desk is alive, or that none can claim."""
    workers = conn.execute(select(WORKER).order_by(WORKER.c.beat_at.desc())).all()
    live_workers = [row for row in workers if now - SILENT < row.beat_at]
    if not live_workers:
        since = f" since {(now - workers[0].beat_at) // SECOND} s" if workers else ""
        yield Fault("deliver", f"gateway is not running{since}", "check the gateway's log and start it: postroom serve")
        return
    if all(row.trouble for row in live_workers):
        yield Fault("claim", f"the queue cannot be read: {live_workers[0].trouble}", "check the database and its log")
    elif all((row.claimed_at or row.started_at) < now - SILENT for row in live_workers if not row.trouble):
        yield Fault("claim", "no process has read the queue recently", "check the gateway's log")
