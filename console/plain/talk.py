"""One operator's conversation with one desk: what was listed and opened, and how the desk is asked.

The desk is asked from a thread of its own, so that Ctrl-C leaves a wait and never a half-written transaction. A gateway
that is gone is said once, with since when; each command tries it again.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from console import operations
from console.plain.dialogue import Dialogue, spoken
from console.session import Session
from console.views.rows import GLYPHS, runbook
from console.widgets.columns import Cell, Column, Piece, Row
from core.desk_client import reads
from core.desk_client.interface import Desk
from core.errors import AccessEnded, NoAnswer, PostroomError, Refused, Unavailable, Unconfirmed
from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb
from core.views.events import EventRow, Severity
from core.views.format import ABSENT, age, clock, count, plural
from core.views.live import AgentLine, Figures, Level, Need, Reading
from core.views.queue import Order

if TYPE_CHECKING:
    from console.operations import Operation
    from console.views.message_lines import MessageLines

T = TypeVar("T")
NEWS_LINES: Final = 8
"""Lines of news before a prompt; the rest is counted."""
NEWS_PAGES: Final = 5
"""Pages of the log that are read for news."""
LEVELS: Final = {Severity.ERROR: "error: ", Severity.WARN: "warning: ", Severity.INFO: ""}


class Left(Exception):
    """Ctrl-C while the desk was asked. `unsure`: it may have been done."""

    def __init__(self, *, unsure: bool) -> None:
        super().__init__()
        self.unsure = unsure


@dataclass(frozen=True, slots=True)
class Choice:
    """A line that a number opens. `id` is what a command takes in place of the number: an id, an address or a name."""

    title: str
    does: Callable[[], None]
    id: str = ""


@dataclass(slots=True)
class Listed:
    """A list as it was last asked for: its filter, order and page."""

    filter: str = ""
    order: Order = Order.WORST
    first: int = 0


@dataclass(slots=True)
class Talk:
    """What is known at one moment. `back` is what 0 does; None: it leaves the console."""

    io: Dialogue
    desk: Desk
    commands: Mapping[str, Callable[[Talk, str], None]]
    """What each word does: one command leads to another through them."""
    name: str = ""
    saved_as: str = ""
    """The name under which a guarded desk is saved: it is asked for before anything is loosened."""
    session: Session = field(default_factory=Session)
    menu: Sequence[Choice] = ()
    back: Callable[[], None] | None = None
    message: MessageLines | None = None
    """The item that was read out last: commands without an id are about it."""
    agent: str = ""
    """The agent whose page was read out last."""
    walk: tuple[Sequence[int], int] = ((), 0)
    """The items of the list that the open one belongs to, and where it stands."""
    held: Listed = field(default_factory=Listed)
    listing: Callable[[], None] | None = None
    """Lists again what was listed last."""
    needs: Sequence[Need] = ()
    draft: dict[str, str] = field(default_factory=dict)
    """The record of an identity whose request the desk refused."""
    reading: Reading | None = None
    """The last reading with all figures."""
    _seq: int | None = None
    _known: str = ""
    _heard_at: float = field(default_factory=time.time)
    _lost: bool = False

    # -- asking the desk ----------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[Desk], T]) -> T:
        """What the desk answers. Raises what it refuses with, and `Left`."""
        return self._answered(question, acts=False)

    def act(self, operation: Operation[T]) -> T | None:
        """Run an operation; None once it was said why it was not done. Raises `AccessEnded`, `Left`."""
        try:
            try:
                return self._answered(operation, acts=True)
            except Unconfirmed:
                if not self.io.typed(self.saved_as, question=f"{self.saved_as} is guarded, and this loosens it."):
                    raise Unconfirmed(f"that is not {self.saved_as}") from None
            self.desk.guarded = False
            return self._answered(operation, acts=True)
        except NoAnswer as error:
            self.io.say(f"No answer: it may have been done. Look again before you repeat it. ({error})")
        except PostroomError as error:
            self.refused(error, "Not done: ")
        return None

    def refused(self, error: PostroomError, before: str = "") -> None:
        """Say why there is no answer. Raises `AccessEnded`."""
        if isinstance(error, AccessEnded):
            raise error
        if isinstance(error, Refused):
            self.io.say(f"{before}{error.reason}{'. ' + error.fix if error.fix else ''}")
        else:
            self.io.say(f"{before}{error}")

    def _answered(self, question: Callable[[Desk], T], *, acts: bool) -> T:
        answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put((question(self.desk), None))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is waited for
                answers.put((None, error))

        threading.Thread(target=run, name="plain-ask", daemon=True).start()
        try:
            answer, error = answers.get()
        except KeyboardInterrupt:
            raise Left(unsure=acts) from None
        if isinstance(error, Unavailable):
            self._say_lost(error)
        elif error is None or isinstance(error, Refused):
            self._say_back()
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # without an error it is the answer

    def _say_lost(self, error: Unavailable) -> None:
        if not self._lost:
            self._lost = True
            where = "The desk" if self.desk.local else "The gateway"
            since = clock(round(self._heard_at * 1_000_000))
            self.io.say(
                f"{where} does not answer: {error.reason}. Nothing was heard of it since {since}. "
                "Each command tries it again."
            )

    def _say_back(self) -> None:
        if self._lost:
            gone = age(round((time.time() - self._heard_at) * 1_000_000))
            self.io.say(f"{'The desk' if self.desk.local else 'The gateway'} answers again, after {gone}.")
        self._lost, self._heard_at = False, time.time()

    # -- who and when -------------------------------------------------------------------------------------------------

    def live(self) -> Reading:
        """The desk now, with all figures."""
        self.reading = self.ask(lambda desk: desk.read(reads.LIVE))
        return self.reading

    @property
    def now(self) -> int:
        """The desk's time."""
        return self.live().at

    @property
    def actor(self) -> Actor:
        reading = self.reading or self.live()
        return Actor("operator", reading.operator, frozenset(reading.roles))

    def figures(self) -> Figures:
        return self.live().figures or Figures()

    def agent_line(self, name: str) -> AgentLine | None:
        """An agent by its name."""
        return next((line for line in self.live().agents if line.name == name), None)

    def reads(self, item: int | None) -> None:
        """The desk keeps what a reviewer has open: how long they look before they decide."""
        if roles.may(self.actor, Verb.MESSAGE_APPROVE) and self.session.set_reading(item):
            while (pending := self.session.pending_sync()) is not None:
                try:
                    self.ask(operations.opened(pending or None))
                except AccessEnded:
                    raise
                except PostroomError:
                    self.session.mark_failed()
                    return
                self.session.mark_synced(pending)

    # -- from one command to another ----------------------------------------------------------------------------------

    def do(self, word: str, rest: str = "") -> None:
        self.commands[word](self, rest)

    def doing(self, word: str, rest: str = "") -> Callable[[], None]:
        """For a numbered line."""
        return lambda: self.do(word, rest)

    def home(self) -> None:
        self.do("home")

    def leave(self) -> None:
        """Nothing is open any more; at the end nobody is told that the desk did not answer."""
        with contextlib.suppress(PostroomError):
            if self.session.set_reading(None):
                operations.opened(None)(self.desk)

    # -- saying -------------------------------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        self.io.say(*lines)

    def offer(self, choices: Sequence[Choice], *, back: Callable[[], None] | None, zero: str = "Back") -> None:
        """Print numbered lines: a number that is typed next opens one of them."""
        self.menu, self.back = tuple(choices), back
        self.say("", *(f"{number} {one.title}" for number, one in enumerate(choices, start=1)), f"0 {zero}")
        self.io.mark()

    # -- news ---------------------------------------------------------------------------------------------------------

    def news(self) -> None:
        """What others did since the last command, one line each; said between commands only."""
        try:
            self._news()
        except AccessEnded:
            raise
        except PostroomError:
            return  # that the desk does not answer was said

    def _news(self) -> None:
        reading = self.ask(lambda desk: desk.read(reads.LIVE, known=self._known))
        was, self._seq, self._known = self._seq, reading.seq, reading.version
        if reading.figures is not None and self.reading is not None:
            known = {(need.id, need.level) for need in (self.reading.figures or Figures()).needs}
            fresh = [one for one in reading.figures.needs if (one.id, one.level) not in known and not one.quiet]
            self.say(*(f"New: {need_text(one, reading.at)}" for one in fresh if was is not None))
            self.reading = replace(self.reading, figures=reading.figures, at=reading.at, roles=reading.roles)
        if was is None or reading.seq <= was:
            return
        rows, behind = self._events_since(was)
        lines = list(_news_lines([row for row in rows if row.actor != reading.operator]))
        self.say(*lines[:NEWS_LINES])
        if len(lines) > NEWS_LINES or behind:
            self.say("Event: there is more; the word events lists all of it.")

    def _events_since(self, seq: int) -> tuple[list[EventRow], bool]:
        """What the log holds after this entry, and whether there is more than is read at once."""
        rows: list[EventRow] = []
        for _ in range(NEWS_PAGES):
            page = self.ask(lambda desk, seq=seq: desk.read(reads.EVENTS, after=seq))  # type: ignore[misc]  # bound now
            rows += page.rows
            if page.newer is None or page.newer <= seq or not page.rows:
                return rows, False
            seq = page.newer
        return rows, True


