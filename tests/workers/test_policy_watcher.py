"""What people read in the log of a gateway when they edit policy.toml."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from core.db.store import Store
from core.db.writer import Writer
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
