"""The 80,000-message morning in readable form: two tables of the outcome of three runaway agents.

uv run python tests/bench/morning.py [--messages 80000] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.demo import incident, incident_runner
from core.demo.results import CaseFigures, ModeFigures

COLUMNS = ("attempted", "left", "held", "refused", "waiting", "complaints", "bounces")


def table(case: CaseFigures) -> str:
    """Format one case: a line per mode, what suspended it, and the transactional stream for comparison."""
    lines = [
        f"{case.case} ({case.events:,} events, audit {'whole' if case.audit_ok else 'BROKEN'}, {case.seconds:.0f} s)",
        "",
        f"{'mode':12}{''.join(f'{name:>12}' for name in COLUMNS)}{'complaint to stop':>19}{'left after it':>15}",
    ]
    for one in case.modes:
        figures = (one.attempted, one.left, one.held, one.refused, one.waiting, one.complaints, one.bounces)
        lines.append(
            f"{one.mode:12}{''.join(f'{n:12,}' for n in figures)}{_span(one):>19}{one.left_after_suspension:15,}"
        )
    lines += [
        f"  {one.mode} stopped at {_clock(one.suspended_at)}: {one.suspended_for}"
        for one in case.modes
        if one.suspended_at is not None
    ]
    beside = case.transactional
    lines.append(
        f"  transactional stream: {beside.sent:,} of {beside.submitted:,} sent, "
        f"longest wait {beside.longest_wait:.1f} s, effect: {beside.effect}"
    )
    return "\n".join(lines)


def _span(one: ModeFigures) -> str:
    seconds = one.first_complaint_to_suspension
    if one.suspended_at is None:
        return "not stopped"
    return "bounces stopped it" if seconds is None else f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def _clock(seconds: float) -> str:
    return f"{4 + int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}"


def _tell(case: str, share: float) -> None:
    print(f"\r{case}: {share:.0%}".ljust(40), end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=incident_runner.MESSAGES)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(
            incident_runner.run(Path(folder), messages=asked.messages, progress=None if asked.json else _tell)
        )
    if asked.json:
        print(json.dumps(outcome.as_json()))
        return
    print("\r" + " " * 40, file=sys.stderr)
    print(
        f"{asked.messages:,} follow-ups an agent from 4 to 9 a.m., "
        f"{incident.COMPLAIN:.0%} complain, {incident.BOUNCE:.0%} bounce"
    )
    for case in (outcome.default, outcome.widened):
        print(f"\n{table(case)}")


if __name__ == "__main__":
    main()
