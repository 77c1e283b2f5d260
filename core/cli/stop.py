"""`postroom stop` and `postroom start`: the all-stop. A module of its own, to start without slow imports."""

from __future__ import annotations

from typing import Final

import typer

from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output
from core.model import plural
from core.serializers import controls
from core.services.control import emergency

app: Final = typer.Typer()
"""The commands that the root app mounts."""


@command(app, "stop", example='postroom stop --reason "mail to the wrong list"')
def stop(desk: CommandContext, reason: Reason) -> Output:
    """The all-stop: no delivery starts anywhere from now on. Also with the gateway down."""
    in_flight = desk.act(lambda tx, actor: emergency.stop(tx, reason=reason, actor=actor))
    return Output(
        controls.stopped(in_flight),
        f"Stopped. {plural(in_flight, 'delivery', 'deliveries')} had started and will finish; nothing else leaves.",
    )


@command(app, "start", example='postroom start --reason "the list is corrected"')
def start(desk: CommandContext, reason: Reason) -> Output:
    """End the all-stop: by one governance operator, or by two on call."""
    started = desk.act(lambda tx, actor: emergency.start(tx, reason=reason, actor=actor))
    text = "Started." if started.running else "Vote recorded; one more on-call operator or governance must confirm."
    return Output(controls.started(started), text)
