"""Cost of a claim of 50 while 90 % of the queue is stuck behind one site; it must not grow with the stuck rows.

    uv run python tests/bench/lanes.py [--most 1000000]

Ten mailboxes, each with a lane to gmail.com that waits for its hourly cap and a hundred lanes that are due. The last
line is the peak memory of a gateway process that claims, attempts and settles from the longest of these queues.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core.gateway  # noqa: F401 - the memory of a gateway's code is part of the figure
from core.db import migrate
from core.db import queue as db_queue
from core.db.queue import Claimed, Slot
from core.db.store import Store
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import FAR_FUTURE, HOUR
from core.model import Outcome, Reply
from core.services.sending import delivery
from core.services.sending.delivery import Settlement
from tests.factories.database import statements
from tests.factories.desk import DOMAIN, WIDE, Bench, add_mailbox, make_desk

MAILBOXES = 10
DUE_LANES = 100
CLAIM = 50
ROUNDS = 40
BATCH_SIZE = 20_000
FIRST = 1 << 40
WORKER = 7
LIMIT_MB = 250

LANE = """INSERT INTO lane (id, mailbox_id, domain, site, next_at, not_before, depth, in_flight, failures, waits_for)
 VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)"""
READY = "INSERT INTO ready (lane_id, due, message_id, n, charged) VALUES (?, ?, ?, 0, 0)"
RECIPIENT = """INSERT INTO recipient (message_id, n, address, path, given, field, status, charged, attempts, lane_id)
 VALUES (?, 0, ?, ?, ?, 'to', 'queued', 0, 0, ?)"""
MESSAGE = """INSERT INTO message (id, mailbox_id, agent_id, stream_id, run_id, token_id, kind, direction, test,
 untraced, status, content_class, subject, digest, rfc_message_id, conversation, size, smtputf8, tags, meta,
 policy_version, facts, submitted_at, released_at, dated_at, recipients, open)
 VALUES (?, ?, ?, ?, 1, 1, 'send', 'out', 0, 0, 'queued', 'transactional', 'Your refund', '00', ?, ?, 1, 0, '[]', '{}',
 1, '{}', ?, ?, ?, 1, 1)"""


@dataclass(frozen=True, slots=True)
class Queue:
    """A lane to create: its number of rows, and the time until which it is held back (0: it is due)."""

    agent_id: int
    mailbox_id: int
    domain: str
    depth: int
    not_before: int = 0


def new_desk(folder: str, *, mailboxes: int) -> tuple[Bench, list[tuple[int, int]]]:
    """A desk on a fake clock with this many high-limit mailboxes, each as (agent id, mailbox id)."""
    store = Store(f"sqlite:///{folder}/postroom.db", clock=FakeClock())
    migrate.upgrade(store.engine)
    desk = make_desk(store, **WIDE)
    boxes = [
        store.transact(
            lambda tx, n=n: add_mailbox(  # type: ignore[misc]  # bound now
                tx, agent=f"agent-{n}", address=f"box{n}@{DOMAIN}", stream=desk.stream_id, **WIDE
            )
        )
        for n in range(mailboxes)
    ]
    store.transact(lambda tx: delivery.register_worker(tx, worker=WORKER, pid=0))
    return desk, boxes


def fill(desk: Bench, queues: Sequence[Queue]) -> None:
    """Insert queued rows directly, as the services would have left them; through those it would take minutes."""
    now, number = desk.store.clock.now(), FIRST
    with desk.store.engine.connect() as conn:
        raw: Any = conn.connection.dbapi_connection
        raw.execute("PRAGMA synchronous=OFF")
        for lane, queue in enumerate(queues, start=1):
            wakes = queue.not_before or (now if queue.depth else FAR_FUTURE)
            waits = "site_hour" if queue.not_before else None
            values = (lane, queue.mailbox_id, queue.domain, queue.domain, wakes, queue.not_before, queue.depth, waits)
            raw.execute(LANE, values)
            for at in range(0, queue.depth, BATCH_SIZE):
                numbers = range(number, number + min(BATCH_SIZE, queue.depth - at))
                number = numbers.stop
                to = [f"p{n}@{queue.domain}" for n in numbers]
                whose = (queue.mailbox_id, queue.agent_id, desk.stream_id)
                raw.execute("BEGIN")
                raw.executemany(MESSAGE, [(n, *whose, f"<{n}@{DOMAIN}>", n, now, now, now) for n in numbers])
                raw.executemany(RECIPIENT, [(n, a, a, a, lane) for n, a in zip(numbers, to, strict=True)])
                raw.executemany(READY, [(lane, now, n) for n in numbers])
                raw.execute("COMMIT")
        raw.execute("PRAGMA synchronous=FULL")


@dataclass(slots=True)
class Cost:
    """Measured claims: CPU time and statements of each, and the rows claimed."""

    micros: list[float]
    statements: list[int]
    claimed: list[Claimed]

    def line(self) -> str:
        took = len(self.claimed) / len(self.micros)
        return f"{median(self.micros):16,.0f}{median(self.statements):12,.0f}{took:10.1f}"


HEADINGS = f"{'us a claim of 50':>16}{'statements':>12}{'taken':>10}"


def measure(store: Store, *, rounds: int = ROUNDS) -> Cost:
    """Claim repeatedly; claimed rows are put back between claims, unmeasured and uncharged."""
    cost = Cost([], [], [])
    clock = store.clock
    assert isinstance(clock, FakeClock)
    for _ in range(rounds):
        clock.advance(seconds=1)
        with statements(store) as seen:
            started = time.process_time()
            claimed = store.transact(lambda tx: delivery.claim(tx, worker=WORKER, limit=CLAIM))
            cost.micros.append((time.process_time() - started) * 1e6)
        cost.statements.append(len(seen))
        cost.claimed += claimed
        store.transact(lambda tx, back=claimed: _put_back(tx, back))  # type: ignore[misc]  # bound now
    return cost


def _put_back(tx: Transaction, claimed: Sequence[Claimed]) -> None:
    db_queue.land(tx, claimed)
    db_queue.enqueue(tx, [Slot(one.message_id, one.n, one.lane_id, one.due, charged=False) for one in claimed])


def stuck(rows: int, folder: str, *, due_lanes: int = DUE_LANES) -> Bench:
    """A desk with 90 % of its rows behind gmail.com, the others in this many lanes of each mailbox."""
    desk, boxes = new_desk(folder, mailboxes=MAILBOXES)
    later = desk.store.clock.now() + HOUR
    queues = []
    for agent, box in boxes:
        queues.append(Queue(agent, box, "gmail.com", rows * 9 // 10 // MAILBOXES, not_before=later))
        each = rows // 10 // MAILBOXES
        depth = each // due_lanes or 1
        queues += [Queue(agent, box, f"example{n}.com", depth) for n in range(min(due_lanes, each))]
    fill(desk, queues)
    return desk


def egress(url: str) -> float:
    """Claim, attempt and settle from that queue in this process; returns its peak memory in MB."""
    clock = FakeClock()
    clock.advance(seconds=600)
    store = Store(url, clock=clock)
    said = Reply(Outcome.SENT, 250, "2.0.0", "2.0.0 Ok", "dot")
    for _ in range(200):
        clock.advance(seconds=1)
        claimed = store.transact(lambda tx: delivery.claim(tx, worker=WORKER, limit=64))
        if not claimed:
            break
        going = store.transact(lambda tx, mine=claimed: delivery.attempt(tx, mine, worker=WORKER))  # type: ignore[misc]  # bound now
        settled = [Settlement(one, said) for one in claimed if one.key in going]
        store.transact(lambda tx, mine=settled: delivery.settle(tx, mine, worker=WORKER))  # type: ignore[misc]  # bound now
    store.close()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--egress", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.egress:
        print(f"{egress(asked.egress):.0f}")
        return
    print(f"{'queued':>10}{HEADINGS}   (median of {ROUNDS}, CPU time, commit included)")
    rows = 1_000
    while rows <= asked.most:
        with tempfile.TemporaryDirectory() as folder:
            desk = stuck(rows, folder)
            measure(desk.store, rounds=5)
            print(f"{rows:10,}{measure(desk.store).line()}", flush=True)
            desk.store.close()
            if rows * 10 > asked.most:
                mine = [sys.executable, __file__, "--egress", desk.store.url]
                peak = int(subprocess.run(mine, check=True, capture_output=True, text=True).stdout)
                verdict = "within" if peak < LIMIT_MB else "OVER"
                print(
                    f"\npeak memory of a process that delivers from {rows:,} queued: {peak} MB, {verdict} {LIMIT_MB} MB"
                )
        rows *= 10


if __name__ == "__main__":
    main()
