"""Benchmark of composing a message against `EmailMessage.as_bytes`: `uv run python -m tests.bench.compose`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from email import policy
from email.headerregistry import Address as Registered
from email.message import EmailMessage

from core.model import Envelope
from core.rules.addresses import parse_address
from core.rules.compose import Additions, Attachment, Draft, compose, digest
from core.rules.signed_ids import HmacKeys, message_id, return_path, trace_header

RING = HmacKeys({"k1": b"k" * 32}, "k1")
DOMAIN = "support-bot.acme.com"
ROW = "Dear Jane, your refund of 42.00 EUR is on its way and will arrive within three days.\n"
PLAIN = Draft(
    sender=parse_address(f"help@{DOMAIN}"),
    display_name="Acme Support",
    to=(parse_address("Jane Doe <jane@example.com>"),),
    subject="Your refund is on its way",
    text=ROW * 24,
    html=f"<html><body>{f'<p>{ROW}</p>' * 20}</body></html>\n",
    headers={"X-Ticket": "42"},
)
GATEWAY = Additions(
    rfc_message_id=message_id(2**60, domain=DOMAIN, keyring=RING),
    postroom_message_id=trace_header(2**60, keyring=RING),
    agent_id="support",
    run_id="run-7",
    feedback_id="support:transactional:acme",
    orders=(),
    footer="This message was written by an AI agent of Acme.",
)
CASES = {
    "text + html, ASCII, 4 kB": PLAIN,
    "text + html, UTF-8, 4 kB": replace(
        PLAIN,
        subject="Ihre Rückerstattung ist unterwegs",
        text=ROW.replace("a", "ä") * 24,
        html=f"<html><body>{f'<p>{ROW}</p>'.replace('a', 'ä') * 20}</body></html>\n",
    ),
    "the same and 100 kB attached": replace(
        PLAIN, attachments=(Attachment("a.pdf", "application/pdf", bytes(range(256)) * 400),)
    ),
}


def standard_library(draft: Draft) -> bytes:
    """The same message built with EmailMessage."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Registered(draft.display_name, draft.sender.local, draft.sender.domain_ascii)
    message["To"] = [Registered(who.display, who.local, who.domain_ascii) for who in draft.to]
    message["Subject"] = draft.subject
    message["Message-ID"] = GATEWAY.rfc_message_id
    message["Auto-Submitted"] = GATEWAY.auto_submitted
    message["X-Agent-ID"] = GATEWAY.agent_id
    message["X-Agent-Run-ID"] = GATEWAY.run_id
    message["X-Postroom-Message-ID"] = GATEWAY.postroom_message_id
    message["Feedback-ID"] = GATEWAY.feedback_id
    for name, value in draft.headers.items():
        message[name] = value
    message.set_content(draft.text)
    message.add_alternative(draft.html, subtype="html")
    for file in draft.attachments:
        kind, _, subtype = file.content_type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.filename)
    return message.as_bytes()


def micros(work: Callable[[], object], *, rounds: int) -> float:
    """CPU microseconds per call: the best of five runs."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(rounds):
            work()
        best = min(best, time.process_time() - start)
    return best / rounds * 1e6


def main() -> None:
    print(f"{'CPU us a message':32}{'compose':>10}{'EmailMessage':>14}{'times':>8}")
    for name, draft in CASES.items():
        ours = micros(lambda draft=draft: compose(draft, GATEWAY), rounds=500)  # type: ignore[misc]  # bound early
        theirs = micros(lambda draft=draft: standard_library(draft), rounds=50)  # type: ignore[misc]  # bound early
        print(f"{name:32}{ours:10.0f}{theirs:14.0f}{theirs / ours:8.1f}")
    message = compose(PLAIN, GATEWAY).message
    envelope = Envelope(PLAIN.sender.local, ("jane@example.com",))
    print(f"\n{'CPU us a call':32}")
    for name, work in {
        "digest": lambda: digest(message, envelope),
        "return_path": lambda: return_path(2**60, 0, domain=DOMAIN, keyring=RING),
        "message_id": lambda: message_id(2**60, domain=DOMAIN, keyring=RING),
        "parse_address, plain": lambda: parse_address("jane.doe@example.com"),
        "parse_address, named": lambda: parse_address("Jane Doe <jane.doe@example.com>"),
        "parse_address, IDNA": lambda: parse_address("jane.doe@exämple.com"),
    }.items():
        print(f"{name:32}{micros(work, rounds=2_000):10.1f}")


if __name__ == "__main__":
    main()
