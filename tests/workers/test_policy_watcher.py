"""What people read in the log of a gateway when they edit policy.toml."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.db.store import Store
from core.db.writer import Writer
from core.workers import policy_watcher
from core.workers.policy_watcher import PolicyWatcher
from tests.factories.desk import make_desk


def test_a_bad_edit_is_one_line_without_a_traceback(store: Store, tmp_path: Path) -> None:
    make_desk(store)
    file = tmp_path / "policy.toml"
    file.write_text("[oversight]\ndefault_mode = 'none'\n")

    async def look_twice() -> None:
        writer = Writer(store)
        writer.start()
        watched = PolicyWatcher(file, writer=writer)
        await watched.look()
        await watched.look()
        await writer.close()

    with capture_logs() as said:
        asyncio.run(look_twice())
    (line,) = said
    assert line["event"] == "policy.toml is not valid; the policy in force stays"
    assert "default_mode" in str(line["problems"])
    assert "exc_info" not in line


def test_an_edit_is_read_once_it_is_whole_and_so_is_a_file_that_replaces_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_desk(store)
    file = tmp_path / "policy.toml"
    file.write_text("[budgets.agent]\nhour = 50\n")
    monkeypatch.setattr(policy_watcher, "EVERY", 0.01)
    read: asyncio.Queue[str] = asyncio.Queue()

    class Watched(PolicyWatcher):
        async def look(self) -> None:
            read.put_nowait(file.read_text() if file.exists() else "")

    async def edit() -> None:
        running = asyncio.create_task(Watched(file, writer=Writer(store)).run())
        assert "50" in await read.get()
        file.write_text("[budgets.agent]\nhour = 5\n")
        assert "hour = 5\n" in await read.get()
        replacement = tmp_path / "new"
        replacement.write_text("[budgets.agent]\nhour = 6\n")
        replacement.rename(file)
        assert "hour = 6\n" in await read.get()
        file.unlink()
        assert not await read.get()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(edit())
