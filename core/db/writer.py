"""The group-commit writer: one thread a process, one commit for all verbs that have queued up.

Why: a commit costs an fsync (0.6 ms) whether it holds one message or sixty. Callers are answered after the commit,
never before. Verbs can be rerun: after any database error the whole batch is rolled back (SQLITE_FULL may have done so
already, and the next statement would then commit alone) and each verb is run by itself, so that one caller's failure
costs no other caller anything.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db.store import Store, unavailable
from core.db.transaction import Transaction
from core.errors import Overloaded, Unavailable

T = TypeVar("T")

BATCH: Final = 64
QUEUE: Final = 4_096
"""Verbs that may wait; beyond it callers get `overloaded` instead of waiting for minutes."""


class _Job:
    """A verb and the caller waiting for its result: a coroutine of `loop`, or a thread if there is none."""

    __slots__ = ("answer", "error", "future", "loop", "verb")

    def __init__(self, verb: Callable[[Transaction], Any], loop: asyncio.AbstractEventLoop | None) -> None:
        self.verb = verb
        self.loop = loop
        self.future: asyncio.Future[Any] | concurrent.futures.Future[Any] = (
            concurrent.futures.Future() if loop is None else loop.create_future()
        )
        self.answer: Any = None
        self.error: BaseException | None = None


class Writer:
    """Runs verbs for the coroutines of one process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="postroom-writer", daemon=True)
        self.committed = 0
        self.batches = 0
        self._failed: tuple[float, str] | None = None
        self.listeners: list[Callable[[], None]] = []
        """Called in the event loop after a commit that appended to the log."""

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
        self._jobs.put(job)
        assert isinstance(job.future, asyncio.Future)
        answer: T = await asyncio.shield(job.future)
        return answer

    async def close(self) -> None:
        """Write what is queued, then stop."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    # --- the thread ---

    def _work(self) -> None:
        going = True
        while going:
            jobs: list[_Job] = []
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
            wrote = self._run(jobs)
            self._answer(jobs, wrote=wrote)

    def _run(self, jobs: list[_Job]) -> bool:
        """Run all in one transaction; after a database error, one each. Returns whether the log grew."""
        tx: Transaction | None = None
        try:
            with self._store.begin() as tx:
                self._prefetch(jobs, tx)
                for job in jobs:
                    self._attempt(job, tx)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a verb has staged
            # PostgreSQL may have committed before the connection broke: rerunning such a verb could apply it twice.
            unknown = tx is not None and tx.finished and not self._store.sqlite
            if len(jobs) == 1 or unknown:
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
        self.committed += len(jobs)
        return tx.appended is not None

    @staticmethod
    def _prefetch(jobs: list[_Job], tx: Transaction) -> None:
        """Let verbs of one kind batch the reads each would make alone; their effects stay separate."""
        kinds: dict[type, list[Any]] = {}
        for job in jobs:
            if hasattr(job.verb, "prefetch"):
                kinds.setdefault(type(job.verb), []).append(job.verb)
        for kind, verbs in kinds.items():
            if len(verbs) > 1:
                kind.prefetch(tx, verbs)  # type: ignore[attr-defined]  # checked above

    @staticmethod
    def _attempt(job: _Job, tx: Transaction) -> None:
        job.answer = job.error = None
        try:
            job.answer = tx.run(job.verb)
        except (DBAPIError, PoolTimeout):
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it
            job.error = error

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
            for listener in self.listeners:
                listener()

    @staticmethod
    def _tell(job: _Job) -> None:
        if job.future.done():
            return
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.answer)
