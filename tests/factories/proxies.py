"""A proxy of the environment that nothing may use."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def unused_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """HTTP_PROXY leads to a listening port, to which nobody has connected by the end."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, monkeypatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            patch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        yield
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()
