"""Empty received mail: when its retention has passed, and when a person it names is erased.

Ids, digests, sizes and decisions stay, so the log can still be explained and mail that is handed over again is still
recognized.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, func, select, update

from core.db.counters import EVER
from core.db.tables import INBOUND_CONTENT, INBOUND_MESSAGE, INBOUND_SEARCH, REVIEW
from core.db.transaction import Transaction

BATCH_SIZE: Final = 200
UNKEPT: Final = "no longer kept"
"""Replaces the text of a reason or a finding; its code stays."""
KEPT: Final = "inbox_kb"
"""Counter that a mailbox's quota is enforced with: received mail that is still kept, each message in whole KiB.

In bytes, a mailbox with more than 2 GiB would exceed the counter's column on PostgreSQL and could receive nothing.
"""
KIB: Final = 1_024


def purge_due(tx: Transaction) -> int:
    """Empty received mail whose retention has passed; returns how many."""
    c = INBOUND_CONTENT.c
    rows = tx.all(select(c.id).where(c.purge_at <= tx.now).order_by(c.purge_at).limit(BATCH_SIZE))
    ids = [row.id for row in rows]
    empty(tx, ids)
    return len(ids)


def empty(tx: Transaction, content_ids: Collection[int]) -> None:
    """Remove the content, for all mailboxes that share it, and free its bytes in their quotas."""
    c, m = INBOUND_CONTENT.c, INBOUND_MESSAGE.c
    full = [row.id for row in tx.all(select(c.id).where(c.id.in_(content_ids), c.raw.is_not(None)))]
    if full:
        kept = select(m.mailbox_id, func.sum((m.size + KIB - 1) // KIB).label("kib")).where(m.content_id.in_(full))
        for row in tx.all(kept.group_by(m.mailbox_id)):
            tx.bump("mailbox", str(row.mailbox_id), KEPT, minute=EVER, n=-int(row.kib))
    if content_ids:
        gone: dict[str, Any] = {
            "raw": None, "text": "", "visible": "", "hidden": [], "attachments": [], "purge_at": None,
        }  # fmt: skip
        tx.write(update(INBOUND_CONTENT).where(c.id.in_(content_ids)).values(**gone))
        indexed = select(m.id).where(m.content_id.in_(content_ids))
        tx.write(delete(INBOUND_SEARCH).where(INBOUND_SEARCH.c.id.in_(indexed)))
        _unquote(tx, content_ids)
        _end_reviews(tx, content_ids)


def _unquote(tx: Transaction, content_ids: Collection[int]) -> None:
    """Remove the texts of findings and of the reasons for a hold, which quote the message; their codes stay."""
    m, r = INBOUND_MESSAGE.c, REVIEW.c
    for row in tx.all(select(m.id, m.findings, m.held_for).where(m.content_id.in_(content_ids))):
        if row.findings or row.held_for:
            texts = {"findings": unkept(row.findings), "held_for": unkept(row.held_for)}
            tx.write(update(INBOUND_MESSAGE).where(m.id == row.id).values(**texts))
    held = select(m.id).where(m.content_id.in_(content_ids))
    for row in tx.all(select(r.id, r.reasons, r.findings).where(r.id.in_(held))):
        texts = {"reasons": unkept(row.reasons), "findings": unkept(row.findings)}
        tx.write(update(REVIEW).where(r.id == row.id).values(**texts))


def _end_reviews(tx: Transaction, content_ids: Collection[int]) -> None:
    """Make the reviews of held messages expire now: nothing is left that a person could decide on."""
    r, m = REVIEW.c, INBOUND_MESSAGE.c
    held = select(m.id).where(m.content_id.in_(content_ids), m.status == "held")
    tx.write(update(REVIEW).where(r.id.in_(held), r.status == "pending").values(due_at=tx.now))


def unkept(listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reasons or findings without what they quote."""
    return [{name: value for name, value in one.items() if name != "text"} | {"text": UNKEPT} for one in listed]
