"""Compile a filter term (`core.filters`) to an SQL condition that means the same on both databases as in Python.

Compiled expressions and bound values only; user input never becomes SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement, String, bindparam, not_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from core.filters import SIGNS, Compare, OneOf, Test, Text, Want

_ESCAPE: Final = "\\"


class lowered(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """Lower-case A to Z and nothing else, whatever the database's locale is."""

    type = String()
    inherit_cache = True


class any_code_like(FunctionElement[bool]):  # noqa: N801 - the same
    """SQL function: does a JSON list of reasons have a code like the pattern? `any_code_like(reasons, pattern)`."""

    type = Boolean()
    inherit_cache = True


@compiles(lowered)
def _lowered(element: Any, compiler: Any, **more: Any) -> str:
    return f"lower({compiler.process(element.clauses, **more)})"


@compiles(lowered, "postgresql")
def _lowered_there(element: Any, compiler: Any, **more: Any) -> str:
    return f'lower({compiler.process(element.clauses, **more)} COLLATE "C")'


@compiles(any_code_like)
def _code(element: Any, compiler: Any, **more: Any) -> str:
    reasons, pattern = (compiler.process(one, **more) for one in element.clauses)
    like = f"json_extract(reason_.value, '$.code') LIKE {pattern} ESCAPE '\\'"
    return f"EXISTS (SELECT 1 FROM json_each({reasons}) AS reason_ WHERE {like})"  # noqa: S608 - compiled expressions


@compiles(any_code_like, "postgresql")
def _code_there(element: Any, compiler: Any, **more: Any) -> str:
    reasons, pattern = (compiler.process(one, **more) for one in element.clauses)
    like = f"reason_.value ->> 'code' LIKE {pattern} ESCAPE '\\'"
    return f"EXISTS (SELECT 1 FROM json_array_elements({reasons}) AS reason_ WHERE {like})"  # noqa: S608 - the same


def conditions(wants: Iterable[Want], condition: Callable[[Want], ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """Return one condition for each term that must hold, from what a list means by a single one.

    `condition` must never be NULL: an exclusion of it would not match either.
    """
    return [or_(*(_signed(one, condition(one)) for one in want.either)) for want in wants]


def _signed(want: Want, found: ColumnElement[bool]) -> ColumnElement[bool]:
    return not_(found) if want.negated else found


def pattern(test: Text, *, before: str = "") -> str:
    """Return the LIKE pattern for a text; `before` is a literal prefix."""
    if len(test.pieces) > 1:
        return before + "%".join(_escaped(piece) for piece in test.pieces)
    whole = _escaped(test.pieces[0])
    return before + (whole if test.exact else f"%{whole}%")


def is_like(column: Any, test: Test, *, before: str = "") -> ColumnElement[bool]:
    """Return the condition that a text column matches the test."""
    assert isinstance(test, Text), test
    return lowered(column).like(pattern(test, before=before), escape=_ESCAPE)


def has_code_like(reasons: Any, test: Test) -> ColumnElement[bool]:
    """Return the condition that one of the codes in a column of reasons matches the test."""
    assert isinstance(test, Text), test
    found: ColumnElement[bool] = any_code_like(reasons, bindparam(None, pattern(test), type_=String()))
    return found


def is_one_of(column: Any, test: Test) -> ColumnElement[bool]:
    assert isinstance(test, OneOf), test
    found: ColumnElement[bool] = column.in_(sorted(test.values))
    return found


def compares(column: Any, test: Test) -> ColumnElement[bool]:
    """Return the condition that a numeric column satisfies the comparison."""
    assert isinstance(test, Compare), test
    sign: Any = SIGNS[test.sign]
    found: ColumnElement[bool] = sign(column, test.number)
    return found


def _escaped(text: str) -> str:
    for char in (_ESCAPE, "%", "_"):
        text = text.replace(char, _ESCAPE + char)
    return text
