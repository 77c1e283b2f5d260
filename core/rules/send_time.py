"""When scheduled mail leaves: how far ahead the agent may schedule, and how a time in the past is treated."""

from __future__ import annotations

from typing import Final

from core.durations import MINUTE, spell
from core.errors import Invalid

LATE: Final = MINUTE
"""A time no further in the past than this means now: it allows for transit and clock differences."""


def departure(send_at: int, *, now: int, ahead: int) -> int | None:
    """When the message leaves; None: at once. Times in microseconds. Raises `Invalid` if policy forbids the time."""
    if send_at > now + ahead:
        bound = f"within {spell(ahead)}" if ahead else "at once: this desk schedules nothing (delivery.schedule_ahead)"
        raise _invalid(f"send_at is too far ahead: mail leaves {bound}", fix="choose an earlier time")
    if send_at > now:
        return send_at
    if send_at < now - LATE:
        raise _invalid("send_at has passed", fix="choose a time to come, or leave it out to send at once")
    return None


def _invalid(reason: str, *, fix: str) -> Invalid:
    return Invalid(reason, fix=fix, problems=(("send_at", reason.removeprefix("send_at ")),))
