"""A gateway's log lines, as its processes would have written them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from core.log_file import NAME, LogFile

HERE: Final = "desk-a 127.0.0.1:8025"
NIGHT: Final = (
    ("gateway", "gateway", "info", "serving", {"listen": "127.0.0.1:8025", "pid": 4711}),
    ("gateway", "lmtp", "info", "serving LMTP", {"listen": "127.0.0.1:2424"}),
    ("egress", "departures", "warning", "the relay is not answering; backing off",
     {"stream": "support-bot.acme.test", "route": "smtp://relay.acme.test:587", "error": "connection timed out"}),
    ("content", "receiving", "error", "a message broke the reader; it is held",
     {"size": 48_113, "error": "RecursionError", "where": ["inbound/message.py:88 read", "inbound/mime.py:41 _part"]}),
    ("gateway", "egress", "warning", "egress process ended; starting another",
     {"pid": 4719, "code": -9, "seconds": 1.0}),
    ("egress", "departures", "info", "the route answers again", {"stream": "support-bot.acme.test"}),
)  # fmt: skip
"""One line of each process and level: process, logger, level, event, data."""


def entry(event: str, *, minute: int = 0, **more: Any) -> dict[str, Any]:
    """A line of the file."""
    return {
        "at": f"2026-05-03T04:{minute:02}:07.204113Z", "level": "info", "gateway": HERE, "process": "gateway",
        "pid": 4711, "logger": "gateway", "event": event, "data": {},
    } | more  # fmt: skip


def log_night(directory: Path) -> None:
    """A night in which a relay did not answer and a process died."""
    file = LogFile(directory / NAME)
    for minute, (process, logger, level, event, data) in enumerate(NIGHT):
        pid = {"gateway": 4711, "egress": 4719, "content": 4723}[process]
        file.write(entry(event, minute=minute, process=process, logger=logger, level=level, pid=pid, data=data))
    file.close()
