"""Cost of suspending an agent with a million queued messages, and of its queue for the other agents.

    uv run python tests/bench/suspend.py [--queued 1000000]

One agent has all of these due; nine others have a hundred due lanes each. Claims of 50 are measured without that queue,
with it, and after the agent is suspended.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.db.store import Store
from core.services.control import emergency
from tests.bench.lanes import DUE_LANES, HEADINGS, ROUNDS, Queue, fill, measure, new_desk
from tests.factories.database import statements
from tests.factories.desk import ALICE, GAIL

OTHERS = 9
DOMAINS = 40
DEPTH = 10
TIMES = 9


def desk_with(folder: str, *, queued: int) -> Store:
    """A desk whose first agent has `queued` messages, and each of the others a thousand."""
    desk, boxes = new_desk(folder, mailboxes=OTHERS + 1)
    (agent, box), *others = boxes
    queues = [Queue(agent, box, f"example{n}.com", queued // DOMAINS) for n in range(DOMAINS) if queued]
    queues += [Queue(a, b, f"example{n}.com", DEPTH) for a, b in others for n in range(DUE_LANES)]
    fill(desk, queues)
    return desk.store


def row(name: str, store: Store) -> None:
    measure(store, rounds=5)
    cost = measure(store)
    mine = sum(one.agent_id == _rogue(store) for one in cost.claimed)
    print(f"{name:36}{cost.line()}{mine / ROUNDS:14.1f}", flush=True)


def _rogue(store: Store) -> int:
    return int(store.look(lambda tx: emergency._agent(tx, "agent-0").id))


def suspend(store: Store) -> tuple[list[float], int]:
    """Milliseconds of several suspensions, sorted, and the number of statements in one."""
    took, said = [], 0
    for n in range(TIMES):
        if n:
            store.transact(lambda tx: emergency.resume_agent(tx, "agent-0", reason="measured again", actor=GAIL))
        with statements(store) as seen:
            started = time.perf_counter()
            store.transact(lambda tx: emergency.suspend_agent(tx, "agent-0", reason="runs away", actor=ALICE))
            took.append((time.perf_counter() - started) * 1e3)
        said = len(seen)
    return sorted(took), said


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--queued", type=int, default=1_000_000)
    queued = parser.parse_args().queued
    print(f"{'':36}{HEADINGS}{'of the agent':>14}   (median of {ROUNDS}, CPU time)")
    with tempfile.TemporaryDirectory() as folder:
        store = desk_with(folder, queued=0)
        row("the others alone", store)
        store.close()
    with tempfile.TemporaryDirectory() as folder:
        store = desk_with(folder, queued=queued)
        row(f"beside {queued:,} queued of one agent", store)
        took, said = suspend(store)
        row("after its suspension", store)
        store.close()
    print(
        f"\nsuspending it, commit included: {median(took):.1f} ms (median of {TIMES}; slowest {took[-1]:.1f} ms), "
        f"{said} statements"
    )


if __name__ == "__main__":
    main()
