"""The console's side of the database: one reader follows the log, reads run on request, writes run in transactions.

Events drive everything. One cursor over the log says what happened; screens are told which ids changed and read only
those again. Only the waiting happens on Textual's own thread, so a slow disk never blocks a key. A database that goes
away is a state, not an error: the reader keeps trying, says since when it has heard nothing, and tells every screen to
read everything once the database is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, TypeVar

from console.queries.needs import needs
from console.queries.overview import Overview
from console.state import DeskUpdate, Link, Live
from core.db import audit_log
from core.db.counters import bucket
from core.db.queries import figures
from core.db.store import Connection, Store
from core.db.transaction import Transaction
from core.errors import AccessEnded, PostroomError
from core.events import (
    EmailApprovalUndone,
    EmailApproved,
    EmailCancelled,
    EmailExpired,
    EmailPending,
    EmailRead,
    EmailRejected,
    EmailRejectionUndone,
    Event,
)
from core.model import Actor
from core.rules.roles import Verb
from core.rules.signed_ids import HmacKeys
from core.services import access, context
from core.settings import Settings

T = TypeVar("T")

LOOK_EVERY: Final = 0.2
"""Seconds between looks at the head of the log: one seek, so that what others decide disappears within half a second.
"""
FULL_EVERY: Final = 30
"""Seconds after which every agent's line is read again, because budgets refill without events."""
LINES_EVERY: Final = 5.0
"""Seconds between reads of what needs attention and of the agents with new mail, however much mail there was."""
HEAD_EVERY: Final = 0.5
"""Seconds between reads while few agents have new mail; with many, `LINES_EVERY`."""
FEW: Final = 8
"""How many agents' lines are read twice a second."""
_NEVER: Final = (float("-inf"),) * 3
"""When the header, the changed lines and all lines were last read."""
BEHIND: Final = 5_000
"""Beyond this many events behind the head, the console stops reading them one by one and reads everything again."""


