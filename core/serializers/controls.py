"""Results of a suspension, the all-stop, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.services.control.emergency import Frozen, Started


def suspended(agent: str, one: Frozen) -> dict[str, Any]:
    """An agent that was just suspended: deliveries that had started, and mail that stays where it is."""
    figures = {"in_flight": one.in_flight, "queued": one.queued, "pending": one.pending}
    return {"agent": agent, "status": "suspended"} | figures


def resumed(agent: str) -> dict[str, Any]:
    """An agent that may act again."""
    return {"agent": agent, "status": "active"}


def stopped(in_flight: int) -> dict[str, Any]:
    """The all-stop, and how many deliveries had started before it."""
    return {"running": False, "stopped": True, "in_flight": in_flight}


def started(one: Started) -> dict[str, Any]:
    """Whether the desk runs again, and who has confirmed so far."""
    return {"running": one.running, "by": [*one.by]}
