"""All mailboxes of a stream share what may go to one site: a receiver sees the domain, not its mailboxes."""

from __future__ import annotations

from typing import Any, Final

import pytest

from core.db import gate_queries
from core.db.store import Store
from core.demo.clock import FakeClock
from core.durations import HOUR, MINUTE
from core.model import Mode
from core.rules.policy import Policy
from core.services.control import policy as control_policy
from core.services.identity import mailbox_settings
from core.services.sending import limit_gauges, site_limits
from tests.factories.delivery import attempt, claim, settle
from tests.factories.desk import ADDRESS, DOMAIN, GAIL, WIDE, Bench, add_mailbox, issue, make_desk

SECOND: Final = f"sales@{DOMAIN}"
OTHER_SITES: Final = {"limit_site_minute": None, "limit_site_hour": None}


def two_mailboxes(store: Store, *, policy: dict[str, Any] | None = None, **limits: Any) -> tuple[Bench, Bench]:
    """Two agents, a mailbox each, on one stream; free to send, with the policy's figures for sites."""
    figures = WIDE | OTHER_SITES | limits
    first = make_desk(store, mode=Mode.AUTONOMOUS, policy=Policy.model_validate(policy or {}), **figures)
    agent, box = store.transact(
        lambda tx: add_mailbox(
            tx, agent="sales-bot", address=SECOND, stream=first.stream_id, mode=Mode.AUTONOMOUS, **figures
        )
    )
    token = issue(store, agent, secret="pra_sales")
    return first, Bench(store, first.ctx, agent, first.stream_id, box, token)


def hand_in(first: Bench, second: Bench, n: int, *, domain: str = "gmail.com") -> None:
    for i in range(n):
        first.submit(f"a{i}@{domain}", sender=ADDRESS)
        second.submit(f"b{i}@{domain}", sender=SECOND)


def leave_for(store: Store, span: int, *, step: int = MINUTE // 100) -> list[tuple[int, str]]:
    """See off whatever may go within the span, looking a hundred times a minute; when and from whom each left."""
    assert isinstance(store.clock, FakeClock)
    gone: list[tuple[int, str]] = []
    for _ in range(span // step):
        store.clock.advance(micros=step)
        claimed = claim(store)
        assert len(attempt(store, claimed)) == len(claimed)
        settle(store, claimed)
        gone += [(store.clock.now(), str(one.mailbox_id)) for one in claimed]
    return gone


def test_two_mailboxes_of_one_stream_stay_under_its_pace_together(store: Store) -> None:
    first, second = two_mailboxes(store)
    hand_in(first, second, 60)
    gone = leave_for(store, 2 * MINUTE)
    times = [at for at, _ in gone]
    assert all(sum(start <= at < start + MINUTE for at in times) <= 50 for start in times)
    assert len(gone) >= 90, "and what the pace allows does leave"
    shares = [sum(box == str(one.mailbox_id) for _, box in gone) for one in (first, second)]
    assert min(shares) >= 30, f"neither keeps the other from leaving: {shares}"


def test_each_site_of_a_stream_has_a_pace_of_its_own(store: Store) -> None:
    first, second = two_mailboxes(store)
    hand_in(first, second, 40)
    hand_in(first, second, 40, domain="outlook.com")
    assert 90 <= len(leave_for(store, MINUTE)) <= 100


def test_the_hour_of_a_stream_at_a_site_is_never_exceeded(store: Store) -> None:
    paces = {"minute": 1_000, "hour": 600, "stream_minute": 1_000, "stream_hour": 600}
    first, second = two_mailboxes(store, policy={"budgets": {"site": paces | {"hour": 10, "stream_hour": 15}}})
    hand_in(first, second, 20, domain="one.test")
    gone = leave_for(store, 5 * MINUTE)
    assert len(gone) == 15
    waiting = {
        one.name: one for one in store.look(lambda tx: limit_gauges.gauges(tx, gate_queries.gate(tx, first.mailbox_id)))
    }
    assert (waiting["stream_site_hour:one.test"].used, waiting["stream_site_hour:one.test"].cap) == (15, 15)
    times = [at for at, _ in gone + leave_for(store, HOUR, step=MINUTE) + leave_for(store, 8 * MINUTE)]
    assert len(times) == 30, "and the next hour has as many again"
    assert all(sum(start <= at < start + HOUR for at in times) <= 15 for start in times)


def test_a_mailbox_that_governance_has_widened_takes_its_stream_along(store: Store) -> None:
    first, second = two_mailboxes(store)
    hand_in(first, second, 70)
    assert len(leave_for(store, MINUTE)) <= 50
    change = mailbox_settings.Change(limits={"site_minute": 100})
    store.transact(lambda tx: mailbox_settings.change_limits(tx, SECOND, change, reason="a launch", actor=GAIL))
    gone = leave_for(store, MINUTE // 2)
    assert 40 <= len(gone) <= 51
    assert sum(box == str(first.mailbox_id) for _, box in gone) <= 26, "the other has its own pace still"


def test_a_policy_that_tightens_binds_what_waits_already(store: Store) -> None:
    first, second = two_mailboxes(store, policy={"budgets": {"site": {"stream_minute": 500}}})
    hand_in(first, second, 60)
    assert len(leave_for(store, MINUTE // 2)) >= 45, "two at fifty a minute each"
    tight = Policy.model_validate({"budgets": {"site": {"minute": 20, "stream_minute": 20}, "sites": {}}})
    store.transact(lambda tx: control_policy.apply_policy(tx, tight, reason="gmail complains", actor=GAIL))
    assert len(leave_for(store, MINUTE)) <= 21


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, (50, 600)),
        ({"site": {"stream_minute": 80}}, (80, 600)),
        ({"site": {"minute": 200}, "sites": {}}, (200, 600)),
        ({"site": {"stream_minute": 80}, "sites": {"gmail.com": {"stream_minute": 60}}}, (60, 600)),
        ({"sites": {"gmail.com": {"minute": 10, "stream_hour": 900}}}, (50, 900)),
    ],
)
def test_a_stream_has_what_policy_says_and_never_less_than_one_mailbox(
    store: Store, section: dict[str, Any], expected: tuple[int, int]
) -> None:
    first, _ = two_mailboxes(store, policy={"budgets": section})

    def figures(tx: Any) -> tuple[int, int]:
        box = gate_queries.gate(tx, first.mailbox_id)
        return (
            site_limits.stream_site_pace(tx, box, "gmail.com"),
            site_limits.stream_site_cap(tx, box, "gmail.com").cap,
        )

    assert store.look(figures) == expected
