"""A gateway that is killed while a command waits for its answer: whether the act was done is unknown, and said so."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from core.cli.output import LOOK
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.cli.gateway_process import PATIENCE, start
from tests.factories.fork_server import postroom
from tests.factories.ports import free_port


def _received(url: str) -> int:
    """Of how many requests the gateway's kernel holds bytes that the gateway has not read."""
    port = f":{urlsplit(url).port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "01" and int(row[4].partition(":")[2], 16) > 0 for row in rows)


def _serving(url: str) -> int:
    """The process that listens there, which is not the one that was started: that stands for a forked one."""
    port = urlsplit(url).port
    (pid,) = {
        one.pid
        for one in psutil.net_connections("tcp")
        if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN
    }
    assert pid is not None
    return int(pid)


def _killed_in_the_middle(desk: Clerk, *commands: Sequence[str]) -> list[tuple[int, str]]:
    """Exit code and stderr of each command, whose gateway dies after it has received all their requests."""
    url = f"http://127.0.0.1:{free_port()}"
    gateway = start([*postroom(), "serve", "--dir", str(desk.directory), "--listen", urlsplit(url).netloc], url)
    waiting = []
    try:
        os.kill(_serving(url), signal.SIGSTOP)
        env = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
        env |= {"POSTROOM_URL": url, "POSTROOM_TOKEN": desk.tokens["alice"]}
        until = time.monotonic() + PATIENCE
        for number, command in enumerate(commands, start=1):
            sent = subprocess.Popen([*postroom(), *command], env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
            waiting.append(sent)
            while _received(url) < number:
                assert sent.poll() is None, sent.communicate()[1].decode()
                assert time.monotonic() < until, "the command sent nothing"
                time.sleep(0.02)
    finally:
        os.kill(_serving(url), signal.SIGKILL)
        gateway.wait(PATIENCE)
    ended = [(one.communicate(timeout=PATIENCE)[1].decode(), one.returncode) for one in waiting]
    return [(code, err) for err, code in ended]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads what the kernel holds, as Linux shows it")
def test_an_act_whose_gateway_dies_may_have_been_done_and_a_read_may_not(tmp_path: Path) -> None:
    desk = with_mailbox(tmp_path / "desk")
    (code, err), read = _killed_in_the_middle(
        desk, ["agent", "suspend", "support-bot", "--reason", "odd"], ["agent", "list"]
    )
    assert (code, err.count("\n")) == (1, 1), err
    assert err.startswith("postroom: it may have been done: ")
    assert LOOK in err
    assert "not done" not in err
    assert "--dir" not in err, "done on the host too, it would be done twice"
    code, err = read
    assert (code, "may have been done" in err) == (1, False), err
    assert "--dir works without a gateway" in err
