"""Runs, limits, allow-list and tokens of the agent under the cursor, and notes on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from textual.content import Content

from console import record_operations as operations
from console.dialogs import Choice, ChoiceDialog, WaitingDialog
from console.form_dialogs import ValueDialog
from console.operations import Operation
from console.safe_text import content, fill, make_safe
from console.screens.agent_mailboxes import AgentMailboxesScreen
from console.views.agent_records import LIMITS, limit_text, policy_figure, read_figure, run_text, token_text
from core.desk_client.interface import Json
from core.durations import read_stamp
from core.errors import Invalid
from core.rules.addresses import check_pattern
from core.views.format import count, plural
from core.views.live import AgentLine

T = TypeVar("T")
POLICY: Final = "policy"
"""What is typed for the policy's value of a limit."""
ADD: Final = "+"
MOST: Final = 10_000_000
OF_MAILBOX: Final = frozenset({"limits", "allow_list", "renew_mailbox", "retire_mailbox"})
OF_AGENT: Final = frozenset({"confirm_run", "limits", "allow_list", "revoke_token", "note", *OF_MAILBOX, "drill"})


class AgentRecordsScreen(AgentMailboxesScreen):
    """A screen on which the records of an agent can be changed."""

    def why_not(self, name: str) -> str | None:
        if name not in OF_AGENT:
            return super().why_not(name)
        line = self.chosen_agent()
        if line is None:
            return "no agent is under the cursor"
        return "it has no active mailbox" if name in OF_MAILBOX and not line.mailboxes else None

    def load_then(self, title: Content, operation: Operation[Json], then: Callable[[Json], None]) -> None:
        """Ask the desk what there is to choose; keys typed until it has answered go nowhere."""
        waiting: WaitingDialog[Json] = WaitingDialog(title, Content("Loading ..."), clock=self.console.monotonic)
        self.ask(waiting, then)
        self.console.run_operation(operation, waiting.found, otherwise=waiting.failed)

    # -- runs ---------------------------------------------------------------------------------------------------------

    def do_confirm_run(self) -> None:
        if (line := self.chosen_agent()) is not None:
            title = fill("Confirm a run of $agent", agent=line.name)
            self.load_then(title, operations.runs(line.name), lambda found: self._choose_run(line, found))

    def _choose_run(self, line: AgentLine, found: Json) -> None:
        runs = {one["id"]: one for one in found["runs"] if one["closed_at"] is None}
        if not runs:
            self.console.say(f"{line.name} has no open run", "warning")
            return
        choices = [Choice(key, content(make_safe(run_text(one)))) for key, one in runs.items()]
        title = fill("Which run of $agent?", agent=line.name)
        dialog = ChoiceDialog(title, choices=choices, clock=self.console.monotonic)
        self.ask(dialog, lambda key: self._ask_how_far(line.name, runs[key]))

    def _ask_how_far(self, agent: str, run: Json) -> None:
        least = max(run["accepted"], run["confirmed_up_to"] or 0)

        def wrong(value: str) -> str:
            figure = read_figure(value)
            if figure is None or figure > MOST:
                return f"that is no number up to {MOST:,}"
            return "" if figure > least else f"it must be more than {count(least)}"

        title = fill("Confirm $run", run=run["id"])
        body = fill(
            "$accepted of it so far. Recipients it may reach in its whole life:",
            accepted=plural(run["accepted"], "recipient"),
        )
        dialog = ValueDialog(title, body, asks="a number of recipients", wrong=wrong, clock=self.console.monotonic)
        self.ask(dialog, lambda value: self._confirm_run(agent, run["id"], read_figure(value) or 0))

    def _confirm_run(self, agent: str, run: str, up_to: int) -> None:
        def confirmed(done: Json) -> None:
            released, held = plural(done["released"], "held message"), count(done["still_pending"])
            self.console.say(f"{run} may reach {count(up_to)}: {released} released, {held} stay held")

        self.ask_typed(
            Content(f"Confirm it up to {plural(up_to, 'recipient')}?"),
            fill("Run $run of $agent. This lifts the hold of the run's cap and no other hold.", run=run, agent=agent),
            expected=str(up_to),
            does="confirm it",
            then=lambda answer: self.console.run_operation(
                operations.confirm_run(agent, run, up_to, answer.reason), confirmed
            ),
        )

    # -- limits -------------------------------------------------------------------------------------------------------

    def do_limits(self) -> None:
        def load(address: str) -> None:
            title = fill("Limits of $address", address=address)
            self.load_then(title, operations.mailbox_with_policy(address), self._choose_limit)

        self.which_mailbox(load)

    def _choose_limit(self, record: Json) -> None:
        choices = [Choice(name, Content(limit_text(name, record))) for name in LIMITS]
        body = fill("$address", address=record["address"])
        self.ask(
            ChoiceDialog("Limits", body, choices=choices, clock=self.console.monotonic),
            lambda name: self._ask_limit(record, name),
        )

    def _ask_limit(self, record: Json, name: str) -> None:
        def wrong(value: str) -> str:
            figure = read_figure(value)
            known = value.lower() == POLICY or (figure is not None and figure <= MOST)
            return "" if known else f"that is neither a number up to {MOST:,} nor the word {POLICY}"

        dialog = ValueDialog(
            Content(f"Limit {LIMITS[name]}"),
            fill("$address: $now", address=record["address"], now=limit_text(name, record)),
            asks=f"a number, or {POLICY} for the policy's value", wrong=wrong, clock=self.console.monotonic,
        )  # fmt: skip
        self.ask(dialog, lambda value: self._set_limit(record, name, read_figure(value)))

    def _set_limit(self, record: Json, name: str, figure: int | None) -> None:
        own, usual = record["limits"][name], policy_figure(record["policy"], name)
        old, new = (usual if one is None else one for one in (own, figure))
        address, spelled = record["address"], POLICY if figure is None else str(figure)

        def change(reason: str) -> None:
            self.console.run_operation(
                operations.change_limit(address, name, figure, reason),
                lambda _: self.console.say(f"{address}: {LIMITS[name]} {count(new)}"),
            )

        title = Content(f"{LIMITS[name]}: {count(old)} → {count(new)}")
        body = fill("$address. It holds from the next message that is sent.", address=address)
        # a site with a figure of its own may be widened by what lowers the others: what is unsure is typed
        if new < old and not name.startswith("site_"):
            self.ask_reason(title, body, "lowers it", change)
        else:
            self.ask_typed(title, body, expected=spelled, does="set it", then=lambda answer: change(answer.reason))

    # -- the allow-list -----------------------------------------------------------------------------------------------

    def do_allow_list(self) -> None:
        def load(address: str) -> None:
            title = fill("Allow-list of $address", address=address)
            self.load_then(title, operations.mailbox(address), self._choose_entry)

        self.which_mailbox(load)

    def _choose_entry(self, record: Json) -> None:
        address, listed = record["address"], record["allow"]
        choices = [
            Choice(ADD, Content("+ add an entry")),
            *(Choice(f"-{one}", fill("- remove $entry", entry=one)) for one in listed),
        ]
        body = fill("$address may write to $n:", address=address, n=plural(len(listed), "entry", "entries"))
        dialog = ChoiceDialog("Allow-list", body, choices=choices, clock=self.console.monotonic)
        self.ask(dialog, lambda key: self._ask_entry(address) if key == ADD else self._remove_entry(address, key[1:]))

    def _ask_entry(self, address: str) -> None:
        def wrong(value: str) -> str:
            try:
                check_pattern(value)
            except Invalid as error:
                return error.reason
            return ""

        dialog = ValueDialog(
            "Whom else may it write to?", fill("$address", address=address), asks="jane@x.com, x.com, *.x.com or *",
            wrong=wrong, clock=self.console.monotonic,
        )  # fmt: skip
        self.ask(dialog, lambda entry: self._add_entry(address, check_pattern(entry)))

    def _add_entry(self, address: str, entry: str) -> None:
        self.ask_typed(
            fill("Allow $entry?", entry=entry),
            fill("$address may then write to it. Mail that is held stays held.", address=address),
            expected=make_safe(entry).text,
            does="add it",
            then=lambda answer: self.console.run_operation(
                operations.allow(address, entry, answer.reason),
                lambda _: self.console.say(f"{address} may write to {entry}"),
            ),
        )

    def _remove_entry(self, address: str, entry: str) -> None:
        self.ask_reason(
            fill("Remove $entry?", entry=entry),
            fill("Mail of $address to it is held or refused from now on, as the policy says.", address=address),
            "removes it",
            lambda reason: self.console.run_operation(
                operations.disallow(address, entry, reason),
                lambda _: self.console.say(f"{address} may no longer write to {entry}"),
            ),
        )

    # -- tokens -------------------------------------------------------------------------------------------------------

    def do_revoke_token(self) -> None:
        if (line := self.chosen_agent()) is not None:
            title = fill("Revoke a token of $agent", agent=line.name)
            self.load_then(title, operations.tokens(line.name), lambda found: self._choose_token(line, found))

    def _choose_token(self, line: AgentLine, found: Json) -> None:
        now = self.console.now
        alive = [one for one in found["tokens"] if not one["revoked_at"] and read_stamp(one["expires_at"]) > now]
        if not alive:
            self.console.say(f"{line.name} has no token in force", "warning")
            return
        choices = [Choice(str(one["id"]), content(make_safe(token_text(one, now=now)))) for one in alive]
        title = fill("Which token of $agent?", agent=line.name)
        self.ask(ChoiceDialog(title, choices=choices, clock=self.console.monotonic), self._revoke)

    def _revoke(self, number: str) -> None:
        self.ask_reason(
            Content(f"Revoke token {number}?"),
            Content("It stops working at once, and so does every token delegated from it."),
            "revokes it",
            lambda reason: self.console.run_operation(
                operations.revoke_token(int(number), reason),
                lambda done: self.console.say(f"{plural(done['revoked'], 'token')} revoked"),
            ),
        )

    # -- notes --------------------------------------------------------------------------------------------------------

    def do_note(self) -> None:
        if (line := self.chosen_agent()) is None:
            return
        self.ask_reason(
            fill("Note on $agent", agent=line.name),
            Content("The log, a trace of the agent and the hand-over show it."),
            "saves the note",
            lambda text: self.console.run_operation(
                operations.note_on_agent(line.name, text), lambda _: self.console.say("noted")
            ),
            asks="note",
        )
