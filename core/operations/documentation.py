"""The table of operations in docs, made from the registry by `python -m core.operations.documentation`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from core.model import TIGHTENERS, Role
from core.operations.operation import Operation, TokenKind
from core.operations.registry import OPERATIONS

PAGE: Final = Path(__file__).parents[1] / "docs" / "operations.md"
BEGIN: Final = "<!-- operations: made by python -m core.operations.documentation -->"
END: Final = "<!-- end of operations -->"


def table() -> str:
    """One row for each operation, in the order of the registry."""
    return "\n".join(
        (
            "| operation | kind | request | roles | does |",
            "| --- | --- | --- | --- | --- |",
            *(_row(one) for one in OPERATIONS.values()),
        )
    )


def _row(one: Operation) -> str:
    members = ", ".join(
        f"`{name}`" if member.is_required() else f"`{name}`?" for name, member in one.request.model_fields.items()
    )
    return f"| `{one.name}` | {one.kind} | {members or '-'} | {_callers(one)} | {one.about} |"


def _callers(one: Operation) -> str:
    """The roles that may call it, or who else may."""
    if TokenKind.OPERATOR in one.tokens:
        return _spell(one.roles)
    return "agents" if TokenKind.AGENT in one.tokens else "without a token"


def _spell(roles: Collection[Role]) -> str:
    """Groups by the names that the page explains; else the roles."""
    found = frozenset(roles)
    groups = {frozenset(Role): "everyone", TIGHTENERS | {Role.AUDITOR}: "watchers", frozenset(TIGHTENERS): "tighteners"}
    return groups.get(found) or ", ".join(role for role in Role if role in found)


def written(page: str) -> str:
    """The page with the table of this version."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
