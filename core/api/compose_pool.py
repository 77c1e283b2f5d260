"""A pool of child processes that parse, compose and check large messages, so that one body cannot block everyone.

25 MB of JSON take half a second to parse, and 13 seconds if they are nothing but keys; a thread would not help, because
the parser holds the GIL throughout. Composing 5 MB of tags also takes seconds of CPU time. In the event loop, no other
request would be answered meanwhile. Small messages stay in the event loop: passing them to another process would cost
more than the work itself. The processes are few, start on demand and exit when idle. Each can be killed at any time,
because nothing has been accepted yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

import structlog

from core.db.gate_queries import TokenFacts
from core.errors import Overloaded, TooLarge, Unavailable
from core.services.sending.submission import Prepared, Submission

P = ParamSpec("P")
T = TypeVar("T")

INLINE: Final = 32 * 1024
"""Largest request, in bytes, to compose in the event loop: the worst case takes a fifth of a second."""
READ_INLINE: Final = 256 * 1024
"""Largest JSON body, in bytes, to parse in the event loop: the worst case takes 60 ms."""
SECONDS: Final = 20.0
"""Time limit for one message; 5 MB of nothing but tags take half of it."""
START: Final = 60.0
PATIENCE: Final = 30.0
IDLE: Final = 60.0
TASKS: Final = 200
"""Large messages after which a process is replaced, to release the memory it has accumulated."""
SMALL: Final = 100
"""Small messages that count as one large one."""
MOMENT: Final = 0.05
"""Seconds after which a task is a long one."""
HEAD: Final = 8
"""Bytes of the length prefix of a pickle. Both ends are this program."""
NO_PROCESS: Final = "no process to read messages could be started"

log = structlog.get_logger("composers")


@dataclass(frozen=True, slots=True)
class Call:
    """A module-level function and its arguments, for a child process to call."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: Mapping[str, Any]

    def __call__(self) -> Any:
        return self.function(*self.args, **self.named)


class _Process:
    """One child process and its two pipes."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.tasks = 0.0
        self.until: asyncio.TimerHandle | None = None
        self.asked_at: float | None = None
        """When its task began, in the event loop's time; None: it has none."""

    @property
    def pid(self) -> int:
        return self._child.pid

    async def read(self) -> Any:
        out = self._child.stdout
        assert out is not None
        size = int.from_bytes(await out.readexactly(HEAD), "big")
        return pickle.loads(await out.readexactly(size))  # noqa: S301 - our own child wrote it

    async def ask(self, task: object) -> Any:
        pipe = self._child.stdin
        assert pipe is not None
        octets = pickle.dumps(task, pickle.HIGHEST_PROTOCOL)
        self.tasks += 1 if len(octets) > 2 * INLINE else 1 / SMALL
        pipe.write(len(octets).to_bytes(HEAD, "big") + octets)
        await pipe.drain()
        return await self.read()

    def end(self) -> None:
        if self.until is not None:
            self.until.cancel()
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()
        if self._child.stdin is not None:
            self._child.stdin.close()

    async def gone(self) -> None:
        await self._child.wait()


class ComposePool:
    """A pool of at most `most` processes; a message waits for a free one."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, most: int, seconds: float = SECONDS
    ) -> None:
        self._command = command
        self._environment = environment
        self._most = most
        self._room = asyncio.Semaphore(most)
        self._seconds = seconds
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._warming: asyncio.Task[None] | None = None

    def pids(self) -> list[int]:
        """Process ids of the child processes that run now."""
        return [process.pid for process in self._all]

    def ready(self) -> bool:
        """Whether a small task would begin in a moment: all processes run, and not all are at a long task."""
        now = asyncio.get_running_loop().time()
        return len(self._all) == self._most and any(
            one.asked_at is None or now - one.asked_at < MOMENT for one in self._all
        )

    def warm(self) -> None:
        """Start all processes in the background; until they run, `ready` is False."""
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        try:
            while len(self._all) < self._most:
                async with self._room:
                    if len(self._all) < self._most:  # others may have started some meanwhile
                        self._keep(await self._started())
        except Unavailable as error:
            log.warning("a process that reads content did not start", error=error.reason)
            await asyncio.sleep(IDLE)  # no process would start now either
        finally:
            self._warming = None

    async def prepare(self, submission: Submission, *, token: TokenFacts, implicit: bool, now: int) -> Prepared:
        """Run `services.sending.prepare` in a child process. Raises as `call` does, and whatever composing raises."""
        answer = await self._answer((submission, token, implicit, now))
        assert isinstance(answer, Prepared)
        return answer

    async def call(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call a module-level function in a child process; arguments and result are pickled.

        Raises `TooLarge` if it takes too long, `Unavailable` if the process died, `Overloaded` if none is free.
        """
        answer: T = await self._answer(Call(function, args, named))
        return answer

    async def _answer(self, task: object) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._room.acquire()
        except TimeoutError:
            raise Overloaded("other large messages are being read; nothing was accepted", retry_after=10) from None
        try:
            kind, answer = await self._asked(task)
        finally:
            self._room.release()
        if kind == "raised":
            raise answer
        return answer

    async def _asked(self, task: object) -> tuple[str, Any]:
        # the one that has been idle longest: all stay as long as there is work for all
        process = self._idle.pop(0) if self._idle else await self._started()
        process.asked_at = asyncio.get_running_loop().time()
        if process.until is not None:
            process.until.cancel()
        answered = False
        try:
            async with asyncio.timeout(self._seconds):
                kind, answer = await process.ask(task)
            answered = True
        except TimeoutError:
            log.warning("a message took too long to read; its process was ended", seconds=self._seconds)
            reason = f"its content takes more than {self._seconds:g} seconds to read"
            raise TooLarge(reason, fix="send less, or simpler HTML") from None
        except (EOFError, OSError) as error:
            log.warning("the process that reads content ended", error=str(error))
            raise Unavailable("the process that reads large messages ended; nothing was accepted") from None
        finally:
            if answered and process.tasks < TASKS:
                self._keep(process)
            else:
                self._drop(process)
        return kind, answer

    async def _started(self) -> _Process:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=self._environment
            )
        except OSError as error:
            raise Unavailable(f"{NO_PROCESS} ({error.strerror}); nothing was accepted") from None
        process = _Process(child)
        self._all.add(process)
        try:
            async with asyncio.timeout(START):
                await process.read()
        except (TimeoutError, EOFError, OSError):
            self._drop(process)
            raise Unavailable(f"{NO_PROCESS}; nothing was accepted") from None
        except BaseException:
            self._drop(process)
            raise
        return process

    def _keep(self, process: _Process) -> None:
        process.asked_at = None
        process.until = asyncio.get_running_loop().call_later(IDLE, self._drop, process)
        self._idle.append(process)

    def _drop(self, process: _Process) -> None:
        if process not in self._all:
            return
        self._all.discard(process)
        if process in self._idle:
            self._idle.remove(process)
        process.end()
        ending = asyncio.create_task(process.gone())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Stop all child processes."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        for process in list(self._all):
            self._drop(process)
        await asyncio.gather(*self._ending)
