"""Benchmark of the gateway against Postfix + OpenDKIM, side by side on this machine.

Ours: HTTP -> accepted durably (SQLite, synchronous=FULL) -> all checks -> signed with RSA-2048 and Ed25519 -> delivered
to smtp-sink -> recorded, one envelope recipient per transaction. Theirs: smtp-source -> Postfix -> OpenDKIM (RSA-2048
only) -> smtp-sink; and Postfix alone, unsigned. Messages of 4 kB to 50 domains. The bars follow: the ratio with one
egress process, p99 beside p50 of intake under 32 connections, and one quiet request after another beside the fsync.

With `--rate` only this is measured: messages come at so many a second, each of them far from the next. Each is a batch
by itself, so this shows what a message costs when nothing is shared: CPU in all processes, the quiet request.

usage: python -m tests.bench.gateway [--messages 4000] [--egress 1] [--budgets on|off|both] [--no-peer] [--json]
       python -m tests.bench.gateway --rate 50 [--messages 1000] [--egress 0 1] [--json]
needs: Debian's postfix (smtp-sink, smtp-source) and, for the peer, opendkim and opendkim-tools, as root
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select, update

from core.clock import SystemClock
from core.db import migrate
from core.db.store import Store
from core.db.tables import COUNTER, STREAM, STREAM_KEY, TOKEN
from core.db.transaction import Transaction
from core.model import Mode
from core.rules.policy import Policy
from core.rules.policy.sections import Budgets, SiteOverride, Warmup
from core.security import encryption
from core.security.key_file import load_master_keys
from core.services.identity import streams
from core.settings import Settings, load
from tests.bench import steps
from tests.bench.sinks import sink
from tests.factories import desk as bench_desk

SINK_PORT = 2631
PORT = 8099
BENCH_TOKEN = "pra_benchmark"
MOST = 10_000_000
"""The largest value of a budget."""
BUDGETED = Policy(
    warmup=Warmup(days=(1_000_000,)),
    budgets=Budgets(sites={f"d{n}.example": SiteOverride(minute=1_000_000, hour=1_000_000) for n in range(50)}),
)
"""A cap or a pace in every dimension: run, agent, mailbox, first-time recipients, site, stream."""
SHOWN = ("accepted_per_s", "p50_ms", "p99_ms", "cpu_us_per_message", "rss_mb")
WARM_UP = 200
"""Messages sent by both sides before timing starts."""
QUIET = 100
"""Requests one after another while nothing else happens, and synced writes beside them."""
PEER = "postfix + opendkim"
INTAKE = "postroom, intake alone"
BARS = {
    "messages/s, egress 1, in those of Postfix + OpenDKIM": 2.5,
    "p99 of intake under 32 connections, in its p50": 3.0,
    "p50 of a quiet request, in that of an fsync": 2.0,
}
"""The first must be reached, the others not be passed."""


def found(directory: Path, *, budgets: str = "on", departing: bool = True) -> Settings:
    """Create a desk with one high-limit mailbox in autonomous mode: every check runs, none holds anything.

    With budgets `off` every limit has its largest value and the stream is warm: the same code with nothing to enforce.
    With `departing` false the stream is paused: mail is accepted and waits.
    """
    (directory / "master.key").write_text(encryption.new_master_key("k1"))
    (directory / "master.key").chmod(0o600)
    (directory / "postroom.toml").write_text(f'listen = "127.0.0.1:{PORT}"\n[smtp]\nconnections_per_relay = 32\n')
    settings = load(directory)
    store = Store(settings.database_url, clock=SystemClock())
    migrate.upgrade(store.engine)
    policy, limits = (
        (BUDGETED, bench_desk.WIDE) if budgets == "on" else (Policy(), dict.fromkeys(bench_desk.WIDE, MOST))
    )
    desk = bench_desk.make_desk(store, mode=Mode.AUTONOMOUS, policy=policy, warm=budgets == "off", **limits)
    ring = load_master_keys(settings)

    def prepare_desk(tx: Transaction) -> None:
        tx.write(update(STREAM).values(route=f"smtp://127.0.0.1:{SINK_PORT}"))
        if not departing:
            tx.write(update(STREAM).values(paused_at=tx.now, paused_by="bench"))
        tx.write(update(TOKEN).values(hash=hashlib.sha256(BENCH_TOKEN.encode()).digest()))
        for algorithm in streams.ALGORITHMS:
            pair = encryption.new_key_pair(algorithm)
            selector = f"bench-{algorithm}"
            tx.create(
                STREAM_KEY,
                {
                    "stream_id": desk.stream_id, "slot": "a", "algorithm": algorithm, "selector": selector,
                    "private": ring.seal(pair.private, about=f"dkim:{bench_desk.DOMAIN}:{selector}"),
                    "public": pair.public, "created_at": tx.now,
                },
            )  # fmt: skip

    store.transact(prepare_desk)
    store.close()
    return settings


@contextlib.contextmanager
def gateway(directory: Path, *, egress: int) -> Iterator[psutil.Process]:
    """The real gateway, as `serve` runs it."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "console.main", "serve", "--dir", str(directory), "--egress", str(egress),
            "--log-level", "warning",
        ],
    )  # fmt: skip
    try:
        asyncio.run(_up())
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def _up() -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise SystemExit("the gateway did not come up")


