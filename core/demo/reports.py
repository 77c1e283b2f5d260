"""Bounces and complaints that receivers send after they accepted a message, as raw messages.

Formatted by hand and not with EmailMessage: the original headers must come back byte for byte, and it would refold
them. They carry the return path and X-Postroom-Message-ID, by which the desk tells a real report from a forged one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.utils import formatdate

from core.durations import MICROS


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted message for one recipient, as received over SMTP."""

    at: int
    sender: str
    recipient: str
    agent: str
    raw: bytes


def complaint(message: Received, *, headers: bytes, at: int) -> bytes:
    """Format an abuse report as a feedback loop sends it (RFC 5965), with the original message's headers."""
    domain = message.recipient.rpartition("@")[2]
    return _report(
        message,
        at=at,
        author=f"feedback@{domain}",
        to=f"abuse@{message.sender.rpartition('@')[2]}",
        subject="complaint about a message from you",
        kind="feedback-report",
        text=f"A user of {domain} reported this message as spam.",
        facts=(
            "Feedback-Type: abuse",
            "User-Agent: World/1",
            "Version: 1",
            f"Original-Mail-From: <{message.sender}>",
            f"Original-Rcpt-To: <{message.recipient}>",
            f"Arrival-Date: {formatdate(message.at / MICROS)}",
            f"Reporting-MTA: dns; mx.{domain}",
            "Source-IP: 127.0.0.1",
        ),
        headers=headers,
    )


def bounce(message: Received, *, headers: bytes, at: int) -> bytes:
    """Format a delivery status notification for a message that was accepted first (RFC 3464)."""
    domain = message.recipient.rpartition("@")[2]
    return _report(
        message,
        at=at,
        author=f"MAILER-DAEMON@{domain}",
        to=message.sender,
        subject="Undelivered Mail Returned to Sender",
        kind="delivery-status",
        text=f"Your message could not be delivered to {message.recipient}: there is no such user here.",
        facts=(
            f"Reporting-MTA: dns; mx.{domain}",
            f"Arrival-Date: {formatdate(message.at / MICROS)}",
            "",
            f"Final-Recipient: rfc822; {message.recipient}",
            "Action: failed",
            "Status: 5.1.1",
            f"Diagnostic-Code: smtp; 550 5.1.1 <{message.recipient}>: no such user",
        ),
        headers=headers,
    )


def _report(
    message: Received,
    *,
    at: int,
    author: str,
    to: str,
    subject: str,
    kind: str,
    text: str,
    facts: tuple[str, ...],
    headers: bytes,
) -> bytes:
    mark = f"=_{hashlib.blake2b(message.raw + to.encode(), digest_size=12).hexdigest()}"
    top = (
        "Return-Path: <>",
        f"From: Mail system <{author}>",
        f"To: <{to}>",
        f"Subject: {subject}",
        f"Date: {formatdate(at / MICROS)}",
        f"Message-ID: <{mark[2:]}@{author.rpartition('@')[2]}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="{mark}"',
        "",
        f"--{mark}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "",
        f"--{mark}",
        f"Content-Type: message/{kind}",
        "",
        *facts,
        "",
        f"--{mark}",
        "Content-Type: text/rfc822-headers",
        "",
        f"Return-Path: <{message.sender}>",
        "",
    )
    return "\r\n".join(top).encode() + headers + f"\r\n--{mark}--\r\n".encode()
