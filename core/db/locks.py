"""Which transactions wait for each other: locks by agent and stream, and one for the desk.

PostgreSQL's transaction-scoped advisory locks, released by the commit. SQLite has one writer and needs none of them.
Every write transaction takes the desk's lock first: exclusively, which excludes all others, or shared. A shared
transaction then takes the agents and streams that it works for; it may write only to tables whose rows belong to one
agent (`OWNED`, `KEPT`), and a verb that needs more raises `NeedsDesk` and is run again with the desk for itself. So a
verb that declares nothing is as safe as if there were only one lock, and what may run side by side is listed here:

    what is counted or read                               who changes it                  the lock that protects it
    the desk's stop, policy, operators, suppressions,     everything but the next rows    desk, exclusively
      consents, identities, tokens, streams, lanes'
      pauses; suspending, pausing, stopping, deciding
    messages, recipients, reviews, runs, contacts,        accepting, claiming,            the agent's, and the desk's
      idempotency keys, lanes and what is ready, leases     attempting, settling            shared
    counters of an agent, mailbox, run or token, of a     the same                        the agent's
      mailbox at a site; the pace of a mailbox at a site
    a stream's warm-up; a stream's caps and paces at      claiming                        the stream's, and the
      its sites; the pace of its route                                                      agent's
    counters of the desk and its sites, and of a          accepting, settling             the log's, taken last: they
      stream's sent mail: shown, never a limit of a                                         are added to, not read
      shared transaction
    the head of the log                                   everything                      the log's, or the desk's
    the desk's generation (rows cached by processes)      whatever changes such rows      the same; read once the
                                                                                            other locks are held
    heartbeats, and how long a worker's leases last       its own process, one            none but desk shared: all
                                                            transaction after the other     else in those rows changes
                                                                                            in that process, or with
                                                                                            the desk for itself

What follows. No attempt commits after a suspension, a pause or a stop: these exclude every attempt, and the next one
reads what they committed. No cap is exceeded: all that charge it hold its lock. Different agents wait for each other
only for the moment of the log (`LOG`), at the end of a transaction.

No deadlock: locks are taken in one order (desk, streams, agents, each sorted; the log), and no row is written before
all of them but the log's are held. A row that two shared transactions may both write belongs to one of their locks, or
is written under the log's. A lock that is merely tried (`try_for`) waits for nobody.

An older version of Postroom takes `DESK` exclusively for every write: the two can run side by side during an upgrade.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import OperationalError

from core.db import hot_statements
from core.db.tables import (
    BODY,
    CONTACT,
    GATEWAY_PROCESS,
    IDEMPOTENCY,
    IN_FLIGHT,
    LANE,
    MAILBOX,
    MESSAGE,
    PACE,
    READY,
    RECIPIENT,
    REVIEW,
    RUN,
    TOKEN,
    WORKER,
)
from core.errors import Invalid

DESK: Final = 0x706F7374  # "post": before locks by agent it was the only one
LOG: Final = 0x706F7375
STREAM: Final = 0x706F7301
AGENT: Final = 0x706F7302
"""Classes of the locks of streams and agents; the second key is their id."""
PROOF: Final = 50
"""Milliseconds in which the second connection of `prove` must not get the lock."""
LOCK_NOT_AVAILABLE: Final = "55P03"
KEYS: Final = 2**31
"""Ids are folded into PostgreSQL's 32-bit keys: two that fold into one share a lock, which costs only time."""

OWNED: Final = frozenset({
    BODY, CONTACT, IDEMPOTENCY, IN_FLIGHT, LANE, MESSAGE, READY, RECIPIENT, REVIEW, RUN,
})  # fmt: skip
"""Tables of which a shared transaction may write the rows of its agents.

`check` knows the table of a statement, not its rows: that they belong to those agents is up to the verb.
"""
KEPT: Final = frozenset({GATEWAY_PROCESS, MAILBOX, PACE, TOKEN, WORKER})
"""The same for columns that are never cached: when a mailbox or token was last served or used, paces, heartbeats."""
OF_AGENT: Final = frozenset({"agent", "mailbox", "refusals", "run", "site", "token"})
"""Scopes of counters whose key names an agent or what belongs to one: of a site, MAILBOX:SITE."""
OF_STREAM: Final = frozenset({"stream", "stream_site"})


class NeedsDesk(Exception):
    """A verb in a shared transaction came to something that the desk's lock protects."""


@dataclass(frozen=True, slots=True)
class Locks:
    """Agents and streams, by id."""

    agents: frozenset[int] = frozenset()
    streams: frozenset[int] = frozenset()

    def __or__(self, other: Locks) -> Locks:
        return Locks(self.agents | other.agents, self.streams | other.streams)

    def covers(self, other: Locks) -> bool:
        return self.agents >= other.agents and self.streams >= other.streams

    def counts(self, scope: str, key: str) -> bool:
        """Whether these locks protect a counter: nobody else changes it until the commit."""
        if scope in OF_STREAM:
            return int(key.partition(":")[0]) in self.streams
        return scope in OF_AGENT


NO_LOCKS: Final = Locks()


