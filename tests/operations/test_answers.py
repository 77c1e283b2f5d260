"""Every operation, performed once: its answer has the members it promises, and the log names its actor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import orjson
import pytest

from core import json_body
from core.db.transaction import Transaction
from core.demo.clock import FakeClock
from core.operations.operation import Kind
from core.operations.registry import OPERATIONS
from core.operations.teamwork import MAX_TEXT, EditRequest
from tests.factories.database import new_store
from tests.operations.scene import Json, Scene


class _Undone(Exception):
    """Rolls an act back."""

    def __init__(self, answer: Json, events: list[str]) -> None:
        self.answer, self.events = answer, events


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("desk")
    made = Scene(new_store(directory, FakeClock()), directory)
    yield made
    made.store.close()


def _performed(scene: Scene, name: str) -> tuple[Json, list[str]]:
    """What an operation answers, and the actors of the events it leaves; nothing of it stays."""
    who = scene.caller(name)
    requests = scene.requests()

    def verb(tx: Transaction) -> None:
        for earlier, actor in scene.before(name):
            scene.call(tx, earlier, requests[earlier], actor)
        before = len(tx._mine().events)
        answer = scene.call(tx, name, requests[name], who)
        raise _Undone(answer, [event.actor for event in tx._mine().events[before:]])

    with pytest.raises(_Undone) as undone:
        scene.store.transact(verb)
    return undone.value.answer, undone.value.events


def test_every_operation_answers_what_it_promises(scene: Scene) -> None:
    assert scene.requests().keys() == OPERATIONS.keys()
    for name, operation in OPERATIONS.items():
        if name == "message.undo":
            continue  # below: only a delayed approval can be undone
        answer, actors = _performed(scene, name)
        shape = operation.answer
        if operation.each:
            (shape,) = get_args(operation.answer.model_fields["decided"].annotation)
        shape.model_validate(answer, strict=True)
        if operation.kind is Kind.ACT:
            assert str(scene.caller(name)) in actors or name == "operator.claim", name
        else:
            assert not actors, name


def test_an_edit_may_be_as_long_as_mail(scene: Scene) -> None:
    text = "\u00e9" * MAX_TEXT
    body = orjson.dumps({"id": scene.held, "digest": scene.digest, "text": text, "html": text})
    assert json_body.read(EditRequest, body).html == text
