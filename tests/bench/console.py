"""The console's speed targets (CONSOLE.md), measured from outside: a real process in a terminal, on a real SQLite desk.

    uv run python -m tests.bench.console [--held 100000] [--events 20000] [--seconds 10] [--runs 5] [--rtt MS] [--json]

With `--rtt` the console works through a gateway that is so many milliseconds away, there and back (AUTHORITY.md).

The desk has 41 agents. Frames are detected in the terminal's bytes; CPU time and memory are those of the process.
Python may cache bytecode, as for an installed program; `--no-bytecode` measures without it. An hour's events are fed as
fast as the desk accepts them: one in twenty is a rejection, the others change a row of the queue.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import re
import socket
import statistics
import subprocess
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
from tests.bench.delay import wait_until_up
from tests.bench.heap import Heap, pile, trickle
from tests.factories.desk import BOB
from tests.terminal import WIDE, Terminal, terminal

FRAME, ANSWERS, FILLED, HELD = b"[1 Desk]", b"Postroom", b"support-bot", b"Your quote"
"""Bytes found only in the first frame, Textual's first frame, a filled desk and the queue's rows, in this order."""
BODY, SENDING = b"on its way", b"sending 1 decision"
OPENED = re.compile(r"Queue · m(\w+)")
VISIBLE = 9
DECISIONS = 9
BATCH_SIZE = 50
EVENTS = 20_000
EVENTS_PER_HELD = 5
"""The most events for each message that is held: one in twenty decides a message, and the last figures need some."""
KEYS = 120
CALM = 0.1
BARS = {
    "first paint s": 0.6, "queue opened s": 0.5, "4 Hz refresh %": 3.0, "key p95 ms": 50.0, "decision shown ms": 50.0,
    "decision confirmed ms": 100.0,
}  # fmt: skip
"""On the machine of the docs; the last for two round trips of 50 ms."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A desk in a directory, and how to start a console on it."""

    directory: Path
    heap: Heap
    bytecode: Path | None
    url: str | None = None
    """The gateway through which the console works; None: on the desk's own host."""

    @contextlib.contextmanager
    def console(self) -> Iterator[tuple[Terminal, float]]:
        """A console, and the moment its command was started."""
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.bytecode)} if self.bytecode else {}
        command = [sys.executable, "-m", "console.main", "console"]
        where = {"POSTROOM_URL": self.url} if self.url else {"POSTROOM_DIR": str(self.directory)}
        asked = time.monotonic()
        with terminal(command, env={"POSTROOM_TOKEN": "pro_alice"} | where | kept, size=WIDE) as seen:
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
    key = directory / "master.key"
    key.write_text(f"m1:{'A' * 43}")
    key.chmod(0o600)
    store = Store(f"sqlite:///{directory}/postroom.db", clock=SystemClock())
    migrate.upgrade(store.engine)
    return Scene(directory, pile(store, held=held), bytecode)


@contextlib.contextmanager
def gateway(directory: Path, rtt: float) -> Iterator[str]:
    """Serve the desk, `rtt` milliseconds away; yields the URL."""
    near, far = free_port(), free_port()
    serve = [sys.executable, "-m", "console.main", "serve", "--log-level", "error", "--listen", f"127.0.0.1:{near}"]
    proxy = [sys.executable, "-m", "tests.bench.delay", str(far), f"127.0.0.1:{near}", str(rtt)]
    with contextlib.ExitStack() as running:
        for command, port in ((serve, near), (proxy, far)):
            process = subprocess.Popen(command, env=os.environ | {"POSTROOM_DIR": str(directory)})
            running.callback(process.wait)
            running.callback(process.terminate)
            wait_until_up(port, seconds=120)
        yield f"http://127.0.0.1:{far}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def decisions(scene: Scene) -> dict[str, float]:
    """Milliseconds from the key that approves an opened message until that shows, and until the desk has answered."""
    shown, confirmed = [], []
    with scene.queue() as seen:
        seen.press("G", *"k" * 2 * DECISIONS)  # away from those that failed checks: approving them asks for a reason
        calm(seen)
        seen.press("enter")
        seen.writes(BODY)
        for _ in range(DECISIONS):
            calm(seen)
            opened = OPENED.search(seen.screen)
            assert opened is not None
            pressed = time.monotonic()
            seen.press("a")
            shown.append(1_000 * (seen.writes(SENDING) - pressed))
            confirmed.append(1_000 * (seen.writes(f"undo m{opened[1][-5:]}".encode()) - pressed))
            seen.press("J")
    return {"decision shown ms": statistics.median(shown), "decision confirmed ms": statistics.median(confirmed)}


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
        older = items[: len(items) // 2]
        trickle(scene.heap, chance.sample(older, min(len(older), BATCH_SIZE - BATCH_SIZE // 20)))
        with store.begin() as tx:
            for _ in range(BATCH_SIZE // 20):
                refused = Decision(items.pop(), approve=False, reason="measured")
                tx.run(lambda tx, refused=refused: review.decide(tx, refused, actor=BOB))  # type: ignore[misc]  # bound now
        drain(seen)


# --- the table ----------------------------------------------------------------------------------------------------


def measure(
    *, held: int, events: int, seconds: float, runs: int, bytecode: bool, rtt: float | None
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as kept, contextlib.ExitStack() as open_:
        scene = found(Path(place), held=held, bytecode=Path(kept) if bytecode else None)
        if rtt is not None:
            scene = dataclasses.replace(scene, url=open_.enter_context(gateway(scene.directory, rtt)))
        # In this order: rows that `refresh` has changed show less of their subject, which tells when a frame is there,
        # and the last two both decide the newest.
        figures = (
            opening(scene, runs) | keys(scene) | refresh(scene, seconds) | memory(scene, events) | decisions(scene)
        )
        scene.heap.bench.store.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=100_000)
    parser.add_argument("--events", type=int, help=f"default: {EVENTS:,}, at most {EVENTS_PER_HELD} times --held")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rtt", type=float, metavar="MS", help="through a gateway that is so far away")
    parser.add_argument("--no-bytecode", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    most = EVENTS_PER_HELD * chosen.held
    if chosen.events is None:
        chosen.events = min(EVENTS, most)
    if chosen.events > most:
        parser.error(f"{chosen.events:,} events decide too many of {chosen.held:,} held messages: at most {most:,}")
    figures = measure(
        held=chosen.held, events=chosen.events, seconds=chosen.seconds, runs=chosen.runs,
        bytecode=not chosen.no_bytecode, rtt=chosen.rtt,
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
