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
    """Replace a file atomically: whoever watches it never sees half of it. Raises `OSError`."""
    if file.is_file() and file.read_bytes() == content:
        return
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    private(fresh, content)
    fresh.replace(file)


def append_line(file: Path, line: str) -> None:
    """Append one line to a file that others may read, on disk before this returns. Raises `OSError`."""
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(opened, f"{line}\n".encode())
        os.fsync(opened)
    finally:
        os.close(opened)
