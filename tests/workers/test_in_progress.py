"""What a worker has in progress closes a domain before it can close a stream, and opens it again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.db.queue import Claimed
from core.db.store import Store
from core.model import Mode
from core.services.sending import delivery
from core.workers.in_progress import DOMAIN_WINDOW, STREAM_WINDOW, TURN, InProgress
from tests.factories.delivery import claim
from tests.factories.desk import WIDE, make_desk


@pytest.fixture
def one(store: Store) -> Claimed:
    make_desk(store, mode=Mode.AUTONOMOUS, **WIDE).submit("jane@slow.test")
    (claimed,) = claim(store)
    return claimed


def test_one_domain_is_closed_before_it_makes_its_stream_busy(one: Claimed) -> None:
    progress = InProgress()
    progress.add([one] * (DOMAIN_WINDOW - TURN))
    assert progress.crowded() == []
    progress.add([one] * TURN)  # the most that one claim takes
    assert progress.crowded() == [(one.stream_id, "slow.test")]
    assert progress.busy() == []
    progress.add([replace(one, domain="quick.test")] * TURN)
    assert progress.busy() == [one.stream_id]


def test_it_says_once_that_more_may_be_claimed(one: Claimed) -> None:
    progress = InProgress()
    progress.add([one] * DOMAIN_WINDOW)
    opened = [progress.remove(one) for _ in range(DOMAIN_WINDOW)]
    assert opened.index(True) + 1 == TURN
    assert opened.count(True) == 1
    assert progress.crowded() == []


def test_a_stream_says_so_too(one: Claimed) -> None:
    progress = InProgress()
    many = [replace(one, domain=f"{n}.test") for n in range(STREAM_WINDOW)]
    progress.add(many)
    assert progress.busy() == [one.stream_id]
    assert [progress.remove(each) for each in many].index(True) + 1 == TURN
    assert progress.busy() == []


def test_a_claim_leaves_out_the_domains_that_are_crowded(store: Store) -> None:
    bench = make_desk(store, mode=Mode.AUTONOMOUS, **WIDE)
    for to in ("jane@slow.test", "joe@quick.test", "kim@slow.test"):
        bench.submit(to)
    elsewhere = (bench.stream_id + 1, "quick.test")

    def claimed(*crowded: tuple[int, str]) -> list[str]:
        turn = store.transact(lambda tx: delivery.claim(tx, worker=1, limit=64, crowded=crowded))
        return [one.domain for one in turn]

    assert claimed((bench.stream_id, "slow.test"), (bench.stream_id, "quick.test")) == []
    assert claimed((bench.stream_id, "slow.test"), elsewhere) == ["quick.test"]
    assert claimed() == ["slow.test"], "they were left where they were; one at a time, as the pace says"
