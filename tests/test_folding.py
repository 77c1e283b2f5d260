"""Repeats of an event are one line, with their number and since when; what differs or comes later is another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.db.queries import events
from core.db.store import Store
from core.durations import MINUTE, SECOND
from core.events import AgentSuspended, EmailComplained
from core.ids import read_id
from core.model import GUARD
from core.views.events import EventRow, Severity
from core.views.folding import fold, repeated
from tests.factories.desk import WIDE, make_desk

ONE = EventRow(
    seq=1, at=0, severity=Severity.WARN, type="email.deferred", actor="gateway", target="m1", detail="", message=1,
    mailbox=7, agent=3, run=None, stream=2, data={}, hash="",
)  # fmt: skip


def rows(n: int, *, first: int = 1, apart: int = SECOND, **values: object) -> list[EventRow]:
    return [replace(ONE, seq=first + i, at=i * apart, message=i, **values) for i in range(n)]  # type: ignore[arg-type]


def shown(found: list[EventRow], **more: frozenset[int]) -> list[tuple[int, int]]:
    return [(line.row.seq, line.count) for line in fold(found, **more)]


def test_repeats_are_one_line_even_with_others_between_them() -> None:
    deferred = [replace(row, seq=row.seq * 2) for row in rows(50)]
    sent = [replace(row, seq=row.seq * 2 + 1, type="email.sent", severity=Severity.INFO) for row in rows(50)]
    assert shown(deferred + sent) == [(101, 50), (100, 50)]
    line = fold(deferred)[0]
    assert (line.seqs[0], line.seqs[-1], line.since) == (100, 2, 0)


@pytest.mark.parametrize("other", [{"mailbox": 8}, {"type": "email.failed"}, {"actor": "alice"}, {"agent": 4}])
def test_another_subject_or_actor_is_another_line(other: dict[str, Any]) -> None:
    assert shown(rows(4) + rows(4, first=10, **other)) == [(13, 4), (4, 4)]


def test_what_happens_again_later_is_another_line() -> None:
    again = [replace(row, at=row.at + 20 * MINUTE) for row in rows(4, first=10)]
    assert shown(rows(4) + again) == [(13, 4), (4, 4)]


def test_few_are_shown_one_by_one_and_so_is_what_people_did_and_what_was_opened() -> None:
    assert shown(rows(2)) == [(2, 1), (1, 1)]
    assert shown(rows(4, type="mailbox.mode_changed")) == [(4, 1), (3, 1), (2, 1), (1, 1)]
    assert shown(rows(3), opened=frozenset({3})) == [(3, 1), (2, 1), (1, 1)]


def test_a_line_says_how_many_in_what_time() -> None:
    assert repeated(fold(rows(2_341, apart=SECOND // 10))[0]) == "x2,341 in 4 min"
    assert repeated(fold(rows(4))[0]) == "x4 in 3 s"
    assert not repeated(fold(rows(1))[0])


def test_a_suspension_shows_the_complaints_that_caused_it(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    items = [read_id("m", desk.submit(f"p{n}@example.com").message_id or "") for n in range(3)]
    ids = {"mailbox": desk.mailbox_id, "agent": desk.agent_id, "stream": desk.stream_id}
    for item in items[:2]:
        complaint = EmailComplained(actor="recipient", message=item, n=0, source="report", **ids)
        store.transact(lambda tx, complaint=complaint: tx.emit(complaint))  # type: ignore[misc]  # bound now
    suspended = AgentSuspended(
        actor=str(GUARD), agent=desk.agent_id, reason="complaints", guard="complaints", figures={}, in_flight=0,
        queued=0, pending=0,
    )  # fmt: skip
    store.transact(lambda tx: tx.emit(suspended))
    with store.read() as conn:
        newest = events.page(conn, limit=1).rows[0]
        found = events.whole(conn, newest.seq)
        assert found is not None
        assert (found.row.type, [one.message for one in found.causes]) == ("agent.suspended", items[1::-1])
        first = events.whole(conn, 1)
        assert first is not None
        assert first.causes == ()
        assert events.whole(conn, 10_000) is None
