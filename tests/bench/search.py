"""Search among N received messages: p50 and p95 of the index, and of the LIKE scan that it replaced.

    uv run python -m tests.bench.search [N = 100000] [postgresql URL of an empty database]

Words have the frequencies of a natural language (Zipf), so common, middling and rare words are all looked for.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from core.db import migrate
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_MESSAGE, INBOUND_SEARCH, MAILBOX, STREAM
from core.demo.clock import FakeClock
from core.rules.inbound import search_words
from core.services.receiving import inbox
from core.services.receiving.inbox import Filter

PAGE: Final = 2_000
WORDS: Final = 50_000
EACH: Final = 40
MAILBOXES: Final = 10
READER: Final = TokenFacts(1, 1, "bench", ("read",), False, None, None, 2**62, None, "bench", False)


def fill(store: Store, n: int) -> None:
    chance = random.Random(1)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(WORDS)))  # once, not for each message
    names = [f"w{rank}" for rank in range(WORDS)]
    people(store)
    for start in range(0, n, PAGE):
        with store.begin() as tx:
            messages, words = [], []
            for number in range(start, min(n, start + PAGE)):
                text = " ".join(chance.choices(names, cum_weights=weights, k=EACH))
                messages.append(row(number, number % MAILBOXES))
                stored = search_words.for_mailbox(
                    number % MAILBOXES, search_words.of_message("a subject", "jane", text)
                )
                words.append({"id": number + 1, "words": stored})
            tx.conn.execute(INBOUND_MESSAGE.insert(), messages)
            tx.conn.execute(INBOUND_SEARCH.insert(), words)


def people(store: Store) -> None:
    """The stream and the mailboxes: without them no list shows their mail, and every search reads all of it."""
    with store.begin() as tx:
        tx.conn.execute(STREAM.insert(), {"id": 1, "domain": "bots.acme.test", "route": "direct", "created_at": 0})
        known = {"stream_id": 1, "mode": "autonomous", "mode_since": 0, "requested_by": "b", "requested_at": 0}
        boxes = [{"id": n, "address": f"b{n}@bots.acme.test", "updated_at": 0} | known for n in range(MAILBOXES)]
        tx.conn.execute(MAILBOX.insert(), boxes)


def row(number: int, mailbox: int) -> dict[str, object]:
    return {
        "id": number + 1, "content_id": number + 1, "mailbox_id": mailbox, "agent_id": 1, "stream_id": 1,
        "source": "lmtp", "dedupe_key": str(number), "size": 1, "subject": "a subject", "thread": number,
        "received_at": number, "status": "delivered",
    }  # fmt: skip


def timed(store: Store, queries: list[str], *, like: bool) -> list[float]:
    taken = []
    s = INBOUND_SEARCH.c
    for query in queries:
        begun = time.perf_counter()
        with store.read() as conn:
            if like:
                scan = select(s.id).where(*(func.lower(s.words).like(f"%{word}%") for word in query.split()))
                conn.execute(scan.order_by(s.id.desc()).limit(51)).all()
            else:
                inbox.page(conn, 3, Filter(q=query), caller=READER, cursor=None)
        taken.append((time.perf_counter() - begun) * 1_000)
    return taken


def main(n: int, url: str) -> None:
    store = Store(url, clock=FakeClock())
    migrate.upgrade(store.engine)
    begun = time.perf_counter()
    fill(store, n)
    if not store.sqlite:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE inbound_search")
            conn.exec_driver_sql("VACUUM ANALYZE inbound_message")
    print(f"{store.engine.dialect.name}: {n:,} messages in {time.perf_counter() - begun:.0f} s")
    chance = random.Random(2)
    queries = [f"w{chance.choice([1, 20, 300, 4_000, 40_000])} w{chance.choice([0, 5, 50])}" for _ in range(40)]
    queries += [f"w{chance.randrange(WORDS)}" for _ in range(40)] + [f"w{chance.randrange(10, 99)}*" for _ in range(20)]
    index, scan = timed(store, queries, like=False), timed(store, queries[:20], like=True)
    for name, taken in (("index", index), ("LIKE", scan)):
        print(f"  {name:5} p50 {statistics.median(taken):8.1f} ms  p95 {statistics.quantiles(taken, n=20)[-1]:8.1f} ms")
    print(f"  LIKE takes {statistics.median(scan) / statistics.median(index):.0f} times as long")
    store.close()


if __name__ == "__main__":
    number_ = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        main(number_, sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as directory:
            main(number_, f"sqlite:///{Path(directory) / 'bench.db'}")
