"""CPU that a desk uses while nothing happens: the gateway, and a console that shows it, in percent of a core.

Each process is measured from outside, with the kernel's own count of its CPU time. The desk is small and has no mail;
what it uses is what its clocks, looks and heartbeats cost.

usage: python -m tests.bench.idle [--seconds 60] [--egress 0 1] [--no-console] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.bench import gateway
from tests.terminal import WIDE, terminal

SETTLE = 10.0
"""Seconds after the start that are not measured: imports, first reads, caches."""
BARS = {"gateway": 0.5, "console": 1.5}


def cpu(family: list[psutil.Process]) -> float:
    """CPU seconds of these processes, in nanoseconds of each thread: ticks of 10 ms are too coarse here."""
    used = 0
    for process in family:
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            used += int((thread / "schedstat").read_text().split()[0])
    return used / 1e9


def share(family: list[psutil.Process], seconds: float) -> float:
    """Percent of a core that they use while these seconds pass."""
    used, began = cpu(family), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu(family) - used) / (time.monotonic() - began)


def gateway_share(directory: Path, *, egress: int, seconds: float) -> float:
    """A gateway with its egress processes."""
    with gateway.gateway(directory, egress=egress) as process:
        time.sleep(SETTLE)
        return share([process, *process.children(recursive=True)], seconds)


def console_share(directory: Path, *, seconds: float) -> float:
    """A console on its first screen, beside a gateway: it is shown the heartbeats, and nothing else."""
    command = [sys.executable, "-m", "console.main", "console", "--dir", str(directory)]
    with (
        gateway.gateway(directory, egress=0),
        terminal(command, env={"POSTROOM_TOKEN": "pro_alice"}, size=WIDE) as seen,
    ):
        seen.writes(b"support-bot")
        end = time.monotonic() + SETTLE
        while (left := end - time.monotonic()) > 0:
            seen.read(left)
        family = [psutil.Process(seen.program.pid)]
        used, began = cpu(family), time.monotonic()
        while time.monotonic() - began < seconds:
            seen.read(0.5)
        return 100 * (cpu(family) - used) / (time.monotonic() - began)


def measure(*, egress: list[int], seconds: float, console: bool) -> dict[str, float]:
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        gateway.found(directory)
        (directory / "policy.toml").write_text("")  # watched, as on every desk
        for count in egress:
            figures[f"gateway, egress {count} %"] = gateway_share(directory, egress=count, seconds=seconds)
        if console:
            figures["console %"] = console_share(directory, seconds=seconds)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--egress", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--no-console", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = measure(egress=asked.egress, seconds=asked.seconds, console=not asked.no_console)
    if asked.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        bar = BARS[name.partition(",")[0].removesuffix(" %")]
        print(f"{name:22} {figure:6.2f}   bar {bar}   {'met' if figure <= bar else 'missed'}")


if __name__ == "__main__":
    main()
