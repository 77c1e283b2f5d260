"""Every door asks on the connection that reads and in the transaction that acts; no other way in is written."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import update

from core import api
from core.db.tables import OPERATOR, TOKEN
from core.demo.clock import FakeClock
from tests.api.api_client import Visitor, opened
from tests.factories.database import new_store
from tests.factories.desk import hire, make_desk, person

CODE: Final = Path(api.__file__).parent
FREE: Final = {"auth.py", "health.py", "unsubscribe.py", "feedback.py", "outcome_waiter.py", "inbox_waiter.py"}
"""auth.py asks itself; the others serve whoever comes (probes, recipients, providers), or wake whoever waits."""


def _paths(visitor: Visitor, tag: str) -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in visitor.app.openapi()["paths"].items()
        for method, told in methods.items()
        if tag in told.get("tags", ())
    ]


def _filled(path: str) -> str:
    for name, value in (
        ("{address}", "help@support-bot.acme.test"), ("{item}", "m00000000000c1"), ("{message_id}", "m00000000000c1"),
        ("{run}", "run-1"), ("{agent}", "support-bot"), ("{key}", "run-1"), ("{number}", "1"), ("{name}", "bob"),
        ("{token}", "1"),
    ):  # fmt: skip
        path = path.replace(name, value)
    assert "{" not in path, path
    return path


@pytest.mark.parametrize(
    ("values", "http"),
    [
        ({"disabled_at": 1}, 401),
        ({"token_hash": b"another"}, 401),
        ({"token_expires_at": 1}, 401),
    ],
    ids=["disabled", "replaced", "expired"],
)
def test_every_route_of_operators_refuses_one_who_is_out(tmp_path: Path, values: dict[str, Any], http: int) -> None:
    bench = make_desk(new_store(tmp_path, FakeClock()))
    bench.store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "alice").values(**values)))
    with opened(bench, tmp_path) as visitor:
        alice = visitor.operator("alice")
        tried = [
            (method, path)
            for method, path in _paths(visitor, "operators")
            if not path.endswith("/claim")  # whoever claims has no token yet
        ]
        assert len(tried) > 10
        for method, path in tried:
            answer = (
                alice.get(_filled(path))
                if method == "GET"
                else alice.post(_filled(path), {})
                if (method == "POST")
                else alice.patch(_filled(path), {})
            )
            assert answer.status_code == http, (method, path, answer.text)


def test_every_read_refuses_an_operator_whose_roles_nobody_has_confirmed(tmp_path: Path) -> None:
    bench = make_desk(new_store(tmp_path, FakeClock()))
    hire(bench.store, person("nora"))
    with opened(bench, tmp_path) as visitor:
        nora = visitor.operator("nora")
        tried = [path for method, path in _paths(visitor, "operators") if method == "GET"]
        assert len(tried) >= 10
        for path in (*tried, "/mailboxes/{address}"):
            assert nora.get(f"{_filled(path)}?kind=owner").status_code == 403, path


def test_an_agents_revoked_token_reads_nothing_from_that_moment_on(tmp_path: Path) -> None:
    bench = make_desk(new_store(tmp_path, FakeClock()))
    with opened(bench, tmp_path) as visitor:
        sent = visitor.send().json()["message_id"]
        paths = [f"/emails/{sent}", "/mailboxes/help@support-bot.acme.test"]
        assert [visitor.get(path).status_code for path in paths] == [200, 200]
        bench.store.transact(lambda tx: tx.write(update(TOKEN).values(revoked_at=tx.now)))
        assert [visitor.get(path).status_code for path in paths] == [401, 401]
        assert visitor.send().status_code == 401
        assert visitor.post(f"/emails/{sent}/cancel").status_code == 401
        assert visitor.post(f"/emails/{sent}/tags", {"tags": ["a"]}).status_code == 401


def test_no_door_reads_the_database_but_through_callers() -> None:
    """A route that opened a connection of its own would read for somebody whom nobody has asked for."""
    allowed = {
        ("emails.py", "_settled"),  # the submission that was answered a moment ago, for who handed it in
        # the content of the message that `_open` has checked its reader for, and logged, a moment ago
        ("received.py", "_body"), ("received.py", "_attachment"), ("received.py", "_content"),
            ("inbox.py", "_one_time"), ("inbox.py", "find"),
        ("received.py", "_download"),  # whoever has the link: it is signed, and good for 15 minutes
    }  # fmt: skip
    files = sorted(CODE.rglob("*.py"))
    assert FREE | {"emails.py", "operator_actions.py"} <= {file.name for file in files}
    for file in files:
        if file.name in FREE:
            continue
        for function in ast.walk(ast.parse(file.read_text())):
            if not isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and node.attr in ("read", "look", "transact", "rows", "row"):
                    owner = ast.unparse(node.value)
                    if owner.endswith("store"):
                        assert (file.name, function.name) in allowed, (file.name, function.name, ast.unparse(node))
