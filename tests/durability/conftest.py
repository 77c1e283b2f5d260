"""A PostgreSQL database for a desk that is about to be founded."""

from __future__ import annotations

import pytest


@pytest.fixture
def empty_postgres(postgres_url: str) -> str:
    """Its tables are there, and empty: running every migration takes longer than founding the desk."""
    return postgres_url
