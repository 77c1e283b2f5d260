"""Following the log: nothing is missed, nothing comes twice, and nobody reads on whose access has ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field

import orjson
import pytest
from sqlalchemy import event, update

from core.db import audit_log
from core.db.store import Store
from core.db.tables import OPERATOR
from core.demo.clock import FakeClock
from core.errors import Conflict, Forbidden, Unauthenticated, Unavailable
from core.events import DeskStopped
from core.model import Actor
from core.operations import event_stream
from core.operations.event_stream import EventStream
from core.services.identity import operators
from tests.factories.desk import ALICE, BOB, ROOT, leave, make_desk, person

PATIENCE = 20


def emit(store: Store, n: int = 1) -> None:
    """Add this many entries to the log, in one transaction."""

    def verb(tx: object) -> None:
        for i in range(n):
            leave(tx, DeskStopped(actor="alice", reason=f"{i}", in_flight=0))  # type: ignore[arg-type]  # a Transaction

    store.transact(verb)


def head(store: Store) -> int:
    with store.read() as conn:
        return audit_log.head(conn)[0]


@dataclass
class Reading:
    """What a client has read of a stream."""

    stream: EventStream
    seqs: list[int] = field(default_factory=list)
    others: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    over: bool = False

    async def run(self, who: Actor, after: int | None) -> None:
        assert who.token is not None
        follower, cursor = await self.stream.open(who.token, after=after)
        async with contextlib.aclosing(self.stream.follow(follower, cursor)) as chunks:
            async for chunk in chunks:
                self.take(chunk)
        self.over = True

    def take(self, chunk: bytes) -> None:
        for block in chunk.decode().split("\n\n"):
            members = dict(line.split(": ", 1) for line in block.splitlines())
            if "id" in members:
                self.seqs.append(int(members["id"]))
                assert orjson.loads(members["data"])["seq"] == self.seqs[-1]
            elif "event" in members:
                self.others.append((members["event"], orjson.loads(members["data"])))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - the condition is what the stream has written
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def reading(stream: EventStream, who: Actor, after: int | None = None) -> AsyncIterator[Reading]:
    """A client that follows, from the moment it has the first line."""
    one = Reading(stream)
    task = asyncio.create_task(one.run(who, after))
    try:
        await one.until(lambda: bool(one.others) or task.done())
        yield one
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def desk(store: Store) -> Store:
    make_desk(store)
    emit(store, 5)
    return store


def played(scene: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(scene())


@pytest.mark.both_databases
def test_a_follower_gets_what_it_missed_and_then_what_happens(desk: Store) -> None:
    async def scene() -> None:
        async with reading(EventStream(desk), ALICE, after=2) as one:
            await one.until(lambda: one.seqs == [3, 4, 5])
            emit(desk, 2)
            await one.until(lambda: one.seqs == [3, 4, 5, 6, 7])

    played(scene)


def test_without_a_cursor_it_begins_now(desk: Store) -> None:
    async def scene() -> None:
        async with reading(EventStream(desk), ALICE) as one:
            emit(desk)
            await one.until(lambda: one.seqs == [6])

    played(scene)


@pytest.mark.both_databases
def test_a_commit_of_another_gateway_is_found(desk: Store, clock: FakeClock) -> None:
    other = Store(desk.url, clock=clock)

    async def scene() -> None:
        async with reading(EventStream(desk), ALICE) as one:
            emit(other)
            await one.until(lambda: one.seqs == [6])

    played(scene)
    other.close()


def test_many_followers_cost_one_look(desk: Store) -> None:
    stream, read = EventStream(desk), []

    @event.listens_for(desk.engine, "before_cursor_execute")
    def _(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM event" in statement and "hash" in statement:
            read.append(statement)

    async def scene() -> None:
        async with contextlib.AsyncExitStack() as stack:
            many = [await stack.enter_async_context(reading(stream, ALICE)) for _ in range(40)]
            looks = stream.looks
            read.clear()
            emit(desk)
            await many[0].until(lambda: all(one.seqs == [6] for one in many))
            # The append itself reads the head once; a look that is under way counts when it ends.
            assert len(read) <= stream.looks - looks + 2

    played(scene)


def test_a_follower_that_falls_behind_gets_everything_at_its_own_pace(desk: Store) -> None:
    """It takes nothing while more happens than is kept for it; another is not held up."""
    stream, more = EventStream(desk), event_stream.KEPT + 500

    async def scene() -> None:
        assert ALICE.token is not None
        follower, cursor = await stream.open(ALICE.token, after=0)
        slow = stream.follow(follower, cursor)
        await anext(slow)
        async with reading(stream, BOB) as other:
            emit(desk, more)
            await other.until(lambda: len(other.seqs) == more)
        late = Reading(stream)
        async with contextlib.aclosing(slow):
            while len(late.seqs) < more + 5:
                chunk = await asyncio.wait_for(anext(slow), PATIENCE)
                assert chunk.count(b"\ndata: ") <= event_stream.CHUNK
                late.take(chunk)
        assert late.seqs == list(range(1, more + 6))

    played(scene)


@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["disabled", "revoked"])
def test_a_follower_whose_access_ends_gets_nothing_recorded_after_that(desk: Store, how: str) -> None:
    def end() -> None:
        if how == "disabled":
            desk.transact(lambda tx: operators.disable(tx, name="alice", actor=ROOT))
        else:
            desk.transact(lambda tx: operators.revoke(tx, name="alice", reason="lost", actor=ROOT))
        emit(desk)  # before anybody has looked

    async def scene() -> None:
        stream = EventStream(desk)
        async with reading(stream, ALICE) as one, reading(stream, BOB) as other:
            emit(desk)
            await one.until(lambda: one.seqs == [6])
            end()
            await one.until(lambda: one.over)
            assert one.seqs == [6]
            kind, why = one.others[-1]
            assert (kind, why["error"]) == ("ended", "unauthenticated")
            await other.until(lambda: other.seqs == [6, 7, 8])

    played(scene)


def test_a_role_taken_away_ends_the_stream_without_an_entry_in_the_log(desk: Store) -> None:
    async def scene() -> None:
        async with reading(EventStream(desk), ALICE) as one:
            desk.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "alice").values(roles=[])))
            await one.until(lambda: one.over)
            assert one.others[-1][1]["error"] == "forbidden"

    played(scene)


def test_silence_is_told_from_a_lost_stream(desk: Store) -> None:
    async def scene() -> None:
        async with reading(EventStream(desk), ALICE) as one:
            await one.until(lambda: len([kind for kind, _ in one.others if kind == "heartbeat"]) >= 2)
            assert one.others[-1][1]["seq"] == 5
            assert one.others[-1][1]["at"] is not None

    played(scene)


def test_a_stopping_gateway_ends_every_stream_and_takes_no_new_one(desk: Store) -> None:
    async def scene() -> None:
        stream = EventStream(desk)
        async with reading(stream, ALICE) as one:
            stream.close()
            await one.until(lambda: one.over)
            with pytest.raises(Unavailable):
                await stream.open(ALICE.token or b"", after=None)

    played(scene)


def test_who_may_not_read_the_log_cannot_follow_it(desk: Store) -> None:
    async def scene() -> None:
        stream = EventStream(desk)
        for token, error in ((ROOT.token, Forbidden), (person("nobody").token, Unauthenticated)):
            with pytest.raises(error):
                await stream.open(token or b"", after=None)
        with pytest.raises(Conflict):
            await stream.open(ALICE.token or b"", after=head(desk) + 1)

    played(scene)
