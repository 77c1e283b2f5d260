"""What the first line of the live demonstration says, as it goes on."""

from __future__ import annotations

from typing import Final

from console.keymap import key_of
from console.state import Live

GUARD: Final = "guard"


def guide(live: Live) -> str:
    """What the desk did by itself to an agent that went rogue, and where to look; nothing before that."""
    stopped = [line for line in live.agents if line.suspended and line.suspended_by == GUARD]
    if not stopped:
        return ""
    line = max(stopped, key=lambda one: one.suspended_at or 0)
    refused = next((need.refused for need in live.needs if need.key == line.name), 0)
    return ", ".join(
        part
        for part in (
            f"the desk itself suspended {line.name}",
            "none of its mail left since",
            f"{refused} refused" if refused else "",
            f"{key_of('go_agents')} shows why",
            f"{key_of('go_events')} what happened",
        )
        if part
    )
