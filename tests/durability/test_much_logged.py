"""A gateway of these tests that has much to log goes on: nobody has to read what it says, or it would stand still."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.db import audit_log
from core.db.store import Store
from core.events import PolicyRefused
from core.settings import POLICY
from tests.durability.gateway_processes import site

PIPE = 2**16
"""Bytes that a pipe takes before its writer has to wait for a reader."""
KEYS = 4_000

pytestmark = pytest.mark.slow


def refused(store: Store) -> bool:
    with store.read() as conn:
        return any(isinstance(one.event, PolicyRefused) for one in audit_log.read(conn, after=0, limit=1_000))


def test_a_line_longer_than_a_pipe_holds_keeps_no_gateway_from_serving_and_ending(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        async with site(tmp_path / "desk", None) as tested, tested.gateway() as running:
            slips = "".join(f"no_such_key_{n} = 1\n" for n in range(KEYS))  # all in the one line that names them
            (tested.desk.directory / POLICY).write_text(slips)
            await tested.until(refused)
            assert (await running.submit()).is_success
            assert await running.terminate() == 0

    asyncio.run(story())
    assert len(capfd.readouterr().err) > PIPE
