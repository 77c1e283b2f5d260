"""Follow the log: one reader polls the database for all followers, however many there are.

Each follower has only a cursor. A commit of this gateway wakes the reader; it finds commits of other processes at its
next poll. It keeps the newest entries, encoded once. A follower that is further behind (slow, or disconnected for a
while) reads pages of its own until it has caught up, so a slow follower costs no memory.

Access is checked again whenever an entry concerns operators, and at least once a second. An operator whose access has
ended gets nothing that was recorded after that.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from core.db import audit_log
from core.db.audit_log import Entry
from core.db.store import Connection, Store
from core.durations import stamp
from core.errors import Conflict, Overloaded, PostroomError, Refused, Unavailable
from core.events import (
    EmailApprovalUndone,
    EmailApproved,
    EmailCancelled,
    EmailExpired,
    EmailPending,
    EmailRejected,
    EmailRejectionUndone,
    EmailReturned,
)
from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb
from core.services import access

POLL: Final = 0.25
"""Seconds between looks if no commit of this gateway wakes the reader: another gateway's decision shows within half a
second."""
GAP: Final = 0.05
"""Minimum pause after each look, in seconds, however many commits there are."""
HEARTBEAT: Final = 1.0
"""Seconds of silence after which a heartbeat is sent: a lost connection must show within three."""
RECHECK: Final = 1.0
"""Seconds between two checks of everybody's access."""
KEPT: Final = 2_048
"""Newest entries that are kept encoded."""
CHUNK: Final = 200
"""Entries written to a follower at once."""
MOST: Final = 500
"""Followers of one gateway."""

log = structlog.get_logger("events")


def needs(*, outline: bool) -> Verb:
    """Who may follow the log: outlines are for everybody who may look at the desk."""
    return Verb.DESK_READ if outline else Verb.AUDIT_READ


def outlined(entry: Entry) -> dict[str, Any]:
    """What an entry touched, without what it says: enough to know which rows to read again.

    `item` is a message, or a held read or tag. `queue`: it `left` the held items, or `came` to them.
    """
    event = entry.event
    item: int | None = getattr(event, "item", None)
    moved = None
    if isinstance(event, EmailPending | EmailApprovalUndone | EmailRejectionUndone):
        moved = "came"
    elif isinstance(event, EmailRejected | EmailReturned | EmailExpired | EmailCancelled) or (
        isinstance(event, EmailApproved) and event.complete
    ):
        moved = "left"
    return {
        "seq": entry.seq,
        "at": entry.at,
        "type": event.type,
        "item": event.message if item is None else item,
        "agent": event.agent,
        "queue": moved,
    }


def another_log(after: int, head: int) -> Conflict:
    """The refusal of a cursor beyond the end."""
    return Conflict(
        f"the log ends at {head}, before {after}: it is another log, or was restored",
        fix="read everything again, then follow from the seq you have read up to",
    )


def encoded(entry: Entry, *, outline: bool = False) -> bytes:
    """One event of `text/event-stream`: `id` is the seq, `data` the entry as `GET /audit` shows it, or its outline."""
    return b"id: %d\ndata: %b\n\n" % (entry.seq, orjson.dumps(outlined(entry) if outline else entry.as_json()))


