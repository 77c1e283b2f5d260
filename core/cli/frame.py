"""What every command shares: finding the desk, who acts, what is printed where, and the exit codes.

A command is a function of a `Seat` that returns what it has to say, as data for programs and as text for people; the
frame adds `--dir` and `--json` behind every subcommand and prints the one or the other. So no command can forget a
flag, print a second line, or let an error reach anybody as more than one line. Text is made safe for a terminal here:
subjects and addresses come from strangers.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import keyring
import keyring.errors
import orjson
import typer
import typer.main
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from core import minting
from core.clock import SystemClock
from core.errors import Invalid, PostroomError, Unauthenticated, Unavailable
from core.ledger import people, schema
from core.ledger.store import Store
from core.ledger.transaction import Transaction
from core.settings import Settings, load
from core.words import Actor, duration, read_stamp

T = TypeVar("T")

TOKEN: Final = "POSTROOM_TOKEN"  # noqa: S105 - a variable's name
SERVICE: Final = "postroom"
"""Under which the keyring of the OS holds an operator's token; the user's name there is the desk's directory."""
INTERRUPTED: Final = 130

Reason = Annotated[str, typer.Option("--reason", help="Why. It stands in the log.")]

_DIR: Final = typer.Option("--dir", envvar="POSTROOM_DIR", help="The desk's directory.", show_default="this directory")
_JSON: Final = typer.Option("--json", help="One line of JSON on stdout, nothing else.")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command has to say: `data` with --json, else `text`; `code` is what it exits with."""

    data: Mapping[str, Any]
    text: str
    code: int = 0


class Seat:
    """A place at the desk in `directory`: its settings, its database, and who sits there. All opened when asked for."""

    def __init__(self, directory: Path, *, as_json: bool = False) -> None:
        self.directory = Path(os.path.abspath(directory))  # noqa: PTH100 - resolve() would follow a link that people chose
        self.as_json = as_json
        self._store: Store | None = None

    @functools.cached_property
    def settings(self) -> Settings:
        return load(self.directory)

    @property
    def store(self) -> Store:
        """The desk's database. Raises `Unavailable` if it is not one of this version."""
        if self._store is None:
            store = Store(self.settings.database_url, clock=SystemClock())
            self._store = store
            _check_version(store)
        return self._store

    @functools.cached_property
    def actor(self) -> Actor:
        """Who acts: whose token is in the environment, or else kept by the OS. Raises `Unauthenticated`."""
        token = os.environ.get(TOKEN) or self._kept_token()
        if not token:
            raise Unauthenticated("this needs an operator's token", fix=f"set {TOKEN}=pro_... to yours")
        with self.store.read() as conn:
            found = people.operator_by_token(conn, minting.digest(token.strip()))
        if found is None:
            raise Unauthenticated(
                "this operator's token is unknown, or its operator is disabled",
                fix=f"check {TOKEN} and that --dir is the desk it was made for",
            )
        return found

    @property
    def signed_in(self) -> bool:
        """Whether a token is at hand at all."""
        return bool(os.environ.get(TOKEN))

    def act(self, verb: Callable[[Transaction, Actor], T]) -> T:
        """Run a verb in a transaction of its own, in the name of whoever sits here."""
        actor = self.actor
        return self.store.transact(lambda tx: verb(tx, actor))

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        with self.store.read() as conn:
            yield conn

    @property
    def now(self) -> int:
        return self.store.clock.now()

    def note(self, text: str) -> None:
        """A remark for a person, on stderr; a program that asked for JSON is not bothered."""
        if not self.as_json:
            sys.stderr.write(plain(text) + "\n")
            sys.stderr.flush()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def keep_token(self, token: str) -> None:
        """Let the OS keep an operator's token for this desk. Raises `Unavailable`."""
        try:
            keyring.set_password(SERVICE, str(self.directory), token)
        except keyring.errors.KeyringError as error:
            raise Unavailable(f"the OS keeps no secrets here ({error}); set {TOKEN} instead") from error

    def _kept_token(self) -> str | None:
        try:
            return keyring.get_password(SERVICE, str(self.directory))
        except keyring.errors.KeyringError:
            return None


def _check_version(store: Store) -> None:
    with store.read() as conn:
        at = schema.version(conn)
    if at is None:
        raise Unavailable("the database holds no desk; make one with postroom init, or check its address")
    if at != (wanted := schema.latest()):
        raise Unavailable(f"the database is at {at} and this version needs {wanted}; postroom serve brings it there")


