"""One held, sent or received item with everything a reviewer decides from."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.db import gate_queries
from core.db.queries import message, queue, received
from core.db.transaction import Transaction
from core.ids import spell_id
from core.model import Limit
from core.operations.screens.overview import budgets
from core.rules import signed_ids
from core.services.audit import difference
from core.services.sending import limits
from core.views.item import Item
from core.views.message import MessageView
from core.views.received import ReceivedView

SHOWN: Final = ("agent_hour", "agent_day", "mailbox_hour", "stream_day", "new_recipients_day")


def item(tx: Transaction, number: int, *, whole: bool) -> Item:
    """The item, whatever became of it. `whole` includes what was changed on its way, which a preview does not show."""
    held = queue.pending_rows(tx.conn, [number]).get(number)
    view = message.message(tx.conn, number, now=tx.now)
    spelled = held.spelled if held else spell_id("m", number)
    if view is None:
        return Item(number, spelled, held, received=_received(tx, number, whole=whole))
    return Item(
        number, spelled, held, replace(view, issued=None), _limits(tx, view),
        difference=difference.difference(tx.conn, number, now=tx.now) if whole else None,
        tainting=_received(tx, view.tainted_by, whole=False) if whole and view.tainted_by is not None else None,
    )  # fmt: skip


def _received(tx: Transaction, number: int, *, whole: bool) -> ReceivedView | None:
    """Without what proves feedback in its source: who reads a message must not be able to report it."""
    found = received.view(tx.conn, number, whole=whole)
    if found is None or found.raw is None:
        return found
    text = signed_ids.conceal(found.raw.decode("utf-8", "surrogateescape"))
    return replace(found, raw=text.encode("utf-8", "surrogateescape"))


def _limits(tx: Transaction, view: MessageView) -> tuple[Limit, ...]:
    """The budgets this message will be charged to."""
    limits_by_name = budgets(tx, view.mailbox_id)
    sites = {f"{name}:{one.site}" for one in view.recipients if one.site for name in ("site_hour", "stream_site_hour")}
    found = [limit for name, limit in limits_by_name.items() if name in SHOWN or name in sites]
    if view.run is not None:
        cap = limits.run_cap(tx, gate_queries.gate(tx, view.mailbox_id))
        found.insert(0, Limit("run", limits.run_accepted(tx, view.run.id), cap))
    return tuple(found)