def _news_lines(rows: Sequence[EventRow]) -> Iterator[str]:
    """The worst first; those of one type and severity are one line."""
    folded: dict[tuple[Severity, str], list[EventRow]] = {}
    for row in rows:
        folded.setdefault((row.severity, row.type), []).append(row)
    order = [Severity.ERROR, Severity.WARN, Severity.INFO]
    for (severity, kind), found in sorted(folded.items(), key=lambda one: order.index(one[0][0])):
        last = max(found, key=lambda row: row.seq)
        if len(found) == 1:
            yield f"Event: {event_text(last)}"
        else:
            yield f"Event: {LEVELS[severity]}{count(len(found))} times {kind}, the last {clock(last.at)} {last.target}"


def event_text(row: EventRow) -> str:
    """`error: 12:41:07Z agent.suspended quote-bot by guard: complaints 0.41 %`."""
    detail = f": {row.detail}" if row.detail else ""
    return f"{LEVELS[row.severity]}{clock(row.at)} {row.type} {row.target} by {row.actor}{detail}"


def need_text(need: Need, now: int) -> str:
    """`CRIT quote-bot: suspended: ...`, with what the desk did and what to do next."""
    level = GLYPHS[need.level][0].partition(" ")[2] or "FINE"
    steps = runbook(need, now=now)
    did = f". The desk {need.did}" if need.did and need.did not in steps else ""
    return f"{level} {need.subject}: {need.text}{did}{'. ' + steps if steps else ''}"


