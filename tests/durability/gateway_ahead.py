"""A gateway until a signal, whose clock may be ahead. Arguments: its desk, HOST:PORT, seconds, egress processes.

It first says its process id, which is not that of the client that stands for a forked process, and then no more on
stdout: nobody reads on, and a gateway whose log fills the pipe would stand still. It logs on stderr, as `serve` does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvloop

from core.clock import SystemClock
from core.durations import SECOND
from core.gateway import Gateway, serve
from core.process_log import log_as_gateway
from core.settings import load


class Ahead(SystemClock):
    """The wall clock, some seconds on."""

    def __init__(self, seconds: int) -> None:
        self._ahead = seconds * SECOND

    def now(self) -> int:
        return super().now() + self._ahead


def run(directory: str, listen: str, ahead: str, egress: str) -> None:
    print(os.getpid(), flush=True)
    os.dup2(2, 1)
    settings = load(Path(directory), listen=listen, log_level="warning", egress=int(egress))
    log_as_gateway(settings.dir, level=settings.log_level, as_json=True, listen=listen)
    uvloop.run(serve(Gateway(settings, clock=Ahead(int(ahead)))))


if __name__ == "__main__":
    run(*sys.argv[1:])
