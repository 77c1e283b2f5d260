"""What the console asks a desk to do: a batch in parts."""

from __future__ import annotations

from typing import Any

import pytest

from console import operations
from core.desk_client.interface import Json
from core.errors import NoAnswer, PostroomError, Unavailable
from tests.console.harness import Scene
from tests.factories.desk import BOB


class Losing:
    """A desk that fails at the second request."""

    def __init__(self, desk: Any, error: PostroomError) -> None:
        self._desk, self._error, self._asked = desk, error, 0

    def call(self, operation: Any, /, **members: Any) -> Json:
        self._asked += 1
        if self._asked > 1:
            raise self._error
        answer: Json = self._desk.call(operation, **members)
        return answer


@pytest.mark.parametrize(
    ("error", "why"),
    [(Unavailable("it is busy"), "it is busy"), (NoAnswer("it was lost"), "no answer, it may have been done")],
)
def test_what_a_batch_decided_before_it_broke_off_can_be_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: PostroomError, why: str
) -> None:
    monkeypatch.setattr(operations, "BATCH_SIZE", 1)
    items = [scene.submit(f"r{n}@example.com") for n in range(3)]
    approve: Any = operations.approve([operations.Choice(item) for item in items])
    with_desk = scene.parts(BOB).desk._desk
    settled = approve(Losing(with_desk, error))
    assert [one.item for one in settled.done] == items[:1]
    assert [item for item, _ in settled.refused] == items[1:]
    assert settled.refused[0][1].startswith(why)
    assert settled.refused[1][1] == str(error)
