"""What an operator and a worker do with a desk of few and of very many queued messages, side by side.

A claim of 50, the suspension of an agent, the queue as the console's Lanes screen shows it (lanes and sites), a trace,
and the console as a process from its command to the filled desk: each must cost at most twice as much beside 10^6
queued as beside 10^3. With `--most 10000000` the same for 10^7, once: that needs 12 GB of disk and takes its time.

usage: python -m tests.bench.scale [--most 1000000] [--directory DIR] [--no-console]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from core.db.queries import lanes as lane_queries
from core.db.store import Store
from core.ids import spell_id
from core.services.audit.trace import trace
from tests.bench import lanes
from tests.bench.suspend import suspend
from tests.factories.desk import KEYRING
from tests.terminal import WIDE, terminal

LEAST: Final = 1_000
BAR: Final = 2.0
ROUNDS: Final = 9
DUE_LANES: Final = 10
"""Of each mailbox, however much is queued: deeper lanes, not more of them."""
FILLED: Final = b"support-bot"
"""Stands only on a filled desk."""


def cpu_ms(act: Callable[[], object]) -> float:
    """CPU milliseconds of an act, the middle of several."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        act()
        took.append((time.process_time() - began) * 1_000)
    return median(took)


def queue_view(store: Store) -> None:
    with store.read() as conn:
        assert lane_queries.lanes(conn, now=store.clock.now())
        assert lane_queries.shape(conn, now=store.clock.now())


def traced(store: Store, message: int) -> None:
    with store.read() as conn:
        assert trace(conn, spell_id("m", message), KEYRING).messages


def console(directory: Path) -> float:
    """CPU milliseconds of a console from its command to the filled desk, the middle of three after one that warms."""
    (directory / "postroom.toml").write_text('name = "BENCH"\n')
    (directory / "master.key").write_text(f"m1:{'A' * 43}")
    (directory / "master.key").chmod(0o600)
    command = [sys.executable, "-m", "console.main", "console", "--dir", str(directory)]
    took = []
    for _ in range(4):
        with terminal(command, env={"POSTROOM_TOKEN": "pro_alice"}, size=WIDE) as seen:
            seen.writes(FILLED)
            used = psutil.Process(seen.program.pid).cpu_times()
            took.append(float(used.user + used.system) * 1_000)
    return median(took[1:])


def measure(rows: int, *, folder: str | None, with_console: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="postroom-bench-", dir=folder) as name:
        began = time.perf_counter()
        store = lanes.stuck(rows, name, due_lanes=DUE_LANES).store
        filled = time.perf_counter() - began
        lanes.measure(store, rounds=5)
        found = {
            "claim of 50": median(lanes.measure(store).micros) / 1_000,
            "queue view": cpu_ms(lambda: queue_view(store)),
            "trace": cpu_ms(lambda: traced(store, lanes.FIRST + rows // 20)),
            "suspension": median(suspend(store)[0]),
        }
        store.close()
        size = sum(one.stat().st_size for one in Path(name).iterdir()) / 2**30
        if with_console:
            found["console to its filled desk"] = console(Path(name))
    print(f"{rows:,} queued, filled in {filled:.0f} s: {size:.2f} GiB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument(
        "--directory", help="where the desks are made; the system's own directory for such files if left out"
    )
    parser.add_argument("--no-console", action="store_true")
    asked = parser.parse_args()
    few, many = (
        measure(rows, folder=asked.directory, with_console=not asked.no_console) for rows in (LEAST, asked.most)
    )
    print(f"\n{'ms':28}{LEAST:>12,}{asked.most:>14,}{'ratio':>8}")
    for name, least in few.items():
        ratio = many[name] / least
        print(
            f"{name:28}{least:12.1f}{many[name]:14.1f}{ratio:8.2f}  {'within' if ratio <= BAR else 'OVER'} {BAR:.0f} x"
        )


if __name__ == "__main__":
    main()
