"""A gateway that is killed while a command waits for its answer: whether the act was done is unknown, and said so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.cli.output import LOOK
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.cli.gateway_process import PATIENCE, start
from tests.factories.fork_server import postroom
from tests.factories.ports import free_port


def _received(url: str) -> bool:
    """Whether the gateway's kernel holds bytes of a request that the gateway has not read."""
    port = f":{urlsplit(url).port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(port) and row[3] == "01" and int(row[4].partition(":")[2], 16) > 0 for row in rows)


def _killed_in_the_middle(desk: Clerk, *command: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose gateway dies after it has received the request."""
    url = f"http://127.0.0.1:{free_port()}"
    listen = urlsplit(url).netloc
    # a process of its own: what stops the client of a forked one does not stop the gateway
    gateway = start(
        [sys.executable, "-m", "console.main", "serve", "--dir", str(desk.directory), "--listen", listen], url
    )
    try:
        gateway.send_signal(signal.SIGSTOP)
        env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
        env |= {"POSTROOM_URL": url, "POSTROOM_TOKEN": desk.tokens["alice"]}
        waiting = subprocess.Popen([*postroom(), *command], env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while not _received(url):
            assert waiting.poll() is None, waiting.communicate()[1].decode()
            assert time.monotonic() < until, "the command sent nothing"
            time.sleep(0.02)
    finally:
        gateway.kill()
        gateway.wait(PATIENCE)
    _, err = waiting.communicate(timeout=PATIENCE)
    return waiting.returncode, err.decode()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads what the kernel holds, as Linux shows it")
def test_an_act_whose_gateway_dies_may_have_been_done_and_a_read_may_not(tmp_path: Path) -> None:
    desk = with_mailbox(tmp_path / "desk")
    code, err = _killed_in_the_middle(desk, "agent", "suspend", "support-bot", "--reason", "odd")
    assert (code, err.count("\n")) == (1, 1), err
    assert err.startswith("postroom: it may have been done: ")
    assert LOOK in err
    assert "not done" not in err
    assert "--dir" not in err, "done on the host too, it would be done twice"
    code, err = _killed_in_the_middle(desk, "agent", "list")
    assert (code, "may have been done" in err) == (1, False), err
    assert "--dir works without a gateway" in err
