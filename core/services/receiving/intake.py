"""Take a message, however it arrived: parse it off the event loop, store it, answer after the commit.

Reading costs a millisecond or two for ordinary mail and seconds for the worst 25 MB, so small messages are read in a
thread, large ones in another process. While many small ones arrive at once, processes read them too: threads share
one core with everything else. A message that takes a process too long is stored unparsed and held for a person.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, ParamSpec, Protocol, TypeVar

from core.db.store import Store
from core.db.transaction import Transaction
from core.db.writer import Writer
from core.errors import TooLarge, Unavailable
from core.rules import reports
from core.rules.inbound import signatures
from core.rules.inbound.message import storable
from core.rules.inbound.signatures import Signature
from core.rules.reports import Report
from core.services.context import ServiceContext
from core.services.receiving import receive
from core.services.receiving.outside_scorer import OutsideScorer
from core.services.receiving.read_mail import LEVEL, ReceivedMail, read_mail
from core.services.receiving.receive import Handover, Receipt, Receive
from core.services.receiving.sender_proof import SenderProof
from core.settings import Inbound

P = ParamSpec("P")
T = TypeVar("T")

INLINE: Final = 32 * 1024
"""Largest message to read in a thread."""
MANY: Final = 25
"""Small messages within a second that came while another was being read, from which a process is started for them."""
IN_FRONT: Final = frozenset({"lmtp", "maildir"})
"""Ways in where `authserv_ids` count: only the operator's own mail server removes what senders forge in their name."""


class Pool(Protocol):
    """Processes that call a module-level function."""

    def ready(self) -> bool: ...

    def warm(self) -> None: ...

    async def call(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T: ...


class Intake:
    """Received mail of one gateway. `pool` is None where there are no processes: threads read everything.

    `proof` verifies senders where the mail server in front did not; None: they stay unverified. `scorer` is asked about
    each message besides the desk's own screening.
    """

    def __init__(
        self,
        *,
        store: Store,
        writer: Writer,
        ctx: ServiceContext,
        settings: Inbound,
        pool: Pool | None = None,
        proof: SenderProof | None = None,
        scorer: OutsideScorer | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._ctx = ctx
        self._settings = settings
        self._pool = pool
        self._proof = proof
        self._scorer = scorer
        self._reading = 0
        self._crowded, self._since = 0, 0.0

    async def knows(self, recipient: str) -> bool:
        """Whether mail to this address is taken: a mailbox, or a return path of ours. Raises `Unavailable`."""

        def look() -> bool | None:
            # None is not cached: mail to a mailbox made within the last second would be refused for good.
            return self._store.look(lambda tx: receive.takes(tx, storable(recipient), self._ctx)) or None

        key = ("receives", recipient)
        if self._store.recently(key, _unasked):
            return True
        return bool(await asyncio.to_thread(self._store.recently, key, look))

    async def take(self, raw: bytes, *, sender: str | None, recipients: Sequence[str], source: str) -> list[Receipt]:
        """Store a message; returns what became of it for each recipient, after the commit. Raises `Unavailable`."""
        return await self.take_read(
            await self.read(raw, source=source), raw=raw, sender=sender, recipients=recipients, source=source
        )  # fmt: skip

    async def take_read(
        self,
        mail: ReceivedMail,
        *,
        raw: bytes,
        sender: str | None,
        recipients: Sequence[str],
        source: str,
        first: Callable[[Transaction], None] | None = None,
    ) -> list[Receipt]:
        """As `take`, for a message that is read already. `first` runs in the transaction that stores it."""
        report: Report | None = None
        if any(receive.may_be_feedback(one, self._ctx) for one in recipients):
            report = await asyncio.to_thread(reports.read, raw)
        if self._scorer is not None and not all(receive.may_be_feedback(one, self._ctx) for one in recipients):
            mail = await self._scorer.scored(mail)
        recipients = [storable(one) for one in recipients]
        sender = None if sender is None else storable(sender)
        handed = Handover(
            mail=mail, sender=sender, recipients=recipients, source=source, report=report,
            quota=self._settings.mailbox_megabytes << 20, review=self._settings.review,
        )  # fmt: skip
        return await self._writer.do(Receive(handed, self._ctx, first))

    async def read(self, raw: bytes, *, source: str) -> ReceivedMail:
        """Read a message and verify its sender. Raises `Unavailable` if no process is free to read a large one."""
        mail = await self._read(raw, self._settings.authserv_ids if source in IN_FRONT else ())
        if self._proof is None or not mail.signatures:
            return mail

        async def verify(raw: bytes, found: Sequence[Signature], keys: Mapping[str, str | None]) -> list[str]:
            if self._pool is None or len(raw) <= INLINE:
                return await asyncio.to_thread(signatures.verify, raw, found, keys=keys)
            return await self._pool.call(signatures.verify, raw, found, keys=keys)

        try:
            evidence = await self._proof.evidence(raw, mail.signatures, author=mail.author, verify=verify)
        except TooLarge:
            return mail  # unproved: it took too long to verify
        return dataclasses.replace(mail, authentication=evidence)

    async def _read(self, raw: bytes, servers: Sequence[str]) -> ReceivedMail:
        self._reading += 1
        try:
            if len(raw) <= INLINE or self._pool is None:
                return await self._read_small(raw, servers)
            return await self._pool.call(read_mail, raw, authserv_ids=servers)
        except TooLarge as error:
            return await asyncio.to_thread(_unread, raw, error.reason)
        finally:
            self._reading -= 1

    async def _read_small(self, raw: bytes, servers: Sequence[str]) -> ReceivedMail:
        if self._pool is not None and self._pool.ready():
            # A process that is killed meanwhile loses nothing: the message is read here.
            with contextlib.suppress(Unavailable):
                return await self._pool.call(read_mail, raw, authserv_ids=servers)
        elif self._pool is not None and self._reading > 1 and self._is_crowded():
            self._pool.warm()
        return await asyncio.to_thread(read_mail, raw, authserv_ids=servers)

    def _is_crowded(self) -> bool:
        """Count a message that came while another was being read: whether there were `MANY` within a second."""
        now = asyncio.get_running_loop().time()
        if now - self._since > 1:
            self._crowded, self._since = 0, now
        self._crowded += 1
        return self._crowded >= MANY


def _unasked() -> bool | None:
    return None


def _unread(raw: bytes, problem: str) -> ReceivedMail:
    digest = hashlib.sha256(raw).hexdigest()
    return ReceivedMail(
        digest=digest, size=len(raw), raw=zlib.compress(raw, LEVEL), body_digest=digest, problems=(problem,)
    )
