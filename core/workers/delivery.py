"""Claim, sign, send, settle: the loop that lets mail leave.

It keeps a window of deliveries in progress and claims more as they finish. A delivery starts when its attempt is
committed, and the attempt waits until its host can take the delivery: a suspension stops all that still wait. If the
process is killed after that, the lease shows what was in progress. Losing the database stops new claims, and
settlements are retried: a receiver's answer is not thrown away because a disk was full for a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from core.db import queue
from core.db.due import DueWatch
from core.db.locks import OfAgents
from core.db.queue import Claimed
from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.durations import FAR_FUTURE, SECOND
from core.errors import NoAnswer, PostroomError, Unavailable
from core.ids import spell_id
from core.model import Clock, Outcome, Reply
from core.rules import compose, dkim, signed_ids
from core.services.context import ServiceContext
from core.services.sending import delivery
from core.services.sending.delivery import Settlement, Stored
from core.smtp.client import Carry, SmtpClient
from core.smtp.route import Parcel
from core.workers.batcher import PerKey
from core.workers.commit_pace import CommitPace
from core.workers.heartbeat import Heartbeat
from core.workers.in_progress import TURN, WINDOW, InProgress
from core.workers.sender_config import SenderConfig, SenderConfigs

POLL: Final = 0.25
"""Seconds between looks at the queue when nothing has woken us."""
LOOKS: Final = 20
"""Looks that find nothing before it claims all the same: only a claim shows that the database takes writes."""
HANDFUL: Final = 8
"""Messages signed in one call to a thread."""
AT_ONCE: Final = SECOND // 1_000
"""What is due within this time is due by the time of the next claim."""
TRY_AGAIN: Final = 1.0

log = structlog.get_logger("delivery")


class DeliveryWorker:
    """One worker. Call `wake` whenever something may have become due."""

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        courier: SmtpClient,
        outfits: SenderConfigs,
        ctx: ServiceContext,
        clock: Clock,
    ) -> None:
        self._store = store
        self._writer = writer
        self._courier = courier
        self._configs = outfits
        self._ctx = ctx
        self._clock = clock
        self.worker = ctx.ids.mint(clock.now())
        self._woken = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        """Deliveries that wait for their host, with no attempt yet."""
        self._in_progress = InProgress()
        self._claimable = DueWatch(delivery.CLAIMABLE, store)
        self._breadth = queue.Breadth()
        self._claimed_at: int | None = None
        self._next_at = FAR_FUTURE
        """When what the last claim saw and did not take may be due."""
        self._trouble: str | None = None
        self._signers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="postroom-sign")
        self._pace = CommitPace(lambda: len(self._under_way) - len(self._waiting))
        # One for each agent: another gateway may work for one of them just now, and the others must not wait for it.
        self._attempts: PerKey[int, Claimed, bool] = PerKey(self._write_attempts, pace=self._pace.moment)
        self._settlements: PerKey[int, Settlement, None] = PerKey(self._write_settlements, pace=self._pace.moment)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Deliver until `stop`; then finish what is in progress and release the rest."""
        await self._retry_until_committed(lambda tx: delivery.register_worker(tx, worker=self.worker, pid=os.getpid()))
        beats = Heartbeat(self._writer, OfAgents(self._beat))
        beats.start()
        try:
            while not self._stopping:
                if not await self._claim():
                    await self._rest_until_due()
        finally:
            for task in self._waiting:
                task.cancel()  # a host that hangs must not delay the end by all that wait for it
            while self._under_way:
                await asyncio.wait(self._under_way)
            await beats.stop()
            with contextlib.suppress(PostroomError):
                await self._writer.do(lambda tx: delivery.unregister_worker(tx, worker=self.worker))
            self._signers.shutdown()

    def stop(self) -> None:
        """Start nothing more; `run` returns when all that started is settled. What waits for its attempt goes back."""
        self._stopping = True
        self._woken.set()

    # --- claiming ---

    async def _claim(self) -> bool:
        """Fill the window; returns whether more may be due now than was claimed.

        Claims that find nothing are left out: with little to do they were two of five transactions of a message.
        """
        free = WINDOW - len(self._under_way)
        if free < TURN:
            self._claimed_at = self._clock.now()  # it could claim, and has enough to do
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return True
        await self._pace.moment()
        self._woken.clear()
        try:
            busy, crowded = self._in_progress.busy(), self._in_progress.crowded()
            haul = await self._writer.do(delivery.Claim(self.worker, TURN, busy, crowded, self._breadth))
        except Unavailable as error:
            log.warning("claim failed", reason=error.reason)
            self._trouble = error.reason
            await self._clock.sleep(TRY_AGAIN)
            if isinstance(error, NoAnswer):
                await self._release_forgotten()
            return False
        except Exception as error:
            log.exception("claim failed")  # one bad row must not end all delivery
            self._trouble = f"{type(error).__name__}: {error}"
            await self._clock.sleep(TRY_AGAIN)
            return False
        self._claimed_at, self._trouble, self._next_at = self._clock.now(), None, FAR_FUTURE
        if not haul.claimed:
            return False
        self._in_progress.add(haul.claimed)
        self._track(asyncio.create_task(self._deliver_all(haul.claimed)))
        self._next_at = haul.next_at
        return haul.next_at <= self._clock.now() + AT_ONCE

    async def _release_forgotten(self) -> None:
        """After a claim whose commit was not answered: what it may have claimed is another claim's to find."""
        known = self._in_progress.keys()
        await self._retry_until_committed(lambda tx: delivery.release_forgotten(tx, worker=self.worker, known=known))

    async def _rest_until_due(self) -> None:
        """Wait until woken, or until a read finds something to claim: what another process lets go wakes nobody."""
        for _ in range(LOOKS):
            paced = max(0, self._next_at - self._clock.now()) / SECOND  # what a pace holds back, sooner than a poll
            self._next_at = FAR_FUTURE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._claimable.pause(POLL), paced)):
                    await self._woken.wait()
                return
            try:
                if await self._claimable.due():
                    return
            except Unavailable:
                return  # the claim says what is wrong
            except Exception:
                log.exception("cannot query the queue")  # an error of one look must not end all delivery
                return

    def _track(self, task: asyncio.Task[None]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    # --- delivering ---

    async def _deliver_all(self, claimed: Sequence[Claimed]) -> None:
        """Read the bodies of one claim at once, then start each recipient's delivery."""
        waiting = list(claimed)
        try:
            stored = delivery.stored(self._store, {one.message_id for one in claimed})
            loop = asyncio.get_running_loop()
            unsigned = list({one.message_id: one for one in claimed if one.message_id in stored}.values())
            for start in range(0, len(unsigned), HANDFUL):
                handful = unsigned[start : start + HANDFUL]
                signed, altered = await loop.run_in_executor(self._signers, self._sign_all, handful, stored)
                for one in [one for one in waiting if one.message_id in signed]:
                    waiting.remove(one)
                    found = stored[one.message_id]
                    intact = one.message_id not in altered and found.paths.get(one.n) == one.path
                    # The attempt is refused if the message has other bytes by then than those that were signed here.
                    ours, message = replace(one, digest=found.digest), signed[one.message_id]
                    self._track(asyncio.create_task(self._deliver(ours, message) if intact else self._hold(one)))
        except Exception:
            log.exception("batch could not be read or signed; its leases are released", recipients=len(waiting))
            try:
                await self._let_go(waiting)
            finally:
                for one in waiting:
                    self._finished(one)
            return
        for one in waiting:
            self._track(asyncio.create_task(self._deliver(one, None)))

    def _sign_all(
        self, handful: Sequence[Claimed], stored: Mapping[int, Stored]
    ) -> tuple[dict[int, bytes | None], set[int]]:
        """In a thread: RSA releases the GIL, so a signature costs the loop a quarter of its time.

        Returns the signed bytes of each message (None: purged) and the messages that differ from what was accepted.
        """
        signed: dict[int, bytes | None] = {}
        altered = set()
        for one in handful:
            found = stored[one.message_id]
            if not found.intact():
                altered.add(one.message_id)
            whole = found.rendered is not None and one.message_id not in altered
            signed[one.message_id] = self._sign(one, found.rendered or b"") if whole else None
        return signed, altered

    def _sign(self, one: Claimed, rendered: bytes) -> bytes:
        """The bytes that leave: what was approved, its date, our signatures, the relay's metadata field."""
        config = self._configs.of(one.stream_id)
        dated = compose.with_date(rendered, one.dated_at)
        signatures = b""
        if config.keys:
            signatures = dkim.sign(dated, keys=config.keys, at=self._clock.now(), unsigned=config.relay.rewrites)
        return config.relay.metadata(spell_id("m", one.message_id)) + signatures + dated

    async def _deliver(self, one: Claimed, message: bytes | None) -> None:
        """One recipient from its attempt to its settlement. If anything stops it on the way, its lease lapses."""
        task = asyncio.current_task()
        assert task is not None
        late = self._stopping  # may change while the host is waited for
        asked = False
        try:
            if late:
                return
            config = self._configs.of(one.stream_id)
            self._waiting.add(task)
            async with self._admission(one, config, message) as carry:
                self._waiting.discard(task)
                if self._stopping:
                    return
                # Nothing stops a delivery whose attempt has committed: it must not wait for a slow host after that.
                asked = True
                if not await self._attempts.put(one.agent_id, one):
                    return
                reply = await carry()
            chance = self._ctx.chance(20) / 2**20
            provider_id = config.relay.message_id(reply.text) if reply.outcome is Outcome.SENT else None
            await self._settle(Settlement(one, reply, jitter=chance, provider_id=provider_id))
        except Unavailable as error:
            log.warning("attempt not committed; its leases are released", reason=error.reason)
            await self._let_go([one], unattempted=not asked)
        except Exception:
            log.exception("delivery worker failed", message=spell_id("m", one.message_id))
            await self._let_go([one], unattempted=not asked)
        finally:
            self._waiting.discard(task)
            self._finished(one)

    async def _hold(self, one: Claimed) -> None:
        """Somebody changed it in the database: hold it for a person."""
        try:
            await self._writer.do(lambda tx: delivery.hold_altered(tx, [one], worker=self.worker))
            log.error("message differs from what was accepted; held", message=spell_id("m", one.message_id))
        except Exception:
            log.exception(
                "altered message could not be held; its lease is released", message=spell_id("m", one.message_id)
            )
            await self._let_go([one])
        finally:
            self._finished(one)

    def _finished(self, one: Claimed) -> None:
        if self._in_progress.remove(one):
            self._woken.set()

    @contextlib.asynccontextmanager
    async def _admission(self, one: Claimed, config: SenderConfig, message: bytes | None) -> AsyncIterator[Carry]:
        """Wait until the delivery may start; await what is yielded to make it."""
        if message is None:
            reply = Reply(Outcome.FAILED, None, "5.7.0", "the body was purged before it could leave", "data")
            yield partial(_known, reply)
        elif one.test:
            yield partial(_known, Reply(Outcome.SENT, 250, "2.0.0", "test mail stays at the desk", "dot"))
        else:
            parcel = Parcel(
                route=config.route,
                domain=one.domain,
                sender=signed_ids.return_path(one.message_id, one.n, domain=config.domain, keyring=self._ctx.keyring),
                recipient=one.path,
                message=message,
                smtputf8=one.smtputf8,
            )
            async with self._courier.admission(parcel) as carry:
                yield carry

    async def _settle(self, settlement: Settlement) -> None:
        """Write down the receiver's answer, however long that takes."""
        while True:
            try:
                await self._settlements.put(settlement.claimed.agent_id, settlement)
            except Unavailable as error:
                log.warning("settlement waits for the database", reason=error.reason)
                await self._clock.sleep(TRY_AGAIN)
            else:
                return

    async def _let_go(self, claimed: Sequence[Claimed], *, unattempted: bool = True) -> None:
        """Let the leases lapse now: our heartbeats would keep them alive, and nothing would look at them again.

        `unattempted`: only those without an attempt. One that has it belongs to a later claim of the same recipient.
        """
        await self._retry_until_committed(
            lambda tx: delivery.release_claims(tx, claimed, worker=self.worker, unattempted=unattempted)
        )

    # --- writing ---

    async def _write_attempts(self, claimed: Sequence[Claimed]) -> Sequence[bool]:
        return await self._writer.do(delivery.Attempt(claimed, self.worker))

    async def _write_settlements(self, settlements: Sequence[Settlement]) -> Sequence[None]:
        turns = await self._writer.do(delivery.Settle(settlements, self.worker))
        for turn in turns:
            if turn.error is None:
                log.info("the route answers again", stream=turn.domain, route=turn.route)
            else:
                text = "the relay is not answering; backing off"
                log.warning(text, stream=turn.domain, route=turn.route, error=turn.error)
        return [None] * len(settlements)

    def _beat(self, tx: Transaction) -> None:
        delivery.heartbeat(tx, worker=self.worker, claimed_at=self._claimed_at, trouble=self._trouble)

    async def _retry_until_committed(self, verb: Callable[[Transaction], object]) -> None:
        while not self._stopping:
            try:
                await self._writer.do(verb)
            except Unavailable as error:
                log.warning("the database does not answer", reason=error.reason)
                await self._clock.sleep(TRY_AGAIN)
            else:
                return


async def _known(reply: Reply) -> Reply:
    return reply
