"""What people changed in a message while it was held: each edit as a difference, from the bytes kept beside it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from core.db.tables import EDIT
from core.rules.content import read_parts
from core.views.difference import EditView

LINES: Final = 2_000
"""Lines of one side that are compared: more would keep a reader waiting."""


@dataclass(frozen=True, slots=True)
class _Version:
    subject: str
    text: str | None
    html: str | None


def edits(conn: Connection, message_id: int, *, subject: str, rendered: bytes | None) -> tuple[EditView, ...]:
    """The edits of a message, the first one first; `subject` and `rendered` are those after the last."""
    rows = conn.execute(select(EDIT).where(EDIT.c.message_id == message_id).order_by(EDIT.c.n)).all()
    if not rows:
        return ()
    befores = [_version(row.before_subject, row.before_rendered) for row in rows]
    afters = [*befores[1:], _version(subject, rendered)]
    return tuple(
        EditView(
            n=row.n, by=row.operator, at=row.at, before_digest=row.before_digest, after_digest=row.after_digest,
            parts=_parts(before, after), diff=_diff(before, after),
        )
        for row, before, after in zip(rows, befores, afters, strict=True)
    )  # fmt: skip


def _version(subject: str, rendered: bytes | None) -> _Version | None:
    if rendered is None:
        return None
    parts = read_parts(bytes(rendered))
    return _Version(subject, parts.text, parts.html)


def _parts(before: _Version | None, after: _Version | None) -> tuple[str, ...]:
    if before is None or after is None:
        return ()
    return tuple(name for name in ("subject", "text", "html") if getattr(before, name) != getattr(after, name))


def _diff(before: _Version | None, after: _Version | None) -> tuple[str, ...]:
    if before is None or after is None:
        return ()
    found: list[str] = []
    for name in _parts(before, after):
        old, new = ((getattr(one, name) or "").splitlines()[:LINES] for one in (before, after))
        found += difflib.unified_diff(old, new, fromfile=f"{name} before", tofile=f"{name} after", lineterm="")
    return tuple(found)
