from __future__ import annotations

from core.operations import documentation


def test_the_page_has_the_table_of_this_registry() -> None:
    page = documentation.PAGE.read_text(encoding="utf-8")
    assert page == documentation.written(page), "run: python -m core.operations.documentation"
