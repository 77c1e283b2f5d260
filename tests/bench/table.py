"""Benchmark of Textual's DataTable against ours, in one run, for the speed section of CONSOLE.md.

    uv run python tests/bench/table.py [--rows 100000] [--seconds 4]
    uv run --with textual-fastdatatable python tests/bench/table.py    (also against that, which is not a dependency)

Each kind runs in its own process, so that memory and CPU time are its own. A key's time runs from the press to the last
line drawn in its frame.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from console.safe_text import GuardedApp, make_safe
from console.widgets.columns import Cell, Column, Row
from console.widgets.table import VirtualTable

SIZE = (120, 36)
VISIBLE = 35
TITLES = ("AGE", "CHK", "AGENT", "TO", "SUBJECT", "HOUR", "OLDEST", "LAST")
WIDTHS = (6, 4, 11, 20, 30, 8, 6, 8)


def cells(row: int, version: int) -> tuple[str, ...]:
    return (
        f"{row % 60}m{version % 60:02}",
        "▲1" if row % 3 else "✖2",
        "quote-bot",
        f"j.doe{row}@gmail.com",
        make_safe(f"Your quote Q-{row}").text,
        f"{row % 100}%",
        "14m",
        f"m{row:x}",
    )


class Shelf:
    def __init__(self) -> None:
        self.version = 1

    def fetch(self, ids: Sequence[int], /) -> Mapping[int, Row]:
        return {row: Row(row, self.version, tuple(map(Cell, cells(row, self.version)))) for row in ids}


class Ours(GuardedApp[None]):
    CSS = "VirtualTable { height: 1fr; }"

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.shelf = Shelf()

    def compose(self) -> ComposeResult:
        columns = [Column(title, title, width) for title, width in zip(TITLES, WIDTHS, strict=True)]
        yield VirtualTable(columns, self.shelf, now=lambda: time.time_ns() // 1_000)

    def fill(self) -> None:
        table = self.query_one(VirtualTable)
        table.show_rows(range(1, self.rows + 1))
        table.focus()

    def touch(self, rows: int) -> None:
        self.shelf.version += 1
        table = self.query_one(VirtualTable)
        table.touch_rows(range(1, rows + 1))
        table.touch_rows(range(1_000, 1_500))  # events of invisible rows


class Theirs(App[None]):
    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.version = 1

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def fill(self) -> None:
        table = self.query_one(DataTable)
        for title, width in zip(TITLES, WIDTHS, strict=True):
            table.add_column(title, width=width, key=title)
        for row in range(1, self.rows + 1):
            table.add_row(*cells(row, 1), key=str(row))
        table.focus()

    def touch(self, rows: int) -> None:
        self.version += 1
        table = self.query_one(DataTable)
        for row in range(1, rows + 1):
            for title, value in zip(TITLES, cells(row, self.version), strict=True):
                table.update_cell(str(row), title, value)


class Fast(App[None]):
    """textual-fastdatatable over Arrow: all rows are passed at once, as it requires."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.version = 1
        self.table: Any = None

    def fill(self) -> None:
        library: Any = importlib.import_module("textual_fastdatatable")
        columns = zip(*(cells(row, 1) for row in range(1, self.rows + 1)), strict=True)
        data = dict(zip(TITLES, map(list, columns), strict=True))
        self.table = library.DataTable(
            data=data, column_labels=list(TITLES), column_widths=list(WIDTHS), cursor_type="row", render_markup=False
        )
        self.mount(self.table)
        self.table.focus()

    def touch(self, rows: int) -> None:
        self.version += 1
        for row in range(1, rows + 1):
            for column, value in enumerate(cells(row, self.version)):
                self.table.update_cell(row - 1, column, value)


KINDS: Mapping[str, type[Ours | Theirs | Fast]] = {"ours": Ours, "theirs": Theirs, "fast": Fast}


async def fill(app: Ours | Theirs | Fast, pilot: Pilot[None]) -> tuple[float, float]:
    """Seconds until the rows are drawn, and the megabytes they use."""
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    started = time.perf_counter()
    app.fill()
    while "j.doe1@" not in "".join(strip.text for strip in app.screen._compositor.render_strips()):
        await asyncio.sleep(0)
        await pilot.pause(0)
    took = time.perf_counter() - started
    gc.collect()
    return took, (process.memory_info().rss - before) / 1e6


async def refresh(app: Ours | Theirs | Fast, rows: int, seconds: float) -> float:
    """CPU use, in percent of a core, of four refreshes a second that each change this many visible rows."""
    app.touch(rows)
    await asyncio.sleep(0.5)
    started, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        app.touch(rows)
        await asyncio.sleep(0.25)
    return 100 * (time.process_time() - cpu) / (time.perf_counter() - started)


async def keys(app: Ours | Theirs | Fast) -> list[float]:
    """Milliseconds from a key to its frame, over cursor moves and page moves."""
    drawn = asyncio.Event()
    display = app._display

    def seen(*args: object, **more: object) -> None:
        display(*args, **more)  # type: ignore[arg-type]  # whatever Textual hands to itself
        drawn.set()

    app._display = seen  # type: ignore[method-assign]  # the moment at which a frame leaves for the terminal
    took: list[float] = []
    ends = ["end", "home"] if isinstance(app, Ours) else ["ctrl+end", "ctrl+home"]
    for key in ["down"] * 40 + ["pagedown", "pageup"] * 20 + ends * 10:
        drawn.clear()
        started = time.perf_counter()
        app.simulate_key(key)
        await asyncio.wait_for(drawn.wait(), 30)
        took.append((time.perf_counter() - started) * 1_000)
        await asyncio.sleep(0.03)
    return took


async def measure(kind: str, rows: int, seconds: float) -> dict[str, float]:
    app = KINDS[kind](rows)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        took, megabytes = await fill(app, pilot)
        shares = [await refresh(app, changed, seconds) for changed in (0, 9, VISIBLE)]
        times = sorted(await keys(app))
    return {
        "fill s": took,
        "memory MB": megabytes,
        "4 Hz idle %": shares[0],
        "9 rows changed %": shares[1],
        "all changed %": shares[2],
        "key p50 ms": statistics.median(times),
        "key p95 ms": times[int(len(times) * 0.95)],
    }


def measured(kind: str, rows: int, seconds: float) -> dict[str, float]:
    arguments = [sys.executable, __file__, "--only", kind, "--rows", str(rows), "--seconds", str(seconds)]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", choices=list(KINDS))
    chosen = parser.parse_args()
    if chosen.only:
        print(json.dumps(asyncio.run(measure(chosen.only, chosen.rows, chosen.seconds))))
        return
    fast = importlib.util.find_spec("textual_fastdatatable") is not None
    runs = {
        **({f"fastdatatable, {chosen.rows:,}": measured("fast", chosen.rows, chosen.seconds)} if fast else {}),
        f"DataTable, {chosen.rows:,}": measured("theirs", chosen.rows, chosen.seconds),
        f"VirtualTable, {chosen.rows:,}": measured("ours", chosen.rows, chosen.seconds),
        "VirtualTable, 1,000,000": measured("ours", 1_000_000, chosen.seconds),
    }
    names = list(next(iter(runs.values())))
    print(f"| 8 columns, {SIZE[0]}x{SIZE[1]} | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * len(names))
    for run, figures in runs.items():
        print(f"| {run} | " + " | ".join(f"{figures[name]:.2f}" for name in names) + " |")


if __name__ == "__main__":
    main()