def measure(messages: int, *, egress: int, budgets: str = "on", connections: int = 32) -> dict[str, Any]:
    """One run: accepted and delivered per second, latency, CPU and memory of all the gateway's processes."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        settings = found(directory, budgets=budgets)
        store = Store(settings.database_url, clock=SystemClock())
        with sink(SINK_PORT), gateway(directory, egress=egress) as process:
            family = [process, *process.children(recursive=True)]
            _load(WARM_UP, connections=connections)  # like the peer, whose processes run and connections are open
            _await_sent(store, WARM_UP)
            before = cpu_of(family)
            said = _load(messages, connections=connections)
            _await_sent(store, WARM_UP + messages)
            took = time.time() - said.pop("began")
            figures = said | {
                "delivered_per_s": round(messages / took),
                "cpu_us_per_message": round((cpu_of(family) - before) / messages * 1e6),
                "rss_mb": [round(one.memory_info().rss / 2**20) for one in family],
            }
        store.close()
    return figures


def intake(messages: int, *, connections: int = 32) -> dict[str, Any]:
    """Intake alone: everything up to the durable 202, with no delivery (the stream is paused)."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        found(directory, departing=False)
        with gateway(directory, egress=0) as process:
            _load(WARM_UP, connections=connections)
            before = cpu_of([process])
            said = _load(messages, connections=connections)
            said["cpu_us_per_message"] = round((cpu_of([process]) - before) / messages * 1e6)
            said["rss_mb"] = [round(process.memory_info().rss / 2**20)]
            said["quiet_p50_ms"] = _load(QUIET, connections=1)["p50_ms"]
            return said | {"fsync_p50_ms": _fsync(directory)}


