"""The process that a run's workers are forked from. It has collected their tests, which each of them would do as long.

pytest takes a module that is imported already as it is, so that a worker collects in a tenth of the time. What all of
them would prepare for themselves is prepared here too. Arguments: the socket to listen on, what to collect.
"""

from __future__ import annotations

import gc
import sys
import threading

import pytest

from tests.factories import database
from tests.factories.fork_server import Server


def collect(tests: list[str]) -> None:
    """Import what these tests are made of. Where that fails each worker tries again, and reports it."""
    came = set(sys.modules)
    code = pytest.main(["--collect-only", "--numprocesses=0", "-p", "no:cacheprovider", *tests])
    if code is not pytest.ExitCode.OK:
        for name in set(sys.modules) - came:
            if name.startswith("tests."):
                del sys.modules[name]
    database.migrated()
    assert threading.active_count() == 1, threading.enumerate()
    gc.unfreeze()
    gc.collect()  # the collection itself
    gc.freeze()


if __name__ == "__main__":
    collect(sys.argv[2:])
    Server(sys.argv[1]).run()
