"""What the policy in force asks of mail that was composed under an earlier one.

Most of the policy is checked again for every message that leaves. Two things were settled when the bytes were composed
and are not checked again: which words make a commitment, and which disclosure the message carries. If the policy has
become stricter in one of them since, the message is read again, or goes back to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from core.db import gate_queries
from core.db.tables import BODY
from core.db.transaction import Transaction
from core.model import ContentClass, Reason
from core.rules import classification, content
from core.rules.policy import Policy
from core.services import context
from core.services.sending.readable_text import readable_text


@dataclass(frozen=True, slots=True)
class Since:
    """What the current policy adds for one message: further classes, and what the message lacks."""

    classes: tuple[ContentClass, ...] = ()
    lacks: tuple[Reason, ...] = ()


NOTHING: Final = Since()


def asked_since(tx: Transaction, messages: Iterable[Row[Any]]) -> Mapping[int, Since]:
    """For each message accepted under an earlier policy, what the policy in force asks in addition.

    Reads nothing while all were composed under the policy in force, which is nearly always.
    """
    version, policy = context.current_policy(tx)
    older = [message for message in messages if message.policy_version != version]
    found: dict[int, Since] = {}
    unread: dict[int, tuple[str, ...]] = {}
    for message in older:
        then = context.parsed(gate_queries.policy_of(tx, message.policy_version))
        missing = _undisclosed(then, policy, ContentClass(message.content_class))
        if missing is not None:
            found[message.id] = Since(lacks=(missing,))
        named = tuple(sorted({*policy.classes.commitment_phrases} - {*then.classes.commitment_phrases}))
        if named:
            unread[message.id] = named
    for message, said in _said(tx, [one for one in older if one.id in unread]):
        # As at acceptance: text that is too long to be read counts as a promise.
        if len(said) > classification.LONGEST or classification.promises(said, named=unread[message.id]):
            held = found.get(message.id, NOTHING)
            found[message.id] = Since(classes=(ContentClass.COMMITMENT,), lacks=held.lacks)
    return found


def _undisclosed(then: Policy, now: Policy, content_class: ContentClass) -> Reason | None:
    """Disclosures that the policy requires now and the message was composed without."""
    missing = []
    if now.disclosure.header and not then.disclosure.header:
        missing.append("header")
    if _footed(now, content_class) and not _footed(then, content_class):
        missing.append("footer")
    if not missing:
        return None
    text = f"policy asks for the disclosure {' and '.join(missing)} now, and the message was composed without"
    return Reason("disclosure", text, tuple(f"disclosure:{name}" for name in missing))


def _footed(policy: Policy, content_class: ContentClass) -> bool:
    return bool(policy.disclosure.footer) and content_class not in policy.disclosure.footer_except


def _said(tx: Transaction, messages: list[Row[Any]]) -> Iterable[tuple[Row[Any], str]]:
    """The text recipients may read of these messages, from the bytes that would leave. Purged bodies are skipped."""
    if not messages:
        return
    rows = tx.fetch(_BODIES, {"b_ids": [message.id for message in messages]})
    bodies = {row.message_id: bytes(row.rendered) for row in rows if row.rendered is not None}
    for message in messages:
        if message.id in bodies:
            parts = content.read_parts(bodies[message.id])
            yield message, f"{message.subject}\n\n{readable_text(parts.text, parts.html, parts.files)}"


_BODIES: Final = select(BODY.c.message_id, BODY.c.rendered).where(
    BODY.c.message_id.in_(bindparam("b_ids", expanding=True))
)
