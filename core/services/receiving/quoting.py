"""Quote a received message in the reply to it.

Quoting shows the message to whoever gets the reply, so it is reading: the caller checks, logs and taints it as such.
Whoever forges a sender could otherwise have the desk carry any text to that address, under the desk's own signature: a
reply that quotes mail without a proved sender is held for a person.
"""

from __future__ import annotations

import dataclasses
from typing import Final, TypeGuard

from sqlalchemy import Connection

from core.db.gate_queries import TokenFacts
from core.errors import Invalid, NotFound
from core.ids import spell_id
from core.model import Reason
from core.rules import signed_ids
from core.rules.compose import Quotation, quotation
from core.services.receiving import inbox
from core.services.sending.loop_prevention import Parent
from core.services.sending.submission import Submission

UNPROVED: Final = "quotes_unproved"


def target(inbound_id: int) -> str:
    """The read that quoting is, as `GET /emails/{id}/body` names it: one approval opens either, once."""
    return f"body:{spell_id('m', inbound_id)}:text:0"


def received(answered: Parent) -> int:
    """The received message that a reply may quote. Raises `Invalid` for a message of the agent's own."""
    if answered.received is None:
        problem = "is for received mail: this message was sent from here"
        raise Invalid(f"quote {problem}", fix="leave quote out", problems=(("quote", problem),))
    return answered.received


def quoting(conn: Connection, submission: Submission, inbound_id: int, *, token: TokenFacts) -> Submission:
    """The reply with the received message below it. Raises `Invalid`, `NotFound`.

    Only what the message says itself is quoted: its own quotations would make each reply longer than the last.
    """
    found = inbox.message(conn, inbound_id, caller=token)
    try:
        text, _ = inbox.text_of(conn, found.row.content_id, full=False)
    except NotFound as error:
        raise Invalid(error.reason, fix="leave quote out", problems=(("quote", error.reason),)) from error
    author = next((one.address for one in found.of("from")), "somebody")
    quoted = Quotation(author, found.row.received_at, signed_ids.conceal(text))
    holds = submission.holds
    if found.row.dmarc != "pass":
        holds += (Reason(UNPROVED, f"it quotes {spell_id('m', inbound_id)}, whose sender is not proved (DMARC)"),)
    return dataclasses.replace(
        submission,
        # A reply without words of its own stays empty, and is refused as such.
        text=quotation.below_text(submission.text, quoted) if _says(submission.text) else submission.text,
        html=quotation.below(submission.html, quoted) if _says(submission.html) else submission.html,
        holds=holds,
    )


def _says(text: str | None) -> TypeGuard[str]:
    return text is not None and bool(text.strip())
