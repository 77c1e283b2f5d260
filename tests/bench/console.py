"""The console's speed targets (CONSOLE.md), measured from outside: a real process in a terminal, on a real SQLite desk.

    uv run python tests/bench/console.py [--held 100000] [--events 20000] [--seconds 10] [--runs 5] [--json]

The desk has 41 agents. Frames are detected in the terminal's bytes; CPU time and memory are those of the process.
Python may cache bytecode, as for an installed program; `--no-bytecode` measures without it. An hour's events are fed as
fast as the desk accepts them: one in twenty is a rejection, the others change a row of the queue.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.clock import SystemClock
from core.db import migrate
from core.db.queries import queue
from core.db.store import Store
from core.services.sending import review
from core.services.sending.review import Decision
from tests.bench.heap import Heap, pile, trickle
from tests.factories.desk import BOB
from tests.terminal import WIDE, Terminal, terminal

FRAME, ANSWERS, FILLED, HELD = b"[1 Desk]", b"Postroom", b"support-bot", b"Your quote"
"""Bytes found only in the first frame, Textual's first frame, a filled desk and the queue's rows, in this order."""
VISIBLE = 9
BATCH_SIZE = 50
KEYS = 120
CALM = 0.1
BARS = {
    "first paint s": 0.6, "queue opened s": 0.5, "4 Hz refresh %": 3.0, "key p95 ms": 50.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A desk in a directory, and how to start a console on it."""

    directory: Path
    heap: Heap
    bytecode: Path | None

    @contextlib.contextmanager
    def console(self) -> Iterator[tuple[Terminal, float]]:
        """A console, and the moment its command was started."""
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.bytecode)} if self.bytecode else {}
        command = [sys.executable, "-m", "console.main", "console", "--dir", str(self.directory)]
        asked = time.monotonic()
        with terminal(command, env={"POSTROOM_TOKEN": "pro_alice"} | kept, size=WIDE) as seen:
            yield seen, asked

    @contextlib.contextmanager
    def queue(self) -> Iterator[Terminal]:
        """An idle console on the queue."""
        with self.console() as (seen, _):
            seen.writes(FILLED)
            seen.press("2")
            seen.writes(HELD)
            calm(seen)
            yield seen


def found(directory: Path, *, held: int, bytecode: Path | None) -> Scene:
    (directory / "postroom.toml").write_text('name = "BENCH"\n')
    (directory / "master.key").write_text(f"m1:{'A' * 43}")
    store = Store(f"sqlite:///{directory}/postroom.db", clock=SystemClock())
    migrate.upgrade(store.engine)
    return Scene(directory, pile(store, held=held), bytecode)


def drain(seen: Terminal) -> None:
    while seen.read(0):
        pass


def idle(seen: Terminal, seconds: float) -> None:
    """Read the console's output for that many seconds, as a terminal would."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        seen.read(left)


def cpu(seen: Terminal) -> float:
    """CPU seconds used by the console."""
    times = psutil.Process(seen.program.pid).cpu_times()
    return float(times.user + times.system)


def calm(seen: Terminal) -> None:
    """Wait until the console has caught up."""
    while True:
        before = cpu(seen)
        idle(seen, 1.0)
        if cpu(seen) - before < CALM:
            return


# --- figures ------------------------------------------------------------------------------------------------------


def opening(scene: Scene, runs: int) -> dict[str, float]:
    """Seconds until the first frame, the first that answers keys, a filled desk, and (from a key) the queue's rows."""
    rows: list[tuple[float, ...]] = []
    for run in range(runs + 1):
        with scene.console() as (seen, asked):
            marks = [seen.writes(wanted) - asked for wanted in (FRAME, ANSWERS, FILLED)]
            used = cpu(seen)
            idle(seen, 1.5)
            pressed = time.monotonic()
            seen.press("2")
            marks.append(seen.writes(HELD) - pressed)
            if run:  # the first run wrote the bytecode
                rows.append((*marks, used))
    names = ("first paint s", "answers keys s", "filled desk s", "queue opened s", "filled desk cpu s")
    return {name: statistics.median(row[n] for row in rows) for n, name in enumerate(names)}


def refresh(scene: Scene, seconds: float) -> dict[str, float]:
    """CPU use in percent of a core, idle and with every visible row changing four times a second."""
    with scene.queue() as seen, scene.heap.bench.store.read() as conn:
        visible = list(queue.pending_ids(conn)[:VISIBLE])
        shares = []
        for touched in ([], visible):
            used, began = cpu(seen), time.monotonic()
            while time.monotonic() - began < seconds:
                if touched:
                    trickle(scene.heap, touched)
                idle(seen, 0.25)
            shares.append(100 * (cpu(seen) - used) / (time.monotonic() - began))
    return {"idle %": shares[0], "4 Hz refresh %": shares[1]}


def keys(scene: Scene) -> dict[str, float]:
    """Milliseconds from a key to the first bytes of its frame, pressed at irregular intervals."""
    chance = random.Random(11)
    took = []
    with scene.queue() as seen:
        for key in ["j"] * (KEYS // 2) + ["k"] * (KEYS // 2):
            idle(seen, chance.uniform(0.05, 0.2))
            drain(seen)
            pressed = time.monotonic()
            seen.press(key)
            took.append(1_000 * (seen.writes(HELD) - pressed))
    took.sort()
    return {"key p50 ms": statistics.median(took), "key p95 ms": took[int(len(took) * 0.95)]}


def memory(scene: Scene, events: int) -> dict[str, float]:
    """Megabytes the console holds before, halfway through and after an hour's events."""
    chance = random.Random(5)
    with scene.queue() as seen:
        held = []
        process = psutil.Process(seen.program.pid)
        feed(scene, seen, events // 10, chance)  # fills one-time reads and bounded caches
        for part in (0, events // 2, events // 2):
            feed(scene, seen, part, chance)
            calm(seen)
            held.append(process.memory_info().rss / 1e6)
    return {"memory MB": held[0], "memory middle MB": held[1], "memory after MB": held[2]}


def feed(scene: Scene, seen: Terminal, events: int, chance: random.Random) -> None:
    store, items = scene.heap.bench.store, scene.heap.items
    for _ in range(events // BATCH_SIZE):
        trickle(scene.heap, chance.sample(items[: len(items) // 2], BATCH_SIZE - BATCH_SIZE // 20))
        with store.begin() as tx:
            for _ in range(BATCH_SIZE // 20):
                refused = Decision(items.pop(), approve=False, reason="measured")
                tx.run(lambda tx, refused=refused: review.decide(tx, refused, actor=BOB))  # type: ignore[misc]  # bound now
        drain(seen)


# --- the table ----------------------------------------------------------------------------------------------------


def measure(*, held: int, events: int, seconds: float, runs: int, bytecode: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as kept:
        scene = found(Path(place), held=held, bytecode=Path(kept) if bytecode else None)
        figures = opening(scene, runs) | refresh(scene, seconds) | keys(scene) | memory(scene, events)
        scene.heap.bench.store.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-bytecode", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure(
        held=chosen.held, events=chosen.events, seconds=chosen.seconds, runs=chosen.runs,
        bytecode=not chosen.no_bytecode,
    )  # fmt: skip
    if chosen.json:
        print(json.dumps({"held": chosen.held, "events": chosen.events} | figures))
        return
    print(
        f"| {chosen.held:,} held, {chosen.events:,} events, {WIDE.columns}x{WIDE.rows} | | bar |\n| --- | ---: | ---: |"
    )
    for name, figure in figures.items():
        print(f"| {name} | {figure:,.2f} | {BARS.get(name, '')} |")


if __name__ == "__main__":
    main()
