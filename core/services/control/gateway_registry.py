"""Which gateways run, and which were lost: written once, by whoever notices, another gateway or the next start."""

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
"""After how long without a beat another gateway writes it down. Screens warn after `SILENT`; a machine that slept for
a moment is no loss."""

GATEWAYS_LOST: Final = exists().where(
    or_(GATEWAY_PROCESS.c.beat_at <= NOW - LOST, GATEWAY_PROCESS.c.beat_at > NOW + LOST)
)

Alive = Callable[[str, int], bool | None]
"""Whether the process (host, pid) runs; None: it cannot be told from here."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway runs. `id` is its own for each start."""

    id: int
    host: str
    pid: int
    listen: str

    @property
    def key(self) -> str:
        """How `GET /healthz` of this gateway spells its id: whoever reaches a URL learns which gateway is behind it."""
        return spell_id("g", self.id)


def start(tx: Transaction, here: Place, *, alive: Alive) -> None:
    """Enter a gateway that begins to serve; what ended without a word before is written down first."""
    for row in tx.all(select(GATEWAY_PROCESS)):
        if row.id != here.id and (_silent(row, tx.now, for_=LOST) or alive(row.host, row.pid) is False):
            _lose(tx, row)
    _enter(tx, here, again=False)


def beat(tx: Transaction, here: Place) -> None:
    """Say that it lives. If it was taken for lost meanwhile, it says that it is back."""
    if not tx.write_keeping_caches(_BEAT, [{"b_id": here.id, "b_at": tx.now}]):
        _enter(tx, here, again=True)


def stop(tx: Transaction, here: Place) -> None:
    """It ends in order."""
    if tx.write(delete(GATEWAY_PROCESS).where(GATEWAY_PROCESS.c.id == here.id)):
        tx.emit(GatewayStopped(actor=str(SYSTEM), host=here.host, pid=here.pid))


def living(conn: Connection, *, now: int) -> list[Place]:
    """The gateways that run, by host; none where the schema is from before they were entered."""
    if not inspect(conn).has_table(GATEWAY_PROCESS.name):
        return []
    c = GATEWAY_PROCESS.c
    rows = conn.execute(select(GATEWAY_PROCESS).order_by(c.host, c.listen, c.id))
    return [Place(row.id, row.host, row.pid, row.listen) for row in rows if not _silent(row, now, for_=SILENT)]


def notice_lost(tx: Transaction) -> int:
    """Write down which gateways are lost; returns how many. A chore of every gateway: the first to look does it."""
    lost = [row for row in tx.all(select(GATEWAY_PROCESS)) if _silent(row, tx.now, for_=LOST)]
    for row in lost:
        _lose(tx, row)
    return len(lost)


def _silent(row: Row[tuple[object, ...]], now: int, *, for_: int) -> bool:
    """Beats from the future are of a clock that was set back: they say nothing."""
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
