"""Suppress an address: the same question wherever one is under the cursor."""

from __future__ import annotations

from textual.content import Content

from console import operations
from console.safe_text import fill
from console.screens.desk_screen import DeskScreen
from core.desk_client.interface import Json


def suppress(screen: DeskScreen, address: str) -> None:
    """Ask why, then suppress it."""

    def added(answer: Json) -> None:
        screen.console.say(f"{address} is suppressed" if answer["added"] else f"{address} was already suppressed")
        screen.reload()

    screen.ask_reason(
        fill("Suppress $address?", address=address),
        Content(
            "No agent will be able to mail this address. The reason is kept in the suppression record, not in the log."
        ),
        "suppresses it",
        lambda reason: screen.console.run_operation(operations.suppress(address, reason), added),
    )
