"""The console's side of a desk: it follows what happens there, reads on request, and acts.

One thread follows the log's outline. It says which ids changed, and screens read only those again. The figures of
header, alerts and agents come from one read, asked for as soon as an operator's act may have changed them and at
intervals while there is mail. Nothing here runs on Textual's own thread, so a slow network or disk never blocks a key.
A desk that goes away is a state, not an error: it is tried again, the screens say since when nothing was heard of it,
and read everything once it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from console.state import DeskUpdate, Link, Live
from core.desk_client import reads
from core.desk_client.interface import Desk as AnyDesk
from core.desk_client.interface import Heartbeat, LogLine
from core.desk_client.reads import Read
from core.errors import AccessEnded, Conflict, Forbidden, PostroomError, Unauthenticated, Unavailable
from core.model import Actor, Clock
from core.views.live import AgentLine, Figures, Reading

T = TypeVar("T")

GAP: Final = 0.2
"""Seconds between two updates of the screens, however much happens: what others decide disappears within half a second.
"""
HEAD_EVERY: Final = 0.5
"""Seconds between two questions for the figures while there is new mail."""
IDLE_EVERY: Final = 5.0
"""The same while nothing happens: budgets refill and ages grow without events."""
RETRY: Final = 0.2
"""Seconds until a desk that was lost is tried again; doubled each time, up to `RETRY_MOST`."""
RETRY_MOST: Final = 2.0
BEHIND: Final = 5_000
"""With more events at once than this, everything is read again rather than row by row."""
READERS: Final = 4
ACTORS: Final = 4
"""Threads of their own for acts: an all-stop must not wait behind reads that hang."""
ENDS_WITHIN: Final = 0.5
"""Seconds that a closing console waits for the thread that follows the log."""

News = LogLine | Heartbeat | PostroomError


class Desk:
    """One desk as one operator sees it, for as long as they have access.

    Every read and act is checked by the desk, in the transaction that answers it: a console left open overnight shows
    nothing to someone who has left the company.
    """

    def __init__(self, desk: AnyDesk, *, clock: Clock, reading: Reading) -> None:
        """`reading` is the desk's first answer: who is signed in, with which roles, and all figures."""
        self.clock = clock
        self.local = desk.local
        self.live = Live()
        self._desk = desk
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="console-read")
        self._actors = ThreadPoolExecutor(ACTORS, thread_name_prefix="console-act")
        self._follower: _Follower | None = None
        self._news = asyncio.Event()
        self._due = asyncio.Event()
        self._heard: list[News] = []
        self._hears = False
        self._anew = False
        self._asked_at = time.monotonic()
        self._asks_soon = False
        self._lines: dict[int, AgentLine] = {}
        self._reading = reading
        self._seq = reading.seq
        self.ended: Callable[[AccessEnded], None] = lambda _: None
        """Called on the event loop once the operator has lost access."""

    @property
    def direct(self) -> AnyDesk:
        """The desk itself, for a caller that waits for each answer and follows nothing."""
        return self._desk

    @property
    def now(self) -> int:
        return self.clock.now()

    @property
    def actor(self) -> Actor:
        """Who is signed in, with the roles they had at the last reading: keys are dimmed by them."""
        return Actor("operator", self._reading.operator, frozenset(self._reading.roles))

    @property
    def guarded(self) -> bool:
        """Whether what loosens is refused with `Unconfirmed`, until the operator has typed the desk's name."""
        return self._desk.guarded

    def unguard(self) -> None:
        """The operator has typed the desk's name."""
        self._desk.guarded = False

    # -- asked for ----------------------------------------------------------------------------------------------------

    async def read(self, read: Read[T], /, **members: Any) -> T:
        """Read what a screen shows. Raises `Unavailable`, `Forbidden`, `AccessEnded`."""
        return await self._in_thread(self._readers, lambda: self._desk.read(read, **members))

    async def ask(self, question: Callable[[AnyDesk], T]) -> T:
        """Run an operation that only reads. Raises as `read` does."""
        return await self._in_thread(self._readers, lambda: question(self._desk))

    async def act(self, operation: Callable[[AnyDesk], T]) -> T:
        """Run an operation; the log then tells what it changed. Raises whatever the desk refuses it with."""
        return await self._in_thread(self._actors, lambda: operation(self._desk))

    async def _in_thread(self, threads: ThreadPoolExecutor, run: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run)
        except AccessEnded as error:
            self.ended(error)
            raise

    # -- following ----------------------------------------------------------------------------------------------------

    async def follow(self, publish: Callable[[DeskUpdate], None]) -> None:
        """Follow the desk until cancelled and report what happens; ends when the operator loses access."""
        self._take(self._reading, publish)
        self._follower = _Follower(self._desk, self._seq, asyncio.get_running_loop(), self._hear)
        self._follower.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._report(publish))
                tasks.create_task(self._keep_figures(publish))
        except* AccessEnded as errors:
            error = errors.exceptions[0]
            assert isinstance(error, AccessEnded)
            self.ended(error)
        except* Unauthenticated as others:
            (refused, *_) = others.exceptions
            assert isinstance(refused, Unauthenticated)
            self.ended(AccessEnded(refused.reason, fix=refused.fix))
        except* Exception as mistakes:
            # nothing is followed any more: the header must not stay at "live"
            self._lose(f"internal error: {mistakes.exceptions[0]!r}; start the console again", publish)
            raise

    def refresh(self) -> None:
        """Read everything again now."""
        self._anew = True
        self._due.set()

    def close(self) -> None:
        if self._follower is not None:
            self._follower.stopped.set()
        self._desk.close()
        if self._follower is not None and self.local:
            self._follower.join(ENDS_WITHIN)
        for threads in (self._readers, self._actors):
            threads.shutdown(wait=False, cancel_futures=True)

    def _hear(self, news: News) -> None:
        """The follower's thread has heard something; runs on the event loop."""
        self._heard.append(news)
        self._news.set()

    async def _report(self, publish: Callable[[DeskUpdate], None]) -> None:
        """Tell the screens what was heard, a few times a second at most."""
        while True:
            await self._news.wait()
            self._news.clear()
            heard, self._heard = self._heard, []
            lines = [one for one in heard if isinstance(one, LogLine)]
            for one in heard:
                if isinstance(one, Unauthenticated | Forbidden):
                    raise one if isinstance(one, Unauthenticated) else AccessEnded(one.reason, fix=one.fix)
            last = heard[-1]
            if isinstance(last, PostroomError):
                self._hears, self._anew = False, True
                self._lose(str(last), publish)
            elif not self._hears:
                self._hears = True
                if self.live.link is not Link.LIVE:
                    self._due.set()
            if lines and self._hears:
                self._heard_of(lines, publish)
            await asyncio.sleep(GAP)

    def _heard_of(self, lines: list[LogLine], publish: Callable[[DeskUpdate], None]) -> None:
        self._seq = lines[-1].seq
        update = summarize(lines, everything=len(lines) > BEHIND)
        if any(not kind.startswith("email.") for kind in update.kinds):
            self._due.set()
        else:
            self._ask_soon()
        if self.live.link is Link.LIVE:
            publish(replace(update, live=self.live))

    def _ask_soon(self) -> None:
        """Ask for the figures once `HEAD_EVERY` has passed since the last time."""
        if not self._asks_soon:
            self._asks_soon = True
            left = self._asked_at + HEAD_EVERY - time.monotonic()
            asyncio.get_running_loop().call_later(max(0.0, left), self._due.set)

    async def _keep_figures(self, publish: Callable[[DeskUpdate], None]) -> None:
        """Ask for the figures when they are due."""
        retry = RETRY
        while True:
            wait = HEAD_EVERY if self._reading.seq < self._seq else IDLE_EVERY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry if self._anew and self._hears else wait):
                    await self._due.wait()
            self._due.clear()
            self._asks_soon = False
            self._asked_at = time.monotonic()
            try:
                reading = await self.read(reads.LIVE, known=self._reading.version, anew=self._anew)
            except Unauthenticated:
                raise
            except PostroomError as error:
                self._anew = True
                self._lose(str(error), publish)
                retry = min(RETRY_MOST, retry * 2)
                continue
            retry = RETRY
            if isinstance(self.clock, DeskClock):
                self.clock.learn(reading.at, asked=self._asked_at, answered=time.monotonic())
            if not self._hears:
                continue  # the desk answers, but what happens there is not heard
            self._anew = False
            self._take(reading, publish)

    def _take(self, reading: Reading, publish: Callable[[DeskUpdate], None]) -> None:
        """A reading has come: tell the screens, which read everything if they had lost the desk."""
        was, back = self.live, self.live.link is not Link.LIVE
        self._reading = reading
        live = self._with(reading, was) if reading.figures is not None else was
        fresh = replace(live, link=Link.LIVE, seq=reading.seq)
        # the same object while nothing differs: screens redraw only what they have not drawn yet
        self.live = was if fresh == was else fresh
        publish(DeskUpdate(self.live, everything=back))

    def _with(self, reading: Reading, was: Live) -> Live:
        assert reading.figures is not None
        self._lines |= {line.id: line for line in reading.agents}
        self._lines = {agent: self._lines[agent] for agent in reading.order}
        members = {one.name: getattr(reading.figures, one.name) for one in fields(Figures)}
        return replace(was, agents=tuple(self._lines.values()), **members)

    def _lose(self, reason: str, publish: Callable[[DeskUpdate], None]) -> None:
        was = self.live
        since = was.lost_since if was.link is Link.LOST else self.now
        self.live = replace(was, link=Link.LOST, lost_since=since, lost_reason=reason)
        publish(DeskUpdate(self.live))


