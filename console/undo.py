"""Undo a decision until its release: one's own first, else anybody's, chosen from those that can still be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from console import operations, record_operations
from console.dialogs import Choice, ChoiceDialog
from console.safe_text import fill
from console.session import Approval
from core.desk_client.interface import Json
from core.durations import read_stamp
from core.ids import read_item
from core.views.format import countdown, plural

if TYPE_CHECKING:
    from console.screens.desk_screen import DeskScreen


def undo(screen: DeskScreen) -> None:
    """Undo what the screen shows if it can be undone, or one's own last decision; otherwise ask whose."""
    app = screen.console
    approval = screen.undoable_here() or app.session.undoable(app.now)
    if approval is not None:
        take_back(screen, approval)
    else:
        app.run_operation(record_operations.undoable(), lambda found: _choose(screen, found))


def take_back(screen: DeskScreen, approval: Approval) -> None:
    """Undo all of it, as far as it is not final."""
    app = screen.console

    def taken_back(settled: operations.Settled) -> None:
        app.session.undone(approval)
        for _, why in settled.refused[:1]:
            app.say(why, "warning")
        if settled.done:
            app.say(f"undone: {plural(len(settled.done), 'message')} pending again")

    app.run_operation(operations.undo(approval.items), taken_back)


def _choose(screen: DeskScreen, found: Json) -> None:
    app = screen.console
    open_ = [one for one in found["decisions"] if read_stamp(one["release_at"]) > app.now]
    if not open_:
        app.say("nothing left to undo: all decisions are final", "warning")
        return
    if screen.app.screen is not screen:
        return  # the operator has gone on to something else
    choices = [Choice(str(at), _line(one, now=app.now)) for at, one in enumerate(open_)]
    dialog = ChoiceDialog(
        "Undo whose decision?", Content("You have none of your own to undo. What you undo is held again."),
        choices=choices, clock=app.monotonic,
    )  # fmt: skip
    screen.ask(dialog, lambda key: take_back(screen, _approval(open_[int(key)])))


def _line(one: Json, *, now: int) -> Content:
    """`bob approved 412 messages · quote-bot · final in 8s`."""
    return fill(
        "$by $did $what · $agent · final in $left", by=one["by"], agent=one["agent"],
        did="approved" if one["verb"] == "approve" else "rejected",
        what=one["ids"][0] if len(one["ids"]) == 1 else plural(len(one["ids"]), "message"),
        left=countdown(read_stamp(one["release_at"]) - now),
    )  # fmt: skip


def _approval(one: Json) -> Approval:
    items = tuple(number for item in one["ids"] if (number := read_item(item)) is not None)
    return Approval(items, one["batch"] or one["ids"][0], read_stamp(one["release_at"]), one["verb"] == "reject")
