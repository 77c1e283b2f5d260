"""Tables for people: one cell never makes every row thousands of columns wide, and a cut address keeps its domain."""

from __future__ import annotations

from core.cli.output import WIDEST, table
from core.model import plural
from core.text.unicode_safety import width


def test_a_long_cell_is_cut_and_its_row_stays_readable() -> None:
    shown = table(("ID", "SUBJECT", "NOTE"), [("m1", "x" * 4_924, "short"), ("m2", "fine", "y")])
    assert max(width(line) for line in shown.splitlines()) <= WIDEST + 20
    assert "x…  short" in shown


def test_wide_characters_count_as_what_they_take() -> None:
    (_, row) = table(("SUBJECT",), [("漢" * 300,)]).splitlines()
    assert width(row) <= WIDEST
    assert row.endswith("…")


def test_a_cut_address_keeps_its_domain() -> None:
    (_, row) = table(("TO",), [("a" * 64 + "@mail.acme.example",)]).splitlines()
    assert row.endswith("a…@mail.acme.example")
    assert width(row) == WIDEST


def test_a_cell_as_wide_as_may_be_is_whole() -> None:
    assert table(("X",), [("z" * WIDEST,)]).splitlines()[1] == "z" * WIDEST


def test_one_is_one() -> None:
    said = [plural(n, "delivery", "deliveries") for n in (0, 1, 2_000)]
    assert said == ["0 deliveries", "1 delivery", "2,000 deliveries"]
