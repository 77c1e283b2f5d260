"""Ready means: the desk can accept, claim and deliver; what it cannot is named, with what to do."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from sqlalchemy import text

from core.api import app
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.model import SILENT
from core.services.control import readiness
from core.services.sending import delivery
from tests.api.api_client import Visitor, problem


@pytest.fixture
def ready(agent: Visitor) -> Visitor:
    """A desk at which a process delivers."""
    agent.bench.store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    assert agent.get("/readyz").status_code == 200
    return agent


def test_a_desk_where_nobody_delivers_is_not_ready(agent: Visitor) -> None:
    told = problem(agent.get("/readyz"), 503, "not_ready")
    assert [one["what"] for one in told["faults"]] == ["deliver"]
    assert told["fix"]


def test_a_process_that_went_silent_is_missed(ready: Visitor, clock: FakeClock) -> None:
    clock.advance(micros=SILENT)
    told = problem(ready.get("/readyz"), 503, "not_ready")
    assert [one["what"] for one in told["faults"]] == ["deliver"]


def test_a_full_disk_is_named(ready: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LEAST_DISK", 2**80)
    told = problem(ready.get("/readyz"), 503, "not_ready")
    assert told["faults"][0]["what"] == "accept"
    assert "disk" in told["reason"]


def test_a_write_that_failed_is_named(ready: Visitor) -> None:
    def broken(tx: Transaction) -> None:
        tx.conn.execute(text("INSERT INTO nowhere VALUES (1)"))

    async def fail() -> None:
        with pytest.raises(Exception, match="does not answer"):
            await ready.desk.writer.do(broken)

    asyncio.run(fail())
    told = problem(ready.get("/readyz"), 503, "not_ready")
    assert [one["what"] for one in told["faults"]] == ["accept"]
    assert "nowhere" in told["reason"]


def test_a_heartbeat_that_is_not_committed_is_named(ready: Visitor) -> None:
    desk = dataclasses.replace(ready.desk, pulse=lambda: "the desk's disk is full")
    told = problem(ready.at(app.build(desk, ready.settings)).get("/readyz"), 503, "not_ready")
    assert "the desk's disk is full" in told["reason"]


def test_a_database_that_is_gone_is_named_and_the_process_still_lives(
    ready: Visitor, clock: FakeClock, tmp_path: Path
) -> None:
    for one in tmp_path.glob("postroom.db*"):
        one.rename(tmp_path / f"gone-{one.name}")
    clock.advance(seconds=2)  # the file is looked for once a second
    assert ready.get("/healthz").status_code == 200
    assert ready.get("/readyz").status_code == 503
