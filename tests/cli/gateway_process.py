"""A real gateway beside the command line: `postroom serve` in a process of its own, until the block ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

import httpx

from tests.cli.cli_runner import Clerk
from tests.factories.fork_server import postroom
from tests.factories.ports import free_port

PATIENCE = 200.0


@contextlib.contextmanager
def serving(clerk: Clerk) -> Iterator[str]:
    """The URL of a gateway of the clerk's desk that answers."""
    listen = f"127.0.0.1:{free_port()}"
    command = [*postroom(), "serve", "--dir", str(clerk.directory), "--listen", listen]
    process = start(command, f"http://{listen}")
    try:
        yield f"http://{listen}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


def start(command: Sequence[str], url: str) -> subprocess.Popen[bytes]:
    """Start a gateway and wait until it answers. It logs into a file, as a pipe that nobody reads would fill."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        until = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/healthz", timeout=5, trust_env=False).is_success:
                    return process
            time.sleep(0.1)
        process.kill()
        process.wait()
        said.seek(0)
        raise AssertionError(f"the gateway did not start: {said.read().decode()[-2000:]}")
