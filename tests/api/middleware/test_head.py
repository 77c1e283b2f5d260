"""HEAD tells what GET would, and changes as little."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from core.db import audit_log
from core.db.store import Store
from core.ids import read_id
from core.model import Mode
from core.rules import signed_ids
from tests.api.api_client import Visitor, opened
from tests.factories.desk import ADDRESS, KEYRING, make_desk


def head(visitor: Visitor, path: str) -> httpx.Response:
    return asyncio.run(visitor.ask("HEAD", path))


@pytest.mark.parametrize("path", ["/healthz", "/emails/{}", f"/mailboxes/{ADDRESS}", "/openapi.json", "/emails/m0"])
def test_head_is_get_without_its_body(agent: Visitor, path: str) -> None:
    path = path.format(agent.send().json()["message_id"])
    told, whole = head(agent, path), agent.get(path)
    assert (told.status_code, told.content) == (whole.status_code, b"")
    assert told.headers["content-type"] == whole.headers["content-type"]
    assert told.headers["content-length"] == str(len(whole.content))


def test_head_unsubscribes_nobody(agent: Visitor) -> None:
    number = read_id("m", agent.send().json()["message_id"])
    assert number is not None
    with agent.bench.store.read() as conn:
        before = audit_log.head(conn)
    token = signed_ids.unsubscribe_token(number, 0, keyring=KEYRING)
    answer = head(agent.using(None), f"/u/{token}")
    assert (answer.status_code, answer.content) == (200, b"")
    with agent.bench.store.read() as conn:
        assert audit_log.head(conn) == before


def test_head_takes_no_post_and_files_nothing_to_read(sqlite_store: Store, tmp_path: Path) -> None:
    with opened(make_desk(sqlite_store, mode=Mode.GATED_ALL), tmp_path) as agent:
        assert head(agent, "/desk/stop").status_code == 405
        assert head(agent, f"/mailboxes/{ADDRESS}/messages").status_code == 405
        assert agent.operator("alice").get(f"/mailboxes/{ADDRESS}/pending").json()["messages"] == []
