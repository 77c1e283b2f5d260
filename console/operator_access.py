"""End a person's access from wherever the console is: at night, a stolen laptop does not wait for a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from console import record_operations
from console.dialogs import Choice, ChoiceDialog, WaitingDialog
from console.safe_text import fill, make_safe
from core.desk_client.interface import Json

if TYPE_CHECKING:
    from console.screens.desk_screen import DeskScreen


def disable(screen: DeskScreen) -> None:
    """Ask whom, then for their name."""
    app = screen.console
    waiting: WaitingDialog[Json] = WaitingDialog(
        Content("Disable an operator"), Content("Loading the people of this desk ..."), clock=app.monotonic
    )
    screen.ask(waiting, lambda found: _choose(screen, found))
    app.run_operation(record_operations.operators(), waiting.found, otherwise=waiting.failed)


def _choose(screen: DeskScreen, found: Json) -> None:
    people = [one for one in found["operators"] if one["disabled_at"] is None]
    choices = [
        Choice(
            one["name"], fill("$name  $roles", name=one["name"], roles=", ".join(one["roles"]) or "no role yet"),
            "you" if one["name"] == screen.console.actor.name else None,
        )
        for one in people
    ]  # fmt: skip
    dialog = ChoiceDialog("Disable whom?", choices=choices, clock=screen.console.monotonic)
    screen.ask(dialog, lambda name: _confirm(screen, name))


def _confirm(screen: DeskScreen, name: str) -> None:
    app = screen.console
    screen.ask_typed(
        fill("Disable $name?", name=name),
        Content("Their token opens nothing from now on, open consoles included. Their name stays taken."),
        expected=make_safe(name).text,
        does="disable them",
        then=lambda _: app.run_operation(
            record_operations.disable_operator(name), lambda _: app.say(f"{name} is disabled")
        ),
        reason=False,
    )
