"""The gateway's own log lines of the last while: a bounded file in the desk's folder, written by all its processes.

A file, because the lines written just before a gateway died are those that somebody looks for, and a screen on the host
can read them while nothing serves. Two files of bounded size take turns: `gateway.log` and the one before it,
`gateway.log.1`. Each begins with a line that names it, so that a reader's cursor (the name and an offset) survives the
turn. Whole lines are appended with one write: those of several processes do not mix.

Writing never raises and never waits for more than the disk: a full one costs lines, not mail. Neither writing nor
reading follows a link or waits at a pipe that stands in the file's place.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

NAME: Final = "gateway.log"
LARGEST: Final = 2 * 2**20
"""Bytes after which a file's turn ends: some ten thousand lines."""
LONGEST: Final = 4_096
"""Bytes of a line; a longer one loses its data."""
MOST_READ: Final = 2 * LARGEST
"""Bytes of a file that are read, the last ones: more is there only if another program writes into it too."""
LONGEST_NAME: Final = 20
"""Characters of a file's name in a cursor."""
NOTHING: Final = "none"
"""What the cursor names where there is no file yet."""


def before(path: Path) -> Path:
    """The file whose turn was before."""
    return path.with_name(f"{path.name}.1")


# --- writing ------------------------------------------------------------------------------------------------------


class LogFile:
    """Appends lines; one for each process, for all its threads. The file belongs to its owner alone (mode 0600)."""

    def __init__(self, path: Path, *, largest: int = LARGEST) -> None:
        self._path = path
        self._largest = largest
        self._file: int | None = None
        self._lost = 0
        self._torn = False
        self._lock = threading.Lock()

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append a line. What cannot be written is counted, and the next line that can says how many were lost."""
        with self._lock:
            try:
                self._append(_encoded(dict(entry) | ({"lost": self._lost} if self._lost else {})))
            except (OSError, TypeError):
                self._lost += 1
                self._close()
            else:
                self._lost = 0

    def close(self) -> None:
        with self._lock:
            self._close()

    def _append(self, line: bytes) -> None:
        if self._file is None or self._moved(self._file):
            self._close()
            self._file = self._open()
        line = b"\n" + line if self._torn else line
        self._torn = True
        if os.write(self._file, line) < len(line):
            raise OSError("the disk took a part of the line")
        self._torn = False
        if os.fstat(self._file).st_size >= self._largest:
            self._turn(self._file)

    def _open(self) -> int:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _AS_IT_IS, 0o600)
        try:
            _require_file(file)
            if os.fstat(file).st_size == 0:
                os.write(file, orjson.dumps({"log": os.urandom(6).hex()}) + b"\n")
        except OSError:
            os.close(file)
            raise
        return file

    def _moved(self, file: int) -> bool:
        """Whether another process has ended this file's turn."""
        mine = os.fstat(file)
        try:
            now = self._path.lstat()
        except FileNotFoundError:
            return True
        return (mine.st_dev, mine.st_ino) != (now.st_dev, now.st_ino)

    def _turn(self, file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)  # the others wait for the rename, and then see that it was done
        try:
            if not self._moved(file):
                self._path.replace(before(self._path))
        finally:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _encoded(entry: dict[str, Any]) -> bytes:
    """Raises `TypeError`: not even without its data is it JSON."""
    try:
        line, why = orjson.dumps(entry, default=str), "its data was too long"
    except TypeError:  # half a surrogate pair, a number of more than 64 bits
        line, why = b"", "its data is no JSON"
    if not line or len(line) > LONGEST:
        line = orjson.dumps(entry | {"data": {"cut": why}}, default=str)
    return line + b"\n"


_AS_IT_IS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Opening follows no link, and does not wait for the other end of a pipe."""


def _require_file(opened: int) -> None:
    """Raises `OSError`: it is a pipe, a device or a folder."""
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        raise OSError("something else stands in the file's place")


# --- reading ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and the cursor from which a reader goes on behind it."""

    entry: Mapping[str, Any]
    cursor: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A file, or the rest of one: `start` is the offset of its first byte here."""

    name: str
    content: bytes
    start: int

    @property
    def end(self) -> str:
        """The cursor behind its last whole line; the one that is being written is left for the next reading."""
        whole = self.content.rfind(b"\n") + 1
        return f"{self.name}:{self.start + whole}"


class LogReader:
    """What the files hold now. `cursor` is behind their newest line."""

    def __init__(self, path: Path) -> None:
        now = _read(path)  # first: if its turn ends meanwhile, it is found once more as the one before
        earlier = _read(before(path))
        self._parts = [part for part in (earlier, now) if part is not None]
        if len(self._parts) > 1 and self._parts[0].name == self._parts[1].name:
            self._parts.pop(0)
        self.cursor = self._parts[-1].end if self._parts else f"{NOTHING}:0"

    def newest(self) -> Iterator[Line]:
        """All lines, the newest first."""
        for part in reversed(self._parts):
            yield from _lines(part, backwards=True)

    def after(self, cursor: str) -> tuple[bool, Iterator[Line]]:
        """The lines behind this cursor, the oldest first, and whether some before them are gone.

        They are gone if the cursor names neither file: too much was written meanwhile, or it is of another gateway.
        """
        name, _, offset = cursor.partition(":")
        names = [part.name for part in self._parts]
        if name not in names:
            return name != NOTHING and bool(names), self._forward(self._parts)
        at = names.index(name)
        first = self._parts[at]
        wanted = int(offset) if offset.isdecimal() and len(offset) < 12 else 0
        skipped = max(0, wanted - first.start)
        rest = _Part(first.name, first.content[skipped:], first.start + skipped)
        return wanted < first.start, self._forward([rest, *self._parts[at + 1 :]])

    def _forward(self, parts: list[_Part]) -> Iterator[Line]:
        for part in parts:
            yield from _lines(part, backwards=False)


def _read(path: Path) -> _Part | None:
    try:
        opened = os.open(path, os.O_RDONLY | _AS_IT_IS)
    except OSError:
        return None
    try:
        _require_file(opened)
        with os.fdopen(opened, "rb", closefd=False) as file:
            head = _parsed(file.read(LONGEST).partition(b"\n")[0])
            start = max(0, os.fstat(opened).st_size - MOST_READ)
            file.seek(start)
            content = file.read(MOST_READ)
    except OSError:
        return None
    finally:
        os.close(opened)
    name = head.get("log") if head else None
    return _Part(name if isinstance(name, str) and len(name) <= LONGEST_NAME else "unnamed", content, start)


def _lines(part: _Part, *, backwards: bool) -> Iterator[Line]:
    """The whole lines of a file; what is no entry (its name, a line torn by a full disk) is passed over."""
    raw = part.content[: part.content.rfind(b"\n") + 1].split(b"\n")[:-1]
    end = part.start + sum(len(one) + 1 for one in raw) if backwards else part.start
    for one in reversed(raw) if backwards else raw:
        end += 0 if backwards else len(one) + 1
        entry = _parsed(one)
        if entry is not None and "event" in entry:
            yield Line(entry, f"{part.name}:{end}")
        end -= len(one) + 1 if backwards else 0


def _parsed(raw: bytes) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
