"""The command `postroom`: everything of `core.cli`, and the two that draw or play, imported when they are asked for.

`postroom console` is found out before anything else is imported: its first frame is drawn before the ORM is there,
which every other command needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer

from core.cli import frame
from core.cli.frame import Directory
from core.errors import Invalid, Unavailable
from core.settings import load

ABOUT: Final = "The operations desk for email that AI agents send."


def build(*, whole: bool = True) -> typer.Typer:
    """The command line; without `whole` only what needs no database."""
    app = typer.Typer(name="postroom", no_args_is_help=True, rich_markup_mode=None, help=ABOUT)
    app.callback()(_root)
    app.command("console", epilog=frame.example("postroom console --dir desk"))(_console)
    app.command(
        "demo",
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        help="The whole desk, live, on an empty machine; everything around it is simulated.",
    )(_demo)
    if whole:
        from core.cli import commands  # noqa: PLC0415 - the ORM takes longer to import than the console's first frame may

        commands.mount(app)
    return app


def main(args: Sequence[str] | None = None) -> int:
    """Run `postroom`; returns the exit code."""
    given = sys.argv[1:] if args is None else args
    return frame.run(build(whole=given[:1] not in (["console"], ["demo"])), given)


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        frame.say(f"postroom {metadata.version('postroom')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The operations desk for email that AI agents send."""
    del version


def _console(*, directory: Directory = Path()) -> None:
    """The desk on a screen; the token from POSTROOM_TOKEN, the keyring of the OS, or asked for."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Invalid("the console needs a terminal", fix="postroom queue works without one")
    settings = load(directory.absolute())
    token = frame.kept_token(settings.dir) or typer.prompt("Your operator's token", hide_input=True)
    try:
        from console.app import run_console  # noqa: PLC0415 - Textual waits until it is asked for
    except ImportError as error:
        raise Unavailable(f"the console is not installed ({error}); postroom queue works without it") from error
    raise typer.Exit(run_console(settings, token))


def _demo(context: typer.Context) -> None:
    try:
        from console import demo  # noqa: PLC0415 - only who asks for the simulated world pays for it
    except ImportError as error:
        raise Unavailable(f"the demonstration is not installed ({error})") from error
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    demo.mount(app)
    raise typer.Exit(frame.run(app, context.args, name="postroom demo"))


if __name__ == "__main__":
    sys.exit(main())
