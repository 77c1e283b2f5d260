"""Receiving beside sending: one gateway takes 10 kB mail over LMTP as fast as it can, while an agent sends at a rate.

The real gateway as `serve` runs it, with one egress process and its content processes, on SQLite (`synchronous=FULL`):
mail comes in over LMTP on several connections, each answer after its commit; outbound of 4 kB comes in over HTTP at
`--rate`, is checked, signed twice and delivered to smtp-sink. First without outbound, then beside it, in one run. The
bar: 300 received messages a second beside the outbound, which keeps its rate.

usage: python -m tests.bench.both_ways [--received 6000] [--rate 50] [--connections 8] [--size 10000] [--json]
needs: Debian's postfix (smtp-sink)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy import func, select

from core.clock import SystemClock
from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE
from tests.bench import gateway
from tests.bench.sinks import sink

LMTP: Final = 8124
BAR: Final = 300
"""Received messages a second beside the outbound."""
WARM: Final = 300
"""Received messages before the clock starts, while content processes start."""
IDLE: Final = 0.1
"""CPU seconds in a second that a gateway at rest stays below."""
KEEPS: Final = 0.95
"""The part of its rate that the outbound must have kept."""


def measure(given: argparse.Namespace, *, rate: float) -> dict[str, Any]:
    """One run: received a second, and what the outbound beside it made."""
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as name:
        directory = Path(name)
        settings = gateway.found(directory)
        with (directory / "postroom.toml").open("a") as file:
            file.write(f'[inbound]\nlmtp = "127.0.0.1:{LMTP}"\n')
        store = Store(settings.database_url, clock=SystemClock())
        with sink(gateway.SINK_PORT), gateway.gateway(directory, egress=1) as process:
            with mail_server(given, first=0, messages=WARM) as hand_over:
                hand_over()
            _settle(process)
            before = gateway.cpu_of([process, *process.children(recursive=True)])
            with mail_server(given, first=WARM, messages=given.received) as hand_over, outbound(given, rate) as said:
                time.sleep(0.5)  # the outbound runs
                began = time.perf_counter()
                hand_over()
                took = time.perf_counter() - began
            used = gateway.cpu_of([process, *process.children(recursive=True)]) - before
        assert received(store) == WARM + given.received
        store.close()
    return {"received_per_s": round(given.received / took), "gateway_cpu_s": round(used, 1), **said}


def _settle(process: psutil.Process) -> None:
    """Wait until the content processes that the first mail has started are up: they use a core for seconds."""
    used = None
    while used is None or used > IDLE:
        before = gateway.cpu_of([process, *process.children(recursive=True)])
        time.sleep(1)
        used = gateway.cpu_of([process, *process.children(recursive=True)]) - before


@contextlib.contextmanager
def mail_server(given: argparse.Namespace, *, first: int, messages: int) -> Iterator[Any]:
    """A mail server with its mail prepared; what it yields hands it over and returns when all of it is accepted."""
    command = [
        sys.executable, "-m", "tests.bench.inbound", "--client", str(LMTP), "--first", str(first),
        "--messages", str(messages), "--connections", str(given.connections), "--size", str(given.size),
    ]  # fmt: skip
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"

    def hand_over() -> None:
        child.communicate("go\n")
        assert child.returncode == 0

    yield hand_over


@contextlib.contextmanager
def outbound(given: argparse.Namespace, rate: float) -> Iterator[dict[str, Any]]:
    """An agent that sends at a rate while the block runs, and at least as long as mail is expected to come in."""
    said: dict[str, Any] = {}
    if not rate:
        yield said
        return
    messages = int(rate * given.received / BAR)
    command = [
        sys.executable, "-m", "tests.bench.load", "127.0.0.1", str(gateway.PORT), gateway.BENCH_TOKEN, str(messages),
        "8", "50", "4000", str(rate),
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield said
    written, _ = child.communicate()
    assert child.returncode == 0, written
    said.update({f"outbound_{key}": value for key, value in json.loads(written).items() if key != "began"})


def received(store: Store) -> int:
    row = store.row(select(func.count()).select_from(INBOUND_MESSAGE))
    return int(row[0]) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--received", type=int, default=6_000)
    parser.add_argument("--rate", type=float, default=50, help="outbound messages a second")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = {"alone": measure(given, rate=0), f"beside {given.rate:g}/s outbound": measure(given, rate=given.rate)}
    if given.json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"  {key} {value}" for key, value in row.items()))
    beside = [*rows.values()][1]
    met = beside["received_per_s"] >= BAR and beside.get("outbound_accepted_per_s", 0) >= KEEPS * given.rate
    print(
        f"\n{beside['received_per_s']} received a second beside the outbound (bar {BAR}: {'met' if met else 'MISSED'})"
    )


if __name__ == "__main__":
    main()
