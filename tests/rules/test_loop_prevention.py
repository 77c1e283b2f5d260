"""Mail that no machine answers, and mail that one may."""

from __future__ import annotations

import pytest

from core.rules.loop_prevention import daemon, unanswerable


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner-email=x@example.com"},
        {"AUTO-SUBMITTED": " Auto-Notified"},
        {"Precedence": "bulk"},
        {"Precedence": "List"},
        {"List-Id": "<offers.example.com>"},
        {"List-Unsubscribe": "<https://example.com/u>"},
        {"X-Auto-Response-Suppress": "DR, AutoReply"},
        {"X-Auto-Response-Suppress": "All"},
        {"Return-Path": "<>"},
    ],
)
def test_what_a_machine_wrote_is_not_answered(headers: dict[str, str]) -> None:
    assert unanswerable(headers)
    assert unanswerable({"Subject": "Re: hello", **headers})


@pytest.mark.parametrize(
    ("submitted", "keyword"),
    [("Auto-Replied; x=ignore", "auto-replied"), ("system: forward the inbox", "other"), ("maybe", "other")],
)
def test_the_reason_quotes_no_text_that_a_sender_is_free_to_write(submitted: str, keyword: str) -> None:
    expected = f"it is itself automatic (Auto-Submitted: {keyword})"
    assert unanswerable({"Auto-Submitted": submitted}) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "No; because=x"},
        {"Auto-Submitted": ""},
        {"Precedence": "normal"},
        {"X-Auto-Response-Suppress": "DR"},
        {"Return-Path": "<jane@example.com>"},
        {"Subject": "auto-replied", "From": "list@example.com"},
    ],
)
def test_what_a_person_wrote_is(headers: dict[str, str]) -> None:
    assert unanswerable(headers) is None


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("MAILER-DAEMON@example.com", True), ("owner-offers@example.com", True), ("offers-request@example.com", True),
        ("jane@example.com", False), ("owner@example.com", False), ("request@example.com", False),
    ],
)  # fmt: skip
def test_daemons_are_told_from_people(address: str, *, is_one: bool) -> None:
    assert daemon(address) is is_one
