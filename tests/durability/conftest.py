"""PostgreSQL without a schema: founding a desk makes it."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import create_engine, text

_NUMBERS = itertools.count(1)


@pytest.fixture
def empty_postgres(postgres: str) -> str:
    name = f"withstand_{next(_NUMBERS)}"
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgres.replace("/postgres?", f"/{name}?")
