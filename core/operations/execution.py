"""Run an operation: admit its caller, prepare, act or read, log what was shown, do what follows the commit.

A request takes up to four steps, each in a transaction of its own that admits the caller again: `prepare` reads what
slow work needs (DNS, which no transaction waits for), `open` records what the operator has in front of them, `read` or
the acts themselves, and `note_shown`. The gateway runs them through its writer, a local desk through the store alone.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from core.db.store import DATABASE_ERRORS, Store, unavailable
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import AccessEnded, PostroomError, Refused, Unauthenticated, Unconfirmed
from core.json_body import Shape
from core.operations.operation import NOBODY, Call, Json, Kind, Operation, Resources, admit
from core.services.control import operation_answers, read_log
from core.services.control.read_log import EntryPoint, Shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Execution:
    """One request of one operator. `digest` is of their token, `key` their Idempotency-Key.

    `tightens_only`: an act that would loosen is refused, for the operator has not typed the name of a guarded desk.
    """

    operation: Operation
    request: Shape
    digest: bytes
    entry_point: EntryPoint
    resources: Resources
    key: str | None = None
    prepared: object = field(default=None)
    tightens_only: bool = False

    def prepare(self, tx: Transaction) -> Callable[[], object] | None:
        """The slow work that the operation needs done outside any transaction, if any.

        A repeated act needs none: prepared again it would be refused, because it has been carried out.
        """
        call = self._call(tx)
        if self.operation.prepare is None or self._answered(call, self.request, self.key) is not None:
            return None
        return self.operation.prepare(call, self.request)

    def open(self, tx: Transaction) -> None:
        """Record that the operator opens what they are about to read."""
        assert self.operation.opens is not None
        self.operation.opens(self._call(tx), self.request)

    def read(self, tx: Transaction) -> Mapping[str, Any]:
        """The answer of a read."""
        return self.operation.run(self._call(tx), self.request)

    def shown(self, answer: Mapping[str, Any]) -> tuple[Shown, ...]:
        """What the answer shows that must be logged first."""
        found = None if self.operation.shown is None else self.operation.shown(self.request, answer)
        return found if isinstance(found, tuple) else () if found is None else (found,)

    def note_shown(self, tx: Transaction, *shown: Shown) -> None:
        """Log what is about to be shown. If that fails, nothing is shown."""
        actor = admit(tx, self.operation, self.digest)
        for one in shown:
            read_log.by_operator(tx, one, entry_point=self.entry_point, actor=actor)

    def acts(self) -> Sequence[Callable[[Transaction], Json]]:
        """The act, or one for each item of a list: an item decided meanwhile must not fail the others."""
        if not self.operation.each:
            return [functools.partial(self._act, request=self.request, key=self.key)]
        ids = self._ids()
        named: str | None = getattr(self.request, "batch", None)
        batch = named or (f"{self.entry_point}-{ids[0]}" if len(ids) > 1 else None)
        return [
            functools.partial(
                self._act, request=self.request.model_copy(update={"ids": [item]}), batch=batch,
                key=None if self.key is None else f"{self.key}/{item}",
            )
            for item in ids
        ]  # fmt: skip

    def gather(self, became: Sequence[Json | PostroomError]) -> Json:
        """The answer made of what each act became. Raises what a single one was refused with, and `AccessEnded`."""
        for one in became:
            if isinstance(one, PostroomError) and (len(became) == 1 or not _about_the_item(one)):
                raise one
        if not self.operation.each:
            (answer,) = became
            assert not isinstance(answer, PostroomError)
            return answer
        decided = [one for one in became if not isinstance(one, PostroomError)]
        refused = [
            {"id": item, "error": one.error, "reason": one.reason, "fix": one.fix}
            for item, one in zip(self._ids(), became, strict=True)
            if isinstance(one, Refused)
        ]
        hurried = next((one["hurried"] for one in reversed(decided) if one.get("hurried")), None)
        return {"decided": decided, "refused": refused} | ({} if hurried is None else {"hurried": hurried})

    def then(self, answer: Json) -> Json:
        """Work after the commit; the answer with what became of it."""
        work = self.operation.then
        return answer if work is None else answer | work(self.resources, self.request, answer)

    def _ids(self) -> list[str]:
        ids: list[str] = getattr(self.request, "ids")  # noqa: B009 - every request of such an operation has them
        return list(dict.fromkeys(ids))

    def _act(self, tx: Transaction, request: Shape, *, key: str | None, batch: str | None = None) -> Json:
        call = self._call(tx, batch=batch)
        if (known := self._answered(call, request, key)) is not None:
            return known
        answer = dict(self.operation.run(call, request))
        if key is not None and call.actor != NOBODY:
            operation_answers.remember(
                tx, operator=str(call.actor), key=key, digest=self._fingerprint(request),
                answer=orjson.dumps(answer).decode(),
            )  # fmt: skip
        return answer

    def _answered(self, call: Call, request: Shape, key: str | None) -> Json | None:
        """The answer that this act got before under the same key. Raises `Invalid`: another request has the key."""
        if key is None or call.actor == NOBODY:
            return None
        before = operation_answers.answered_before(
            call.tx, operator=str(call.actor), key=key, digest=self._fingerprint(request)
        )
        known: Json | None = None if before is None else orjson.loads(before)
        return known

    def _fingerprint(self, request: Shape) -> bytes:
        return hashlib.sha256(f"{self.operation.name}\n{request.model_dump_json()}".encode()).digest()

    def _call(self, tx: Transaction, *, batch: str | None = None) -> Call:
        actor = admit(tx, self.operation, self.digest)
        if self.tightens_only and self.operation.kind is Kind.ACT:
            actor = replace(actor, tightens_only=True)
        return Call(tx, actor, self.entry_point, self.resources, self.prepared, batch)


def _about_the_item(error: PostroomError) -> bool:
    """Whether the others may go on: an operator whose access has ended, or who must confirm, is refused as a whole."""
    return isinstance(error, Refused) and not isinstance(error, AccessEnded | Unauthenticated | Unconfirmed)


# --- in a gateway, and without one --------------------------------------------------------------------------------


class GatewayExecutor:
    """Runs operations in a gateway: reads in threads, writes through its writer."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    async def look(self, ask: Callable[[Transaction], T]) -> T:
        """Run a read in a thread: a large one must not delay the mail that is submitted meanwhile."""
        return await asyncio.to_thread(self._store.look, ask)

    async def run(self, execution: Execution, *, note: Callable[[Shown], Awaitable[None]]) -> Json:
        """Answer one request. `note` logs the read before it is answered."""
        execution = await self._prepared(execution)
        if execution.operation.kind is Kind.ACT:
            acts = (self._writer.do(act) for act in execution.acts())
            became = await asyncio.gather(*acts, return_exceptions=True)
            answered = execution.gather([_expected(one) for one in became])
            return answered if execution.operation.then is None else await asyncio.to_thread(execution.then, answered)
        if execution.operation.opens is not None:
            await self._writer.do(execution.open)
        answer = await self.look(execution.read)
        for shown in execution.shown(answer):
            await note(shown)
        return dict(answer)

    async def _prepared(self, execution: Execution) -> Execution:
        if execution.operation.prepare is None:
            return execution
        work = await self.look(execution.prepare)
        return execution if work is None else replace(execution, prepared=await asyncio.to_thread(work))


