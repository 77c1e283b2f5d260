"""Held mail page by page, as the API lists it (CONTRACT.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, select

from core.db.queries.claims import who
from core.db.queries.queue import filtered, pending_rows, recipients
from core.db.tables import MAILBOX, REVIEW
from core.durations import stamp
from core.errors import Invalid
from core.filters import Want
from core.ids import read_item, spell_id
from core.model import RECEIVE, Reason
from core.views.queue import HeldRow

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class PendingRow:
    """One pending action, as the API lists it (CONTRACT.md). `sender` is the author of received mail."""

    id: str
    kind: str
    to: tuple[str, ...]
    subject: str | None
    body_preview: str
    reasons: tuple[Reason, ...]
    submitted_at: int
    expires_at: int
    send_at: int | None
    digest: str | None
    mailbox: str
    agent: str
    target: str | None
    failed_checks: int
    findings: tuple[Reason, ...]
    approvals_missing: int
    sender: str | None = None
    editors: tuple[str, ...] = ()
    who: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "direction": "in" if self.kind == RECEIVE else "out",
            "from": self.mailbox if self.sender is None else self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "body_preview": self.body_preview,
            "reasons": [{"code": reason.code, "text": reason.text} for reason in self.reasons],
            "submitted_at": stamp(self.submitted_at),
            "expires_at": stamp(self.expires_at),
            "send_at": None if self.send_at is None else stamp(self.send_at),
            "digest": self.digest,
            "mailbox": self.mailbox,
            "agent": self.agent,
            "target": self.target,
            "failed_checks": self.failed_checks,
            "checks": [{"code": one.code, "text": one.text} for one in self.findings],
            "approvals_missing": self.approvals_missing,
            "edited_by": list(self.editors),
            **self.who,
        }


@dataclass(frozen=True, slots=True)
class PendingPage:
    """Pending actions in order of submission; `next_cursor` is None on the last page."""

    messages: tuple[PendingRow, ...]
    next_cursor: str | None

    def as_json(self) -> dict[str, Any]:
        return {"messages": [row.as_json() for row in self.messages], "next_cursor": self.next_cursor}


def page(
    conn: Connection,
    mailbox: str | None = None,
    *,
    now: int,
    wants: Sequence[Want] = (),
    cursor: str | None = None,
    limit: int = PAGE,
    viewer: str | None = None,
) -> PendingPage:
    """Return a page of one mailbox's pending actions (a canonical address), or the desk's; `now` says who is on each.

    `wants` is a filter by `queue.FIELDS`: ages are measured from `now`, and `mine` are claims of the viewer. Raises
    `Invalid`: the cursor.
    """
    wanted = filtered(wants, now=now, viewer=viewer)
    query = select(REVIEW.c.id).where(REVIEW.c.status == "pending", *wanted).order_by(REVIEW.c.id).limit(limit + 1)
    if mailbox is not None:
        mailboxes = conn.execute(select(MAILBOX.c.id).where(MAILBOX.c.address == mailbox)).scalars().all()
        query = query.where(REVIEW.c.mailbox_id == (mailboxes[0] if mailboxes else -1))
    if cursor:
        after = read_item(cursor)
        if after is None:
            raise Invalid("invalid cursor", fix="leave it out for the first page")
        query = query.where(REVIEW.c.id > after)
    ids = list(conn.execute(query).scalars())
    shown = ids[:limit]
    rows, people = pending_rows(conn, shown), recipients(conn, shown)
    listed = tuple(_listed(rows[one], people.get(one, ()), now) for one in shown if one in rows)
    return PendingPage(listed, spell_id("m", shown[-1]) if len(ids) > limit else None)


def _listed(row: HeldRow, people: Sequence[str], now: int) -> PendingRow:
    return PendingRow(
        id=row.spelled, kind=row.kind, to=(row.mailbox,) if row.received else tuple(people), sender=row.sender,
        subject=row.subject, body_preview=row.preview, reasons=row.reasons, submitted_at=row.submitted_at,
        expires_at=row.expires_at, send_at=row.send_at, digest=row.digest, mailbox=row.mailbox,
        agent=row.agent, target=row.target,
        failed_checks=row.failed_checks, findings=row.findings, approvals_missing=row.approvals_missing,
        editors=row.editors, who=who(row.claim, row.present, now=now),
    )  # fmt: skip
