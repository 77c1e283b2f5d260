"""Turn what a receiver, a network or a library said into an outcome (RFC 5321 4.2, RFC 3463, RFC 2034).

Two questions decide: what is at fault (this message, or the route), and whether the receiver may have accepted the
message. Before the final dot nothing was accepted; between the dot and a readable reply, nobody knows.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import aiosmtplib

from core.model import Outcome, Reply

Stage = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"]

MAX_REPLY: Final = 32_768
"""Bytes of one reply, continuation lines included: a receiver that never ends one must not fill the memory."""
_MAX_TEXT: Final = 1_000

_LINE: Final = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")

_ROUTE_CODES: Final = frozenset({421, 530, 534, 535, 538})
"""About the conversation, not the message: closing (RFC 5321), authentication or encryption required (RFC 4954)."""

_DERIVED: Final[Mapping[int, str]] = {
    421: "4.3.2",
    450: "4.2.0",
    451: "4.3.0",
    452: "4.3.1",
    454: "4.7.0",
    455: "4.5.4",
    500: "5.5.2",
    501: "5.5.4",
    502: "5.5.1",
    503: "5.5.1",
    504: "5.5.4",
    521: "5.3.2",
    530: "5.7.0",
    534: "5.7.9",
    535: "5.7.8",
    538: "5.7.11",
    551: "5.1.6",
    553: "5.1.3",
    555: "5.5.4",
    556: "5.1.10",
}
"""For receivers without ENHANCEDSTATUSCODES: what the bare code says, and no more."""

OPENING_ERRORS: Final = (aiosmtplib.SMTPException, OSError, ValueError, RuntimeError)
"""Everything that opening a connection may raise; uvloop raises RuntimeError when a transport closes during STARTTLS.
"""

_OF_ERRORS: Final[Mapping[type[BaseException], str]] = {
    aiosmtplib.SMTPException: "4.3.3",  # STARTTLS or AUTH required and not offered
    aiosmtplib.SMTPNotSupported: "4.3.3",
    aiosmtplib.SMTPServerDisconnected: "4.4.2",
    aiosmtplib.SMTPConnectError: "4.4.1",
    aiosmtplib.SMTPConnectTimeoutError: "4.4.1",
    aiosmtplib.SMTPConnectResponseError: "4.3.2",
    aiosmtplib.SMTPTimeoutError: "4.4.2",
    aiosmtplib.SMTPReadTimeoutError: "4.4.2",
    aiosmtplib.SMTPResponseException: "4.5.0",
    aiosmtplib.SMTPHeloError: "4.3.2",
    aiosmtplib.SMTPAuthenticationError: "4.7.8",
    aiosmtplib.SMTPSenderRefused: "4.3.0",
    aiosmtplib.SMTPRecipientRefused: "4.3.0",
    aiosmtplib.SMTPRecipientsRefused: "4.3.0",
    aiosmtplib.SMTPDataError: "4.3.0",
    ssl.SSLError: "4.7.5",
    socket.gaierror: "4.4.4",
    TimeoutError: "4.4.1",
    OSError: "4.4.1",
    ValueError: "4.3.5",  # a name or a password that cannot be sent: the route is misconfigured
    RuntimeError: "4.4.2",
}


class Garbled(Exception):
    """What arrived is not an SMTP reply, or one without an end."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply, its lines joined."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def go_ahead(self) -> bool:
        """354: send the message."""
        return 300 <= self.code < 400


