"""The group-commit writer: one thread a process, one commit for all verbs that have queued up.

Why: a commit costs an fsync (0.6 ms) whether it holds one message or sixty. Callers are answered after the commit,
never before. Verbs can be rerun: after any database error the whole batch is rolled back (SQLITE_FULL may have done so
already, and the next statement would then commit alone) and each verb is run by itself, so that one caller's failure
costs no other caller anything.

Verbs whose class says that they are `patient` wait for others of their burst (`core.db.gathering`); any other verb goes
at once, and what waits goes before it.

On PostgreSQL, verbs that declare their locks (`core.db.locks.Shared`) commit apart from those that need the desk for
themselves, beside other gateways' verbs for other agents. A verb whose agent another gateway works for now is left for
the next turn; after `PATIENCE` such turns it is waited for, so that nobody starves it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import operator
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db.gathering import Gathering
from core.db.locks import Locks, LockSession, NeedsDesk
from core.db.store import Store, unavailable
from core.db.transaction import Transaction, VerbFailed
from core.errors import NoAnswer, Overloaded, Unavailable

T = TypeVar("T")

BATCH: Final = 64
PATIENCE: Final = 3
"""Turns in which a verb may find its locks taken before the writer waits for them."""
QUEUE: Final = 4_096
"""Verbs that may wait; beyond it callers get `overloaded` instead of waiting for minutes."""


class _Job:
    """A verb and the caller waiting for its result: a coroutine of `loop`, or a thread if there is none."""

    __slots__ = ("answer", "error", "future", "locks", "loop", "made_due", "passed_over", "verb", "waits")

    def __init__(self, verb: Callable[[Transaction], Any], loop: asyncio.AbstractEventLoop | None) -> None:
        self.verb = verb
        self.loop = loop
        self.future: asyncio.Future[Any] | concurrent.futures.Future[Any] = (
            concurrent.futures.Future() if loop is None else loop.create_future()
        )
        self.answer: Any = None
        self.error: BaseException | None = None
        self.locks: Locks | None = getattr(verb, "locks", None)
        """The locks it needs, if it is `Shared`; None if it needs the desk for itself."""
        self.waits = False
        """Whether another gateway held one of its locks in this turn."""
        self.passed_over = 0
        self.made_due = True
        """Whether mail of ours may leave sooner after it."""

    def ready(self, tx: Transaction) -> bool:
        """Whether it can run in this transaction."""
        self.waits = tx.held is not None and self.locks is not None and not tx.held.covers(self.locks)
        return not self.waits

    def committed(self, tx: Transaction) -> None:
        """Note what its transaction, which has committed, did to the queue."""
        makes_due = getattr(self.verb, "makes_due", True)
        if getattr(self.verb, "only_queues", False):
            makes_due = tx.made_due or tx.changed
        self.made_due = makes_due


class Writer:
    """Runs verbs for the coroutines of one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._gathering: Gathering[_Job] | None = None
        self._later: list[_Job] = []
        """Jobs whose locks were taken in the last turn; they are first in the next."""
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="postroom-writer", daemon=True)
        self.committed = 0
        self.batches = 0
        self._failed: tuple[float, str] | None = None
        self.listeners: list[Callable[[], None]] = []
        """Called in the event loop after a commit that appended to the log."""
        self.due_listeners: list[Callable[[], None]] = []
        """As `listeners`, for delivery: not called if after none of the verbs mail of ours is due sooner.

        A verb says so itself (`makes_due`), or leaves it to what its transaction did to the queue (`only_queues`).
        A mailbox that receives much, or each message that leaves, would otherwise make delivery look once more, with a
        transaction of its own.
        """

    def start(self) -> None:
        self._thread.start()

    def trouble(self, within: float) -> str | None:
        """Return why a write failed in the last `within` seconds, or would be refused now."""
        if self._waiting >= QUEUE:
            return "the desk has more to write than it can hold"
        if self._failed is None or time.monotonic() - self._failed[0] > within:
            return None
        return self._failed[1]

    def put(self, verb: Callable[[Transaction], T]) -> concurrent.futures.Future[T]:
        """Queue a verb from a thread; the future has its result after the commit.

        Not refused when the queue is full, so that a busy process can still write its few heartbeats.
        """
        job = _Job(verb, None)
        assert isinstance(job.future, concurrent.futures.Future)
        if self._closed:
            job.future.set_exception(Unavailable("the gateway is stopping"))
        else:
            self._jobs.put(job)
        return job.future

    async def do(self, verb: Callable[[Transaction], T]) -> T:
        """Return the verb's result, after the commit. Raises what the verb raised, or `Unavailable`."""
        if self._closed:
            raise Unavailable("the gateway is stopping")
        if self._waiting >= QUEUE:
            raise Overloaded("the desk has more to write than it can hold; try again shortly", retry_after=1)
        job = _Job(verb, asyncio.get_running_loop())
        self._waiting += 1
        self._queue(job)
        assert isinstance(job.future, asyncio.Future)
        answer: T = await asyncio.shield(job.future)
        return answer

    async def close(self) -> None:
        """Write what is queued, then stop."""
        if not self._closed:
            self._closed = True
            if self._gathering is not None:
                self._gathering.flush()
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _queue(self, job: _Job) -> None:
        """Queue a coroutine's verb: a patient one with others of its burst, any other at once, behind what waits."""
        assert job.loop is not None
        if self._gathering is None or self._gathering.loop is not job.loop:
            self._gathering = Gathering(job.loop, self._put_all, most=BATCH)
        if getattr(job.verb, "patient", False):
            self._gathering.add(job)
        else:
            self._gathering.flush()
            self._jobs.put(job)

    def _put_all(self, jobs: Iterable[_Job]) -> None:
        for job in jobs:
            self._jobs.put(job)

    # --- the thread ---

    def _work(self) -> None:
        going = True
        while going or self._later:
            jobs, self._later = self._later, []
            if not jobs:
                first = self._jobs.get()
                if first is None:
                    return
                jobs.append(first)
            while len(jobs) < BATCH and not self._jobs.empty():
                job = self._jobs.get()
                if job is None:
                    going = False
                    break
                jobs.append(job)
            for part in self._parts(jobs):
                self._turn(part)

    def _parts(self, jobs: list[_Job]) -> list[list[_Job]]:
        """The jobs of one commit each: on PostgreSQL those that need the desk, claims, and the others apart.

        A claim takes many statements, and the others' agents should not be held for so long.
        """
        if self._store.sqlite:
            return [jobs]
        alone = [job for job in jobs if job.locks is None]
        acquiring = [job for job in jobs if job.locks is not None and hasattr(job.verb, "acquire")]
        others = [job for job in jobs if job.locks is not None and not hasattr(job.verb, "acquire")]
        return [part for part in (alone, others, acquiring) if part]

    def _turn(self, jobs: list[_Job]) -> None:
        """Run the jobs and answer them; those whose locks are taken come first in the next turn."""
        wrote = self._run(jobs)
        ran = []
        for job in jobs:
            if job.waits:
                job.passed_over += 1
                self._later.append(job)
            elif isinstance(job.error, NeedsDesk):
                job.locks = None
            else:
                ran.append(job)
        self._answer(ran, wrote=wrote)
        rerun = [job for job in jobs if isinstance(job.error, NeedsDesk)]
        if rerun:
            self._turn(rerun)

    def _share(self, jobs: list[_Job]) -> Callable[[LockSession], None] | None:
        """How the jobs' transaction takes its locks; None if it needs the desk for itself."""
        if self._store.sqlite or any(job.locks is None for job in jobs):
            return None

        def take(session: LockSession) -> None:
            first = jobs[0]
            if first.passed_over >= PATIENCE and first.locks is not None:
                session.wait_for(first.locks)
            session.try_for(functools.reduce(operator.or_, (job.locks or Locks() for job in jobs)))
            for job in jobs:
                if hasattr(job.verb, "acquire"):
                    job.verb.acquire(session)

        return take

    def _run(self, jobs: list[_Job]) -> bool:
        """Run all in one transaction; after a database error, one each. Returns whether the log grew."""
        tx: Transaction | None = None
        for job in jobs:
            job.waits = False
        try:
            with self._store.begin(share=self._share(jobs)) as tx:
                ready = [job for job in jobs if job.ready(tx)]
                self._prefetch(ready, tx)
                self._attempt_ready(ready, tx, alone=len(jobs) == 1)
        except VerbFailed:
            return False
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a verb has staged
            # PostgreSQL may have committed before the connection broke: rerunning such a verb could apply it twice.
            unknown = isinstance(error, NoAnswer)
            unreached = tx is None and _is_of_connecting(error)
            if len(jobs) == 1 or unknown or unreached:
                for job in jobs:
                    job.error = unavailable(error) if isinstance(error, DBAPIError | PoolTimeout) else error
                if isinstance(jobs[0].error, Unavailable):
                    self._failed = (time.monotonic(), jobs[0].error.reason)
                return False
            wrote = False
            for job in jobs:
                wrote |= self._run([job])
            return wrote
        self.batches += 1
        self.committed += len(ready)
        for job in ready:
            job.committed(tx)
        return tx.appended is not None

    @staticmethod
    def _prefetch(jobs: list[_Job], tx: Transaction) -> None:
        """Let verbs of one kind batch the reads each would make alone; their effects stay separate.

        A verb that is alone batches its own: twelve reads of a submission become a few.
        """
        kinds: dict[type, list[Any]] = {}
        for job in jobs:
            if hasattr(job.verb, "prefetch"):
                kinds.setdefault(type(job.verb), []).append(job.verb)
        for kind, verbs in kinds.items():
            kind.prefetch(tx, verbs)  # type: ignore[attr-defined]  # checked above

    @classmethod
    def _attempt_ready(cls, jobs: list[_Job], tx: Transaction, *, alone: bool) -> None:
        if alone and jobs:
            cls._attempt_alone(jobs[0], tx)
            return
        for group in _groups(jobs):
            cls._attempt_all(group, tx)

    @classmethod
    def _attempt_all(cls, jobs: list[_Job], tx: Transaction) -> None:
        """Run jobs of one kind as one verb, if their kind can; should that fail, each by itself."""
        together = getattr(type(jobs[0].verb), "together", None)
        if len(jobs) > 1 and together is not None:
            try:
                answers = tx.run(together([job.verb for job in jobs]))
            except (DBAPIError, PoolTimeout):
                raise
            except Exception:  # noqa: BLE001 - one of them fails: which one, and why, its own run says
                answers = None
            if answers is not None:
                for job, answer in zip(jobs, answers, strict=True):
                    job.answer, job.error = answer, None
                return
        for job in jobs:
            cls._attempt(job, tx)

    @staticmethod
    def _attempt(job: _Job, tx: Transaction) -> None:
        job.answer = job.error = None
        try:
            job.answer = tx.run(job.verb)
        except (DBAPIError, PoolTimeout):
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it
            job.error = error

    @staticmethod
    def _attempt_alone(job: _Job, tx: Transaction) -> None:
        """Run the only job of a transaction. Raises `VerbFailed`, which rolls it back; the job has the error."""
        job.answer = job.error = None
        try:
            job.answer = tx.run(job.verb, alone=True)
        except (DBAPIError, PoolTimeout):
            raise
        except Exception as error:
            job.error = error
            raise VerbFailed from error

    def _answer(self, jobs: list[_Job], *, wrote: bool) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        for job in jobs:
            if job.loop is None:
                self._tell(job)
            else:
                loops.setdefault(job.loop, []).append(job)
        for loop, answers in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._deliver, answers, wrote)

    def _deliver(self, jobs: list[_Job], wrote: bool) -> None:  # noqa: FBT001 - a callback's positional arguments
        self._waiting -= len(jobs)
        for job in jobs:
            self._tell(job)
        if wrote:
            due = any(job.made_due for job in jobs)
            for listener in (*self.listeners, *(self.due_listeners if due else ())):
                listener()

    @staticmethod
    def _tell(job: _Job) -> None:
        if job.future.done():
            return
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.answer)


def _is_of_connecting(error: Exception) -> bool:
    """Whether there was no connection to be had: each verb by itself would wait as long for one, after the other."""
    return isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and error.statement is None)


def _groups(jobs: Iterable[_Job]) -> list[list[_Job]]:
    """Jobs that can be run as one verb, together where the first of them stands; any other by itself."""
    found: list[list[_Job]] = []
    kinds: dict[type, list[_Job]] = {}
    for job in jobs:
        kind = type(job.verb)
        if kind in kinds:
            kinds[kind].append(job)
            continue
        group = [job]
        found.append(group)
        if hasattr(kind, "together"):
            kinds[kind] = group
    return found
