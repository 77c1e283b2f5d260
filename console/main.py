"""The command `postroom`: all of `core.cli`, and the two commands that draw or play, imported only when called.

Each command's imports happen once it is known which command runs: `--help` needs no database, `stop` no HTTP server,
and the console's first frame is drawn before the ORM is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from console import desk_list, saved_views, splash
from console.keymap import TABS
from console.start import Start
from core.cli import commands, known_desks, output
from core.cli.known_desks import Place
from core.errors import Invalid

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
    app = typer.Typer(
        name="postroom", no_args_is_help=True, rich_markup_mode=None, help=ABOUT, cls=commands.WholeSentences
    )
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
        bool, typer.Option("--plain", help="Line by line, for screen readers and pipes: commands and numbered choices.")
    ] = False,
    all_desks: Annotated[
        bool, typer.Option("--all-desks", help="One line for each desk of postroom desk list.")
    ] = False,
    screen: Annotated[str, typer.Option(metavar="NAME", help=f"Open this screen: {', '.join(TABS)}.")] = "",
    filter_by: Annotated[str, typer.Option("--filter", metavar="FILTER", help="Filter that screen.")] = "",
    open_key: Annotated[
        str, typer.Option("--open", metavar="ID|AGENT", help="Open a message (enough of its id) or an agent's page.")
    ] = "",
    view: Annotated[str, typer.Option(metavar="NAME", help="Open a view that was saved in the console.")] = "",
) -> None:
    """Open a desk on a screen, through its gateway or on its own host.

    The token comes from POSTROOM_TOKEN, the operating system's keyring, or a prompt.
    """
    if not (plain or (sys.stdin.isatty() and sys.stdout.isatty())):
        raise Invalid("the console needs a terminal", fix="postroom console --plain works without one")
    start = _start(screen, filter_by, open_key, view)
    if plain and all_desks:
        raise Invalid("--plain shows one desk", fix="choose it with --desk, or leave out --plain")
    if all_desks:
        raise typer.Exit(splash.raised(None, desks=desk_list, start=start))
    place = known_desks.chosen(desk=desk_name, directory=directory)
    token = output.stored_token_at(place) or _asked_token(place)
    if plain:
        from console.plain import main as line_by_line  # noqa: PLC0415 - only who asks for it pays for it

        raise typer.Exit(
            line_by_line.opened(lambda: desk_list.opened(place, token), sys.stdin, sys.stdout, start=start)
        )
    raise typer.Exit(splash.raised(lambda: desk_list.opened(place, token), desks=desk_list, start=start))


def _start(screen: str, filter_by: str, key: str, view: str) -> Start | None:
    """Where the console opens. Raises `Invalid`, `NotFound` for what can be told without the desk."""
    if not (screen or filter_by or key or view):
        return None
    if view and (screen or filter_by):
        raise Invalid("--view is a screen with its filter", fix="leave out --screen and --filter")
    if screen and screen not in TABS:
        raise Invalid(f"there is no screen {screen[:20]!r}", fix=f"the screens are {', '.join(TABS)}")
    if view:
        saved_views.named(view)
    return Start(screen or ("queue" if filter_by else ""), filter_by, key, view)


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
