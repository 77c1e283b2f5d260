"""Write files that only their owner can read."""

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
