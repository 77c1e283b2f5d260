"""Every error and every code comes to an outcome."""

from __future__ import annotations

import inspect
import socket
import ssl

import aiosmtplib
import aiosmtplib.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Outcome
from core.smtp import replies
from core.smtp.replies import Answer, Garbled, Reader, Stage, judge, unopened

ALL = [
    kind
    for _, kind in inspect.getmembers(aiosmtplib.errors, inspect.isclass)
    if issubclass(kind, aiosmtplib.SMTPException)
]
STAGES: list[Stage] = ["mail", "rcpt", "data", "dot"]


def an(kind: type[aiosmtplib.SMTPException]) -> aiosmtplib.SMTPException:
    if issubclass(kind, aiosmtplib.SMTPRecipientsRefused):
        return kind([])
    if issubclass(kind, aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPRecipientRefused):
        return kind(451, "said", "a@b.example")
    return kind(451, "said") if issubclass(kind, aiosmtplib.SMTPResponseException) else kind("said")


@pytest.mark.parametrize("kind", ALL)
def test_every_error_of_the_library_has_an_outcome(kind: type[aiosmtplib.SMTPException]) -> None:
    assert kind in replies._OF_ERRORS, "a new error of aiosmtplib: decide what it means"
    reply = unopened(an(kind), stage="connect", host="mx.example", tls=False)
    assert reply.outcome is Outcome.ROUTE_DOWN
    assert reply.enhanced is not None
    assert reply.enhanced[0] == "4"
    assert reply.code == (451 if issubclass(kind, aiosmtplib.SMTPResponseException) else None)


@pytest.mark.parametrize(
    ("error", "enhanced"),
    [
        (ConnectionRefusedError(111, "refused"), "4.4.1"),
        (TimeoutError(), "4.4.1"),
        (socket.gaierror(-2, "unknown"), "4.4.4"),
        (ssl.SSLCertVerificationError(1, "no"), "4.7.5"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "4.3.5"),
        (RuntimeError("closed"), "4.4.2"),
    ],
)
def test_errors_of_the_network_take_the_route_down(error: Exception, enhanced: str) -> None:
    reply = unopened(error, stage="connect", host="mx.example", tls=False)
    assert (reply.outcome, reply.enhanced) == (Outcome.ROUTE_DOWN, enhanced)
    assert reply.text
    assert isinstance(error, replies.OPENING_ERRORS)


@pytest.mark.parametrize("stage", STAGES)
def test_every_code_comes_to_an_outcome(stage: Stage) -> None:
    for code in range(200, 600):
        _judged_well(code, stage)


def _judged_well(code: int, stage: Stage) -> None:
    reply = judge(Answer(code, "words"), stage=stage, host="mx.example", tls=False)
    if code < 400:
        assert reply.outcome is (
            Outcome.SENT if stage == "dot" and code < 300 else Outcome.UNCERTAIN if stage == "dot" else Outcome.DEFERRED
        )
    elif code < 500:
        assert reply.outcome in {Outcome.DEFERRED, Outcome.ROUTE_DOWN}
    else:
        assert reply.outcome in {Outcome.FAILED, Outcome.ROUTE_DOWN, Outcome.DEFERRED}
    if reply.outcome is Outcome.FAILED:
        assert reply.enhanced is not None
        assert reply.enhanced[0] == "5"


@pytest.mark.parametrize(
    ("code", "stage", "text", "enhanced"),
    [
        (550, "rcpt", "5.1.1 unknown", "5.1.1"),
        (550, "rcpt", "4.1.1 of another class", "5.1.0"),
        (550, "rcpt", "no such user", "5.1.0"),
        (550, "dot", "spam", "5.0.0"),
        (552, "rcpt", "full", "5.2.2"),
        (552, "dot", "too big", "5.3.4"),
        (452, "mail", "4.3.10000 no code", "4.3.1"),
        (556, "mail", "null", "5.1.10"),
        (250, "dot", "ok", "2.0.0"),
    ],
)
def test_enhanced_codes_are_read_or_derived(code: int, stage: Stage, text: str, enhanced: str) -> None:
    assert judge(Answer(code, text), stage=stage, host="h", tls=True).enhanced == enhanced


@given(
    parts=st.lists(st.tuples(st.integers(200, 599), st.lists(st.text("abc .-", max_size=8), min_size=1, max_size=4))),
    cuts=st.lists(st.integers(1, 7)),
)
def test_replies_are_read_the_same_however_they_are_cut(parts: list[tuple[int, list[str]]], cuts: list[int]) -> None:
    stream = b"".join(
        b"%d%b%b\r\n" % (code, b"-" if n < len(lines) - 1 else b" ", line.encode())
        for code, lines in parts
        for n, line in enumerate(lines)
    )
    whole = Reader().feed(stream)
    assert [answer.code for answer in whole] == [code for code, _ in parts]
    reader, pieces, at = Reader(), [], 0
    for cut in cuts:
        pieces += reader.feed(stream[at : at + cut])
        at += cut
    assert pieces + reader.feed(stream[at:]) == whole


def test_a_reply_whose_lines_have_different_codes_is_garbled() -> None:
    with pytest.raises(Garbled, match="both 250 and 550"):
        Reader().feed(b"250-ok\r\n550 no\r\n")


@given(noise=st.binary(max_size=400))
def test_noise_is_garbled_or_read_and_nothing_else(noise: bytes) -> None:
    said = []
    try:
        said += [answer.text for answer in Reader().feed(noise)]
    except Garbled as garbled:
        said.append(str(garbled))
    assert all(text.isprintable() for text in said)