def named(kind: str, data: dict[str, object]) -> bytes:
    """An event about the stream itself. Without an `id`, so it moves nobody's cursor."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps(data))


@dataclass(eq=False, slots=True)
class Follower:
    """One stream: the SHA-256 of its operator's token, whether it gets outlines, and why it ends."""

    digest: bytes
    actor: Actor
    outline: bool = False
    ended: Refused | None = None

    @property
    def key(self) -> tuple[bytes, bool]:
        """What its access depends on."""
        return self.digest, self.outline


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found. `entries` are (seq, whole, outline); `refused` has those whose access has ended."""

    entries: Sequence[tuple[int, bytes, bytes]]
    head: int
    at: int
    refused: dict[tuple[bytes, bool], Refused]
    checked: bool


class EventStream:
    """The followers of one gateway. All methods but `_look` and `_page` run in the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followers: set[Follower] = set()
        self._kept: deque[tuple[int, bytes, bytes]] = deque(maxlen=KEPT)
        self._head = 0
        self._at = 0
        self._checked = float("-inf")
        self._news = asyncio.Event()
        self._woken = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._closed = False
        self.looks = 0
        """Looks at the log so far."""

    def wake(self) -> None:
        """Look soon: something was committed. May be called after any commit."""
        self._woken.set()

    def close(self) -> None:
        """End every stream: the gateway is stopping."""
        self._closed = True
        self._publish()

    async def open(self, digest: bytes, *, after: int | None, outline: bool = False) -> tuple[Follower, int]:
        """Admit a follower; returns it with its cursor, which is the log's end unless it says `after` which entry.

        Raises `Unauthenticated`, `Forbidden`, `Unavailable`, and `Conflict` if the log is not that long: the client has
        followed another log, or this one before a restore.
        """
        if self._closed:
            raise Unavailable("the gateway is stopping", retry_after=1)
        if len(self._followers) >= MOST:
            raise Overloaded(f"{MOST} streams are open at this gateway", retry_after=5)
        actor, head = await asyncio.to_thread(self._admit, digest, needs(outline=outline))
        if after is not None and after > head:
            raise another_log(after, head)
        return Follower(digest, actor, outline), head if after is None else after

    async def follow(self, follower: Follower, cursor: int) -> AsyncGenerator[bytes, None]:
        """Yield what is written to the stream, until the follower's access ends or the gateway stops."""
        self._followers.add(follower)
        self._start()
        try:
            yield b"retry: 1000\n\n" + self._heartbeat(cursor)
            while not self._closed and follower.ended is None:
                news = self._news
                found = self._since(cursor, follower)
                if found is None:
                    try:
                        found = await asyncio.to_thread(self._page, cursor, follower)
                    except Unavailable as error:  # the client comes back with its last id
                        log.warning("the log could not be read", reason=error.reason)
                        return
                if found:
                    if follower.ended is None:
                        cursor = found[-1][0]
                        yield b"".join(data for _, data in found)
                    continue
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await news.wait()
                except TimeoutError:
                    yield self._heartbeat(cursor)
            if follower.ended is not None:
                yield named("ended", {"error": follower.ended.error, "reason": follower.ended.reason})
        finally:
            self._followers.discard(follower)

    def _heartbeat(self, cursor: int) -> bytes:
        """`at` is the time of the last look at the log: it stands still while the database does not answer."""
        return named("heartbeat", {"seq": cursor, "at": stamp(self._at) if self._at else None})

    def _since(self, cursor: int, follower: Follower) -> Sequence[tuple[int, bytes]] | None:
        """Entries after a cursor that are kept, at most `CHUNK`; None if it is further behind, or nothing is known."""
        if cursor > self._head:
            return ()
        first = self._kept[0][0] if self._kept else self._head + 1
        if cursor + 1 < first:
            return None
        start = cursor + 1 - first
        chunk = itertools.islice(self._kept, start, start + CHUNK)
        return tuple((seq, outline if follower.outline else whole) for seq, whole, outline in chunk)

    # --- the one reader ---

    def _start(self) -> None:
        if self._reader is None or self._reader.done():
            self._kept.clear()
            self._head = 0
            self._checked = float("-inf")
            self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Look at the log while anybody follows it."""
        while self._followers and not self._closed:
            self._woken.clear()
            try:
                due = asyncio.get_running_loop().time() - self._checked >= RECHECK
                known = {one.key: one.actor for one in self._followers}
                self._take(await asyncio.to_thread(self._look, known, due=due))
            except PostroomError as error:  # tried again at the next look; heartbeats show how old the last one is
                log.warning("the log could not be read", reason=str(error))
            except Exception:
                log.exception("the log could not be read")
            await asyncio.sleep(GAP)
            try:
                async with asyncio.timeout(POLL - GAP):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _take(self, found: _Look) -> None:
        self.looks += 1
        self._at = found.at
        for one in self._followers:
            one.ended = one.ended or found.refused.get(one.key)
        if found.checked:
            self._checked = asyncio.get_running_loop().time()
        self._kept.extend(found.entries)
        behind = self._head != found.head
        self._head = found.head
        if behind or found.refused:
            self._publish()

    def _publish(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    # --- in threads ---

    def _admit(self, digest: bytes, verb: Verb) -> tuple[Actor, int]:
        with self._store.read() as conn:
            actor = access.sign_in(conn, digest, now=self._store.clock.now())
            roles.check(actor, verb)
            return actor, audit_log.head(conn)[0]

    def _look(self, known: Mapping[tuple[bytes, bool], Actor], *, due: bool) -> _Look:
        with self._store.read() as conn:
            entries = audit_log.read(conn, after=self._head, limit=KEPT) if self._head else []
            head = entries[-1].seq if entries else self._head or audit_log.head(conn)[0]
            now = self._store.clock.now()
            checks = due or any(entry.event.type.startswith("operator.") for entry in entries)
            # After the entries are read: who is admitted now was admitted when they were recorded.
            refused = {}
            if checks:
                checked = {key: _refusal(conn, who, now, outline=key[1]) for key, who in known.items()}
                refused = {key: why for key, why in checked.items() if why is not None}
        found = [(entry.seq, encoded(entry), encoded(entry, outline=True)) for entry in entries]
        return _Look(found, head, now, refused, checks)

    def _page(self, cursor: int, follower: Follower) -> Sequence[tuple[int, bytes]]:
        """Entries for a follower that is far behind; none if its access has ended."""
        with self._store.read() as conn:
            entries = audit_log.read(conn, after=cursor, limit=CHUNK)
            follower.ended = follower.ended or _refusal(
                conn, follower.actor, self._store.clock.now(), outline=follower.outline
            )
        if follower.ended is not None:
            return ()
        return [(entry.seq, encoded(entry, outline=follower.outline)) for entry in entries]


def _refusal(conn: Connection, actor: Actor, now: int, *, outline: bool) -> Refused | None:
    try:
        access.require_reader(conn, actor, needs(outline=outline), now=now)
    except Refused as error:
        return error
    return None