class _Follower(threading.Thread):
    """Reads the log's outline, and follows it again after every loss. Daemon: a read may hang for seconds."""

    def __init__(
        self, desk: AnyDesk, after: int, loop: asyncio.AbstractEventLoop, hear: Callable[[News], None]
    ) -> None:
        super().__init__(name="console-log", daemon=True)
        self.stopped = threading.Event()
        self._desk, self._after = desk, after
        self._loop, self._hear = loop, hear
        self._told: deque[News] = deque()

    def run(self) -> None:
        cursor: int | None = self._after
        retry = RETRY
        while not self.stopped.is_set():
            try:
                with contextlib.closing(self._desk.events(after=cursor, outline=True)) as lines:
                    for line in lines:
                        if self.stopped.is_set():
                            return
                        cursor, retry = line.seq, RETRY
                        self._tell(line)
            except Unauthenticated as error:
                self._tell(error)
                return
            except PostroomError as error:
                self._tell(error)
                if isinstance(error, Forbidden):
                    return
                cursor = None if isinstance(error, Conflict) else cursor
                self.stopped.wait(retry)
                retry = min(RETRY_MOST, retry * 2)
            except Exception as error:  # noqa: BLE001 - a thread that ends in silence leaves the header at "live"
                self._tell(Unavailable(f"internal error: {error!r}"))
                self.stopped.wait(RETRY_MOST)

    def _tell(self, news: News) -> None:
        if not self.stopped.is_set():
            self._told.append(news)
            if len(self._told) == 1:  # what comes in one piece wakes the event loop once
                with contextlib.suppress(RuntimeError):  # the event loop has ended
                    self._loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        """On the event loop."""
        while self._told:
            self._hear(self._told.popleft())