# --- commands -----------------------------------------------------------------------------------------------------


def group(name: str, about: str) -> typer.Typer:
    """A noun with commands of its own."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[..., Said | None]], Callable[..., Said | None]]:
    """Register a function of a seat as a command; its parameters after the seat are the command's."""

    def register(function: Callable[..., Said | None]) -> Callable[..., Said | None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def run(**given: Any) -> None:
            directory, as_json = given.pop("directory"), given.pop("as_json")
            with contextlib.closing(Seat(directory, as_json=as_json)) as seat:
                said = function(seat, **given)
            if said is not None:
                say(dump(said.data) if as_json else said.text)
                if said.code:
                    raise typer.Exit(said.code)

        further = [
            inspect.Parameter("directory", _KEYWORD, annotation=Annotated[Path, _DIR], default=Path()),
            inspect.Parameter("as_json", _KEYWORD, annotation=Annotated[bool, _JSON], default=False),
        ]
        parameters = [one.replace(kind=_KEYWORD) for one in own] + further
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
        app.command(name, epilog=f"\b\nExample:\n  {example}")(run)
        return function

    return register


_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY


def run(app: typer.Typer, args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 for a refusal or failure, 2 for usage, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Unicode ends no command
    try:
        code = typer.main.get_command(app).main(
            args=None if args is None else list(args), prog_name="postroom", standalone_mode=False
        )
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - what is not ours is raised again
        return _end(error)
    return code if isinstance(code, int) else 0


def _end(error: BaseException) -> int:
    """The exit code that an error comes to, said in one line. A mistake of ours is raised again, with its traceback."""
    match error:
        case PostroomError():
            return _complain(error)
        case KeyboardInterrupt() | typer.Abort():
            return INTERRUPTED
        case SystemExit():  # typer's own way out of a broken pipe
            return error.code if isinstance(error.code, int) else 1
        case BrokenPipeError():
            return _hush()
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return _line(f"{named}{error.strerror or error}", code=1)
        case SQLAlchemyError():
            return _line(f"the database cannot be used: {error}; see database in postroom.toml", code=1)
        case _ if hasattr(error, "format_message"):  # typer's, whichever of its versions
            return _usage(error)
        case _:
            raise error


def _complain(error: PostroomError) -> int:
    fix = getattr(error, "fix", None)
    return _line(f"{error}; {fix}" if fix else str(error), code=2 if isinstance(error, Invalid) else 1)


def _usage(error: Any) -> int:
    """A mistake in how the command was written; without any argument it is no mistake but a question."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return 2
    where = f"; see {context.command_path} --help" if context is not None else ""
    return _line(f"{error.format_message().rstrip('.')}{where}", code=int(getattr(error, "exit_code", 2)))


def _line(text: str, *, code: int) -> int:
    sys.stderr.write(f"postroom: {plain(' '.join(text.split()))}\n")
    return code


def _hush() -> int:
    """Whoever read us went away (`| head`). Python would complain again while it closes stdout."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


# --- printing -----------------------------------------------------------------------------------------------------


def dump(data: Mapping[str, Any]) -> str:
    """One line of JSON."""
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()


def say(text: str) -> None:
    """A line, or lines, on stdout at once, so that whoever reads sees it and a closed pipe is noticed here."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def plain(text: str) -> str:
    """The text without what a terminal would obey: escapes, C1, direction marks, zero-width characters."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, none: str = "nothing") -> str:
    """Columns for a person."""
    if not rows:
        return none
    cells = [[plain("-" if cell in (None, "") else str(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in (list(heads), *cells)) for at in range(len(heads))]
    lines = [list(heads), *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def pairs(values: Mapping[str, object]) -> str:
    """`name  value` lines for a person; what there is not is left out."""
    shown = {name: value for name, value in values.items() if value not in (None, "", [], {}, ())}
    width = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name.ljust(width)}  {plain(_word(value))}" for name, value in shown.items())


def _word(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case _:
            return str(value)


# --- reading ------------------------------------------------------------------------------------------------------


def listed(given: Sequence[str] | None) -> list[str]:
    """The members of an option that may be repeated and may hold several with commas."""
    return [part.strip() for one in given or () for part in one.split(",") if part.strip()]


def moment(text: str, *, now: int) -> int:
    """A time: a duration from now (`90d`), a date or an RFC 3339 time. Raises `Invalid`."""
    try:
        return now + duration(text)
    except Invalid:
        return read_stamp(text)
