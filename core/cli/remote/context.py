"""The context of a command that works on any desk."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import typer

from core.cli import registration
from core.cli.registration import Invocation, Reason, Register
from core.desk_client.interface import Json
from core.desk_client.names import OperationName

__all__ = ["AnyDesk", "Reason", "command"]


class Held(Protocol):
    """Interrupts that are held: `asked` once there was one."""

    asked: bool


class AnyDesk(Protocol):
    """The chosen desk, for the operator who runs the command."""

    as_json: bool

    @property
    def interactive(self) -> bool:
        """Whether there is a person at a terminal to answer questions. They are asked within `asking`."""

    @property
    def where(self) -> Path | str:
        """How commands name this desk: its directory, or its name for --desk, empty if the environment has its URL."""

    @property
    def keyring_name(self) -> str:
        """The name under which the OS keyring holds the operator's token for this desk."""

    @property
    def api_url(self) -> str:
        """The URL at which agents reach the gateway from here."""

    def hold_interrupts(self) -> Held:
        """Until the output is printed, record Ctrl-C and SIGTERM instead of exiting: it has a secret, shown once."""

    def asking(self) -> AbstractContextManager[None]:
        """Ask at the terminal where the answer is typed."""

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation. Raises what the services raise."""

    def call_as(self, token: str | None, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation with this token, or one that takes none."""

    def note(self, text: str) -> None:
        """Print a remark for a person on stderr, unless the command runs with --json."""

    def close(self) -> None: ...


def command(app: typer.Typer, name: str, *, example: str) -> Register:
    """Register a function of `AnyDesk` as a command."""
    return registration.command(app, name, example=example, opened=_opened)


def _opened(one: Invocation) -> AnyDesk:
    if one.place.url is not None:
        from core.cli.remote.desk import RemoteDesk  # noqa: PLC0415 - httpx, which a local desk does not need

        return RemoteDesk(one.guard, as_json=one.as_json, until_printed=one.until_printed)
    from core.cli.context import CommandContext  # noqa: PLC0415 - the database, which a desk at a URL does not need

    return CommandContext(
        one.place.directory, needs=one.needs, guard=one.guard, as_json=one.as_json, until_printed=one.until_printed
    )
