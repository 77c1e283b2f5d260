"""Search among N received messages: p50, p95 and the slowest of each kind of question, of all, and of the LIKE scan.

Each figure is of one request, with the CPU of this process and, on PostgreSQL, of its backend. A request looks at a
bounded number of messages; where that was too few for a page, `cut` says how many of the questions that concerns. What
takes many requests is followed to its end.

    uv run python -m tests.bench.search [N = 100000] [postgresql URL of an empty database, or of one that it filled]

Nine of ten messages are in one mailbox, the rest in nine others. Words have the frequencies of a natural language
(Zipf), so common, middling and rare words are all looked for. The hard cases are there as well: words that only old
mail has, words that each half of the mail has but (almost) no message together, words that no message has, and
filters that nearly nothing passes.
"""

from __future__ import annotations

import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select

from core.db import migrate
from core.db.gate_queries import TokenFacts
from core.db.store import Store
from core.db.tables import INBOUND_ADDRESS, INBOUND_MESSAGE, INBOUND_SEARCH, MAILBOX, STREAM
from core.demo.clock import FakeClock
from core.durations import SECOND
from core.ids import lowest
from core.rules.inbound import search_words
from core.services.receiving import inbox
from core.services.receiving.inbox import Filter

PAGE: Final = 2_000
WORDS: Final = 50_000
EACH: Final = 40
MAILBOXES: Final = 10
LARGE: Final = 0
SMALL: Final = 3
BEGUN: Final = 1_750_000_000 * SECOND
APART: Final = 31 * SECOND
"""A million messages in a year."""
READER: Final = TokenFacts(1, 1, "bench", ("read",), False, None, None, 2**62, None, "bench", False)
ROUNDS: Final = 20


# --- mail ---------------------------------------------------------------------------------------------------------


def fill(store: Store, n: int) -> None:
    people(store)
    chance = random.Random(1)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(WORDS)))  # once, not for each message
    names = [f"w{rank}" for rank in range(WORDS)]
    for start in range(0, n, PAGE):
        messages, words, authors = [], [], []
        for number in range(start, min(n, start + PAGE)):
            author = f"p{int(2_000 * chance.random() ** 3)}"
            address = f"{author}@{author[-1]}.example"
            text = " ".join((*chance.choices(names, cum_weights=weights, k=EACH), *seldom(number, n, chance)))
            message = row(number, n, chance)
            found = search_words.of_message("a subject", f"Jane {address}", text)
            messages.append(message)
            words.append({"id": message["id"], "words": search_words.for_mailbox(int(message["mailbox_id"]), found)})
            named = {"inbound_id": message["id"], "n": 0, "role": "from", "address": address, "given": address}
            authors.append(named)
        with store.begin() as tx:
            tx.conn.execute(INBOUND_MESSAGE.insert(), messages)
            tx.conn.execute(INBOUND_SEARCH.insert(), words)
            tx.conn.execute(INBOUND_ADDRESS.insert(), authors)


def seldom(number: int, n: int, chance: random.Random) -> Iterator[str]:
    """Words that are not spread evenly over the mail, or that avoid each other."""
    yield "left" if number % 2 else "right"
    if number % 100_000 == 50_000:
        yield from ("left", "right")
    if number < 0.6 * n and chance.random() < 0.3:
        yield "spring"  # in no mail since


def people(store: Store) -> None:
    """The stream and the mailboxes: without them no list shows their mail, and every search reads all of it."""
    with store.begin() as tx:
        tx.conn.execute(STREAM.insert(), {"id": 1, "domain": "bots.acme.test", "route": "direct", "created_at": 0})
        known = {"stream_id": 1, "mode": "autonomous", "mode_since": 0, "requested_by": "b", "requested_at": 0}
        boxes = [{"id": n, "address": f"b{n}@bots.acme.test", "updated_at": 0} | known for n in range(MAILBOXES)]
        tx.conn.execute(MAILBOX.insert(), boxes)


