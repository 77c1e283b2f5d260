"""Rejections and unread expiries are told once when they cross their line, and shown while they are over it."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from core.db.store import Store
from core.events import AgentWarned
from core.ids import read_id
from core.rules.policy import Policy
from core.rules.policy.sections import Anomalies
from core.services.audit import status
from core.services.audit.mode_evidence import evidence
from core.services.feedback import anomalies
from core.services.sending import review
from core.services.sending.review import Decision
from core.views.evidence import as_text
from tests.factories.delivery import events
from tests.factories.desk import ADDRESS, ALICE, WIDE, Bench, make_desk


def held(desk: Bench, n: int) -> list[int]:
    """So many messages that wait for a human."""
    return [read_id("m", desk.submit(f"u{i}@example.com").message_id or "") or 0 for i in range(n)]


def decide(desk: Bench, items: list[int], *, approve: bool) -> None:
    for item in items:
        decision = Decision(item, approve=approve, reason=None if approve else "not like this")
        desk.store.transact(functools.partial(review.decide, decision=decision, actor=ALICE))


def watch(store: Store) -> list[AgentWarned]:
    """One look of the chore, and all that was ever told."""
    store.transact(anomalies.watch)
    return [one for one in events(store, "agent.warned") if isinstance(one, AgentWarned)]


def test_a_rejected_fifth_is_told_once_with_its_figures(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    items = held(desk, 10)
    decide(desk, items[:8], approve=True)
    decide(desk, items[8:9], approve=False)
    assert watch(store) == []
    decide(desk, items[9:], approve=False)
    [told] = watch(store)
    assert (told.guard, told.mailbox, told.agent) == ("rejections", desk.mailbox_id, desk.agent_id)
    assert told.figures == {
        "decided": 10, "rejected": 2, "expired": 0, "window": "7d", "limit": 0.2, "suggests": "gated_all",
    }  # fmt: skip
    assert "consider gated_all" in told.reason
    assert watch(store) == [told]


def test_what_came_back_under_the_line_is_told_again_when_it_crosses_again(store: Store, clock: Any) -> None:
    desk = make_desk(store, **WIDE)
    decide(desk, held(desk, 10), approve=False)
    assert len(watch(store)) == 1
    clock.advance(seconds=8 * 24 * 3600)
    assert len(watch(store)) == 1
    decide(desk, held(desk, 10), approve=False)
    assert len(watch(store)) == 2


def test_mail_that_nobody_reads_in_time_is_an_anomaly(store: Store, clock: Any) -> None:
    desk = make_desk(store, **WIDE)
    held(desk, 12)
    clock.advance(seconds=4 * 24 * 3600)
    while store.transact(review.expire_due):
        pass
    [told] = watch(store)
    assert (told.guard, told.figures["expired"]) == ("expiry", 12)


def test_the_agent_and_the_evidence_show_it_until_it_is_over(store: Store, clock: Any) -> None:
    desk = make_desk(store, **WIDE)
    decide(desk, held(desk, 10), approve=False)

    def shown() -> list[str]:
        seen = store.look(lambda tx: status.mailbox(tx, ADDRESS, caller=ALICE)).anomalies
        told = store.look(lambda tx: evidence(tx, ADDRESS))
        assert told.as_json()["anomalies"] == [one.as_json() for one in seen]
        assert all(one.text in as_text(told.as_json()) for one in seen)
        return [one.code for one in seen]

    assert shown() == ["rejections"]
    clock.advance(seconds=8 * 24 * 3600)
    assert shown() == []


@pytest.mark.parametrize(("lines", "told"), [({"rejections": 0.5}, 0), ({"min_decisions": 20}, 0), ({}, 1)])
def test_the_policy_draws_the_lines(store: Store, lines: dict[str, Any], told: int) -> None:
    desk = make_desk(store, **WIDE, policy=Policy(anomalies=Anomalies(**lines)))
    items = held(desk, 10)
    decide(desk, items[:7], approve=True)
    decide(desk, items[7:], approve=False)
    assert len(watch(store)) == told


def test_anomalies_never_suspend(store: Store) -> None:
    desk = make_desk(store, **WIDE)
    decide(desk, held(desk, 30), approve=False)
    watch(store)
    assert desk.submit("more@example.com").status == "pending"