class Reader:
    """Cuts a byte stream into replies, in bounded memory."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = 0
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Answer]:
        """The replies that `data` completes. Raises `Garbled`."""
        answers = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            found = _LINE.fullmatch(line.rstrip(b"\r"))
            self._size += len(line)
            if found is None or self._size > MAX_REPLY:
                raise Garbled(_clean(line[:200]) if found is None else "a reply without end")
            code = int(found[1])
            if self._lines and code != self._code:
                raise Garbled(f"a reply that is both {self._code} and {code}")
            self._code = code
            self._lines.append(found[3] or b"")
            if found[2] != b"-":
                answers.append(Answer(code, _clean(b" ".join(self._lines))))
                self._lines = []
                self._size = 0
        if len(self._rest) + self._size > MAX_REPLY:
            raise Garbled("a reply without end")
        return answers


def judge(answer: Answer, *, stage: Stage, host: str, tls: bool) -> Reply:
    """What a refusal before the final dot, or any reply to it, means."""
    outcome = _outcome(answer, stage=stage)
    in_step = outcome is Outcome.SENT or 400 <= answer.code < 600
    enhanced = _enhanced(answer, stage=stage) if in_step else "4.5.0"
    return Reply(
        outcome=outcome, code=answer.code, enhanced=enhanced, text=answer.text, stage=stage, host=host, tls=tls
    )


def broken(text: str, *, enhanced: str, stage: Stage, host: str, tls: bool) -> Reply:
    """A conversation that ended by itself: lost, timed out or garbled."""
    outcome = Outcome.UNCERTAIN if stage == "dot" else Outcome.DEFERRED
    return Reply(outcome=outcome, code=None, enhanced=enhanced, text=text, stage=stage, host=host, tls=tls)


def refused(text: str, *, enhanced: str, stage: Stage, host: str | None, tls: bool = False) -> Reply:
    """Determined without asking the receiver: final if the enhanced code begins with 5."""
    outcome = Outcome.FAILED if enhanced.startswith("5") else Outcome.DEFERRED
    return Reply(outcome=outcome, code=None, enhanced=enhanced, text=text, stage=stage, host=host, tls=tls)


def unopened(error: BaseException, *, stage: Stage, host: str, tls: bool) -> Reply:
    """No conversation took place. Every error of aiosmtplib and of the network is covered (a test checks that)."""
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError | socket.gaierror) else error
    answer = None
    if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
        answer = Answer(error.code, _clean(error.message.encode("utf-8", "surrogateescape")))
    derived = next((_OF_ERRORS[kind] for kind in type(cause).__mro__ if kind in _OF_ERRORS), "4.4.0")
    return Reply(
        outcome=Outcome.ROUTE_DOWN,
        code=answer.code if answer else None,
        enhanced=(_spoken(answer) or derived) if answer else derived,
        text=(answer.text if answer else _clean(str(cause).encode())) or type(cause).__name__,
        stage=stage,
        host=host,
        tls=tls,
    )


def implied_status(code: int, *, stage: str) -> str:
    """The enhanced status code for a reply that has none: what the bare code says at this stage, and no more."""
    if code == 550 and stage == "rcpt":
        return "5.1.0"
    if code == 552:
        return "5.2.2" if stage == "rcpt" else "5.3.4"
    return _DERIVED.get(code, f"{code // 100}.0.0")


def _outcome(answer: Answer, *, stage: Stage) -> Outcome:
    if stage == "dot" and answer.good:
        return Outcome.SENT
    if not 400 <= answer.code < 600:
        # a 354 to the dot, a 250 to DATA: out of step, so nothing after it can be believed either
        return Outcome.UNCERTAIN if stage == "dot" else Outcome.DEFERRED
    if answer.code in _ROUTE_CODES and stage == "mail":
        # From RCPT on, the recipient or the message may have drawn it, and it is charged to them: a single address
        # that a relay answers with 421 must not back off the route of all other mail.
        return Outcome.ROUTE_DOWN
    return Outcome.DEFERRED if answer.code < 500 or answer.code in _ROUTE_CODES else Outcome.FAILED


def _enhanced(answer: Answer, *, stage: Stage) -> str:
    return _spoken(answer) or implied_status(answer.code, stage=stage)


def _spoken(answer: Answer) -> str | None:
    # RFC 2034 4: the class must agree with the reply code, or the enhanced code is ignored.
    found = _ENHANCED.match(answer.text)
    return found[0] if found and int(found[1]) == answer.code // 100 else None


def _clean(text: bytes) -> str:
    # Receivers write what they like; control and bidi characters must not reach a terminal or a log.
    spoken = text[: 4 * _MAX_TEXT].decode("utf-8", "replace")
    if not spoken.isprintable():
        spoken = "".join(char if char.isprintable() else " " for char in spoken)
    return spoken[:_MAX_TEXT].strip()
