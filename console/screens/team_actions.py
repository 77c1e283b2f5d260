"""What a reviewer does about held mail besides deciding: claim it, note something, return it, edit it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from textual.content import Content

from console import operations
from console.safe_text import fill
from console.screens.desk_screen import DeskScreen
from core.desk_client import wording
from core.desk_client.interface import Json
from core.errors import Invalid
from core.views.format import plural

NOTHING: Final = "nothing was changed"


class TeamScreen(DeskScreen):
    """A screen on which held mail can be claimed, noted on, returned and edited."""

    def chosen(self) -> tuple[int, str | None, str] | None:
        """(item, digest as drawn, spelled id) that the keys act on, or None."""
        raise NotImplementedError

    def about(self) -> Content:
        """The recipient and subject of the chosen item, in one line."""
        raise NotImplementedError

    def claimed_by_me(self) -> bool:
        """Whether this operator holds the claim on the chosen item."""
        raise NotImplementedError

    def do_claim(self) -> None:
        """Claim it for ten minutes; press again to give it back."""
        chosen = self.chosen()
        if chosen is None:
            return
        _, _, item_id = chosen
        app = self.console
        if self.claimed_by_me():
            app.run_operation(operations.unclaim(item_id), lambda _: app.say(f"{item_id} is free again"))
        else:
            app.run_operation(operations.claim(item_id), lambda _: app.say(f"{item_id} is yours for ten minutes"))

    def do_note(self) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        _, _, item_id = chosen
        app = self.console
        self.ask_reason(
            fill("Note on $id", id=item_id), self.about(), "keeps the note",
            lambda text: app.run_operation(operations.note(item_id, text), lambda _: app.say("noted")),
        )  # fmt: skip

    def do_return(self) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        item, digest, item_id = chosen
        app = self.console

        def returned(_answer: Json) -> None:
            app.say(f"{item_id} is returned to its agent")
            self.decided([item])

        self.ask_reason(
            fill("Return $id to its agent?", id=item_id),
            Content("\n").join([self.about(), Content("It never leaves. Its agent reads your comment.")]),
            "returns it",
            lambda comment: app.run_operation(operations.return_to_agent(item_id, digest, comment), returned),
        )

    def do_edit(self) -> None:
        """Edit subject and body in $EDITOR."""
        chosen = self.chosen()
        if chosen is None:
            return
        _, _, item_id = chosen
        self.console.run_operation(operations.read_wording(item_id), lambda before: self._edit(item_id, before))

    def _edit(self, item_id: str, before: Json) -> None:
        app = self.console
        written = app.edit_text(wording.spelled(before))
        try:
            changed: dict[str, Any] = {} if written is None else wording.read(written, before)
        except Invalid as error:
            app.say(f"{error.reason}: {error.fix}", "warning")
            return
        if not changed:
            app.say(NOTHING)
            return

        def edited(answer: Json) -> None:
            checks = answer["checks"]
            fails = f"; it fails {plural(len(checks), 'check')}" if checks else ""
            app.say(
                f"{item_id} is edited{fails}. Somebody else must approve it", "warning" if checks else "information"
            )
            self.reload()

        app.run_operation(operations.edit(item_id, before["digest"], changed), edited)

    def decided(self, items: Sequence[int]) -> None:
        """These are no longer pending, by our own hand."""
