"""The temporary directory of a demonstration, and those that killed ones left behind.

Every process that works in it holds a shared lock on a file there, which ends with the process however it ends. Where
nobody holds one, nobody lives: the next demonstration removes the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PREFIX: Final = "postroom-demo-"
IN_USE: Final = "in-use"
DEPTH: Final = 2
"""How far below it a process's own directory may be."""


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A directory of this demonstration's own; what killed ones left is removed first."""
    remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        made = Path(name)
        marker = made / f".{IN_USE}"
        with marker.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            marker.rename(made / IN_USE)  # under its name it is locked from the beginning
            yield made


def move_in(here: Path) -> None:
    """Mark the demonstration's directory, of which `here` is a part, as in use until this process ends."""
    for folder in (here, *here.parents[:DEPTH]):
        with contextlib.suppress(FileNotFoundError):
            fcntl.flock(os.open(folder / IN_USE, os.O_RDONLY), fcntl.LOCK_SH)  # closed with the process alone


def remove_abandoned(among: Path) -> None:
    """Remove this user's demonstrations in which no process lives. Directories without a marker are not touched."""
    for folder in among.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # of another user, or another demonstration removes it at this moment
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / IN_USE).open() as marker:
                fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