def row(number: int, n: int, chance: random.Random) -> dict[str, Any]:
    at = BEGUN + number * APART
    known = number < 0.98 * n and chance.random() > 0.0001
    tags = ["billing"] if chance.random() < 0.01 else ["odd"] if number % 100_000 == 7 else []
    return {
        "id": lowest(at) + 1, "content_id": number + 1, "mailbox_id": 0 if number % 10 else 1 + number // 10 % 9,
        "agent_id": 1, "stream_id": 1, "source": "lmtp", "dedupe_key": str(number), "size": 1, "subject": "a subject",
        "thread": number, "received_at": at, "status": "delivered", "read_at": at if known else None, "tags": tags,
        "attachments": int(chance.random() < 0.05),
    }  # fmt: skip


# --- questions ----------------------------------------------------------------------------------------------------


def questions(n: int) -> Mapping[str, Sequence[Filter]]:
    chance = random.Random(2)

    def one(low: int, high: int) -> str:
        return f"w{chance.randrange(low, high)}"

    def each(*ranks: tuple[int, int], **more: Any) -> list[Filter]:
        return [Filter(q=" ".join(one(*rank) for rank in ranks), **more) for _ in range(ROUNDS)]

    def same(*asked: str, **more: Any) -> list[Filter]:
        return [Filter(q=q, **more) for q in asked] * 2

    common, middling, rare = (0, 50), (300, 3_000), (10_000, WORDS)
    author = "p7@7.example"
    past = {"after": BEGUN + n // 3 * APART, "before": BEGUN + n // 2 * APART}
    return {
        "a common word": each(common),
        "a middling word": each(middling),
        "a rare word": each(rare),
        "two common words": each(common, common),
        "a common and a middling word": each(common, middling),
        "a common and a rare word": each(common, rare),
        "two middling words": each(middling, middling),
        "three words": each(common, (50, 300), middling),
        "words that (almost) never meet": same("left right", "left right w3", "left right w700"),
        "words that no message has": same("absent", "absent w1", "left absent right"),
        "words of old mail": same("spring", "spring w20", "spring w900", "spring left right"),
        "beginnings of words": [Filter(q=f"w{chance.randrange(10, 99)}*") for _ in range(ROUNDS)],
        "beginnings of all words": same("w*", "w* w700", "spring* w*"),
        "a phrase": same('"a subject"', '"w1 w2"', '"w3 w5"', '"spring w5"'),
        "from somebody": same("w1", "w30", "w700", "spring", "left right", author=author),
        "from a domain": same("w1", "w30", "w700", "spring", "left right", author="7.example"),
        "from nobody": same("w1", "w30 w2", "w700", author="nobody@nowhere.example"),
        "unread": same("w1", "w30", "w700", "left right", unread=True),
        "tagged": same("w1", "w30", "w700", tag="billing"),
        "with attachments": same("w1", "w30", "w700", "spring", has_attachments=True),
        "between two days": same("w1", "w30", "w700", "spring", "left right", **past),
    }


def alone(n: int) -> Mapping[str, Sequence[Filter]]:
    """Filters without words."""
    return {
        "all mail": [Filter()],
        "unread, alone": [Filter(unread=True), Filter(unread=False)],
        "tagged, alone": [Filter(tag=tag) for tag in ("billing", "odd", "never")],
        "with attachments, alone": [Filter(has_attachments=True), Filter(has_attachments=False)],
        "from somebody, alone": [Filter(author=author) for author in ("p7@7.example", "nobody@nowhere.example")],
        "from a domain, alone": [Filter(author=author) for author in ("7.example", "nowhere.example")],
        "between two days, alone": [
            Filter(after=BEGUN + n // 3 * APART, before=BEGUN + n // 2 * APART), Filter(before=BEGUN + n // 99 * APART),
        ],
    }  # fmt: skip


def in_parts() -> Mapping[str, Sequence[Filter]]:
    """What only a look at each of many matches can answer: no index knows the order of words, tags or what was read."""
    many = " ".join(f"w{rank}" for rank in range(18))
    return {
        "a phrase that no mail has": [Filter(q='"subject a"')],
        "seldom tagged": [Filter(q="w30", tag="odd")],
        "old mail, unread": [Filter(q="spring", unread=True)],
        "twenty words": [Filter(q=f"left right {many}")],
    }


class Meter:
    """Time and CPU of requests on one connection, as `inbox.page` answers them."""

    def __init__(self, store: Store, mailbox: int) -> None:
        self._store = store
        self._mailbox = mailbox

    def ask(self, asked: Sequence[Filter]) -> list[Taken]:
        with self._store.read() as conn:
            backend = None if self._store.sqlite else conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            return [self._one(conn, backend, wanted, None)[0] for wanted in asked]

    def to_the_end(self, wanted: Filter) -> list[Taken]:
        requests: list[Taken] = []
        cursor = None
        with self._store.read() as conn:
            backend = None if self._store.sqlite else conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            while True:
                taken, cursor = self._one(conn, backend, wanted, cursor)
                requests.append(taken)
                if cursor is None:
                    return requests

    def _one(
        self, conn: Connection, backend: int | None, wanted: Filter, cursor: int | None
    ) -> tuple[Taken, int | None]:
        begun, cpu = time.perf_counter(), time.process_time() + _of_backend(backend)
        found, following = inbox.page(conn, self._mailbox, wanted, caller=READER, cursor=cursor)
        spent = time.process_time() + _of_backend(backend) - cpu
        cut = following is not None and len(found) < inbox.PAGE
        return Taken((time.perf_counter() - begun) * 1_000, spent * 1_000, cut), following


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of a request, of them CPU; whether its page is short although another follows."""

    wall: float
    cpu: float
    cut: bool = False


def _of_backend(pid: int | None) -> float:
    """Seconds of CPU that PostgreSQL's process for the connection has used; 0 without one on this machine."""
    file = Path(f"/proc/{pid}/schedstat")
    return int(file.read_text(encoding="ascii").split()[0]) / 1e9 if pid is not None and file.exists() else 0.0


def like(store: Store, asked: Sequence[str]) -> list[Taken]:
    taken = []
    s = INBOUND_SEARCH.c
    for query in asked:
        begun = time.perf_counter()
        with store.read() as conn:
            scan = select(s.id).where(*(func.lower(s.words).like(f"%{word}%") for word in query.split()))
            conn.execute(scan.order_by(s.id.desc()).limit(51)).all()
        taken.append(Taken((time.perf_counter() - begun) * 1_000, 0.0))
    return taken


def told(name: str, taken: Sequence[Taken]) -> None:
    walls, cpus = [one.wall for one in taken], [one.cpu for one in taken]
    cut = sum(one.cut for one in taken)
    print(
        f"  {name:32} p50 {statistics.median(walls):7.1f}  p95 {_p95(walls):7.1f}  most {max(walls):7.1f} ms;"
        f"  CPU {statistics.median(cpus):6.1f} {_p95(cpus):6.1f} {max(cpus):6.1f}" + (f"  cut {cut}" if cut else "")
    )


def _p95(figures: Sequence[float]) -> float:
    return sorted(figures)[-(len(figures) // 20) - 1]


def main(n: int, url: str) -> None:
    store = Store(url, clock=FakeClock())
    migrate.upgrade(store.engine)
    if not store.rows(select(MAILBOX.c.id).limit(1)):
        filled(store, n)
    for mailbox, name in ((LARGE, "the large mailbox"), (SMALL, "a small mailbox")):
        meter = Meter(store, mailbox)
        asked = {**questions(n), **alone(n), **in_parts()}
        meter.ask([wanted for kind in asked.values() for wanted in kind[:1]])
        print(f"{store.engine.dialect.name}, {name}")
        everything = []
        for kind, wanted in asked.items():
            taken = meter.ask(wanted)
            told(kind, taken)
            everything += taken
        told("all of these", everything)
        for kind, (hard, *_) in in_parts().items():
            requests = meter.to_the_end(hard)
            told(f"{kind}: {len(requests)} requests", requests)
    told("LIKE, words alone", like(store, ("w1", "w700", "w20000", "w1 w30", "w700 w2", "w300 w700")))
    store.close()


def filled(store: Store, n: int) -> None:
    begun = time.perf_counter()
    fill(store, n)
    if not store.sqlite:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")
    print(f"{store.engine.dialect.name}: {n:,} messages in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    number_ = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    if len(sys.argv) > 2:
        main(number_, sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as directory:
            main(number_, f"sqlite:///{Path(directory) / 'bench.db'}")
