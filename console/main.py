"""The command `postroom`: everything of `core.cli`, and the two that draw or play, imported when they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from core.cli import agents, audit, desk, frame, mailboxes, operators, queue, streams


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="postroom", no_args_is_help=True, rich_markup_mode=None,
        help="The operations desk for email that AI agents send.",
    )  # fmt: skip
    app.callback()(_root)
    desk.mount(app)
    for noun in (
        streams.app, mailboxes.app, agents.agent_app, agents.token_app, operators.app, queue.queue_app, queue.lane_app,
        audit.app,
    ):  # fmt: skip
        app.add_typer(noun)
    return app


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


def main(args: Sequence[str] | None = None) -> int:
    """Run `postroom`; returns the exit code."""
    return frame.run(build(), args)


if __name__ == "__main__":
    sys.exit(main())
