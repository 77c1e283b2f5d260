"""Why receivers refuse: a table of replies in their own words, and the rules it stands for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.reports import Event, read
from core.rules.reports.bounce_causes import DEAD, Cause, judge
from core.rules.reports.codes import reply_code
from core.rules.reports.normalize import MAX_WORDS, plain

TABLE = Path(__file__).parents[1] / "corpus" / "replies.txt"
REPLIES = [
    tuple(line.split(" | ", 4))
    for line in TABLE.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("code", "stage", "cause", "suppress", "text"), REPLIES, ids=[one[4][:60] for one in REPLIES])
def test_reply_has_its_cause_and_condemns_only_the_dead(
    code: str, stage: str, cause: str, suppress: str, text: str
) -> None:
    number = None if code == "-" else int(code)
    judged = judge(code=number, status=None, text=text, late=stage == "dot")
    assert (judged.cause, "suppress" if judged.suppress else "keep") == (cause, suppress)
    if number is not None:
        assert judged.permanent is (number >= 500)


@pytest.mark.parametrize(
    "one", [one for one in REPLIES if one[0] != "-" and int(one[0]) >= 500], ids=lambda one: one[4][:60]
)
def test_the_same_words_mean_the_same_in_a_delivery_status(one: tuple[str, ...]) -> None:
    code, stage, _, suppress, text = one
    if stage == "dot" and "in reply to" not in text:
        text += " (in reply to end of DATA command)"
    report = read(
        b"From: MAILER-DAEMON@mx.example.net\nSubject: Undeliverable\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        b"--b\n\nNot delivered.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
        b"Final-Recipient: rfc822; jane@a.example\nAction: failed\nStatus: 5.0.0\n"
        + f"Diagnostic-Code: smtp; {code} {text}\n\n--b--\n".encode()
    )
    assert [(each.address, each.event, each.permanent) for each in report.recipients] == [
        ("jane@a.example", Event.BOUNCED, True)
    ]
    assert report.recipients[0].suppress is (suppress == "suppress")


def test_table_is_wide_and_speaks_many_languages() -> None:
    assert len(REPLIES) >= 250
    assert {one[2] for one in REPLIES} == {cause.value for cause in Cause}
    assert sum(not one[4].isascii() for one in REPLIES) >= 60


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("5.2.2", "Mailbox full"),
        ("5.2.2", ""),
        ("5.1.1", "mailbox is over its quota"),
        ("5.2.1", "receiving mail at a rate that prevents additional messages from being delivered"),
        ("5.2.1", "content not acceptable"),
        ("5.0.0", ""),
        ("5.7.1", ""),
        ("5.1.8", ""),
        ("5.1.1", "message blocked: your IP is on a blacklist"),
        ("5.4.7", "delivery time expired"),
    ],
)
def test_status_code_that_leaves_doubt_condemns_nobody(status: str, text: str) -> None:
    assert not judge(code=550, status=status, text=text).suppress


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
def test_status_code_alone_is_believed(status: str) -> None:
    assert judge(code=None, status=status, text="").suppress


def test_temporary_reply_never_condemns() -> None:
    for one in REPLIES:
        assert not judge(code=450, status="4.0.0", text=one[4].replace("5.", "4.")).suppress


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("552 Message for jane would exceed mailbox quota", 552),
        ("550 recipient rejected", 550),
        ("host mx.example said: 550 recipient rejected", 550),
        ("the queue holds 450 messages", None),
        ("waited for 451 seconds", None),
        ("smtp; 571 delivery not authorized", 571),
        ("limit is 552 bytes", None),
        ("version 5.5.0 build 550", 550),
    ],
)
def test_number_that_begins_a_reply_is_its_code(text: str, code: int | None) -> None:
    assert reply_code(text) == code


def test_words_of_addresses_hosts_and_links_are_not_the_receivers() -> None:
    assert judge(code=550, status=None, text="spam@spam.example.com: User unknown").cause is Cause.UNKNOWN_USER
    assert judge(code=550, status=None, text="<no-such-user@a.example>: not today").cause not in DEAD
    assert judge(code=550, status=None, text="User unknown, see https://a.example/spam/policy").suppress


@given(st.text(max_size=400))
def test_any_words_are_judged_and_stay_bounded(text: str) -> None:
    assert judge(code=550, status=None, text=text).permanent
    assert len(plain(text)) <= MAX_WORDS


@pytest.mark.parametrize(
    "unit", ["a", "a ", "user ", "a.", "@", "<", "mailbox not ", "550-5.1.1 ", "&#", "用户", "n't "]
)
def test_hostile_words_are_judged_in_milliseconds_of_cpu(unit: str) -> None:
    started = time.process_time()
    judge(code=550, status=None, text=unit * (100_000 // len(unit)))
    assert time.process_time() - started < 1
