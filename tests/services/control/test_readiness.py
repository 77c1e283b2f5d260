"""Ready means that mail can leave: a process that lives and cannot claim is no delivery."""

from __future__ import annotations

import pytest

from core.db.store import Store
from core.demo.clock import FakeClock
from core.durations import BEAT
from core.model import SILENT
from core.services.control import readiness
from core.services.sending import delivery
from tests.factories.desk import make_desk


@pytest.fixture
def desk(store: Store) -> Store:
    make_desk(store)
    return store


def enlist(store: Store, worker: int = 1) -> None:
    store.transact(lambda tx: delivery.register_worker(tx, worker=worker, pid=worker))


def beat(store: Store, worker: int = 1, *, claimed_at: int | None, trouble: str | None = None) -> None:
    store.transact(lambda tx: delivery.heartbeat(tx, worker=worker, claimed_at=claimed_at, trouble=trouble))


def faults(store: Store) -> list[str]:
    with store.read() as conn:
        return [one.what for one in readiness.delivery(conn, now=store.clock.now())]


def test_without_a_process_nothing_is_delivered(desk: Store) -> None:
    assert faults(desk) == ["deliver"]


def test_a_process_that_has_just_started_is_trusted(desk: Store) -> None:
    enlist(desk)
    assert faults(desk) == []


def test_a_process_without_a_beat_is_gone(desk: Store, clock: FakeClock) -> None:
    enlist(desk)
    clock.advance(micros=SILENT)
    assert faults(desk) == ["deliver"]


def test_a_process_that_cannot_claim_is_no_delivery_unless_another_can(desk: Store, clock: FakeClock) -> None:
    enlist(desk)
    beat(desk, claimed_at=clock.now(), trouble="permission denied for table ready")
    assert faults(desk) == ["claim"]
    enlist(desk, 2)
    beat(desk, 2, claimed_at=clock.now())
    assert faults(desk) == []


def test_a_process_whose_claims_hang_is_no_delivery(desk: Store, clock: FakeClock) -> None:
    enlist(desk)
    claimed = clock.now()
    for _ in range(SILENT // BEAT + 1):
        clock.advance(micros=BEAT)
        beat(desk, claimed_at=claimed)
    assert faults(desk) == ["claim"]
    beat(desk, claimed_at=clock.now())
    assert faults(desk) == []
