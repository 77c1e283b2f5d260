"""`postroom serve` for a demonstration: it drains and ends once the other end of its stdin is closed.

A demonstration that is killed has no time to end its gateway. Its end of the pipe closes in any case.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path

from core.demo import temporary


def _end_with_the_demonstration() -> None:
    while os.read(0, 4_096):  # not sys.stdin: its lock would be held while the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    temporary.move_in(Path(sys.argv[sys.argv.index("--dir") + 1]))
    threading.Thread(target=_end_with_the_demonstration, daemon=True).start()
    runpy.run_module("console.main", run_name="__main__", alter_sys=True)
