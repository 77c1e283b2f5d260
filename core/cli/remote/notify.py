"""`postroom notify`: test whether notifications reach people."""

from __future__ import annotations

from typing import Final

from core.cli.commands import group
from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk, command

app: Final = group("notify")


@command(app, "test", example="postroom notify test")
def test(desk: AnyDesk) -> Output:
    """Post a test to every channel of the policy in force. Exits 1 if one does not take it."""
    found = desk.call("notify.test")
    rows = [(one["url"], "taken" if one["ok"] else one["reason"]) for one in found["results"]]
    return Output(found, table(("CHANNEL", ""), rows), code=0 if all(one["ok"] for one in found["results"]) else 1)
