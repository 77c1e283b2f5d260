"""What a reviewer does about held mail besides deciding: claim it, note something, return it, edit it."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from console import operations
from console.dialogs import WaitingDialog
from console.keymap import with_keys
from console.safe_text import fill
from console.screens.held_actions import HeldScreen
from core.desk_client import wording
from core.desk_client.interface import Json
from core.errors import Invalid
from core.views.format import plural

NOTHING: Final = "nothing was changed"


def not_for_team(name: str, *, message: bool, received: bool) -> str | None:
    """Why an item cannot be noted on, returned or edited, before anything is typed. `message`: neither read nor tag."""
    if name == "note" and not message:
        return "notes are kept on messages, and this is a held read or tag"
    if name in {"return", "edit"} and (received or not message):
        return with_keys(
            "only mail that an agent wrote can be returned or edited: approve it ({approve}) or reject it ({reject})"
        )
    return None


class TeamScreen(HeldScreen):
    """A screen on which held mail can be claimed, noted on, returned and edited."""

    def noted_on(self) -> str | None:
        """The id of the message that a note is about: what is decided already can still be noted on."""
        chosen = self.chosen()
        return chosen[2] if chosen is not None else None

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
        item_id = self.noted_on()
        if item_id is None:
            return
        app = self.console
        self.ask_reason(
            fill("Note on $id", id=item_id), self.about(), "saves the note",
            lambda text: app.run_operation(operations.note(item_id, text), lambda _: app.say("noted")),
            asks="note",
        )  # fmt: skip

    def do_return(self) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        item, digest, item_id = chosen
        app = self.console

        def returned(_answer: Json) -> None:
            app.say(f"{item_id} is returned to its agent")
            self.confirmed([item])

        def answered(comment: str) -> None:
            app.session.decides([item])
            app.run_operation(operations.return_to_agent(item_id, digest, comment), returned)

        self.ask_reason(
            fill("Return $id to its agent?", id=item_id),
            Content("\n").join(
                [self.about(), Content("It is not sent; the agent reads your comment and can submit it again.")]
            ),
            "returns it",
            answered,
            asks="comment",
        )

    def do_edit(self) -> None:
        """Edit subject and body in $EDITOR."""
        chosen = self.chosen()
        if chosen is None:
            return
        _, _, item_id = chosen
        waiting: WaitingDialog[Json] = WaitingDialog(
            fill("Edit $id", id=item_id), Content("Loading its text ..."), clock=self.console.monotonic
        )
        self.ask(waiting, lambda before: self._edit(item_id, before))
        self.console.run_operation(operations.read_wording(item_id), waiting.found, otherwise=waiting.failed)

    def _edit(self, item_id: str, before: Json) -> None:
        app, unsaved, text = self.console, self.console.session.unsaved, wording.spelled(before)
        if item_id in unsaved:
            app.say("this is the text of yours that was not saved; the message may have been edited since", "warning")
        try:
            written = app.edit_text(unsaved.get(item_id, text))
            if written is None or written == text:
                unsaved.pop(item_id, None)
                app.say(NOTHING)
                return
            # whatever goes wrong from here on, the next E offers this text instead of losing it
            unsaved[item_id] = written
            changed = wording.read(written, before)
        except Invalid as error:
            app.say(f"{error.reason}: {error.fix}", "warning")
            return

        def edited(answer: Json) -> None:
            unsaved.pop(item_id, None)
            checks = answer["checks"]
            fails = f"; it fails {plural(len(checks), 'check')}" if checks else ""
            app.say(
                f"{item_id} is edited{fails}. Somebody else must approve it", "warning" if checks else "information"
            )
            self.reload()

        app.run_operation(operations.edit(item_id, before["digest"], changed), edited)
