"""The command `postroom`: all of `core.cli`, and the two commands that draw or play, imported only when called.

Each command's imports happen once it is known which command runs: `--help` needs no database, `stop` no HTTP server,
and the console's first frame is drawn before the ORM is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from console import splash
from core.cli import commands, known_desks, output
from core.cli.known_desks import Place
from core.errors import Invalid

if TYPE_CHECKING:
    from console.ports import Parts

OptionalDirectory = Annotated[
    Path | None,
    typer.Option("--dir", help="The desk's directory (or POSTROOM_DIR).", show_default="this directory"),
]
DeskName = Annotated[
    str | None, typer.Option("--desk", metavar="NAME", help="A desk of postroom desk list (or POSTROOM_DESK).")
]
ABOUT: Final = "The operations desk for email that AI agents send and receive."


def build(given: Sequence[str] | None = None) -> typer.Typer:
    """The command line: all of it, or as much as these arguments need."""
    app = typer.Typer(name="postroom", no_args_is_help=True, rich_markup_mode=None, help=ABOUT)
    app.callback()(_root)
    app.command("console", epilog=output.example("postroom console --dir desk"))(_console)
    app.command(
        "demo",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        help="The whole desk, live, on an empty machine; everything around it is simulated.",
    )(_demo)
    if given is None:
        commands.mount(app)
    else:
        only = commands.asked_for(given, completing=_completing())
        place = known_desks.chosen_by(given)
        elsewhere = place is not None and place.url is not None
        commands.mount(app, only=only, subcommand=commands.after(given, only) if elsewhere else None, whole=False)
    return app


def _completing() -> str:
    """What a shell wants completed: bash passes it under one name, the others under another."""
    return os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""


def main(args: Sequence[str] | None = None) -> int:
    """Run `postroom`; returns the exit code."""
    given = sys.argv[1:] if args is None else args
    return output.run(build(given), given)


def _version(show: bool) -> None:  # noqa: FBT001 - typer calls it so
    if show:
        from importlib import metadata  # noqa: PLC0415 - reads mail parsers that nothing else needs

        output.say(f"postroom {metadata.version('postroom')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The operations desk for email that AI agents send and receive."""
    del version


def _console(
    *,
    directory: OptionalDirectory = None,
    desk_name: DeskName = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Line by line, for screen readers and pipes: prompts and numbered choices.")
    ] = False,
) -> None:
    """Open a desk on a screen, through its gateway or on its own host.

    The token comes from POSTROOM_TOKEN, the operating system's keyring, or a prompt.
    """
    if not (plain or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise Invalid("the console needs a terminal", fix="postroom console --plain works without one")
    place = known_desks.chosen(desk=desk_name, directory=directory)
    here = place.directory.absolute()
    token = output.stored_token(here) if place.url is None else output.stored_token_of(place.url)
    token = token or _asked_token(place)

    def sign_in() -> Parts:
        if place.url is None:
            from console import local_desk  # noqa: PLC0415 - the ORM takes longer to import than the first frame may

            return local_desk.sign_in(here, token)
        from console import factory  # noqa: PLC0415 - screens and httpx, behind the first frame

        return factory.sign_in(place.url, token, name=place.name)

    if plain:
        from console import plain as line_by_line  # noqa: PLC0415 - only who asks for it pays for it

        raise typer.Exit(line_by_line.opened(sign_in, sys.stdin, sys.stdout))
    raise typer.Exit(splash.raised(sign_in))


def _asked_token(place: Place) -> str:
    if place.url is None:
        from core.settings import load  # noqa: PLC0415 - the usual way in, with a token, reads them behind the frame

        load(place.directory)  # nobody is asked for the token of a desk that does not exist
    if not sys.stdin.isatty():
        raise Invalid("no token is stored for this desk", fix="set POSTROOM_TOKEN")
    return str(typer.prompt("Your operator's token", hide_input=True))


def _demo(context: typer.Context) -> None:
    from console import demo  # noqa: PLC0415 - only who asks for the simulated world pays for it

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    demo.mount(app)
    raise typer.Exit(output.run(app, context.args, name="postroom demo"))


if __name__ == "__main__":
    sys.exit(main())
