"""Output and exit of commands: JSON or text, errors in one line, exit codes.

Nothing here imports the database, so that the console can start from here and draw before the ORM is imported. Text is
made safe for a terminal here: subjects and addresses come from strangers.

Commands, options, prompts and usage errors are typer's. Tables are our own: rich takes 2.2 s of CPU to print 5,000 rows
that `table` prints in 0.03 s, wraps rows that `grep` and `less -S` need on one line, and cuts an address before its
domain. Nothing is coloured, so NO_COLOR has nothing to switch off.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
import typer.main

from core.cli import known_desks, plain_values
from core.cli.known_desks import Place
from core.errors import Invalid, NoAnswer, PostroomError, Unauthenticated, Unavailable
from core.security.credentials import OWN_TOKEN, is_agents
from core.text.unicode_safety import STACK, TAB, is_combining, is_hidden, spell_out, width

TOKEN: Final = "POSTROOM_TOKEN"  # noqa: S105 - a variable's name
SERVICE: Final = "postroom"
"""Service name in the OS keyring for operators' tokens; the user name there is the desk's directory or URL."""
INTERRUPTED: Final = 130
LOOK: Final = "postroom handover --since 1h says who did what, postroom trace what became of one message, run or agent"
"""Where to see whether a command whose answer was lost was carried out."""
WIDEST: Final = 60
"""Maximum width of a table cell, in columns: one long subject among 5,000 must not widen every row."""

Directory = Annotated[
    Path, typer.Option("--dir", envvar="POSTROOM_DIR", help="The desk's directory.", show_default="this directory")
]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, nothing else.")]


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a command: `data` with --json, else `text`; `code` is the exit code.

    `refused` are lines for stderr, about the part that could not be done. `then` runs after the output is printed and
    while Ctrl-C works again, for what may wait on a person; what it raises is reported as the command's.
    """

    data: Mapping[str, Any]
    text: str
    code: int = 0
    refused: Sequence[str] = ()
    then: Callable[[], None] | None = None


def example(line: str) -> str:
    """The example at the end of a command's help."""
    return f"\b\nExample:\n  {line}"


def stored_token_at(place: Place) -> str | None:
    """The operator's token for the chosen desk: from the environment, a desk for development, or the OS keyring."""
    own = os.environ.get(known_desks.token_variable(place.name), "").strip() if place.name else ""
    return own or os.environ.get(TOKEN, "").strip() or token_of(place)


def stored_token(directory: Path) -> str | None:
    """The operator's token for this desk: from the environment, a desk for development, or the OS keyring."""
    return os.environ.get(TOKEN, "").strip() or _own_token(directory / OWN_TOKEN) or from_keyring(str(directory))


def token_of(place: Place) -> str | None:
    """The operator's token for a saved desk, from where no other desk's can be: its own variable, or the OS keyring."""
    own = os.environ.get(known_desks.token_variable(place.name), "").strip() if place.name else ""
    if own or place.url is not None:
        return own or from_keyring(place.url or "")
    directory = os.path.abspath(place.directory)  # noqa: PTH100 - as `postroom desk add` saves it
    return _own_token(Path(directory) / OWN_TOKEN) or from_keyring(directory)


def require_token(token: str | None) -> str:
    """Raises `Unauthenticated` without an operator's token."""
    if not token:
        raise Unauthenticated(
            "this needs an operator's token",
            fix=f"set {TOKEN}=pro_... to yours, or claim one: postroom operator claim NAME --keep",
        )
    if is_agents(token):
        raise Unauthenticated(
            "this is an agent's token, and the command line is for operators", fix=f"set {TOKEN}=pro_... to yours"
        )
    return token


def from_keyring(user: str) -> str | None:
    """The token that the OS keyring holds for a desk (its directory or URL), if there is one and a keyring."""
    import keyring  # noqa: PLC0415 - scans every installed package for a keyring: not if a token is given
    import keyring.errors  # noqa: PLC0415

    try:
        return keyring.get_password(SERVICE, user)
    except keyring.errors.KeyringError:
        return None


def _own_token(file: Path) -> str | None:
    """The token that `init --dev` left for the one person of its desk; ignored if others can read the file."""
    try:
        private_file = not file.stat().st_mode & 0o077
        return file.read_text(encoding="utf-8").strip() if private_file else None
    except (OSError, UnicodeDecodeError):
        return None


def store_token(desk: Path | str, token: str) -> None:
    """Store an operator's token for a desk (its directory or URL) in the OS keyring. Raises `Unavailable`."""
    import keyring  # noqa: PLC0415 - see `from_keyring`
    import keyring.errors  # noqa: PLC0415

    try:
        keyring.set_password(SERVICE, str(desk), token)
    except keyring.errors.KeyringError as error:
        raise Unavailable(f"the OS keyring is not available here ({error}); set {TOKEN} instead") from error


def forget_token(desk: Path | str) -> None:
    """Remove a desk's token from the OS keyring, if there is one and a keyring."""
    import keyring  # noqa: PLC0415 - see `from_keyring`
    import keyring.errors  # noqa: PLC0415

    with contextlib.suppress(keyring.errors.KeyringError):
        keyring.delete_password(SERVICE, str(desk))


# --- running ------------------------------------------------------------------------------------------------------


