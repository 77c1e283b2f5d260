"""History: counters of each hour as steps, rates with the guards' lines, and a chart that has axes."""

from __future__ import annotations

import pytest

from core.db.counters import SITE_OF_DESK, bucket
from core.db.queries import history
from core.db.store import Store
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.durations import DAY, HOUR
from core.errors import NotFound
from core.services.sending.review import Decision, decide
from core.views.history import Of, Series, Span, Unit, axis, chart
from tests.db.test_queries import held
from tests.factories.desk import ALICE, DOMAIN, WIDE, make_desk


@pytest.mark.parametrize("span", Span)
def test_every_hour_is_in_its_step_and_what_is_older_in_none(store: Store, clock: FakeClock, span: Span) -> None:
    desk = make_desk(store, **WIDE)
    now = clock.now()

    def count(tx: Transaction) -> None:
        for back in (0, span.step, (span.steps - 1) * span.step, (span.steps + 1) * span.step):
            minute = bucket(now - back, 60)
            tx.bump("mailbox", str(desk.mailbox_id), "sent_1h", minute=minute, n=5)
            tx.bump(SITE_OF_DESK, "gmail.com", "sent_1h", minute=minute, n=2)

    store.transact(count)
    for of, name, each in (
        (Of.DESK, "", 5), (Of.AGENT, "support-bot", 5), (Of.STREAM, DOMAIN, 5), (Of.SITE, "Gmail.com", 2),
    ):  # fmt: skip
        with store.read() as conn:
            sent = history.figures(conn, of, name, span, now=now)["sent_1h"]
        assert len(sent) == span.steps
        assert (sent[-1], sent[-2], sent[0], sum(sent)) == (each, each, each, 3 * each), of
    with store.read() as conn, pytest.raises(NotFound, match="there is no agent nobody"):
        history.figures(conn, Of.AGENT, "nobody", span, now=now)


def test_what_is_held_sent_and_decided_is_counted_where_it_happens(store: Store, clock: FakeClock) -> None:
    desk = make_desk(store, **WIDE)
    item = held(desk)
    clock.advance(seconds=90)
    store.transact(lambda tx: decide(tx, Decision(item, approve=True), actor=ALICE))
    with store.read() as conn:
        found = history.figures(conn, Of.AGENT, "support-bot", Span.DAY, now=clock.now())
    assert (sum(found["held_1h"]), sum(found["decided_1h"]), sum(found["review_seconds_1h"])) == (1, 1, 90)


def test_a_chart_has_a_scale_a_line_for_the_guard_and_an_axis_of_time() -> None:
    series = Series("complaints", Unit.SHARE, (None, 0.0, 0.001, 0.004), 0.001, warn=0.002, suspend=0.003)
    assert chart(series, height=4) == [
        "0.40 % ┤   █",
        "       ┤┄┄┄█ suspend 0.30 %",
        "       ┤┄┄┄█ warn 0.20 %",
        "0.00 % ┤  ██",
    ]
    ticks, labels = axis(Span.DAY, ["00:00", "12:00", "24:00"], margin=2)
    assert ticks == "   └┴───────────┴──────────┴"
    assert labels.index("24:00") + 5 == len(ticks)


def test_the_last_step_is_the_one_in_progress() -> None:
    for span in Span:
        start = history.begin(span, now=10 * DAY + 5 * HOUR)
        assert start + (span.steps - 1) * span.step <= 10 * DAY + 5 * HOUR < start + span.steps * span.step
