"""Declare what screens read (see `core.desk_client.reads`): its answer is a view, under the member `view`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from core.desk_client.reads import Read
from core.json_body import Shape
from core.operations.answers import Answer
from core.operations.operation import Call, Kind, Operation
from core.rules.roles import Verb
from core.services.control.read_log import Shown

R = TypeVar("R", bound=Shape)
T = TypeVar("T")


class View(Answer):
    """What one screen shows. Its members are those of this version's console; they change without notice."""

    view: Any


def screen(
    read: Read[T], run: Callable[[Call, R], T], request: type[R], *verbs: Verb, about: str,
    shown: Callable[[R, T], tuple[Shown, ...]] | None = None,
) -> Operation:  # fmt: skip
    """Declare a read of the console. `shown` says which mail or people are in the view: that is logged first."""
    return Operation(
        read.name, Kind.READ, lambda call, asked: {"view": run(call, asked)}, request, View, verbs, about,
        shown=None if shown is None else lambda asked, answer: shown(asked, answer["view"]),
    )  # fmt: skip
