"""The tables as SQL names them: each is exported once, so `select(MAILBOX.c.id)` means the same everywhere."""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel

from core.db import tables


def test_every_table_of_the_schema_is_exported_once_under_its_name() -> None:
    exported = {name: getattr(tables, name) for name in tables.__all__}
    assert all(isinstance(found, Table) for found in exported.values())
    assert {found.name: name.replace("_", "").lower() for name, found in exported.items()} == {
        name: {"event": "logentry", "gateway": "gatewayprocess"}.get(name, name.replace("_", ""))
        for name in SQLModel.metadata.tables
    }