def at_rate(messages: int, rate: float, *, egress: int) -> dict[str, Any]:
    """Messages at a rate far below what the gateway takes: CPU a message by process, and one request after another."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        settings = found(directory)
        store = Store(settings.database_url, clock=SystemClock())
        with sink(SINK_PORT), gateway(directory, egress=egress) as process:
            family = [process, *process.children(recursive=True)]
            _load(WARM_UP, connections=8, rate=rate)
            _await_sent(store, WARM_UP)
            before = [cpu_of([one]) for one in family]
            said = _load(messages, connections=8, rate=rate)
            _await_sent(store, WARM_UP + messages)
            used = [cpu_of([one]) - earlier for one, earlier in zip(family, before, strict=True)]
            quiet = _load(QUIET, connections=1)
        store.close()
    return {
        "p50_ms": said["p50_ms"],
        "p99_ms": said["p99_ms"],
        "quiet_p50_ms": quiet["p50_ms"],
        "cpu_us_per_message": round(sum(used) / messages * 1e6),
        "cpu_us_of_each_process": [round(one / messages * 1e6) for one in used],
    }


def _fsync(directory: Path) -> float:
    """Milliseconds that the disk of the database takes for a write of 4 kB and its fsync, the middle of many."""
    took = []
    with (directory / "synced").open("ab", buffering=0) as file:
        for _ in range(QUIET):
            began = time.perf_counter()
            file.write(bytes(4_096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1_000)
    return round(statistics.median(took), 2)


def _load(messages: int, *, connections: int, rate: float | None = None) -> dict[str, Any]:
    run = subprocess.run(
        [
            sys.executable, "-m", "tests.bench.load", "127.0.0.1", str(PORT), BENCH_TOKEN, str(messages),
            str(connections), "50", "4000", *([] if rate is None else [str(rate)]),
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(run.stdout)
    return said


def _await_sent(store: Store, messages: int) -> None:
    while _sent(store) < messages:
        time.sleep(0.05)


def cpu_of(family: list[psutil.Process]) -> float:
    return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))


def _sent(store: Store) -> int:
    c = COUNTER.c
    row = store.row(select(func.sum(c.n)).where(c.scope == "desk", c.key == "", c.kind == "sent"))
    return int(row[0] or 0) if row else 0


def peer(messages: int, *, sign: bool) -> dict[str, Any] | None:
    """Run Postfix, with OpenDKIM or alone; None if it is not installed."""
    if not shutil.which("postfix") or (sign and not shutil.which("opendkim")):
        return None
    script = Path(__file__).with_name("peer.sh")
    run = subprocess.run(
        ["bash", str(script), str(messages), "yes" if sign else "no", "4000"],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0 or not run.stdout.strip():
        return None
    figures: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return figures


def bars(rows: dict[str, dict[str, Any]]) -> list[float | None]:
    """The figures that have a bar, in the order of `BARS`; None for what was not measured."""
    base = rows.get(PEER, {}).get("delivered_per_s")
    ours = next((row["delivered_per_s"] for name, row in rows.items() if name.startswith("postroom, egress 1")), None)
    alone = rows[INTAKE]
    return [
        ours / base if ours and base else None,
        alone["p99_ms"] / alone["p50_ms"],
        alone["quiet_p50_ms"] / alone["fsync_p50_ms"],
    ]


def verdict(value: float | None, bar: float, *, least: bool) -> str:
    """A figure beside its bar, which it must reach (`least`) or not pass."""
    if value is None:
        return f"not measured: the peer is not installed (bar {bar:.1f} x)"
    met = value >= bar if least else value <= bar
    return f"{value:6.2f} x  (bar {'at least' if least else 'at most'} {bar:.1f} x: {'met' if met else 'MISSED'})"


def _show_rate(asked: argparse.Namespace) -> None:
    for egress in asked.egress:
        row = at_rate(asked.messages, asked.rate, egress=egress)
        if asked.json:
            print(json.dumps({"egress": egress, "rate": asked.rate, **row}))
        else:
            name = f"postroom, egress {egress}, {asked.rate:g} messages/s"
            print(f"{name:34}" + "".join(f"  {key} {value}" for key, value in row.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=4_000)
    parser.add_argument("--egress", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--budgets", choices=["on", "off", "both"], default="on")
    parser.add_argument("--rate", type=float, help="messages a second, far below what the gateway takes")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.rate:
        _show_rate(asked)
        return
    rows: dict[str, dict[str, Any]] = {}
    if not asked.no_peer:
        rows |= {
            name: found
            for name, sign in ((PEER, True), ("postfix, unsigned", False))
            if (found := peer(asked.messages, sign=sign))
        }
    for egress in asked.egress:
        for budgets in ("off", "on") if asked.budgets == "both" else (asked.budgets,):
            name = f"postroom, egress {egress}" + (f", budgets {budgets}" if asked.budgets != "on" else "")
            rows[name] = measure(asked.messages, egress=egress, budgets=budgets)
    rows[INTAKE] = intake(asked.messages)
    if asked.json:
        print(json.dumps({"rows": rows, "measured": bars(rows), "bars": BARS}))
        return
    base = rows.get(PEER, {}).get("delivered_per_s")
    for name, row in rows.items():
        delivered = row.get("delivered_per_s")
        left = f"{delivered:>6} messages/s" if delivered else "  nothing leaves  "
        ratio = f"{delivered / base:.2f} x" if base and delivered else ""
        more = "".join(f"  {key} {row[key]}" for key in SHOWN if key in row)
        print(f"{name:34} {left}  {ratio:8}{more}")
    print()
    for (name, bar), value in zip(BARS.items(), bars(rows), strict=True):
        print(f"{name:56} {verdict(value, bar, least=name.startswith('messages'))}")
    print("\nwhere a message's CPU time goes (python -m tests.bench.steps):")
    steps.show(steps.profile())


if __name__ == "__main__":
    main()
