"""Lists of suppressions and consents as CSV, read and written as the commands do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from core.serializers import recipients
from core.services.feedback import consents, csv_io, suppressions
from core.services.feedback.csv_io import Cells, RowBatch

T = TypeVar("T")


def suppression_batches(lines: Iterable[str]) -> list[RowBatch[suppressions.Entry]]:
    return _batches(lines, csv_io.SUPPRESSIONS, suppressions.read_rows)


def consent_batches(lines: Iterable[str]) -> list[RowBatch[consents.Entry]]:
    return _batches(lines, csv_io.CONSENTS, consents.read_rows)


def exported(conn: Connection, *, now: int) -> str:
    """The suppressions in force as CSV."""
    rows = [recipients.suppression(one) for one in suppressions.listed(conn, now=now)]
    return "".join(csv_io.written(csv_io.SUPPRESSIONS, ([one[name] for name in csv_io.SUPPRESSIONS] for one in rows)))


def _batches(
    lines: Iterable[str], columns: Sequence[str], read: Callable[[Iterable[tuple[int, Cells]]], RowBatch[T]]
) -> list[RowBatch[T]]:
    found = []
    for batch in csv_io.batches(lines, columns=columns, read=dict):
        entries = read(batch.rows)
        found.append(RowBatch(entries.rows, (*batch.bad, *entries.bad)))
    return found
