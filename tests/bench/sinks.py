"""Postfix's test receiver, which discards all mail, for delivery benchmarks."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator


@contextlib.contextmanager
def sink(port: int) -> Iterator[int]:
    """Run `smtp-sink` on loopback for the duration of the block; yields its port."""
    process = subprocess.Popen(
        ["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "512"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(0.3)
    try:
        yield port
    finally:
        process.kill()
        process.wait()
