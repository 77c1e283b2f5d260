"""Gateways come and go: each start, end and loss is one entry of the log."""

from __future__ import annotations

import pytest

from core.db.store import Store
from core.demo.clock import FakeClock
from core.durations import BEAT, HOUR, SECOND
from core.services.control import gateway_registry
from core.services.control.gateway_registry import LOST, Place
from tests.factories.delivery import events
from tests.factories.desk import make_desk

pytestmark = pytest.mark.both_databases

ONE, TWO = Place(1, "a.test", 10, "127.0.0.1:8025"), Place(2, "b.test", 20, "127.0.0.1:8026")
KINDS = ("gateway.started", "gateway.stopped", "gateway.lost")


@pytest.fixture
def desk(store: Store) -> Store:
    make_desk(store)
    return store


def start(store: Store, place: Place, *, is_running: bool | None = None) -> None:
    store.transact(lambda tx: gateway_registry.start(tx, place, is_running=lambda _host, _pid: is_running))


def beat(store: Store, place: Place) -> None:
    store.transact(lambda tx: gateway_registry.beat(tx, place))


def told(store: Store) -> list[tuple[str, int]]:
    return [(one.type, one.pid) for one in events(store, *KINDS)]  # type: ignore[attr-defined]  # these three have it


def test_a_gateway_that_ends_in_order_was_started_and_stopped(desk: Store) -> None:
    start(desk, ONE)
    desk.transact(lambda tx: gateway_registry.stop(tx, ONE))
    desk.transact(lambda tx: gateway_registry.stop(tx, ONE))
    assert told(desk) == [("gateway.started", 10), ("gateway.stopped", 10)]


def test_a_gateway_whose_beats_stop_is_lost_once_and_others_are_not(desk: Store, clock: FakeClock) -> None:
    start(desk, ONE)
    start(desk, TWO)
    for _ in range(LOST // BEAT + 1):
        clock.advance(micros=BEAT)
        beat(desk, TWO)
    assert [desk.transact(gateway_registry.notice_lost) for _ in range(3)] == [1, 0, 0]
    (lost,) = events(desk, "gateway.lost")
    assert (lost.host, lost.silent_ms) == ("a.test", (LOST // BEAT + 1) * BEAT // 1_000)  # type: ignore[attr-defined]


def test_the_next_start_notices_at_once_that_a_process_of_its_machine_is_gone(desk: Store, clock: FakeClock) -> None:
    start(desk, ONE)
    clock.advance(seconds=1)
    start(desk, TWO, is_running=False)
    assert told(desk) == [("gateway.started", 10), ("gateway.lost", 10), ("gateway.started", 20)]


@pytest.mark.parametrize("alive", [True, None])
def test_the_next_start_leaves_alone_what_may_live(desk: Store, clock: FakeClock, alive: bool | None) -> None:  # noqa: FBT001 - pytest's
    start(desk, ONE)
    clock.advance(seconds=1)
    start(desk, TWO, is_running=alive)
    assert told(desk) == [("gateway.started", 10), ("gateway.started", 20)]


def test_one_that_comes_back_says_so(desk: Store, clock: FakeClock) -> None:
    start(desk, ONE)
    clock.advance(micros=LOST)
    assert desk.transact(gateway_registry.notice_lost) == 1
    beat(desk, ONE)
    beat(desk, ONE)
    assert told(desk) == [("gateway.started", 10), ("gateway.lost", 10), ("gateway.started", 10)]
    assert [one.again for one in events(desk, "gateway.started")] == [False, True]  # type: ignore[attr-defined]


def test_a_clock_that_is_set_back_keeps_nobody_alive(desk: Store, clock: FakeClock) -> None:
    start(desk, ONE)
    clock.advance(micros=-HOUR)
    assert desk.transact(gateway_registry.notice_lost) == 1


def test_a_short_silence_is_no_loss(desk: Store, clock: FakeClock) -> None:
    start(desk, ONE)
    clock.advance(micros=LOST - SECOND)
    assert desk.transact(gateway_registry.notice_lost) == 0
