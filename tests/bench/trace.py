"""Duration of a trace among a million messages: the worst of five, for every kind of key.

    uv run python tests/bench/trace.py [--messages 1000000]

Builds a desk in a temporary SQLite file: messages, recipients, three log events per message, one run per hundred.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.db import migrate
from core.db.store import Store
from core.demo.clock import FakeClock
from core.ids import spell_id
from core.rules import signed_ids
from core.services.audit.trace import trace
from tests.factories.desk import DOMAIN, KEYRING, Bench, make_desk

BATCH_SIZE = 20_000
A_RUN = 100
PEOPLE = 200_000
FIRST = 1 << 40
Values = tuple[object, ...]


def rows_of(desk: Bench, numbers: range) -> dict[str, list[Values]]:
    """Rows of one batch, by insert statement."""
    now = desk.store.clock.now()
    run: list[Values] = []
    message: list[Values] = []
    recipient: list[Values] = []
    event: list[Values] = []
    for n in numbers:
        one, at = FIRST + n, now + n
        if n % A_RUN == 0:
            run.append(
                (n // A_RUN + 1, desk.agent_id, f"run-{n // A_RUN}", 1, 0, f"user{n // A_RUN % 500}@acme.test", now)
            )
        rfc = signed_ids.message_id(one, domain=DOMAIN, keyring=KEYRING)
        ids = (desk.mailbox_id, desk.agent_id, desk.stream_id, n // A_RUN + 1, 1)
        message.append((one, *ids, "Your refund", "0" * 64, rfc, n, at, at))
        recipient.append((one, 0, *[f"p{n % PEOPLE}@example.com"] * 3, at, f"provider-{n}"))
        for k, (kind, data) in enumerate(EVENTS):
            where = (one, desk.mailbox_id, desk.agent_id, None, desk.stream_id)
            event.append((3 * n + k + 1, at, kind, "agent:support-bot", *where, data, b"", b""))
    return {RUN: run, MESSAGE: message, RECIPIENT: recipient, EVENT: event}


EVENTS = (
    (
        "email.submitted",
        b'{"kind":"send","digest":"00","size":1,"recipients":1,"content_class":"transactional","policy":1,"token":1}',
    ),
    ("email.queued", b'{"recipients":1,"due":1}'),
    ("email.sent", b'{"n":0,"attempt":1,"code":250,"site":"example.com"}'),
)
RUN = "INSERT INTO run (id, agent_id, key, token_id, implicit, user, via, opened_at) VALUES (?, ?, ?, ?, ?, ?, '[]', ?)"
MESSAGE = """INSERT INTO message (id, mailbox_id, agent_id, stream_id, run_id, token_id, kind, direction, test,
 untraced, status, content_class, subject, digest, rfc_message_id, conversation, size, smtputf8, tags, meta,
 policy_version, facts, submitted_at, released_at, recipients, open)
 VALUES (?, ?, ?, ?, ?, ?, 'send', 'out', 0, 0, 'sent', 'transactional', ?, ?, ?, ?, 1, 0, '[]', '{}', 1, '{}', ?, ?, 1,
 0)"""
RECIPIENT = """INSERT INTO recipient (message_id, n, address, path, given, field, status, charged, attempts, sent_at,
 provider_id) VALUES (?, ?, ?, ?, ?, 'to', 'sent', 1, 1, ?, ?)"""
EVENT = """INSERT INTO event (seq, at, type, actor, message, mailbox, agent, run, stream, data, prev, hash)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def build(desk: Bench, messages: int) -> None:
    with desk.store.engine.connect() as conn:
        raw = conn.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA synchronous=OFF")
        for at in range(0, messages, BATCH_SIZE):
            raw.execute("BEGIN")
            for statement, rows in rows_of(desk, range(at, min(messages, at + BATCH_SIZE))).items():
                raw.executemany(statement, rows)
            raw.execute("COMMIT")


def keys(messages: int) -> Iterator[tuple[str, str]]:
    one = FIRST + messages // 2
    yield "message id", spell_id("m", one)
    yield "Message-ID", signed_ids.message_id(one, domain=DOMAIN, keyring=KEYRING)
    yield "X-Postroom-Message-ID", signed_ids.trace_header(one, keyring=KEYRING)
    yield "return path", signed_ids.return_path(one, 0, domain=DOMAIN, keyring=KEYRING)
    yield "provider id", f"provider-{messages // 2}"
    yield "recipient", f"p{messages // 2 % PEOPLE}@example.com"
    yield "run", f"run-{messages // 2 // A_RUN}"
    yield "agent", "support-bot"
    yield "user", "user7@acme.test"
    yield "not ours", f"<20260105.77@{DOMAIN}>"
    yield "unknown", "nobody@elsewhere.example"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=1_000_000)
    messages = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/postroom.db", clock=FakeClock())
        migrate.upgrade(store.engine)
        desk = make_desk(store)
        start = time.perf_counter()
        build(desk, messages)
        print(f"{messages:,} messages, {3 * messages:,} events, built in {time.perf_counter() - start:.0f} s\n")
        print(f"{'trace by':24}{'messages':>9}{'steps':>7}{'worst of 5, ms':>16}")
        for name, key in keys(messages):
            times = []
            for _ in range(5):
                with store.read() as conn:
                    start = time.perf_counter()
                    story = trace(conn, key, KEYRING)
                    times.append(time.perf_counter() - start)
            print(f"{name:24}{len(story.messages):9}{len(story.steps):7}{max(times) * 1e3:16.1f}")
        store.close()


if __name__ == "__main__":
    main()
