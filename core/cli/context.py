"""What every command on a desk shares: its settings, its database, the operator who runs it.

A command is a function of a `CommandContext`. It returns its result as data for programs and as text for people;
`command` adds `--dir` and `--json` to every subcommand and prints one or the other. So no command can forget a flag or
print a second line. Each one writes in its own short transaction, whether the gateway is running or not.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from core.cli import output
from core.cli.authorization import ACCESS, Free
from core.cli.interrupts import Interrupts, killed_cleanly
from core.cli.output import TOKEN, AsJson, Directory, Output, plain
from core.clock import SystemClock
from core.db import schema_revision
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.errors import Unauthenticated
from core.model import Actor
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.security import credentials
from core.services import access, context
from core.services.control import read_log
from core.services.control.read_log import EntryPoint, Shown
from core.settings import Settings, load

T = TypeVar("T")

Reason = Annotated[str, typer.Option("--reason", help="Reason, recorded in the log.")]


class CommandContext:
    """The desk in `directory`: its settings, its database, and the operator who runs the command; opened on demand."""

    def __init__(
        self, directory: Path, *, needs: Verb | Free, as_json: bool = False,
        until_printed: contextlib.ExitStack | None = None,
    ) -> None:  # fmt: skip
        """`needs`: the permission a reader must have, or why no token is needed (core.cli.authorization).

        `until_printed` is closed once the command's output is printed.
        """
        self.directory = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link that people chose
        self.as_json = as_json
        self.database: str | None = None
        """Set by a command that creates a desk; else later reads would use the database named in the environment."""
        self._needs = needs
        self._store: Store | None = None
        self._until_printed = until_printed or contextlib.ExitStack()

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
        _ = self.settings  # report a missing desk first
        token = output.stored_token(self.directory)
        if not token:
            raise Unauthenticated(
                "this needs an operator's token",
                fix=f"set {TOKEN}=pro_... to yours, or claim one: postroom operator claim NAME --keep",
            )
        if credentials.is_agents(token):
            raise Unauthenticated(
                "this is an agent's token, and the command line is for operators", fix=f"set {TOKEN}=pro_... to yours"
            )
        with self.store.read() as conn:
            return access.sign_in(conn, credentials.digest(token), now=self.now)

    @functools.cached_property
    def policy(self) -> Policy:
        """The policy in force when first accessed."""
        return self.store.look(context.current_policy)[1]

    @property
    def signed_in(self) -> bool:
        """Whether the environment holds a token."""
        return bool(os.environ.get(TOKEN))

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

    @property
    def interactive(self) -> bool:
        """Whether there is a person at a terminal to answer questions. They are asked within `asking`."""
        return not self.as_json and sys.stdin.isatty()

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Ask at the terminal where the answer is typed: in a file (`2>log`), a question would wait unseen."""
        with contextlib.ExitStack() as stack:
            if not sys.stderr.isatty():
                with contextlib.suppress(OSError):  # no terminal of its own, as in tests
                    terminal = Path(os.ttyname(sys.stdin.fileno())).open("w")  # noqa: SIM115 - the stack closes it
                    stack.enter_context(contextlib.redirect_stderr(stack.enter_context(terminal)))
            yield

    def hold_interrupts(self) -> Interrupts:
        """Until the output is printed, record Ctrl-C and SIGTERM instead of exiting.

        For secrets that are shown once: between commit and print, this process holds the only copy.
        """
        return self._until_printed.enter_context(Interrupts())

    def note(self, text: str) -> None:
        """Print a remark for a person on stderr, unless the command runs with --json."""
        if not self.as_json:
            sys.stderr.write(plain(text) + "\n")
            sys.stderr.flush()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


# --- commands -----------------------------------------------------------------------------------------------------


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[..., Output | None]], Callable[..., Output | None]]:
    """Register a function as a command; its parameters after the `CommandContext` are options and arguments.

    A command without an entry in the table of `core.cli.authorization` cannot be registered.
    """
    noun = app.info.name
    needs = ACCESS[f"{noun} {name}" if isinstance(noun, str) else name]

    def register(function: Callable[..., Output | None]) -> Callable[..., Output | None]:
        own_parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def run(**given: Any) -> None:
            directory, as_json = given.pop("directory"), given.pop("as_json")
            result: Output | None = None
            try:
                with killed_cleanly(), contextlib.ExitStack() as until_printed:
                    desk = CommandContext(directory, needs=needs, as_json=as_json, until_printed=until_printed)
                    with contextlib.closing(desk):
                        result = function(desk, **given)
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
            inspect.Parameter("directory", _KEYWORD, annotation=Directory, default=Path()),
            inspect.Parameter("as_json", _KEYWORD, annotation=AsJson, default=False),
        ]
        parameters = [one.replace(kind=_KEYWORD) for one in own_parameters] + further
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
        app.command(name, epilog=output.example(example))(run)
        return function

    return register


_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY
