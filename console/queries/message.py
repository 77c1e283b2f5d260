"""One held or sent message with everything a reviewer decides from, and the rows of the queue it came from."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from console.queries.overview import budgets
from console.views.message_lines import MessageLines
from core.db import gate_queries
from core.db.queries import figures, message, queue, received
from core.db.store import Connection
from core.db.transaction import Transaction
from core.filters import Want
from core.ids import spell_id
from core.model import Limit
from core.rules.content import read_mail
from core.services.audit import difference
from core.services.sending import limits
from core.views.message import MessageView
from core.views.queue import HeldRow, Order

SHOWN: Final = ("agent_hour", "agent_day", "mailbox_hour", "stream_day", "new_recipients_day")
FIELDS: Final = queue.FIELDS
ORDERS: Final = tuple(Order)


def letter(tx: Transaction, item: int, *, whole: bool = False) -> MessageLines:
    """The item, whatever became of it. `whole` includes what was changed on its way, which a preview does not show."""
    held = queue.pending_rows(tx.conn, [item]).get(item)
    view = message.message(tx.conn, item, now=tx.now)
    mail = read_mail(view.rendered) if view and view.rendered else None
    item_id = held.spelled if held else spell_id("m", item)
    if view is None:
        came = received.view(tx.conn, item, whole=whole)
        return MessageLines(item, item_id, held, None, None, received=came)
    changes = difference.difference(tx.conn, item, now=tx.now) if whole else None
    tainting = received.view(tx.conn, view.tainted_by, whole=False) if whole and view.tainted_by is not None else None
    return MessageLines(item, item_id, held, view, mail, _limits(tx, view), changes, tainting=tainting)


def _limits(tx: Transaction, view: MessageView) -> tuple[Limit, ...]:
    """The budgets this message will be charged to."""
    limits_by_name = budgets(tx, view.mailbox_id)
    sites = {f"{name}:{one.site}" for one in view.recipients if one.site for name in ("site_hour", "stream_site_hour")}
    found = [limit for name, limit in limits_by_name.items() if name in SHOWN or name in sites]
    if view.run is not None:
        cap = limits.run_cap(tx, gate_queries.gate(tx, view.mailbox_id))
        found.insert(0, Limit("run", limits.run_accepted(tx, view.run.id), cap))
    return tuple(found)


def ids(conn: Connection, wants: Sequence[Want], order: Order, *, now: int, limit: int | None = None) -> array[int]:
    """Everything held that matches the filter, or its beginning."""
    return queue.pending_ids(conn, wants, order, now=now, limit=limit)


def held(conn: Connection) -> int:
    """How much is held in all: read together with the ids, so that `7 of 9` describes one moment."""
    return figures.head(conn).held


def alike(conn: Connection, item: int) -> array[int]:
    """What is held and like this item, itself included."""
    return queue.alike_ids(conn, item)


def rows(conn: Connection, items: Sequence[int]) -> dict[int, HeldRow]:
    """These lines, as far as they are still pending."""
    return {item: held for item, held in queue.pending_rows(conn, items).items() if held.status == "pending"}
