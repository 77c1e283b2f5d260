"""Where `postroom` starts: Ctrl-C ends it without a traceback, whatever it is importing at that moment.

Only the standard library is imported before the handler is installed, and nothing that could be left half done happens
before a command runs. From then on Ctrl-C is an exception again, so that a command can clean up.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""


def _leave(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    os._exit(INTERRUPTED)


# A process started with SIGINT ignored, as by `nohup ... &` in a script, keeps ignoring it.
_HEEDED: Final = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
if _HEEDED:
    signal.signal(signal.SIGINT, _leave)


def main() -> int:
    """Run `postroom`; returns the exit code."""
    from console.main import build  # noqa: PLC0415 - imports belong behind the handler
    from core.cli import output  # noqa: PLC0415 - the same

    app = build(sys.argv[1:])
    try:
        if _HEEDED:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return output.run(app, sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if _HEEDED:
            signal.signal(signal.SIGINT, _leave)  # threads are joined and modules torn down without a traceback


if __name__ == "__main__":
    sys.exit(main())
