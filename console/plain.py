"""The console line by line: prompts and numbered choices, for screen readers, slow lines and pipes.

Nothing moves: each answer prints new lines below the old ones, without colour, and a word stands for each glyph. It
reads and acts through the same operations as the screens and asks before it acts as they do: a reason for what
tightens, a count or a name typed for what loosens. The end of the input ends it, and decides nothing.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from console import operations
from console.operations import Operation, Settled
from console.plain_io import Dialogue, Ended, spoken
from console.views import item_lines
from console.views.message_lines import MessageLines, found, message_of
from console.views.rows import GLYPHS, runbook, who_text
from console.widgets.columns import Piece
from core.desk_client import reads
from core.desk_client.interface import Desk
from core.errors import AccessEnded, PostroomError, Refused, Unconfirmed
from core.ids import spell_id
from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb
from core.views.format import age, count, countdown, plural
from core.views.live import AgentLine, Figures, Need, Reading
from core.views.queue import HeldRow, Order

if TYPE_CHECKING:
    from console.ports import Parts

T = TypeVar("T")
PAGE: Final = 10
"""Held messages listed at once."""
BODY_LINES: Final = 400
"""Lines of a body that are read out before it is said that there are more."""
UNKNOWN_FINDING: Final = "a failed check whose finding was not recorded"
ORDERS: Final = tuple(Order)


def opened(opener: Callable[[], Parts], source: TextIO, target: TextIO) -> int:
    """Open a desk and talk over these streams; returns the exit code. Raises what the opener raises."""
    if isinstance(target, io.TextIOWrapper):
        target.reconfigure(errors="replace")  # a subject in another script must not end it on an ASCII terminal
    dialogue = Dialogue(source, target)
    dialogue.say("Opening the desk ...")
    parts = opener()
    try:
        return run(parts.desk.direct, dialogue, name=parts.name, saved_as=parts.saved_as)
    finally:
        parts.desk.close()


def run(desk: Desk, dialogue: Dialogue, *, name: str = "", saved_as: str = "") -> int:
    """Talk until the operator leaves; returns the exit code. `saved_as` is what a guarded desk asks for."""
    plain = PlainConsole(desk, dialogue, name=name, saved_as=saved_as)
    try:
        plain.main()
    except Ended:
        return 0
    except AccessEnded as error:
        dialogue.say("", f"Your access has ended: {error.reason}", *([error.fix] if error.fix else []))
        return 1
    return 0


class PlainConsole:
    """One operator at one desk."""

    def __init__(self, desk: Desk, dialogue: Dialogue, *, name: str = "", saved_as: str = "") -> None:
        self._desk = desk
        self._io = dialogue
        self._name = name
        self._saved_as = saved_as
        self._last: tuple[int, ...] = ()
        """Items of the last decision, as far as it could be undone when it was made."""
        self._order = ORDERS[0]
        self._filter = ""

    # -- the first page -----------------------------------------------------------------------------------------------

    def main(self) -> None:
        """The first page, again and again."""
        while True:
            reading = self._read(lambda: self._desk.read(reads.LIVE))
            if reading is None:
                if self._io.choose(["Try again"], zero="Quit") == 0:
                    return
                continue
            figures = reading.figures or Figures()
            self._io.say("", *self._headline(reading, figures))
            stopped = figures.stopped_at is not None
            pages: list[tuple[str, Callable[[], None]]] = [
                (f"Needs you: {len(figures.needs)}", lambda: self._needs(reading)),  # noqa: B023 - called before the next
                (f"Held mail: {count(figures.held)}", self._queue),
                (f"Agents: {len(reading.agents)}", lambda: self._agents(reading)),  # noqa: B023 - the same
                ("Undo your last decision", self._undo),
                ("End the all-stop", lambda: self._start(figures)) if stopped else ("Stop the whole desk", self._stop),  # noqa: B023 - the same
            ]
            chosen = self._io.choose([title for title, _ in pages], zero="Quit")
            if chosen == 0:
                return
            pages[chosen - 1][1]()

    def _headline(self, reading: Reading, figures: Figures) -> list[str]:
        where = ", on its own host without the gateway" if self._desk.local else ""
        lines = [f"Desk {self._name or reading.desk}{where}. You are {reading.operator} ({', '.join(reading.roles)})."]
        if figures.stopped_at is not None:
            lines.append(f"ALL STOP by {figures.stopped_by}: {figures.stop_reason}")
        if figures.gateway_down:
            lines.append("The gateway is not running.")
        oldest = f", the oldest for {age(reading.at - figures.oldest)}" if figures.oldest is not None else ""
        critical = sum(GLYPHS[need.level][0] == "✖ CRIT" and not need.quiet for need in figures.needs)
        lines.append(f"{plural(critical, 'critical problem')}. {count(figures.held)} held{oldest}.")
        return lines

    # -- needs you ----------------------------------------------------------------------------------------------------

    def _needs(self, reading: Reading) -> None:
        needs = (reading.figures or Figures()).needs
        if not needs:
            self._io.say("Nothing needs you.")
            return
        chosen = self._io.choose([_need_text(need, reading.at) for need in needs], zero="Back")
        if chosen == 0:
            return
        need = needs[chosen - 1]
        line = next((line for line in reading.agents if line.name == need.key), None)
        if need.go == "agent" and line is not None:
            self._agent(line)
        elif need.go == "queue":
            self._queue()
        else:
            self._io.say(need.step or f"This has no page here: open {need.go or 'it'} in the full console.")

    # -- agents -------------------------------------------------------------------------------------------------------

    def _agents(self, reading: Reading) -> None:
        chosen = self._io.choose([_agent_text(line) for line in reading.agents], zero="Back")
        if chosen:
            self._agent(reading.agents[chosen - 1])

    def _agent(self, line: AgentLine) -> None:
        self._io.say("", _agent_text(line))
        if line.suspended:
            self._io.say(f"Suspended by {line.suspended_by}: {line.suspend_reason}")
            if self._io.choose([f"Resume {line.name}"], zero="Back"):
                self._resume(line)
        elif self._io.choose([f"Suspend {line.name}"], zero="Back"):
            self._suspend(line.name)

    def _suspend(self, agent: str) -> None:
        reason = self._io.reason(f"Suspend {agent}? No new delivery of it starts.")
        if reason is None:
            return
        answer = self._act(operations.suspend(agent, reason))
        if answer is not None:
            started = plural(answer["in_flight"], "delivery", "deliveries")
            self._io.say(f"{agent} is suspended. {started} had already started.")

    def _resume(self, line: AgentLine) -> None:
        reason = self._io.reason(f"Resume {line.name}? Its queued mail leaves again.")
        if reason is None or not self._io.typed(f"Resume {line.name}.", line.name):
            return
        if self._act(operations.resume(line.name, reason)) is not None:
            self._io.say(f"{line.name} is resumed.")

    # -- the whole desk -----------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        reason = self._io.reason("Stop the whole desk? No delivery starts until governance, or two on call, end it.")
        if reason is None:
            return
        answer = self._act(operations.stop(reason))
        if answer is not None:
            started = plural(answer["in_flight"], "delivery", "deliveries")
            self._io.say(f"All-stop. {started} had already started.")

    def _start(self, figures: Figures) -> None:
        reason = self._io.reason(f"End the all-stop by {figures.stopped_by}: {figures.stop_reason}?")
        if reason is None or not self._io.typed("End the all-stop.", "start"):
            return
        answer = self._act(operations.start(reason))
        if answer is None:
            return
        if answer["running"]:
            self._io.say("The desk is delivering again.")
        else:
            self._io.say(f"{', '.join(answer['by'])} voted. It takes one more on-call operator, or governance.")

    # -- held mail ----------------------------------------------------------------------------------------------------

    def _queue(self) -> None:
        first = 0
        while True:
            asked = {"filter": self._filter, "order": self._order}
            found = self._read(lambda: self._desk.read(reads.QUEUE, **asked))  # noqa: B023 - called at once
            if found is None:
                return
            ids = list(found.ids)
            first = min(first, max(0, (len(ids) - 1) // PAGE * PAGE))
            shown = ids[first : first + PAGE]
            page = self._read(lambda: self._desk.read(reads.QUEUE_ROWS, ids=shown))  # noqa: B023 - the same
            if page is None:
                return
            rows = {row.id: row for row in page.rows}
            listed = [rows[item] for item in shown if item in rows]
            by = f", filter {self._filter}" if self._filter else ""
            part = f"{first + bool(listed)} to {first + len(listed)} of {len(ids)}"
            self._io.say("", f"Held mail {part}, {self._order.value} first{by}.")
            more = [("Next page", PAGE)] if first + PAGE < len(ids) else []
            more += [("Previous page", -PAGE)] if first else []
            now = self._desk_now()
            choices = [_held_text(row, now) for row in listed] + [title for title, _ in more] + ["Filter", "Order"]
            chosen = self._io.choose(choices, zero="Back")
            if chosen == 0:
                return
            if chosen <= len(listed):
                self._walk([row.id for row in listed], chosen - 1)
            elif chosen <= len(listed) + len(more):
                first += more[chosen - len(listed) - 1][1]
            elif chosen == len(choices):
                self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
                first = 0
            else:
                self._filter = self._io.ask("Filter, such as agent:quote-bot check:! (empty: none):")
                first = 0

    def _desk_now(self) -> int:
        reading = self._read(lambda: self._desk.read(reads.LIVE))
        return reading.at if reading is not None else 0

    # -- one item -----------------------------------------------------------------------------------------------------

    def _walk(self, items: Sequence[int], at: int) -> None:
        """Open items one after the other."""
        try:
            while 0 <= at < len(items) and (step := self._item(items[at], last=at + 1 == len(items))):
                at += step
        finally:
            self._opened(None)

    def _opened(self, item: int | None) -> None:
        """The desk keeps what a reviewer has open: how long they look before they decide."""
        reading = self._read(lambda: self._desk.read(reads.LIVE))
        if reading is not None and roles.may(_actor(reading), Verb.MESSAGE_APPROVE):
            self._read(lambda: operations.opened(item)(self._desk))

    def _item(self, item: int, *, last: bool) -> int:
        """Read one item out and ask what to do; how far to go on among the listed ones, 0 for back."""
        read = self._read(lambda: self._desk.read(reads.ITEM, id=item, whole=True))
        if read is None:
            return 0
        message = message_of(read)
        self._opened(item)
        self._read_out(message)
        while True:
            choices: list[tuple[str, Callable[[], bool] | None]] = []
            if message.pending:
                choices += [("Approve", lambda: self._approve(message)), ("Reject", lambda: self._reject(message))]
            choices.append(("Read all headers", lambda: self._headers(message)))
            if message.agent:
                choices.append((f"Suspend {message.agent}", lambda: self._suspend_of(message)))
            if not last:
                choices.append(("Next message", None))
            chosen = self._io.choose([title for title, _ in choices], zero="Back")
            if chosen == 0:
                return 0
            does = choices[chosen - 1][1]
            if does is None or does():
                return 0 if last else 1

    def _read_out(self, message: MessageLines) -> None:
        now = self._desk_now()
        self._io.say("", f"Message {message.spelled}")
        if not message.pending and message.held is not None:
            self._io.say(f"It is no longer pending: {message.held.status}.")
        self._io.say(*(spoken(_text(line).strip(), anywhere=True) for line in item_lines.fact_lines(message, now=now)))
        self._io.say("Checks:", *(spoken(_text(line).strip()) for line in item_lines.check_lines(message)))
        body = [_text(line) for line in item_lines.body_lines(message)]
        self._io.say("Body:", *body[:BODY_LINES])
        if len(body) > BODY_LINES:
            self._io.say(f"{len(body) - BODY_LINES} more lines are not read out here; postroom show prints them.")
        self._io.say("End of the message.")

    def _headers(self, message: MessageLines) -> bool:
        self._io.say("", *(_text(line) for line in item_lines.header_lines(message)))
        return False

    def _suspend_of(self, message: MessageLines) -> bool:
        self._suspend(message.agent)
        return False

    # -- decisions ----------------------------------------------------------------------------------------------------

    def _approve(self, message: MessageLines) -> bool:
        failed = _findings(message)
        reason = None
        if failed:
            self._io.say(*(f"failed: {text}" for text in failed))
            question = f"Approve {message.spelled} despite {plural(len(failed), 'failed check')}?"
            reason = self._io.reason(question)
            if reason is None or not self._io.typed(question, str(len(failed))):
                return False
        choice = operations.Choice(message.item, message.digest)
        return self._decided(self._act(operations.approve([choice], reason=reason)), "approved")

    def _reject(self, message: MessageLines) -> bool:
        reason = self._io.reason(f"Reject {message.spelled}?")
        if reason is None:
            return False
        choice = operations.Choice(message.item, message.digest)
        return self._decided(self._act(operations.reject([choice], reason=reason)), "rejected")

    def _decided(self, settled: Settled | None, verb: str) -> bool:
        """Say what became of it; whether anything was decided."""
        if settled is None:
            return False
        for _, why in settled.refused:
            self._io.say(f"Not {verb}: {why}")
        now = self._desk_now()
        for one in settled.done:
            name = spell_id("m", one.item)
            if one.approvals_missing:
                self._io.say(f"{name}: vote recorded; {plural(one.approvals_missing, 'more reviewer')} must approve.")
            if one.hurried:
                self._io.say(f"warning: {one.hurried}: faster than anyone can read")
            if one.release_at is not None:
                self._last = (one.item,)
                left = countdown(max(0, one.release_at - now))
                self._io.say(f"{name} is {verb}, final in {left}. Undo is on the first page.")
        return bool(settled.done)

    def _undo(self) -> None:
        if not self._last:
            self._io.say("There is nothing to undo.")
            return
        settled = self._act(operations.undo(self._last))
        if settled is None:
            return
        self._last = ()
        for _, why in settled.refused:
            self._io.say(f"Not undone: {why}")
        if settled.done:
            self._io.say(f"Undone: {plural(len(settled.done), 'message')} pending again.")

    # -- the desk -----------------------------------------------------------------------------------------------------

    def _act(self, operation: Operation[T]) -> T | None:
        return self._read(lambda: self._guarded(operation), done="Not done: ")

    def _guarded(self, operation: Operation[T]) -> T:
        """Run it; what loosens a guarded desk is done once its name was typed. Raises `Unconfirmed` without."""
        try:
            return operation(self._desk)
        except Unconfirmed as refused:
            if not self._io.typed(f"{self._saved_as} is guarded, and this loosens it.", self._saved_as):
                raise Unconfirmed(f"that is not {self._saved_as}") from refused
        self._desk.guarded = False
        return operation(self._desk)

    def _read(self, read: Callable[[], T], *, done: str = "") -> T | None:
        """What the desk answers; None once it was said why there is no answer. Raises `AccessEnded`."""
        try:
            return read()
        except AccessEnded:
            raise
        except Refused as error:
            self._io.say(f"{done}{error.reason}{'. ' + error.fix if error.fix else ''}")
        except PostroomError as error:
            self._io.say(f"{done}{error}")
        return None


def _actor(reading: Reading) -> Actor:
    return Actor("operator", reading.operator, frozenset(reading.roles))


def _text(line: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in line)


def _need_text(need: Need, now: int) -> str:
    level = GLYPHS[need.level][0].partition(" ")[2] or "FINE"
    steps = runbook(need, now=now)
    did = f". The desk {need.did}" if need.did and need.did not in steps else ""
    return f"{level} {need.subject}: {need.text}{did}{'. ' + steps if steps else ''}"


def _agent_text(line: AgentLine) -> str:
    state = "suspended" if line.suspended else line.status
    mode = line.mode.value if line.mode else "no mailbox"
    return f"{line.name}, {state}, {mode}, {count(line.held)} held, {count(line.sent_hour)} sent in the last hour"


def _held_text(held: HeldRow, now: int) -> str:
    failed = f"{plural(held.failed_checks, 'failed check')}, " if held.failed_checks else ""
    to = f"from {held.sender or '(no author)'}" if held.received else f"to {held.to.first if held.to else held.mailbox}"
    more = f" and {held.to.count - 1} more" if held.to is not None and held.to.count > 1 and not held.received else ""
    subject = held.subject if held.subject is not None else f"{held.kind} {held.target or ''}"
    who = who_text(held, now=now) if now else ""
    waits = f"held {age(now - held.submitted_at)}, " if now else ""
    return f"{waits}{failed}{held.agent} {to}{more}: {subject or '(no subject)'}{' (' + who + ')' if who else ''}"


def _findings(message: MessageLines) -> tuple[str, ...]:
    """The checks it failed: approving it needs a reason, as on the screen."""
    held = message.held
    if held is None or not held.failed_checks:
        return ()
    findings = held.findings if message.received is not None else found(message)
    return tuple(one.text for one in findings) or (UNKNOWN_FINDING,) * held.failed_checks
