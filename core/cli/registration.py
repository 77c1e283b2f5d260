"""Register a function as a command: its flags, its output, its exit code. Nothing here imports the database.

A command is a function of a context. It returns its result as data for programs and as text for people; registering it
adds `--dir`, `--desk` and `--json` and prints one or the other. So no command can forget a flag or print a second line.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer

from core.cli import known_desks, output
from core.cli.authorization import ACCESS, Free
from core.cli.guard import YES_DESK, Guard
from core.cli.interrupts import killed_cleanly
from core.cli.known_desks import Place
from core.cli.output import AsJson, Output
from core.rules.roles import Verb

Reason = Annotated[str, typer.Option("--reason", help="Reason, recorded in the log.")]
_DIRECTORY: Final = Annotated[
    Path | None,
    typer.Option("--dir", help="The desk's directory (or POSTROOM_DIR).", show_default="this directory"),
]
_DESK: Final = Annotated[
    str | None, typer.Option("--desk", metavar="NAME", help="A desk of postroom desk list (or POSTROOM_DESK).")
]

_YES_DESK: Final = Annotated[
    str | None,
    typer.Option(YES_DESK, metavar="NAME", help="For scripts: loosen a guarded desk of this name without asking."),
]


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a command was called. `named`: its desk was named on the command line."""

    command: str
    place: Place
    guard: Guard
    needs: Verb | Free
    as_json: bool
    named: bool
    until_printed: contextlib.ExitStack


class Context(Protocol):
    """What a command gets."""

    def close(self) -> None: ...


Register = Callable[[Callable[..., Output | None]], Callable[..., Output | None]]


def command(app: typer.Typer, name: str, *, example: str, opened: Callable[[Invocation], Context]) -> Register:
    """Register a function as a command; its parameters after the context are options and arguments.

    A command without an entry in the table of `core.cli.authorization` cannot be registered.
    """
    noun = app.info.name
    path = f"{noun} {name}" if isinstance(noun, str) else name
    needs = ACCESS[path]

    def register(function: Callable[..., Output | None]) -> Callable[..., Output | None]:
        own_parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def run(**given: Any) -> None:
            directory, desk, yes_desk, as_json = (given.pop(one) for one in _SHARED)
            result: Output | None = None
            try:
                with killed_cleanly(), contextlib.ExitStack() as until_printed:
                    place = known_desks.chosen(desk=desk, directory=directory)
                    invocation = Invocation(
                        path, place, Guard(place, yes_desk), needs, as_json, desk is not None, until_printed
                    )
                    with contextlib.closing(opened(invocation)) as context:
                        result = function(context, **given)
                    if result is None:
                        return
                    output.say(output.dump(result.data) if as_json else result.text, exact=as_json)
                    for line in result.refused:
                        output.error_line(line)
            finally:
                if result is not None and result.then is not None:  # also if the reader of the output has gone
                    result.then()
            if result.code:
                raise typer.Exit(result.code)

        further = [
            inspect.Parameter("directory", _KEYWORD, annotation=_DIRECTORY, default=None),
            inspect.Parameter("desk_name", _KEYWORD, annotation=_DESK, default=None),
            inspect.Parameter("yes_desk", _KEYWORD, annotation=_YES_DESK, default=None),
            inspect.Parameter("as_json", _KEYWORD, annotation=AsJson, default=False),
        ]
        parameters = [one.replace(kind=_KEYWORD) for one in own_parameters] + further
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
        app.command(name, epilog=output.example(example))(run)
        return function

    return register


_SHARED: Final = ("directory", "desk_name", "yes_desk", "as_json")
_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY
