"""The desk's figures for all consoles of one process: read once, whoever asks.

Events say what changed: an operator's act is counted in at the next question, mail at intervals, however much there
was, and every line at longer ones, because windows move without events. Each line has the version at which it last
changed, so that an answer holds only what its asker does not have yet.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import replace
from typing import Final

from core.db import audit_log
from core.db.counters import bucket
from core.db.queries import figures
from core.db.transaction import Transaction
from core.events import EmailRead
from core.operations.screens.needs import needs
from core.operations.screens.overview import Overview
from core.services import context
from core.views.live import AgentLine, Figures

FULL_EVERY: Final = 30.0
"""Seconds after which every agent's line is read again, because budgets refill without events."""
LINES_EVERY: Final = 5.0
"""Seconds between reads of what needs attention and of the agents with new mail, however much mail there was."""
HEAD_EVERY: Final = 0.5
"""Seconds between reads while few agents have new mail; with many, `LINES_EVERY`."""
FEW: Final = 8
"""How many agents' lines are read twice a second."""
BEHIND: Final = 5_000
"""Beyond this many events behind the head they are not read one by one: everything is read again."""
RESTORED_AFTER: Final = 5.0
"""Seconds after which a log with fewer entries is one that was restored, and not an older snapshot of the same."""
_NEVER: Final = float("-inf")


class Changes:
    """What differs from a version: the figures (None: nothing), the order of the agents, the lines that changed."""

    def __init__(self, version: str, seq: int) -> None:
        self.version, self.seq = version, seq
        self.figures: Figures | None = None
        self.order: tuple[int, ...] = ()
        self.lines: tuple[AgentLine, ...] = ()


class DeskFigures:
    """The figures as last read. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run = secrets.token_hex(4)
        """Versions of another process mean nothing here."""
        self._version = 0
        self._figures = Figures()
        self._lines: tuple[AgentLine, ...] = ()
        self._changed: dict[int, int] = {}
        self._overview = Overview.fresh()
        self._dirty: set[int] = set()
        self._unread = False
        self._seq: int | None = None
        self._counted = 0
        self._followed_at = self._head_at = self._lines_at = self._full_at = _NEVER

    def changes(self, tx: Transaction, known: str, *, anew: bool = False) -> Changes:
        """Read what is due, and return what differs from the version `known`. `anew`: everything is due."""
        with self._lock:
            self._follow(tx, anew=anew)
            found = Changes(f"{self._run}-{self._version}", self._counted)
            run, _, number = known.partition("-")
            since = int(number) if run == self._run and number.isdecimal() else 0
            if since != self._version:
                found.figures = self._figures
                found.order = tuple(line.id for line in self._lines)
                found.lines = tuple(line for line in self._lines if self._changed[line.id] > since)
            return found

    def _follow(self, tx: Transaction, *, anew: bool) -> None:
        seq, _ = audit_log.head(tx.conn)
        was, followed = self._seq, self._followed_at
        if was is not None and seq < was and time.monotonic() - followed < RESTORED_AFTER:
            # The snapshot of a caller who waited for the lock: what is kept is newer, and figures must not go back.
            self._full_at = _NEVER if anew else self._full_at
            return
        self._seq, self._followed_at = seq, time.monotonic()
        known = was is not None and was <= seq <= was + BEHIND
        urgent = False
        for entry in audit_log.read(tx.conn, after=was or 0, limit=BEHIND) if known and was != seq else ():
            self._unread = True
            urgent = urgent or not entry.event.type.startswith("email.")
            if entry.event.agent is not None and not isinstance(entry.event, EmailRead):
                self._dirty.add(entry.event.agent)
        self._read(tx, full=anew or not known, urgent=urgent)

    def _read(self, tx: Transaction, *, full: bool, urgent: bool) -> None:
        """Header, alerts and agent lines are read together, so that `held 33` never stands above `34 held`."""
        moment = time.monotonic()
        soon = self._unread and moment - self._head_at >= HEAD_EVERY
        few = soon and len(self._dirty) <= FEW
        if full or urgent or few or moment - self._lines_at >= LINES_EVERY:
            whole = full or moment - self._full_at >= FULL_EVERY
            self._everything(tx, None if whole else self._dirty)
            self._head_at = self._lines_at = moment
            self._full_at = moment if whole else self._full_at
            self._dirty, self._unread, self._counted = set(), False, self._seq or 0
        elif soon:
            # a busy desk: its figures wait for the common read, but what shows that it is alive does not
            self._head_at = moment
            head = figures.head(tx.conn)
            self._take(replace(
                self._figures, last_event_at=head.last_event_at, stopped_at=head.stopped_at,
                stopped_by=head.stopped_by, stop_reason=head.stop_reason,
            ), self._lines)  # fmt: skip

    def _everything(self, tx: Transaction, dirty: set[int] | None) -> None:
        head = figures.head(tx.conn)
        _, policy = context.current_policy(tx)
        lines = self._overview.refresh(tx, dirty)
        found = needs(tx, lines, head)
        minute = figures.counts(tx.conn, "desk", [""], ["held"], since=bucket(tx.now) - 1)
        read = Figures(
            last_event_at=head.last_event_at, held=head.held,
            held_minute=max(minute.series("", "held").values(), default=0), oldest=head.oldest,
            stopped_at=head.stopped_at, stopped_by=head.stopped_by, stop_reason=head.stop_reason,
            default_mode=policy.oversight.default_mode.value, release_delay=policy.oversight.release_delay,
            flow=figures.flow(tx.conn, now=tx.now), needs=found,
            gateway_down=any(need.subject == "gateway" for need in found),
        )  # fmt: skip
        self._take(read, lines)

    def _take(self, read: Figures, lines: tuple[AgentLine, ...]) -> None:
        if self._version and (read, lines) == (self._figures, self._lines):
            return
        self._version += 1
        before = {line.id: line for line in self._lines}
        versions = {line.id: self._version if before.get(line.id) != line else self._changed[line.id] for line in lines}
        self._figures, self._lines, self._changed = read, lines, versions
