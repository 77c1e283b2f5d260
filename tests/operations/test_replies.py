"""What a receiving server answered may quote a recipient: only whoever may read mail sees it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from core.db.tables import LANE, STREAM
from core.demo.clock import FakeClock
from core.model import Actor, Role
from core.operations.local_desk import HOST
from core.operations.operation import Kind
from core.operations.registry import OPERATIONS
from tests.factories.database import new_store
from tests.factories.desk import ALICE, ROOT
from tests.operations.scene import Scene

REPLY = "450 4.2.2 <zebra.quux@example.com>: zebra.quux=example.com over quota"
SHOWN = "450 4.2.2 <***@example.com>: ***=example.com over quota"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(new_store(tmp_path, FakeClock()), tmp_path)
    found.store.transact(lambda tx: tx.write(update(LANE).values(last_reply=REPLY, failures=4, depth=1)))
    down = {"last_reply": REPLY, "route_failures": 3}
    found.store.transact(lambda tx: tx.write(update(STREAM).values(**down)))
    yield found
    found.store.close()


def _shown(scene: Scene, name: str, who: Actor) -> str:
    return repr(scene.store.look(lambda tx: scene.call(tx, name, scene.requests()[name], who)))


@pytest.mark.parametrize("name", ["lane.list", "screen.lanes", "stream.list", "stream.show"])
def test_a_reply_is_whole_to_whoever_may_read_mail_and_masked_to_others(scene: Scene, name: str) -> None:
    assert REPLY in _shown(scene, name, ALICE)
    for other in (ROOT, HOST):
        assert SHOWN in _shown(scene, name, other)


def test_no_read_that_is_open_to_all_roles_names_a_recipient(scene: Scene) -> None:
    """An admin may look at the desk, not at its mail: neither a reply nor anything else shows them who it is for."""
    read = [one for one in OPERATIONS.values() if one.kind is Kind.READ and Role.ADMIN in one.roles]
    assert {"attention.now", "desk.status", "screen.live", "screen.agent"} <= {one.name for one in read}
    for one in read:
        if one.prepare is not None:
            continue
        found = _shown(scene, one.name, ROOT)
        for recipient in ("zebra", "jane", "joe@", "jill"):
            assert recipient not in found, (one.name, found)
    assert SHOWN in _shown(scene, "attention.now", ROOT)
    assert SHOWN in _shown(scene, "desk.status", ROOT)
