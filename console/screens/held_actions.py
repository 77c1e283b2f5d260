"""Approve and reject, one or many: the same wherever held mail is under the cursor, always by (id, digest)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.content import Content

from console import operations
from console.batch_decision import Batch, Marked, summary
from console.keymap import key_of
from console.safe_text import fill
from console.screens.desk_screen import DeskScreen
from console.session import Approval
from console.widgets.table import VirtualTable
from core.errors import PostroomError
from core.ids import spell_id
from core.rules import roles
from core.rules.roles import Verb
from core.views.format import countdown, plural
from core.views.queue import HeldRow

if TYPE_CHECKING:
    from console.ports import ConsoleApp


UNKNOWN_FINDING: Final = "a failed check whose finding was not recorded"
MARKED: Final = "marked message"
FINDINGS_SHOWN: Final = 6
"""Failed checks a dialog lists; the opened message shows all of them."""


class HeldScreen(DeskScreen):
    """A screen on which held mail can be decided."""

    def chosen(self) -> tuple[int, str | None, str] | None:
        """(item, digest as drawn, spelled id) that the keys act on, or None."""
        raise NotImplementedError

    def about(self) -> Content:
        """The recipient and subject of the chosen item, in one line."""
        raise NotImplementedError

    def findings(self) -> tuple[str, ...]:
        """The checks that the chosen item failed: approving it needs a reason."""
        raise NotImplementedError

    def tells_agent(self) -> bool:
        """Whether the agent of the chosen item hears of a rejection: a received message it never sees."""
        raise NotImplementedError

    def decided(self, items: Sequence[int]) -> None:
        """These are no longer pending, by our own hand."""

    def confirmed(self, items: Sequence[int]) -> None:
        """The desk has answered that these are decided. The reviewer may have left this screen meanwhile."""
        if self.is_mounted:
            self.decided(items)

    def note(self) -> str:
        return self.console.session.deciding()

    def show_sending(self, items: Sequence[int]) -> None:
        """Decisions on these have been sent, or answered."""
        if self.is_mounted:
            for table in self.query(VirtualTable):
                table.redraw(items)
            self.check_frame()

    def reads(self, item: int | None) -> None:
        """Record what the reviewer is looking at from now on; None: nothing."""
        app = self.console
        if app.session.set_reading(item) and roles.may(app.actor, Verb.MESSAGE_APPROVE):
            # a function: a worker that is cancelled before it starts would leave a coroutine that was never awaited
            app.run_worker(partial(_keep, app), group="reading", exit_on_error=False)

    # -- one ----------------------------------------------------------------------------------------------------------

    def do_approve(self) -> None:
        chosen = self._undecided()
        if chosen is None:
            return
        item, digest, item_id = chosen
        choices = [operations.Choice(item, digest)]
        failed = self.findings()
        if not failed:
            self._approve(choices, short(item_id))
            return
        self.ask_typed(
            fill("Approve $id despite $failed?", id=item_id, failed=plural(len(failed), "failed check")),
            Content("\n").join([self.about(), *(fill("✖ $text", text=text) for text in failed[:FINDINGS_SHOWN])]),
            expected=str(len(failed)),
            does="approve it anyway",
            then=lambda answer: self._approve(choices, short(item_id), reason=answer.reason),
        )

    def do_reject(self) -> None:
        chosen = self._undecided()
        if chosen is None:
            return
        item, digest, item_id = chosen
        self.ask_reason(
            fill("Reject $id?", id=item_id),
            Content("\n").join([self.about(), self._ends()]),
            "rejects it",
            lambda reason: self._reject([operations.Choice(item, digest)], short(item_id), reason=reason),
        )

    def _undecided(self) -> tuple[int, str | None, str] | None:
        """What the keys act on, unless a decision on it is on its way."""
        chosen = self.chosen()
        if chosen is not None and chosen[0] in self.console.session.sending:
            self.console.say(f"{short(chosen[2])}: your decision is on its way")
            return None
        return chosen

    # -- many ---------------------------------------------------------------------------------------------------------

    def approve_batch(self, batch: Batch, *, marked: int, hidden: int, note: str = "", what: str = MARKED) -> None:
        """Ask for the count, then decide each of them. `note` stands above what the dialog says."""
        count, delay, app = len(batch.ready), self.console.release_delay, self.console
        name = spell_id("b", app.now)
        choices = [operations.Choice(item, digest) for item, digest in batch.ready]
        self.ask_typed(
            Content(f"Approve {count:,} of {plural(marked, what)}?"),
            _noted(note, summary(batch, hidden=hidden, delay=delay)),
            expected=str(count),
            does="approve",
            reason=batch.failing > 0,
            then=lambda answer: self._approve(choices, f"batch ({count})", reason=answer.reason or None, batch=name),
        )

    def reject_batch(self, batch: Batch, *, marked: int, hidden: int, note: str = "", what: str = MARKED) -> None:
        """One reason for all, and the count; each gets its own event."""
        count, delay, name = len(batch.ready), self.console.release_delay, spell_id("b", self.console.now)
        self.ask_typed(
            Content(f"Reject {count:,} of {plural(marked, what)}?"),
            _noted(note, summary(batch, hidden=hidden, delay=delay, does="rejected for good")),
            expected=str(count),
            does="reject",
            then=lambda answer: self._reject(
                [operations.Choice(item, digest) for item, digest in batch.ready],
                f"batch ({count})",
                reason=answer.reason,
                batch=name,
            ),
        )

    def _ends(self) -> Content:
        until = countdown(self.console.release_delay)
        then = "The agent receives the reason." if self.tells_agent() else "The agent sees neither mail nor reason."
        return Content(f"Final in {until}; press {key_of('undo')} to undo until then. {then}")

    # -- how ----------------------------------------------------------------------------------------------------------

    def _approve(
        self, choices: Sequence[operations.Choice], label: str, *, reason: str | None = None, batch: str | None = None
    ) -> None:
        app = self.console

        def settled(answer: operations.Settled) -> None:
            released = [one for one in answer.done if one.release_at is not None and one.status == "approved"]
            items = tuple(one.item for one in released)
            self._report(answer, "approved")
            alarm = next((one.hurried for one in reversed(answer.done) if one.hurried), None)
            if alarm is not None:
                app.alarm(f"{alarm}: faster than anyone can read")
            for one in answer.done:
                if one.approvals_missing:
                    app.say(f"vote recorded; {plural(one.approvals_missing, 'more reviewer')} must approve")
            if not items:
                return
            app.session.approved(Approval(items, label, min(one.release_at or 0 for one in released)))
            self.confirmed(items)

        self._send(choices, operations.approve(choices, reason=reason, batch=batch), settled)

    def _reject(
        self, choices: Sequence[operations.Choice], label: str, *, reason: str, batch: str | None = None
    ) -> None:
        def settled(answer: operations.Settled) -> None:
            self._report(answer, "rejected")
            items = tuple(one.item for one in answer.done)
            open_ = [one.release_at for one in answer.done if one.release_at is not None]
            if open_:
                self.console.session.approved(Approval(items, label, min(open_), rejected=True))
            self.confirmed(items)

        self._send(choices, operations.reject(choices, reason=reason, batch=batch), settled)

    def _send(
        self,
        choices: Sequence[operations.Choice],
        operation: operations.Operation[operations.Settled],
        settled: Callable[[operations.Settled], None],
    ) -> None:
        """Send decisions to the desk; until it has answered, the screen shows that they are on their way."""
        session, items = self.console.session, [one.item for one in choices]

        def ended() -> None:
            session.sending.difference_update(items)
            self.show_sending(items)

        session.decides(items)
        session.sending.update(items)
        self.show_sending(items)
        self.console.run_operation(operation, settled, ended=ended)

    def _report(self, answer: operations.Settled, verb: str) -> None:
        """What was decided, and the first reason for what was not."""
        if answer.refused:
            more = f" (and {len(answer.refused) - 1} more)" if len(answer.refused) > 1 else ""
            self.console.say(f"not {verb}: {answer.refused[0][1]}{more}", "warning")
        if len(answer.done) > 1 or (answer.done and verb == "rejected"):
            self.console.say(f"{plural(len(answer.done), 'message')} {verb}")


def _noted(note: str, text: Content) -> Content:
    return Content("\n").join([Content(note), text]) if note else text


async def _keep(app: ConsoleApp) -> None:
    """Tell the desk what is being read, in order, and nothing that was only leafed past."""
    while (item := app.session.pending_sync()) is not None:
        try:
            await app.desk.act(operations.opened(item or None))
        except PostroomError:
            app.session.mark_failed()
            return
        app.session.mark_synced(item)


def short(item_id: str) -> str:
    """An id for a footer: its letter and its last five characters."""
    return item_id[:1] + item_id[-5:]


def marked(held: HeldRow) -> Marked:
    """What a batch needs to know about a row."""
    first = held.sender or (held.to.first if held.to else "")
    return Marked(
        held.agent,
        first,
        held.to.count if held.to else 0,
        tuple(one.text for one in held.findings) or (UNKNOWN_FINDING,) * held.failed_checks,
        bool(held.failed_checks or held.cautions),
        held.likeness,
        held.alike,
        received=held.received,
        claim=held.claim,
    )
