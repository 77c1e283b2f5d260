"""Suspend, resume, change the mode: the same three keys wherever an agent is under the cursor."""

from __future__ import annotations

from textual.content import Content

from console import operations
from console.copying import Source
from console.dialogs import Choice, ChoiceDialog, Confirmed
from console.safe_text import content, fill, make_safe
from console.screens.desk_screen import DeskScreen
from console.themes import Tone
from console.views.gauges import MEANS
from core.desk_client.interface import Json
from core.model import Actor, Mode
from core.rules import roles
from core.rules.roles import Verb
from core.views.format import plural, stamp
from core.views.history import Of
from core.views.live import AgentLine, MailboxLine


class AgentScreen(DeskScreen):
    """A screen on which an agent can be pointed at."""

    def chosen_agent(self) -> AgentLine | None:
        """The agent that `s`, `r` and `m` act on, as it was drawn."""
        raise NotImplementedError

    def copied(self) -> Source | None:
        line = self.chosen_agent()
        return Source(line.name) if line is not None else None

    def history_subject(self) -> tuple[Of, str]:
        line = self.chosen_agent()
        return super().history_subject() if line is None else (Of.AGENT, line.name)

    def why_not(self, name: str) -> str | None:
        if name not in {"suspend", "resume", "mode"}:
            return super().why_not(name)
        line = self.chosen_agent()
        if line is None:
            return "no agent is under the cursor"
        match name:
            case "suspend":
                return "it is already suspended" if line.suspended else None
            case "resume":
                return None if line.suspended else "it is not suspended"
            case _:
                return None if line.mailboxes else "it has no active mailbox"

    def do_suspend(self) -> None:
        line = self.chosen_agent()
        if line is None:
            return

        def suspended(frozen: Json) -> None:
            kept = plural(frozen["queued"] + frozen["pending"], "message")
            moving = plural(frozen["in_flight"], "delivery", "deliveries")
            self.console.say(f"{line.name} is suspended: {moving} under way, {kept} kept")

        self.ask_reason(
            fill("Suspend $name?", name=line.name),
            fill("No new delivery of it starts. $held held and all queued messages are kept.", held=str(line.held)),
            "suspends it",
            lambda reason: self.console.run_operation(operations.suspend(line.name, reason), suspended),
        )

    def do_resume(self) -> None:
        line = self.chosen_agent()
        if line is None:
            return
        self.ask_typed(
            fill("Resume $name?", name=line.name),
            fill("Suspended by $by: $why", by=line.suspended_by or "", why=line.suspend_reason or ""),
            expected=make_safe(line.name).text,
            does="resume it",
            then=lambda answer: self.console.run_operation(
                operations.resume(line.name, answer.reason), lambda _: self.console.say(f"{line.name} is resumed")
            ),
        )

    # -- the mode -----------------------------------------------------------------------------------------------------

    def do_mode(self) -> None:
        line = self.chosen_agent()
        if line is None or not line.mailboxes:
            return
        if len(line.mailboxes) == 1:
            self._ask_mode(line.mailboxes[0])
            return
        by_address = {mailbox.address: mailbox for mailbox in line.mailboxes}
        choices = [
            Choice(
                mailbox.address,
                Content.assemble(content(make_safe(mailbox.address)), (f"  {mailbox.mode}", Tone.MUTED)),
            )
            for mailbox in line.mailboxes
        ]
        dialog = ChoiceDialog(
            fill("Which mailbox of $name?", name=line.name), choices=choices, clock=self.console.monotonic
        )
        self.ask(dialog, lambda address: self._ask_mode(by_address[address]))

    def _ask_mode(self, mailbox: MailboxLine) -> None:
        choices = [
            Choice(
                mode.value, Content(f"{mode.value:<12} {MEANS[mode]}"),
                mode_refusal(mailbox.mode, mode, self.console.actor, raise_from=mailbox.raise_from),
            )
            for mode in sorted(Mode, key=lambda each: -each.rung)
        ]  # fmt: skip
        dialog = ChoiceDialog(
            fill("Mode of $address, now $mode", address=mailbox.address, mode=mailbox.mode.value),
            choices=choices,
            clock=self.console.monotonic,
        )
        self.ask(dialog, lambda value: self._confirm_mode(mailbox, Mode(value)))

    def _confirm_mode(self, mailbox: MailboxLine, mode: Mode) -> None:
        def change(reason: str) -> None:
            self.console.run_operation(
                operations.change_mode(mailbox.address, mode, reason),
                lambda record: self.console.say(
                    f"{record['address']} is {record['oversight_mode']} now; pending mail is unchanged"
                ),
            )

        title = fill("$address: $old → $new", address=mailbox.address, old=mailbox.mode.value, new=mode.value)
        if mode.rung < mailbox.mode.rung:
            self.ask_reason(title, Content(f"From now on: {MEANS[mode]}."), "lowers it", change)
            return

        def confirmed(answer: Confirmed) -> None:
            change(answer.reason)

        self.ask_typed(
            title, Content(f"From now on: {MEANS[mode]}."), expected=mode.value, does="raise it", then=confirmed
        )


def mode_refusal(current: Mode, wanted: Mode, actor: Actor, *, raise_from: int | None = None) -> str | None:
    """Why this rung cannot be chosen, or None; the service decides."""
    if wanted is current:
        return "current"
    if wanted.rung < current.rung:
        return None if roles.may(actor, Verb.MODE_LOWER) else "your roles cannot lower it"
    if wanted.rung > current.rung + 1:
        return "one step at a time"
    if not roles.may(actor, Verb.MODE_RAISE):
        return "needs role governance"
    return f"raised recently; can be raised again from {stamp(raise_from)}" if raise_from is not None else None
