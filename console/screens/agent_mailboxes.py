"""The mailboxes of the agent under the cursor: renew and retire one; and the drill of the agent's tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from textual.content import Content

from console import record_operations as operations
from console.dialogs import Choice, ChoiceDialog
from console.form_dialogs import SecretDialog
from console.safe_text import content, fill, make_safe
from console.screens.agent_actions import AgentScreen
from core.desk_client import drill_report
from core.desk_client.interface import Json

if TYPE_CHECKING:
    from core.desk_client.drill import Drill

SPANS: Final = ("30d", "60d", "90d", "180d")


class AgentMailboxesScreen(AgentScreen):
    """A screen on which a mailbox of an agent can be chosen."""

    def which_mailbox(self, then: Callable[[str], None]) -> None:
        line = self.chosen_agent()
        if line is None or not line.mailboxes:
            return
        if len(line.mailboxes) == 1:
            then(line.mailboxes[0].address)
            return
        choices = [Choice(one.address, content(make_safe(one.address))) for one in line.mailboxes]
        title = fill("Which mailbox of $name?", name=line.name)
        self.ask(ChoiceDialog(title, choices=choices, clock=self.console.monotonic), then)

    # -- renew, retire ------------------------------------------------------------------------------------------------

    def do_renew_mailbox(self) -> None:
        def choose(address: str) -> None:
            choices = [Choice(span, Content(f"{span.removesuffix('d')} days from now")) for span in SPANS]
            title = fill("Renew $address until when?", address=address)
            dialog = ChoiceDialog(title, choices=choices, clock=self.console.monotonic)
            self.ask(dialog, lambda span: self._renew(address, span))

        self.which_mailbox(choose)

    def _renew(self, address: str, span: str) -> None:
        def renewed(record: Json) -> None:
            self.console.say(f"{address} ends {record['expires_at']}")
            self.reload()

        self.ask_typed(
            fill("Renew $address for $days days?", address=address, days=span.removesuffix("d")),
            Content("It sends and receives until then. Its limits and its mode stay."),
            expected=make_safe(address).text,
            does="renew it",
            then=lambda answer: self.console.run_operation(operations.renew(address, span, answer.reason), renewed),
        )

    def do_retire_mailbox(self) -> None:
        def retired(address: str) -> None:
            self.console.say(f"{address} is retired")
            self.reload()

        def ask(address: str) -> None:
            self.ask_typed(
                fill("Retire $address?", address=address),
                Content("It sends and receives nothing from then on. This cannot be undone: suspend to stop for now."),
                expected=make_safe(address).text,
                does="retire it",
                then=lambda answer: self.console.run_operation(
                    operations.retire(address, answer.reason), lambda _: retired(address)
                ),
            )

        self.which_mailbox(ask)

    # -- the drill ----------------------------------------------------------------------------------------------------

    def do_drill(self) -> None:
        line = self.chosen_agent()
        if line is None:
            return
        app, name = self.console, line.name

        def told(text: str) -> None:
            app.call_later(app.say, f"drill of {name}: {text}")

        def drilled(one: Drill) -> None:
            title = fill("Drill of $name", name=name)
            text = Content("\n").join(content(make_safe(line)) for line in drill_report.lines(one))
            self.app.push_screen(SecretDialog(title, text, clock=app.monotonic))
            self.reload()

        self.ask_typed(
            fill("Drill the revocation of $name?", name=name),
            Content("All its tokens are revoked. It sends nothing until you give it a fresh one, which is shown once."),
            expected=make_safe(name).text,
            does="drill it",
            then=lambda _: app.run_operation(operations.drill(name, told), drilled),
            reason=False,
        )
