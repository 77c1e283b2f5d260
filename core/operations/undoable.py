"""Decisions that can still be undone, whoever made them."""

from __future__ import annotations

from typing import Any

from core.db.queries import undoable
from core.operations.answers import Answer
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, read
from core.rules.roles import Verb


class Undoable(Answer):
    """Decisions, the latest first; those of one batch together. `verb` is `approve` or `reject`; `ids` are its items.

    `release_at` is when the first of them becomes final. `more`: there are others.
    """

    decisions: list[dict[str, Any]]
    more: bool


def list_undoable(call: Call, _request: Nothing) -> Json:
    found, more = undoable.decisions(call.tx.conn, now=call.tx.now)
    return {"decisions": [one.as_json() for one in found], "more": more}


OPERATIONS = (
    read("queue.undoable", list_undoable, Nothing, Undoable, Verb.MESSAGE_READ,
         about="Approvals and rejections that are not final yet, by anybody: message.undo takes them back."),
)  # fmt: skip
