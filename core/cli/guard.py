"""Guarded desks at the command line: a command that loosens asks for the desk's name before it does.

Which acts loosen is decided by the desk (`core.rules.roles.LOOSENS`): a guarded desk is first asked to do only what
tightens, and refuses the rest with `Unconfirmed`. So a stop or a suspension never waits for a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import typer

from core.cli.known_desks import Place
from core.cli.terminal import Terminal
from core.desk_client.interface import Json
from core.errors import Invalid, Unconfirmed

YES_DESK: Final = "--yes-desk"


class Guarded(Protocol):
    """A desk whose calls may loosen once `guarded` is False."""

    guarded: bool


@dataclass(frozen=True, slots=True)
class Guard:
    """Whether the chosen desk is guarded, and the name that was given for it with --yes-desk."""

    place: Place
    yes_desk: str | None = None

    def __post_init__(self) -> None:
        """Raises `Invalid` if another desk was meant: a script that names one must not act on the other."""
        if self.yes_desk is not None and self.yes_desk != self.place.name:
            here = self.place.name or self.place.url or "a desk that is not in postroom desk list"
            raise Invalid(f"{YES_DESK} {self.yes_desk[:40]}: this is {here}", fix="name the desk that you mean")

    @property
    def closed(self) -> bool:
        """Whether the name must still be given before anything is loosened."""
        return self.place.guard and self.yes_desk is None

    def passed(self, desk: Guarded, terminal: Terminal, act: Callable[[], Json]) -> Json:
        """The answer of `act` on `desk`; if it loosens, once the operator has typed the desk's name.

        Raises `Unconfirmed` without the name, and whatever `act` raises.
        """
        try:
            return act()
        except Unconfirmed as refused:
            name = self.place.name
            if not terminal.interactive:
                raise Unconfirmed(
                    f"{name} is guarded, and this loosens it; nothing was done", fix=f"add {YES_DESK} {name}"
                ) from refused
        with terminal.asking():
            typed = typer.prompt(f"{name} is guarded, and this loosens it. Type its name", err=True)
        if str(typed).strip() != name:
            raise Unconfirmed(f"that is not {name}; nothing was done")
        desk.guarded = False
        return act()


UNGUARDED: Final = Guard(Place())
