"""What all verbs share: keys, IDs, randomness, the policy in force, and checks of common arguments.

The clock is the transaction's. Each policy version is parsed once, whoever asks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, select

from core import work_hours
from core.db import gate_queries
from core.db.tables import STREAM
from core.db.transaction import Transaction
from core.errors import Invalid, NotFound
from core.ids import Chance, Ids
from core.model import ContentClass
from core.rules import policy as policies
from core.rules.policy import Policy
from core.rules.signed_ids import HmacKeys
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Dependencies of the verbs, one instance per process, made from settings and passed as an argument.

    `feedback_sender` is the last field of Feedback-ID, None for the desk's own; mail of the classes in `cfbl` names a
    complaint address. `taint` is what reading a stranger's mail does to a run: `hold`, `warn` or `off`.
    """

    keyring: HmacKeys
    ids: Ids
    chance: Chance
    public_url: str = "http://127.0.0.1:8025"
    organisation: str = "this organisation"
    feedback_sender: str | None = None
    cfbl: frozenset[ContentClass] = frozenset()
    taint: str = "hold"
    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)


def context_of(settings: Settings, keyring: HmacKeys, chance: Chance) -> ServiceContext:
    """The dependencies that these settings make."""
    return ServiceContext(
        keyring=keyring,
        ids=Ids(chance),
        chance=chance,
        public_url=settings.public_url,
        organisation=settings.organisation,
        feedback_sender=settings.feedback.sender_id,
        cfbl=settings.feedback.invites_complaints,
        taint=settings.inbound.taint,
    )


@functools.lru_cache(maxsize=64)
def parsed(content: str) -> Policy:
    """Parse a stored policy version, which was valid when it was stored."""
    return policies.from_json(content)


def expiry(policy: Policy, pending_expiry: int | None, *, now: int) -> int:
    """When an item held now expires: after the mailbox's span or the policy's, in work hours if policy sets them."""
    span = pending_expiry or policy.oversight.pending_expiry
    hours = policy.oversight.expiry_calendar
    return work_hours.after(now, span, work_hours.read(hours)) if hours else now + span


def current_policy(tx: Transaction) -> tuple[int, Policy]:
    """Return the version and content of the policy in force for this transaction."""
    version, content = gate_queries.policy_in_force(tx)
    return version, parsed(content)


def require_reason(reason: str, *, name: str = "reason") -> str:
    """Return the reason, trimmed. Raises `Invalid` if it is empty: the log must say why.

    Addresses in it are no error: the log replaces them (`Event.redacted`), and a stop is never refused for its words.
    """
    text = " ".join(reason.split())
    if not text:
        raise Invalid("a reason is needed", fix="--reason TEXT", problems=((name, "is missing"),))
    return text


def stream_named(tx: Transaction, domain: str) -> Row[Any]:
    """Return the stream's row. Raises `NotFound`."""
    row = tx.one(select(STREAM).where(STREAM.c.domain == domain.strip().lower()))
    if row is None:
        raise NotFound(f"there is no stream {domain}", fix="postroom stream list lists them")
    return row