def summarize(lines: Iterable[LogLine], *, everything: bool) -> DeskUpdate:
    """What these entries touched."""
    messages: set[int] = set()
    left: set[int] = set()
    agents: set[int] = set()
    kinds: set[str] = set()
    came, count = False, 0
    for line in lines:
        entry = line.entry
        count += 1
        kinds.add(entry["type"])
        if entry["type"] == "email.read":
            continue  # that somebody looked at it changes nothing that is shown
        if entry["agent"] is not None:
            agents.add(entry["agent"])
        item = entry["item"]
        if item is None:
            continue
        messages.add(item)
        if entry["queue"] == "left":
            left.add(item)
        elif entry["queue"] == "came":
            left.discard(item)
            came = True
    return DeskUpdate(
        Live(), kinds=frozenset(kinds), messages=frozenset(messages), left=frozenset(left), came=came,
        agents=frozenset(agents), count=count, everything=everything,
    )  # fmt: skip


class DeskClock:
    """The desk's time on a machine whose clock may be wrong: the offset is that of the quickest answer so far."""

    def __init__(self) -> None:
        self._offset = 0
        self._best: float | None = None

    def now(self) -> int:
        return time.time_ns() // 1_000 + self._offset

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def learn(self, at: int, *, asked: float, answered: float) -> None:
        """The desk said that it was `at`, between these two readings of `time.monotonic`."""
        took = answered - asked
        if self._best is None or took <= self._best:
            self._best = took
            self._offset += at - (self.now() - round(took / 2 * 1_000_000))
