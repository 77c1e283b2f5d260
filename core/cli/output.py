"""What a command says and how it ends: JSON or text, errors in one line, exit codes.

Nothing here knows the database, so that the console can be started by it and draw before the ORM is imported. Text is
made safe for a terminal here: subjects and addresses come from strangers.

Commands, options, prompts and usage errors are typer's. Why our own tables: rich takes 2.2 s of CPU to print 5,000 rows
that `table` prints in 0.03 s, wraps rows that `grep` and `less -S` need on one line, and cuts an address before its
domain. Nothing is coloured, so NO_COLOR has nothing to switch off.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
import typer.main

from core.durations import duration, read_stamp
from core.errors import Invalid, PostroomError, Unavailable
from core.security.credentials import OWN_TOKEN
from core.text.unicode_safety import STACK, TAB, is_combining, is_hidden, spell_out, width

TOKEN: Final = "POSTROOM_TOKEN"  # noqa: S105 - a variable's name
SERVICE: Final = "postroom"
"""Under which the keyring of the OS holds an operator's token; the user's name there is the desk's directory."""
INTERRUPTED: Final = 130
WIDEST: Final = 60
"""Columns of a cell of a table: one subject of 5,000 must not make every row that wide."""

Directory = Annotated[
    Path, typer.Option("--dir", envvar="POSTROOM_DIR", help="The desk's directory.", show_default="this directory")
]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON on stdout, nothing else.")]


@dataclass(frozen=True, slots=True)
class Output:
    """What a command has to say: `data` with --json, else `text`; `code` is what it exits with.

    `refused` are lines for stderr, for what could not be done beside what was.
    """

    data: Mapping[str, Any]
    text: str
    code: int = 0
    refused: Sequence[str] = ()


def example(line: str) -> str:
    """What stands at the end of a command's help."""
    return f"\b\nExample:\n  {line}"


def stored_token(directory: Path) -> str | None:
    """The operator's token for this desk: from the environment, a desk for development, or as the OS keeps it."""
    given = os.environ.get(TOKEN, "").strip() or _own_token(directory / OWN_TOKEN)
    if given:
        return given
    import keyring  # noqa: PLC0415 - asks every package that is installed for a keyring: not for who named a token
    import keyring.errors  # noqa: PLC0415

    try:
        return keyring.get_password(SERVICE, str(directory))
    except keyring.errors.KeyringError:
        return None


def _own_token(file: Path) -> str | None:
    """The token that `init --dev` left for the one person of its desk; one that others can read is nobody's own."""
    try:
        private_file = not file.stat().st_mode & 0o077
        return file.read_text(encoding="utf-8").strip() if private_file else None
    except (OSError, UnicodeDecodeError):
        return None


def store_token(directory: Path, token: str) -> None:
    """Let the OS keep an operator's token for this desk. Raises `Unavailable`."""
    import keyring  # noqa: PLC0415 - see `kept_token`
    import keyring.errors  # noqa: PLC0415

    try:
        keyring.set_password(SERVICE, str(directory), token)
    except keyring.errors.KeyringError as error:
        raise Unavailable(f"the OS keeps no secrets here ({error}); set {TOKEN} instead") from error


# --- running ------------------------------------------------------------------------------------------------------


def run(app: typer.Typer, args: Sequence[str] | None = None, *, name: str = "postroom") -> int:
    """Run the command line and return its exit code: 0, 1 for a refusal or failure, 2 for usage, 130 for Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no Unicode ends no command
    try:
        code = typer.main.get_command(app).main(
            args=None if args is None else list(args), prog_name=name, standalone_mode=False
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
            if sys.stderr.isatty():
                sys.stderr.write("\n")  # the shell's own prompt belongs on a line of its own
            return INTERRUPTED
        case SystemExit():  # typer's own way out of a broken pipe
            return error.code if isinstance(error.code, int) else 1
        case BrokenPipeError():
            return _hush()
        case OSError():
            named = f"{error.filename}: " if error.filename else ""
            return _line(f"{named}{error.strerror or error}", code=1)
        case _ if type(error).__module__.startswith("sqlalchemy."):
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
    return _line(
        f"{error.format_message().rstrip('.').replace(' Value error,', '')}{where}",
        code=int(getattr(error, "exit_code", 2)),
    )


def error_line(text: str) -> None:
    """One line on stderr."""
    _line(text, code=1)


def _line(text: str, *, code: int) -> int:
    with contextlib.suppress(OSError):  # EIO: the terminal is gone, and with it whoever would read this
        sys.stderr.write(f"postroom: {plain(' '.join(text.split()))}\n")
    return code


def _hush() -> int:
    """Whoever read us went away (`| head`). Python would complain again while it closes stdout."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


# --- printing -----------------------------------------------------------------------------------------------------


def dump(data: Mapping[str, Any]) -> str:
    """One line of JSON. What a terminal would obey is escaped: the same JSON, and harmless to look at."""
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
    """A line, or lines, on stdout at once, so that whoever reads sees it and a closed pipe is noticed here.

    `exact` leaves the text as it is: it is JSON of `dump`, or goes into a file.
    """
    sys.stdout.write((text if exact else plain(text)) + "\n")
    sys.stdout.flush()


def piped() -> bool:
    """Whether what is said goes to a program or into a file, which want it as it is."""
    return not sys.stdout.isatty()


def plain(text: str) -> str:
    """Lines in which everything that a terminal would obey or a reader cannot see is spelled out: `⟨U+202E⟩`."""
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
    """`name  value` lines for a person; what there is not is left out. A value cannot begin a line of its own."""
    shown = {name: value for name, value in values.items() if value not in (None, "", [], {}, ())}
    wide = max((len(name) for name in shown), default=0)
    return "\n".join(f"{name.ljust(wide)}  {_cell(_word(value))}" for name, value in shown.items())


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


def private(file: Path, content: bytes) -> None:
    """Write a new file that nobody else can read, not for the moment between creating it and chmod either.

    Raises `FileExistsError`.
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
