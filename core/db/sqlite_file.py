"""The database file of a SQLite desk: private to its owner, and noticed when it is moved away or replaced.

Why: the database holds the mail, so nobody else may read it (-wal and -shm inherit its mode). And an open handle keeps
writing after its file is renamed or removed: anything accepted after that would be lost with the file. So a connection
never creates the file (founding does, once), a commit first checks that its own file is still the one at that path, and
a desk whose file was replaced starts over with new connections.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, make_url

from core.errors import Unavailable

Identity = tuple[int, int]
"""Device and inode: identify the file, whatever its name."""

_BESIDE: Final = ("-wal", "-shm")
_HEADER: Final = 100
_MAGIC: Final = b"SQLite format 3\0"


def of(url: str | URL) -> Path | None:
    """Return the path of the database; None if it is not a file of ours (PostgreSQL, memory, a URI)."""
    parsed = make_url(url)
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(os.path.abspath(name))  # noqa: PTH100 - resolve() would follow a link that people may change


def found(path: Path) -> None:
    """Create the file, if it is missing, so that nobody else can read it, not even for a moment."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def beside(path: Path) -> list[Path]:
    """Return the database and SQLite's companion files."""
    return [path, *(path.with_name(path.name + ending) for ending in _BESIDE)]


class File:
    """The file as one store knows it. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = False
        self._known: Identity | None = None
        self._left: set[Identity] = set()
        self._lock = threading.Lock()

    def connect(self, **options: Any) -> tuple[sqlite3.Connection, Identity]:
        """Return a connection and the identity of its file.

        Raises `Unavailable` if the file is missing or was replaced.
        """
        before = self._look()
        dbapi = sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True, **options)
        with self._lock:
            known = self._known = self._known or before
        if known != before or _identity(self.path) != before:
            dbapi.close()
            raise self._missing()
        return dbapi, before

    def opened(self) -> None:
        """Remember SQLite's companion files, to recognise them if the database file alone is replaced."""
        left = {one for path in beside(self.path)[1:] if (one := _identity(path)) is not None}
        with self._lock:
            self._left = left

    def check(self, expected: Identity | None = None) -> None:
        """Raises `Unavailable` unless the path still names the file that is `expected` (or the one known)."""
        expected = expected or self._known
        if expected is not None and _identity(self.path) != expected:
            raise self._missing()
        if len(self._left) < len(_BESIDE):
            self.opened()  # SQLite creates the two with its first transaction

    def regain(self, engine: Engine) -> bool:
        """Resume with the lost file, or with a replacement; returns whether it is a replacement.

        Raises `Unavailable` while the file is missing, incomplete, or would be mixed with the lost one's -wal and -shm.
        """
        with self._lock:
            there = self._look()
            if there == self._known:
                self.lost = False
            if not self.lost:
                return False
            name, remains = self.path.name, [_identity(path) for path in beside(self.path)[1:]]
            if self._left.intersection(filter(None, remains)):
                # SQLite would replay the lost database's journal into this one.
                raise Unavailable(
                    f"another database lies at {self.path}, beside what is left of the one that was lost; move "
                    f"{name}-wal and {name}-shm away if it is a backup, restart if it is a copy of the lost one; "
                    "nothing was written"
                )
            if remains[0] is None and not _whole(self.path):
                raise Unavailable(f"{self.path} is no whole database yet; nothing was written")
            # Before the new identity is set: until then connections of the old pool are refused.
            engine.dispose()
            self._known, self._left, self.lost = there, set(), False
            return True

    def _look(self) -> Identity:
        there = _identity(self.path)
        if there is None:
            raise self._missing()
        return there

    def _missing(self) -> Unavailable:
        self.lost = self._known is not None
        return Unavailable(
            f"the desk's database {self.path.name} is no longer where it was: bring it back, nothing was written"
            if self.lost
            else f"there is no database at {self.path}; bring it back, or make a desk: postroom init"
        )


def _identity(path: Path) -> Identity | None:
    try:
        there = os.stat(path)  # noqa: PTH116 - once a batch, and half the cost of Path.stat
    except OSError:
        return None
    return there.st_dev, there.st_ino


def _whole(path: Path) -> bool:
    """Return whether the file is as long as its header promises: it may still be being copied back."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
            size = file.seek(0, os.SEEK_END)
    except OSError:
        return False
    page = int.from_bytes(header[16:18], "big")
    promised = int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page)
    return header.startswith(_MAGIC) and 0 < promised <= size