@runtime_checkable
class Shared(Protocol):
    """A verb that may run beside those of other agents. It is run once all of `locks` are held.

    It may have `acquire`, which takes further locks of what is free, and a static `together`, which makes one verb of
    several of its class; that one returns their answers in order.
    """

    @property
    def locks(self) -> Locks: ...

    def __call__(self, tx: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class OfAgents:
    """A verb that reads and writes only what belongs to these agents; of none, only rows of its own process."""

    verb: Callable[[Any], Any]
    agents: frozenset[int] = frozenset()

    @property
    def locks(self) -> Locks:
        return Locks(agents=self.agents)

    def __call__(self, tx: Any, /) -> Any:
        return self.verb(tx)


@dataclass(frozen=True, slots=True)
class ReadFirst:
    """A verb that mostly finds nothing to do: it runs beside others, and again, with the desk, if it needs to write.

    What it finds with the desk is what counts: it is run again from its beginning.
    """

    verb: Callable[[Any], Any]
    locks: Locks = NO_LOCKS

    def __call__(self, tx: Any, /) -> Any:
        with tx.only_reading():
            return self.verb(tx)


class LockSession:
    """Takes the locks of one shared transaction. `now` is the time at which it chooses."""

    def __init__(self, conn: Connection, *, now: int) -> None:
        self.conn = conn
        self.now = now
        self.held = Locks()

    def wait_for(self, wanted: Locks) -> None:
        """Take these, however long that takes. Only before any other, or two could wait for each other."""
        assert self.held == Locks(), "waits for a lock while holding others"
        pairs = _pairs(wanted)
        if pairs:
            hot_statements.plain(self.conn, _WAIT, ([kind for kind, _ in pairs], [key for _, key in pairs]))
            self.held = wanted

    def try_for(self, wanted: Locks) -> None:
        """Take those of them that are free."""
        self.streams(sorted(wanted.streams - self.held.streams))
        self.agents(sorted(wanted.agents - self.held.agents))

    def streams(self, ids: Sequence[int], *, most: int | None = None) -> list[int]:
        """Take those of these streams that are free, in this order, at most `most`. Returns which."""
        taken = self._try(STREAM, ids, most)
        self.held |= Locks(streams=frozenset(taken))
        return taken

    def agents(self, ids: Sequence[int], *, most: int | None = None) -> list[int]:
        """As `streams`, for agents."""
        taken = self._try(AGENT, ids, most)
        self.held |= Locks(agents=frozenset(taken))
        return taken

    def _try(self, kind: int, ids: Sequence[int], most: int | None) -> list[int]:
        if not ids:
            return []
        keys = [number % KEYS for number in ids]
        free = {row[0] for row in hot_statements.plain(self.conn, _TRY, (keys, kind, most))}
        # ids that fold into one key were taken with it
        return [number for number, key in zip(ids, keys, strict=True) if key in free]


def _pairs(wanted: Locks) -> list[tuple[int, int]]:
    """Class and key of each, in the one order."""
    found: Iterable[tuple[int, Collection[int]]] = ((STREAM, wanted.streams), (AGENT, wanted.agents))
    return [(kind, key) for kind, ids in found for key in sorted({number % KEYS for number in ids})]


def desk(conn: Connection, *, shared: bool) -> None:
    """Take the desk's lock, in a statement of its own: what is read later has been committed before."""
    hot_statements.plain(conn, _DESK_SHARED if shared else _DESK, ())


def log(conn: Connection) -> None:
    """Take the log's lock: from here to the commit, no shared transaction appends or adds to shared counters."""
    hot_statements.plain(conn, _LOG, ())


def prove(engine: Engine) -> None:
    """Prove that two connections exclude each other. Raises `Invalid`: the log would fork in silence, caps be exceeded.

    Some databases that speak PostgreSQL's protocol have these functions, and they do nothing (CockroachDB).
    """
    key = int.from_bytes(os.urandom(6), "big")  # of nobody else: two gateways may start at once
    with engine.connect() as one, one.begin(), engine.connect() as two, two.begin():
        one.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
        two.exec_driver_sql(f"SET LOCAL lock_timeout = {PROOF}")
        try:
            two.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
                return
            raise
        name = one.exec_driver_sql("SELECT version()").scalar_one()
    raise Invalid(
        f"two connections to the database hold the same advisory lock at once ({name})",
        fix="use PostgreSQL itself, without a proxy that shares a session between connections: postroom docs databases",
    )


def check(table: Table, held: Locks | None, *, keeping_caches: bool) -> None:
    """Raises `NeedsDesk` if a transaction with these locks must not write to this table."""
    if held is not None and table not in OWNED and not (keeping_caches and table in KEPT):
        raise NeedsDesk(table.name)


_DESK: Final = f"SELECT pg_advisory_xact_lock({DESK})"
_DESK_SHARED: Final = f"SELECT pg_advisory_xact_lock_shared({DESK})"
_LOG: Final = f"SELECT pg_advisory_xact_lock({LOG})"
# `unnest` returns its rows in the order of the arrays, and each is locked as it is read.
_WAIT: Final = "SELECT pg_advisory_xact_lock(kind, key) FROM unnest($1::int[], $2::int[]) AS wanted (kind, key)"
_TRY: Final = "SELECT key FROM unnest($1::int[]) AS wanted (key) WHERE pg_try_advisory_xact_lock($2::int, key) LIMIT $3"
