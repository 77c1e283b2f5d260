"""Imported by the servers that gateways are forked from, and by nobody else: what each gateway would do first.

A gateway builds the routes of its application and reads every migration; both took longer than the rest of its start.
What is frozen, a gateway's garbage collector neither looks at nor copies.
"""

from __future__ import annotations

import gc
import tempfile
import threading
from pathlib import Path

from core.clock import SystemClock
from core.demo.seed import found
from core.gateway import Gateway
from core.settings import load
from tests.factories.shortcuts import share_routes


def _prepare() -> None:
    share_routes()
    with tempfile.TemporaryDirectory(prefix="postroom-prepared-") as directory:
        desk = found(Path(directory) / "desk", [], relay="smtp://127.0.0.1:1", clock=SystemClock())
        gateway = Gateway(load(desk.directory, listen="127.0.0.1:1", log_level="error"))
        gateway.delivery.store.close()
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


_prepare()