class Desk:
    """One desk as one operator sees it, for as long as they have access.

    Each read checks, on its own connection, that the operator is still signed in and has a role for it; each operation
    checks in its transaction. A console left open overnight shows nothing to someone who has left the company.
    """

    def __init__(self, store: Store, actor: Actor, keyring: HmacKeys, *, settings: Settings | None = None) -> None:
        """`settings` are those of the desk's directory: the deliverability signer sees what DNS says against them."""
        self.settings = settings
        self.store = store
        self.actor = actor
        self.keyring = keyring
        self.live = Live()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="console-read")
        self._follower = ThreadPoolExecutor(1, thread_name_prefix="console-log")
        self._overview = Overview.fresh()
        self._dirty: set[int] = set()
        self._read_at = _NEVER
        self._version: int | None = None
        self._unread = False
        self._nudged = asyncio.Event()
        self.ended: Callable[[AccessEnded], None] = lambda _: None
        """Called on the event loop once the operator is signed in no longer, whatever found it out."""

    @property
    def now(self) -> int:
        return self.store.clock.now()

    # -- asked for ----------------------------------------------------------------------------------------------------

    async def read(self, ask: Callable[[Connection], T], *, verb: Verb) -> T:
        """Run a read in a thread, if the operator may. Raises `Unavailable`, `Forbidden`, `AccessEnded`."""

        def run() -> T:
            with self.store.read() as conn:
                access.require_reader(conn, self.actor, verb, now=self.now)
                return ask(conn)

        return await self._in_thread(run)

    async def look(self, ask: Callable[[Transaction], T], *, verb: Verb) -> T:
        """The same, for reads that need counters and rules. Raises `Unavailable`, `Forbidden`, `AccessEnded`."""

        def run(tx: Transaction) -> T:
            access.require(tx, self.actor, verb)
            return ask(tx)

        return await self._in_thread(lambda: self.store.look(run))

    async def act(self, operation: Callable[[Store, Actor], T]) -> T:
        """Run an operation in a thread, then look at the log at once. Raises whatever the operation raises."""
        try:
            return await self._in_thread(lambda: operation(self.store, self.actor))
        finally:
            self._nudged.set()

    async def _in_thread(self, run: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except AccessEnded as error:
            self.ended(error)
            raise

    # -- following ----------------------------------------------------------------------------------------------------

    async def follow(self, publish: Callable[[DeskUpdate], None]) -> None:
        """Follow the log until cancelled and report what it brought, or that it brought nothing: the clock moves on.

        Ends when the operator loses access.
        """
        loop = asyncio.get_running_loop()
        while True:
            self._nudged.clear()
            try:
                update = await loop.run_in_executor(self._follower, self._look)
            except AccessEnded as error:
                self.ended(error)
                return
            except PostroomError as error:
                update = self._lost(str(error))
            self.live = update.live
            publish(update)
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._nudged.wait()
            except TimeoutError:
                continue

    def refresh(self) -> None:
        """Read everything again at the next look."""
        self._read_at = _NEVER
        self._nudged.set()

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._follower.shutdown(wait=False, cancel_futures=True)

    def _lost(self, reason: str) -> DeskUpdate:
        since = self.live.lost_since if self.live.link is Link.LOST else self.now
        return DeskUpdate(replace(self.live, link=Link.LOST, lost_since=since, lost_reason=reason))

    def _look(self) -> DeskUpdate:
        """One look: the events since the last one, and the figures if they may have changed."""
        version = self.store.version()
        if version is not None and version == self._version and not self._is_due():
            return DeskUpdate(self.live)  # no process has committed since the last look
        self._version = version
        return self.store.look(self._read_on)

    def _is_due(self) -> bool:
        """Whether a look reads more than what was committed since: figures that are put off, or that time changes."""
        _, lines_at, _ = self._read_at
        return self.live.link is not Link.LIVE or self._unread or time.monotonic() - lines_at >= LINES_EVERY

    def _read_on(self, tx: Transaction) -> DeskUpdate:
        self.actor = access.require(
            tx, self.actor, Verb.DESK_READ
        )  # with the roles as they are now: keys are dimmed by them
        was = self.live
        seq, _ = audit_log.head(tx.conn)
        known = was.link is Link.LIVE and was.seq < seq <= was.seq + BEHIND
        entries = audit_log.read(tx.conn, after=was.seq, limit=BEHIND) if known else []
        new = was.link is not Link.LIVE or (was.seq < seq and not entries) or seq < was.seq
        update = summarize_entries(entries, everything=new)
        self._dirty |= update.agents
        self._unread = self._unread or bool(entries)
        live = self._figures(tx, was, full=new, urgent=any(not kind.startswith("email.") for kind in update.kinds))
        fresh = replace(live, link=Link.LIVE, seq=seq)
        # the same object while nothing differs: screens redraw only what they have not drawn yet
        return replace(update, live=was if fresh == was else fresh)

    def _figures(self, tx: Transaction, was: Live, *, full: bool, urgent: bool) -> Live:
        """Read as much as is due: an operator's act on an agent at once, mail at intervals, however much there was.

        Header, alerts and agent lines are read together, so that `held 33` never stands above `34 held`.
        """
        moment = time.monotonic()
        head_at, lines_at, full_at = self._read_at
        if full or urgent or moment - lines_at >= LINES_EVERY:
            whole = full or moment - full_at >= FULL_EVERY
            dirty, self._dirty = (None if whole else self._dirty), set()
            self._read_at = (moment, moment, moment if whole else full_at)
            self._unread = False
            return self._with_everything(tx, was, dirty)
        if self._unread and moment - head_at >= HEAD_EVERY:
            if len(self._dirty) <= FEW:
                return self._figures(tx, was, full=False, urgent=True)
            # a busy desk: its figures wait for the common read, but what shows that it is alive does not
            self._read_at = (moment, lines_at, full_at)
            head = figures.head(tx.conn)
            return replace(
                was, last_event_at=head.last_event_at, stopped_at=head.stopped_at, stopped_by=head.stopped_by,
                stop_reason=head.stop_reason,
            )  # fmt: skip
        return was

    def _with_everything(self, tx: Transaction, was: Live, dirty: set[int] | None) -> Live:
        head = figures.head(tx.conn)
        _, policy = context.current_policy(tx)
        lines = self._overview.refresh(tx, dirty)
        found = needs(tx, lines, head)
        return replace(
            _with_head(was, head, tx),
            default_mode=policy.oversight.default_mode.value,
            release_delay=policy.oversight.release_delay,
            flow=figures.flow(tx.conn, now=tx.now),
            agents=lines,
            needs=found,
            gateway_down=any(need.subject == "gateway" for need in found),
        )


def _with_head(was: Live, head: figures.Head, tx: Transaction) -> Live:
    minute = figures.counts(tx.conn, "desk", [""], ["held"], since=bucket(tx.now) - 1)
    return replace(
        was,
        last_event_at=head.last_event_at,
        held=head.held,
        held_minute=max(minute.series("", "held").values(), default=0),
        oldest=head.oldest,
        stopped_at=head.stopped_at,
        stopped_by=head.stopped_by,
        stop_reason=head.stop_reason,
    )


def summarize_entries(entries: Iterable[audit_log.Entry], *, everything: bool) -> DeskUpdate:
    """What these events touched."""
    messages: set[int] = set()
    left: set[int] = set()
    agents: set[int] = set()
    kinds: set[str] = set()
    came, count = False, 0
    for entry in entries:
        event = entry.event
        count += 1
        kinds.add(event.type)
        if isinstance(event, EmailRead):
            continue  # that somebody looked at it changes nothing that is shown
        if event.agent is not None:
            agents.add(event.agent)
        item = _item(event)
        if item is None:
            continue
        messages.add(item)
        if _leaves(event):
            left.add(item)
        elif isinstance(event, EmailPending | EmailApprovalUndone | EmailRejectionUndone):
            left.discard(item)
            came = True
    return DeskUpdate(
        Live(),
        kinds=frozenset(kinds),
        messages=frozenset(messages),
        left=frozenset(left),
        came=came,
        agents=frozenset(agents),
        count=count,
        everything=everything,
    )


def _item(event: Event) -> int | None:
    found: int | None = getattr(event, "item", None)
    return found if found is not None else event.message


def _leaves(event: Event) -> bool:
    """Whether it takes an item out of the queue of held mail."""
    if isinstance(event, EmailApproved):
        return event.complete
    return isinstance(event, EmailRejected | EmailExpired | EmailCancelled)