def run(app: typer.Typer, args: Sequence[str] | None = None, *, name: str = "postroom") -> int:
    """Run the command line and return its exit code: 0, 1 for a refusal or failure, 2 for usage, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode must not abort a command
    plain_values.install()
    try:
        code = typer.main.get_command(app).main(
            args=None if args is None else list(args), prog_name=name, standalone_mode=False
        )
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001 - what is not ours is raised again
        return _end(error)
    return code if isinstance(code, int) else 0


def _end(error: BaseException) -> int:
    """Print an error on one line and return its exit code. A bug is raised again, with its traceback."""
    match error:
        case PostroomError():
            return _complain(error)
        case KeyboardInterrupt() | typer.Abort():
            if sys.stderr.isatty():
                sys.stderr.write("\n")  # start the shell's prompt on a new line
            return INTERRUPTED
        case SystemExit():  # how typer exits on a broken pipe
            return error.code if isinstance(error.code, int) else 1
        case BrokenPipeError():
            return _hush()
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return _line(f"{named}{error.strerror or error}", code=1)
        case _ if type(error).__module__.startswith("sqlalchemy."):
            return _line(f"the database cannot be used: {error}; see database in postroom.toml", code=1)
        case _ if hasattr(error, "format_message"):  # typer's, in any of its versions
            return _usage(error)
        case _:
            raise error


def _complain(error: PostroomError) -> int:
    if isinstance(error, NoAnswer):
        return _line(f"it may have been done: {error}; before you repeat it, look: {LOOK}", code=1)
    fix = getattr(error, "fix", None)
    return _line(f"{error}; {fix}" if fix else str(error), code=2 if isinstance(error, Invalid) else 1)


def _usage(error: Any) -> int:
    """A usage error; without any arguments, show the help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return 2
    message = error.format_message().rstrip(".").replace(" Value error,", "")
    if context is not None:  # "Did you mean 'start'?" ends a sentence
        if message.startswith("No such command") and not message.endswith("?") and (names := _subcommands(context)):
            message += f": {context.command_path} has {', '.join(names)}"
        message += (
            f" See {context.command_path} --help" if message.endswith("?") else f"; see {context.command_path} --help"
        )
    return _line(message, code=int(getattr(error, "exit_code", 2)))


def _subcommands(context: Any) -> list[str]:
    """The commands of a group that was called with another one; none of the program itself, which has too many."""
    return sorted(getattr(context.command, "commands", ())) if context.parent is not None else []


def error_line(text: str) -> None:
    """One line on stderr."""
    _line(text, code=1)


def _line(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # EIO: the terminal is gone, and so is the reader
        sys.stderr.write(f"postroom: {plain(' '.join(text.split()))}\n")
    return code


def _hush() -> int:
    """The reader closed the pipe (`| head`). Redirect stdout, or Python would complain again when closing it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


# --- printing -----------------------------------------------------------------------------------------------------


def dump(data: Mapping[str, Any]) -> str:
    """One line of JSON. Terminal control characters are escaped: the same JSON, and safe to print."""
    line = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()
    if line.isprintable() and line.isascii():
        return line
    written: list[str] = []
    stacked = 0
    for char in line:
        stacked = stacked + 1 if is_combining(char) else 0
        written.append(_escaped(char) if stacked > STACK or is_hidden(char) else char)
    return "".join(written)


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def say(text: str, *, exact: bool = False) -> None:
    """Print and flush, so that the reader sees it at once and a closed pipe is noticed here.

    `exact` leaves the text unchanged: it is JSON from `dump`, or goes into a file.
    """
    sys.stdout.write((text if exact else plain(text)) + "\n")
    sys.stdout.flush()


def piped() -> bool:
    """Whether stdout goes to a program or a file, which need the text unchanged."""
    return not sys.stdout.isatty()


def plain(text: str) -> str:
    """Text with every control or invisible character spelled out: `⟨U+202E⟩`."""
    return "\n".join(_line_of(line) for line in text.split("\n"))


def _line_of(line: str) -> str:
    return spell_out(line.expandtabs(TAB))[0]


def table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], *, none: str = "nothing", last_whole: bool = False
) -> str:
    """Columns for a person. A cell is one line of at most `WIDEST` columns, whatever it holds; --json has all of it.

    `last_whole`: the last column is not cut; it makes no other column wider.
    """
    if not rows:
        return none
    lines = [
        list(heads),
        *([_cell("-" if cell in (None, "") else str(cell)) for cell in row] for row in rows),
    ]
    cut = len(heads) - 1 if last_whole else len(heads)
    lines = [[*(_clipped(cell) for cell in line[:cut]), *line[cut:]] for line in lines]
    widths = [max(width(line[at]) for line in lines) for at in range(len(heads))]
    return "\n".join(
        "  ".join(cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def pairs(values: Mapping[str, object]) -> str:
    """`name  value` lines for a person, without empty values. A value cannot start a new line."""
    shown = {name: value for name, value in values.items() if value not in (None, "", [], {}, ())}
    wide = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name.ljust(wide)}  {_cell(_cell_text(value))}" for name, value in shown.items())


def _clipped(text: str) -> str:
    """At most `WIDEST` columns. A long address keeps its domain: that is where the mail goes."""
    if width(text) <= WIDEST:
        return text
    local, at, domain = text.rpartition("@")
    tail = f"…@{domain}" if at and " " not in text and width(domain) < WIDEST // 2 else "…"
    kept = local if len(tail) > 1 else text
    room = WIDEST - width(tail)
    while width(kept) > room:
        kept = kept[: min(len(kept) - 1, room)]
    return kept + tail


def _cell(text: str) -> str:
    return spell_out(" ".join(text.splitlines()))[0]


def _cell_text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(str(one) for one in value)
        case dict():
            return ", ".join(f"{name} {one}" for name, one in value.items())
        case _:
            return str(value)


# --- parsing ------------------------------------------------------------------------------------------------------


def listed(values: Sequence[str] | None) -> list[str]:
    """Split an option that may be repeated and may hold several values separated by commas."""
    return [part.strip() for one in values or () for part in one.split(",") if part.strip()]
