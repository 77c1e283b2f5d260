"""Ports for programs that are told where to listen."""

from __future__ import annotations

import os
import socket
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Below those that systems give to outgoing connections (32768 and up): one of these could be given away after the
test has found it free and before its program listens on it."""
_given = _of = 0
"""The last one, and the process that it was given in: workers are forked, and would go on where another begins."""


def free_port() -> int:
    """A port of loopback on which nobody listens; never the same twice in a process."""
    global _given, _of  # noqa: PLW0603 - one sequence for the process
    if _of != os.getpid():
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        _of = os.getpid()
        _given = _of * 61 + worker * 1_499  # runs at the same time, and the workers of a run, begin at different places
    for _ in _PORTS:
        _given += 1
        port = _PORTS[_given % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("every port is in use")
