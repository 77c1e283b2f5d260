"""Signatures of identities and of widenings, and the widenings themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from core.db.tables import SIGNOFF, WIDENING, WIDENING_SIGNOFF


@dataclass(frozen=True, slots=True)
class SignoffFacts:
    """An approval or refusal of an identity."""

    kind: str
    operator: str
    approved: bool
    checklist: dict[str, Any]
    findings: dict[str, Any]
    reasons: dict[str, Any]
    reason: str | None
    record_digest: str | None
    shown_digest: str | None
    at: int


_SIGNOFF_NAMES: Final = (
    "kind", "operator", "approved", "checklist", "findings", "reasons", "reason", "record_digest", "shown_digest", "at",
)  # fmt: skip


def signoffs(conn: Connection, mailbox_id: int) -> tuple[SignoffFacts, ...]:
    """Return every signature of an identity, oldest first."""
    return _signoffs(conn, SIGNOFF, SIGNOFF.c.mailbox_id == mailbox_id)


def widening_signoffs(conn: Connection, widening_id: int) -> tuple[SignoffFacts, ...]:
    """Return every signature under a widening, oldest first."""
    return _signoffs(conn, WIDENING_SIGNOFF, WIDENING_SIGNOFF.c.widening_id == widening_id)


def _signoffs(conn: Connection, table: Table, which: ColumnElement[bool]) -> tuple[SignoffFacts, ...]:
    rows = conn.execute(select(*(table.c[name] for name in _SIGNOFF_NAMES)).where(which).order_by(table.c.id))
    return tuple(SignoffFacts(**row._asdict()) for row in rows)


@dataclass(frozen=True, slots=True)
class WideningFacts:
    """What an agent asks for beyond what its mailbox may do."""

    id: int
    token_id: int
    agent_id: int
    mailbox_id: int
    filed_at: int
    fingerprint: bytes = field(repr=False)
    reason: str
    limits: dict[str, int]
    classes: list[str]
    allow: list[str]
    outcome: str | None
    closed_at: int | None


_WIDENINGS: Final[Select[Any]] = select(*(WIDENING.c[f.name] for f in fields(WideningFacts)))


def widening(conn: Connection, number: int) -> WideningFacts | None:
    row = conn.execute(_WIDENINGS.where(WIDENING.c.id == number)).first()
    return None if row is None else WideningFacts(**row._asdict())


def open_widening(conn: Connection, mailbox_id: int) -> WideningFacts | None:
    """Return the widening of a mailbox that waits for signatures."""
    c = WIDENING.c
    row = conn.execute(_WIDENINGS.where(c.mailbox_id == mailbox_id, c.outcome.is_(None)).order_by(c.id.desc())).first()
    return None if row is None else WideningFacts(**row._asdict())
