from __future__ import annotations

import pytest
from sqlalchemy import make_url

from core.text.database_url import spelled


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgres://u:p@h/desk", {"host": "h", "user": "u", "password": "p", "dbname": "desk"}),
        ("postgresql://h:64/desk?sslmode=require", {"host": "h", "port": 64, "dbname": "desk", "sslmode": "require"}),
        ("postgresql+psycopg:///desk?host=/run/pg", {"host": "/run/pg", "dbname": "desk"}),
        (
            "postgresql://u@h1:5433,h2/desk",
            {"host": "h1,h2", "port": "5433,", "user": "u", "dbname": "desk", "target_session_attrs": "read-write"},
        ),
        (
            "postgresql://u@[::1]:1,h2:2/desk?target_session_attrs=primary",
            {"host": "::1,h2", "port": "1,2", "user": "u", "dbname": "desk", "target_session_attrs": "primary"},
        ),
        (
            "postgresql://u@/desk?host=h1,h2&port=1,2",
            {"host": "h1,h2", "port": "1,2", "user": "u", "dbname": "desk", "target_session_attrs": "read-write"},
        ),
        (
            "postgresql+psycopg://u@/desk?host=h1:1&host=h2:2",
            {"host": "h1,h2", "port": "1,2", "user": "u", "dbname": "desk", "target_session_attrs": "read-write"},
        ),
    ],
)  # fmt: skip
def test_a_url_says_to_the_driver_what_its_author_meant(written: str, meant: dict[str, object]) -> None:
    url = make_url(spelled(written))
    assert url.drivername == "postgresql+psycopg"
    assert url.get_dialect()().create_connect_args(url)[1] == meant
    assert spelled(spelled(written)) == spelled(written)


@pytest.mark.parametrize("other", ["sqlite:////var/lib/postroom.db", "postgresql+asyncpg://h/desk", "no URL", ""])
def test_what_is_no_url_of_our_driver_is_left_as_it_is(other: str) -> None:
    assert spelled(other) == other
