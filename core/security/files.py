"""Files that only their owner may read, and lines that must be on disk."""

from __future__ import annotations

import os
from pathlib import Path


def private(file: Path, content: bytes) -> None:
    """Write a new file that is private from the start, with no moment between creating it and chmod.

    Raises `FileExistsError`.
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)


def replace_private(file: Path, content: bytes) -> None:
    """Replace a file, or write a new one, in a folder that may not be there yet. Raises `OSError`.

    Whoever watches it never sees half of it, and a crash leaves the old one or the new one.
    """
    if file.is_file() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")  # two processes may write at once
    fresh.unlink(missing_ok=True)
    try:
        private(fresh, content)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


def append_line(file: Path, line: str) -> None:
    """Append one line to a file that others may read, on disk before this returns. Raises `OSError`."""
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, f"{line}\n".encode())
        os.fsync(opened)
    finally:
        os.close(opened)
