"""What every command on a desk shares: its settings, its database, the operator who runs it.

A command on the desk's own host is a function of a `CommandContext` (registration.py adds its flags). Each one writes
in its own short transaction, whether the gateway is running or not.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import typer

from core.cli import next_steps, output, registration
from core.cli.authorization import Free
from core.cli.guard import UNGUARDED, Guard
from core.cli.registration import Reason
from core.cli.terminal import Terminal
from core.clock import SystemClock
from core.db import schema_revision
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.desk_client.interface import Json
from core.desk_client.names import OperationName
from core.errors import Invalid
from core.model import Actor
from core.operations.local_desk import LocalDesk, read_on_host
from core.operations.operation import Resources
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.security import credentials, key_file
from core.services import access, context
from core.services.control import read_log
from core.services.control.read_log import EntryPoint, Shown
from core.settings import Settings, load

T = TypeVar("T")

__all__ = ["CommandContext", "Reason", "command"]


class CommandContext(Terminal):
    """The desk in `directory`: its settings, its database, and the operator who runs the command; opened on demand."""

    def __init__(
        self, directory: Path, *, needs: Verb | Free, guard: Guard = UNGUARDED, as_json: bool = False,
        until_printed: contextlib.ExitStack | None = None,
    ) -> None:  # fmt: skip
        """`needs`: the permission a reader must have, or why no token is needed (core.cli.authorization).

        `until_printed` is closed once the command's output is printed.
        """
        super().__init__(as_json=as_json, until_printed=until_printed)
        self.directory = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link that people chose
        self.database: str | None = None
        """Set by a command that creates a desk; else later reads would use the database named in the environment."""
        self._needs = needs
        self._guard = guard
        self.guarded = guard.closed
        self._store: Store | None = None

    @functools.cached_property
    def settings(self) -> Settings:
        return load(self.directory, database=self.database)

    @property
    def store(self) -> Store:
        """The desk's database. Raises `Unavailable` if its schema is not of this version."""
        if self._store is None:
            store = Store(self.settings.database_url, clock=SystemClock())
            self._store = store
            with store.read() as conn:
                schema_revision.check(conn)
        return self._store

    @functools.cached_property
    def actor(self) -> Actor:
        """The operator whose token is in the environment, or else in the OS keyring. Raises `Unauthenticated`."""
        token = self._token()
        with self.store.read() as conn:
            return access.sign_in(conn, credentials.digest(token), now=self.now)

    def _token(self) -> str:
        _ = self.settings  # report a missing desk first
        return output.require_token(output.stored_token_at(replace(self._guard.place, directory=self.directory)))

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation of the registry, as the operator who runs the command.

        A command that needs no token reads without one. A token that is given must be valid all the same.
        """
        if isinstance(self._needs, Free) and not self.signed_in:
            return read_on_host(self.store, self._resources, operation, members)
        token = self._token()
        return self._guard.passed(self, self, lambda: self.call_as(token, operation, **members))

    def call_as(self, token: str | None, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation with this token, or one that takes none."""
        return LocalDesk(self.store, self._resources, token, guarded=self.guarded).call(operation, **members)

    @property
    def _resources(self) -> Resources:
        settings = self.settings
        return Resources(lambda: key_file.serving_provenance_keys(settings), settings)

    @property
    def where(self) -> Path:
        """How commands name this desk."""
        return self.directory

    @property
    def keyring_name(self) -> str:
        """The name under which the OS keyring holds the operator's token for this desk."""
        return str(self.directory)

    @property
    def api_url(self) -> str:
        """The URL at which agents on this machine reach the gateway."""
        return next_steps.api(self.settings)

    @functools.cached_property
    def policy(self) -> Policy:
        """The policy in force when first accessed."""
        return self.store.look(context.current_policy)[1]

    @property
    def signed_in(self) -> bool:
        """Whether the environment holds a token."""
        return bool(os.environ.get(output.TOKEN))

    def act(self, verb: Callable[[Transaction, Actor], T]) -> T:
        """Run a function in its own transaction, as the operator who runs the command."""
        actor = self.actor
        return self.store.transact(lambda tx: verb(tx, actor))

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for a permitted reader, checked on that very connection. Raises `Unauthenticated`, `Forbidden`.

        Even if no token is needed, a token that is given must be valid: a typing error must not look like access.
        """
        actor = self._reader()
        with self.store.read() as conn:
            if actor is not None and isinstance(self._needs, Verb):
                access.require_reader(conn, actor, self._needs, now=self.now)
            yield conn

    def look(self, verb: Callable[[Transaction], T]) -> T:
        """Run a read-only function for a permitted reader."""
        actor = self._reader()

        def asked(tx: Transaction) -> T:
            if actor is not None and isinstance(self._needs, Verb):
                access.require(tx, actor, self._needs)
            return verb(tx)

        return self.store.look(asked)

    def shown(self, what: Shown) -> None:
        """Log what this command is about to show. Raises `Unavailable`: what cannot be logged is not shown."""
        self.act(lambda tx, actor: read_log.by_operator(tx, what, entry_point=EntryPoint.CLI, actor=actor))

    def _reader(self) -> Actor | None:
        return self.actor if isinstance(self._needs, Verb) or self.signed_in else None

    @property
    def now(self) -> int:
        return self.store.clock.now()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


# --- commands -----------------------------------------------------------------------------------------------------


def command(app: typer.Typer, name: str, *, example: str) -> registration.Register:
    """Register a function of a `CommandContext` as a command: it works on the desk's own host."""
    return registration.command(app, name, example=example, opened=_opened)


def _opened(one: registration.Invocation) -> CommandContext:
    """Raises `Invalid` if the chosen desk is elsewhere."""
    if isinstance(one.needs, Free) and not one.needs.desk and one.named:
        raise Invalid(f"postroom {one.command} is about no desk", fix="leave out --desk")
    if one.place.url is not None and (one.named or not isinstance(one.needs, Free)):
        raise Invalid(
            f"postroom {one.command} works on the desk's own host alone",
            fix=f"run it on the host of {one.place.name or one.place.url}, with --dir",
        )
    return CommandContext(
        one.place.directory, needs=one.needs, guard=one.guard, as_json=one.as_json, until_printed=one.until_printed
    )
