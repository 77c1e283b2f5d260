"""Guards: which figures warn, which suspend, and what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.durations import DAY, HOUR
from core.model import Mode
from core.rules.guards import (
    EventRecipient,
    Fine,
    Judgement,
    Lines,
    Measure,
    Suspend,
    Warn,
    anomalies,
    bulk_line,
    counts,
    judge,
    percent,
)


def complaints(events: int, delivered: int) -> Judgement:
    return judge(
        Measure.COMPLAINTS,
        delivered=delivered,
        events=events,
        warn=0.0003,
        suspend=0.0005,
        min_events=2,
        window=7 * DAY,
    )


def bounces(events: int, delivered: int) -> Judgement:
    return judge(
        Measure.BOUNCES, delivered=delivered, events=events, warn=0.02, suspend=0.05, min_events=5, window=72 * HOUR
    )


@pytest.mark.parametrize(
    ("events", "delivered", "expected"),
    [
        (0, 0, Fine),
        (0, 10_000, Fine),
        (1, 10, Warn),  # one complaint of ten: a look, not a suspension
        (1, 10_000, Fine),
        (2, 4_000, Warn),  # exactly 0.05 % is not above it
        (2, 3_999, Suspend),
        (3, 10_000, Warn),  # exactly 0.03 %
        (4, 980, Suspend),
    ],
)
def test_complaints_above_the_line_suspend_with_at_least_two(
    events: int, delivered: int, expected: type[Judgement]
) -> None:
    assert isinstance(complaints(events, delivered), expected)


@pytest.mark.parametrize(
    ("events", "delivered", "expected"),
    [
        (4, 10, Warn),
        (5, 100, Suspend),
        (5, 101, Warn),
        (2, 100, Warn),
        (1, 51, Fine),
        (5, 0, Suspend),  # everything came back and nothing arrived
    ],
)
def test_bounces_on_the_line_suspend_with_at_least_five(events: int, delivered: int, expected: type[Judgement]) -> None:
    assert isinstance(bounces(events, delivered), expected)


def test_suspension_says_its_figures_in_a_sentence() -> None:
    found = complaints(4, 980)
    assert found.figures.sentence == "complaints 0.41 % (limit 0.05 %) of 980 delivered in 7d"


def test_warning_names_the_warning_line_as_its_limit() -> None:
    assert bounces(3, 100).figures.sentence == "bounces 3 % (limit 2 %) of 100 delivered in 72h"


@given(events=st.integers(0, 50), delivered=st.integers(0, 5_000))
def test_another_complaint_never_softens_the_judgement(events: int, delivered: int) -> None:
    order = [Fine, Warn, Suspend]
    fewer, more = complaints(events, delivered), complaints(events + 1, delivered)
    assert order.index(type(more)) >= order.index(type(fewer))


def test_small_share_is_never_shown_as_nothing() -> None:
    assert percent(0.00001) == "under 0.01 %"
    assert percent(0.0) == "0 %"
    assert percent(0.1234) == "12.34 %"


def test_many_rejections_suggest_one_rung_less() -> None:
    (found,) = anomalies(Mode.GATED_SEND, decided=10, rejected=2, expired=0)
    assert (found.code, found.suggests) == ("rejections", Mode.GATED_ALL)


def test_few_decisions_say_nothing() -> None:
    assert anomalies(Mode.GATED_SEND, decided=9, rejected=9, expired=0) == ()


def test_below_the_lowest_rung_there_is_nothing_to_suggest() -> None:
    (found,) = anomalies(Mode.READ_ONLY, decided=20, rejected=20, expired=0)
    assert found.suggests is None


def test_mail_expiring_unread_suggests_one_rung_less() -> None:
    (found,) = anomalies(Mode.GATED_SEND, decided=6, rejected=0, expired=4)
    assert (found.code, found.suggests) == ("expiry", Mode.GATED_ALL)


def test_lines_of_the_policy_decide_what_is_an_anomaly() -> None:
    lines = Lines(rejections=0.5, expiry=0.5, minimum=4)
    assert anomalies(Mode.GATED_SEND, decided=4, rejected=1, expired=3, lines=lines) == ()
    both = anomalies(Mode.GATED_SEND, decided=4, rejected=2, expired=4, lines=lines)
    assert [one.code for one in both] == ["rejections", "expiry"]


def test_a_line_of_nothing_still_wants_an_event() -> None:
    lines = Lines(rejections=0.0, expiry=0.0, minimum=1)
    assert anomalies(Mode.GATED_SEND, decided=5, rejected=0, expired=0, lines=lines) == ()


@pytest.mark.parametrize(
    ("sent", "warned", "crossed"), [(3_999, False, False), (4_000, True, False), (5_000, True, True)]
)
def test_bulk_line_warns_from_eighty_per_cent(sent: int, *, warned: bool, crossed: bool) -> None:
    found = bulk_line(sent, domain="acme.com")
    assert (found is not None) is warned
    assert found is None or (found.crossed is crossed and "acme.com" in found.text)


@pytest.mark.parametrize(
    ("of_domain", "to_domain", "counted"),
    [(3, 0, True), (4, 0, False), (4, 19, False), (4, 20, True)],
    ids=["one less than suspends", "as many as suspend", "just under a fifth of the mail", "a fifth of the mail"],
)
def test_a_small_domain_counts_up_to_one_recipient_less_than_suspends(
    of_domain: int,
    to_domain: int,
    counted: bool,  # noqa: FBT001 - a case
) -> None:
    """Whoever owns a domain must not be able to suspend an agent by addresses of their own making."""
    one = EventRecipient(counted=False, of_domain=of_domain, to_domain=to_domain, strangers=False)
    assert counts(one, delivered=100, min_events=5) is counted


def test_the_same_recipient_counts_once_and_strangers_always() -> None:
    again = EventRecipient(counted=True, of_domain=0, to_domain=100, strangers=True)
    stranger = EventRecipient(counted=False, of_domain=50, to_domain=1, strangers=True)
    assert (counts(again, delivered=100, min_events=5), counts(stranger, delivered=100, min_events=5)) == (False, True)