def agent_text(line: AgentLine) -> str:
    """`quote-bot, suspended, gated_send, 412 held, 0 sent in the last hour`."""
    state = "suspended" if line.suspended else line.status
    mode = line.mode.value if line.mode else "no mailbox"
    return f"{line.name}, {state}, {mode}, {count(line.held)} held, {count(line.sent_hour)} sent in the last hour"


def critical(figures: Figures) -> str:
    """`1 critical problem`."""
    return plural(sum(need.level is Level.FAULT and not need.quiet for need in figures.needs), "critical problem")


# --- commands about one thing -------------------------------------------------------------------------------------


def about(found: Callable[[Talk, str], T | None]) -> Callable[[Callable[[Talk, T], None]], Callable[[Talk, str], None]]:
    """A command about what `found` makes of the words behind it. Where that is nothing, `found` has said why."""

    def command(does: Callable[[Talk, T], None]) -> Callable[[Talk, str], None]:
        @functools.wraps(does)
        def run(talk: Talk, rest: str = "") -> None:
            if (one := found(talk, rest)) is not None:
                does(talk, one)

        return run

    return command


# --- rows of a screen as lines ------------------------------------------------------------------------------------


def text_of(line: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in line)


def row_text(columns: Sequence[Column], row: Row, *, now: int) -> str:
    """A row of a screen as a line: its first cell, then each further one behind the name of its column."""
    first, *others = (_cell_text(cell, now) for cell in row.cells)
    named = [
        f"{column.title.lower()} {text}" if column.title else text
        for column, text in zip(columns[1:], others, strict=True)
        if text and text != ABSENT
    ]
    return ", ".join([first, *named])


def _cell_text(cell: Cell, now: int) -> str:
    if cell.since is not None:
        return age(max(0, now - cell.since))
    return spoken(f"{cell.text}{cell.tail}".strip(), anywhere=True)
