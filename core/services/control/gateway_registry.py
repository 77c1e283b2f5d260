"""Gateway registry: which gateways run and which were lost.

A loss is recorded once, by whichever notices it first: another gateway or the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, inspect, or_, select, update

from core.db.due import NOW
from core.db.tables import GATEWAY_PROCESS
from core.db.transaction import Transaction
from core.events import GatewayLost, GatewayStarted, GatewayStopped
from core.ids import spell_id
from core.model import SILENT, SYSTEM

LOST: Final = 2 * SILENT
"""Time without a heartbeat after which another gateway records the loss.

Screens warn after `SILENT`; a machine that slept for a moment is no loss.
"""

GATEWAYS_LOST: Final = exists().where(
    or_(GATEWAY_PROCESS.c.beat_at <= NOW - LOST, GATEWAY_PROCESS.c.beat_at > NOW + LOST)
)

Alive = Callable[[str, int], bool | None]
"""Whether the process (host, pid) runs; None if that cannot be determined from here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway runs. `id` is new at each start."""

    id: int
    host: str
    pid: int
    listen: str

    @property
    def key(self) -> str:
        """The ID as `GET /healthz` of this gateway shows it, so that a client learns which gateway answers at a URL."""
        return spell_id("g", self.id)


def start(tx: Transaction, here: Place, *, is_running: Alive) -> None:
    """Register a gateway that begins to serve; first record those that ended without deregistering as lost."""
    for row in tx.all(select(GATEWAY_PROCESS)):
        if row.id != here.id and (_silent(row, tx.now, for_=LOST) or is_running(row.host, row.pid) is False):
            _lose(tx, row)
    _enter(tx, here, again=False)


def beat(tx: Transaction, here: Place) -> None:
    """Record a heartbeat. If the gateway was recorded as lost meanwhile, record that it is back."""
    if not tx.write_keeping_caches(_BEAT, [{"b_id": here.id, "b_at": tx.now}]):
        _enter(tx, here, again=True)


def stop(tx: Transaction, here: Place) -> None:
    """Deregister a gateway that ends in order."""
    if tx.write(delete(GATEWAY_PROCESS).where(GATEWAY_PROCESS.c.id == here.id)):
        tx.emit(GatewayStopped(actor=str(SYSTEM), host=here.host, pid=here.pid))


def living(conn: Connection, *, now: int) -> list[Place]:
    """The running gateways, by host; none if the schema is older than the registry."""
    if not inspect(conn).has_table(GATEWAY_PROCESS.name):
        return []
    c = GATEWAY_PROCESS.c
    rows = conn.execute(select(GATEWAY_PROCESS).order_by(c.host, c.listen, c.id))
    return [Place(row.id, row.host, row.pid, row.listen) for row in rows if not _silent(row, now, for_=SILENT)]


def notice_lost(tx: Transaction) -> int:
    """Record which gateways are lost; returns how many. Every gateway runs this; the first to look does the work."""
    lost = [row for row in tx.all(select(GATEWAY_PROCESS)) if _silent(row, tx.now, for_=LOST)]
    for row in lost:
        _lose(tx, row)
    return len(lost)


def _silent(row: Row[tuple[object, ...]], now: int, *, for_: int) -> bool:
    """Whether the last heartbeat is too old. One from the future does not count: that clock was set back."""
    return not now - for_ < row.beat_at <= now + for_


def _enter(tx: Transaction, here: Place, *, again: bool) -> None:
    tx.add(
        GATEWAY_PROCESS,
        {
            "id": here.id, "host": here.host, "pid": here.pid, "listen": here.listen, "started_at": tx.now,
            "beat_at": tx.now,
        },
    )  # fmt: skip
    tx.emit(GatewayStarted(actor=str(SYSTEM), host=here.host, pid=here.pid, listen=here.listen, again=again))


def _lose(tx: Transaction, row: Row[tuple[object, ...]]) -> None:
    if tx.write(delete(GATEWAY_PROCESS).where(GATEWAY_PROCESS.c.id == row.id)):
        silent = max(0, tx.now - row.beat_at) // 1_000
        tx.emit(GatewayLost(actor=str(SYSTEM), host=row.host, pid=row.pid, listen=row.listen, silent_ms=silent))


_BEAT: Final = (
    update(GATEWAY_PROCESS).where(GATEWAY_PROCESS.c.id == bindparam("b_id")).values(beat_at=bindparam("b_at"))
)