def run_locally(store: Store, execution: Execution, *, logged: set[str] | None = None) -> Json:
    """Answer one request over the database alone. `logged` are the reads of this hour that the log is known to have."""
    if execution.operation.prepare is not None:
        work = store.look(execution.prepare)
        execution = execution if work is None else replace(execution, prepared=work())
    if execution.operation.kind is Kind.ACT:
        return execution.then(execution.gather(_attempt(store, execution.acts())))
    if execution.operation.opens is not None:
        store.transact(execution.open)
    answer = store.look(execution.read)
    known = set() if logged is None else logged
    if shown := [one for one in execution.shown(answer) if one.object not in known]:
        store.transact(lambda tx: execution.note_shown(tx, *shown))
        known.update(one.object for one in shown)
    return dict(answer)


def _attempt(store: Store, acts: Sequence[Callable[[Transaction], Json]]) -> list[Json | PostroomError]:
    """Perform acts in one transaction, each in a savepoint: a commit for each would cost a hundred of them."""
    if len(acts) == 1:
        return [store.transact(acts[0])]
    became: list[Json | PostroomError] = []
    try:
        with store.begin() as tx:
            for act in acts:
                try:
                    became.append(tx.run(act))
                except Refused as error:
                    if not _about_the_item(error):
                        raise
                    became.append(error)
    except DATABASE_ERRORS as error:
        raise unavailable(error) from error
    return became


def _expected(became: Json | BaseException) -> Json | PostroomError:
    """A bug is raised, whatever became of the other items."""
    if isinstance(became, BaseException) and not isinstance(became, PostroomError):
        raise became
    return became
