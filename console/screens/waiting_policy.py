"""What an edit of policy.toml loosens: it is not in force until governance confirms it, or it is dropped."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content

from console import record_operations as operations
from console.keymap import Scope
from console.screens.desk_screen import bindings
from console.screens.record_list import ListScreen
from console.views.page_rows import CHANGES, change_row
from console.widgets.line_painter import Texts
from core.desk_client.interface import Json
from core.views.format import plural


class WaitingPolicyPage(ListScreen):
    """Pushed over any screen: each key that would change, as it is and as it would be."""

    scope = Scope.POLICY
    tab = 0
    title_word = "Waiting policy"
    columns = CHANGES
    texts = Texts(loading="Loading ...", empty="✔ Nothing waits: the policy in force is that of policy.toml.")
    event_prefixes = ("policy.",)
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.POLICY)

    def __init__(self) -> None:
        super().__init__()
        self._digest: str | None = None
        self._changes: list[Json] = []

    async def load(self) -> None:
        found = await self.desk.ask(operations.waiting_policy())
        self._digest, self._changes = found["digest"], found["changes"]
        self.show_rows([change_row(number, one) for number, one in enumerate(self._changes, start=1)])

    def note(self) -> str:
        return f"{plural(len(self._changes), 'change')}, not in force" if self._digest else ""

    def why_not(self, name: str) -> str | None:
        if name in {"confirm_policy", "drop_policy"} and self._digest is None:
            return "nothing waits"
        return super().why_not(name)

    def do_confirm_policy(self) -> None:
        digest, changes = self._digest, self._changes
        if digest is None:
            return
        self.ask_typed(
            Content(f"Put {plural(len(changes), 'change')} of the policy in force?"),
            Content("All of them hold from the next decision on. Nothing else is put in force than what you see."),
            expected=str(len(changes)),
            does="put it in force",
            then=lambda answer: self.console.run_operation(
                operations.confirm_policy(digest, answer.reason), self._confirmed
            ),
        )

    def _confirmed(self, answer: Json) -> None:
        self.console.say(f"version {answer['version']} of the policy is in force")
        self.reload()

    def do_drop_policy(self) -> None:
        digest = self._digest
        if digest is None:
            return
        self.ask_reason(
            Content("Drop what waits?"),
            Content(
                "The policy in force stays. The file stays too: edit it, or its next edit asks for the same again."
            ),
            "drops it",
            lambda reason: self.console.run_operation(operations.drop_policy(digest, reason), self._dropped),
        )

    def _dropped(self, answer: Json) -> None:
        self.console.say(f"dropped; version {answer['version']} of the policy stays in force")
        self.reload()
