"""Lanes and identities, as their screens show them."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from core.db import directory, gate_queries, signoff_queries
from core.db.directory import AgentFacts, MailboxRecord
from core.db.queries import agents, lanes, scheduled
from core.db.signoff_queries import SignoffFacts
from core.db.transaction import Transaction
from core.model import Actor
from core.operations.replies import lane_for
from core.rules import issuance
from core.services.identity import inventory, mailbox_record, widenings
from core.services.sending import site_limits
from core.views.identities import Drill, Identities, Identity, IdentityRecord, Signature
from core.views.lanes import LaneRow, Paced, Waiting

LANE_PAGE: Final = 500
IDENTITIES: Final = 500


# --- lanes --------------------------------------------------------------------------------------------------------


def waiting(tx: Transaction, *, reader: Actor) -> Waiting:
    """The deepest lane first, with its last reply as far as the reader may see it."""
    found = [lane_for(one, reader) for one in lanes.lanes(tx.conn, now=tx.now, limit=LANE_PAGE)]
    site_limits.prefetch_sites(tx, [(lane.mailbox_id, lane.site) for lane in found])
    streams = {(gate_queries.gate(tx, lane.mailbox_id).stream_id, lane.site) for lane in found}
    site_limits.prefetch_stream_sites(tx, sorted(streams))
    return Waiting(tuple(_paced(tx, lane) for lane in found), scheduled.summary(tx.conn))


def _paced(tx: Transaction, lane: LaneRow) -> Paced:
    mailbox = gate_queries.gate(tx, lane.mailbox_id)
    bounds = site_limits.site_bounds(tx, mailbox, lane.site)
    hours = [bound.cap.room(tx).limit(bound.cap.name) for bound in bounds]
    return Paced(lane, min(bound.per_minute for bound in bounds), min(hours, key=lambda hour: hour.left))


# --- identities ---------------------------------------------------------------------------------------------------


def identities(tx: Transaction) -> Identities:
    """Requests first, then active identities, the first to expire first."""
    records = directory.mailboxes(tx.conn, limit=IDENTITIES)
    ids = {record.agent_id for record in records if record.agent_id is not None}
    bearers = {one.id: one for one in directory.agents_by_id(tx.conn, ids)}
    found = [_identity(tx, record, bearers.get(record.agent_id or 0)) for record in records]
    current = [one for one in found if one.record.status in {"requested", "active"}]
    current.sort(key=lambda one: (not one.open, one.record.expires_at or 0, one.record.address))
    return Identities(tuple(current), tuple(agents.keys(tx.conn)))


def _identity(tx: Transaction, record: MailboxRecord, agent: AgentFacts | None) -> Identity:
    asked = signoff_queries.open_widening(tx.conn, record.id) if mailbox_record.alive(tx, record) else None
    shown, drill = _shown(record), _drill(agent)
    if asked is not None:
        kinds = tuple(one.kind for one in widenings.owed(tx, record, asked))
        asks = f"{widenings.changes(record, asked)}: {asked.reason}"
        signed = widenings.signatures(tx, record, asked)
        return Identity(shown, tuple(_signature(one) for one in signed), kinds, (), drill, asks)
    request = mailbox_record.as_request(record)
    signed = signoff_queries.signoffs(tx.conn, record.id)
    owed = issuance.waiting_for(request, mailbox_record.signatures(tx, record))
    counted = tuple(_signature(one) for one in signed if not mailbox_record.outdated(record, one))
    return Identity(shown, counted, owed, issuance.missing(request), drill)


def _shown(record: MailboxRecord) -> IdentityRecord:
    return IdentityRecord(**{one.name: getattr(record, one.name) for one in fields(IdentityRecord)})


def _signature(one: SignoffFacts) -> Signature:
    return Signature(**{each.name: getattr(one, each.name) for each in fields(Signature)})


def _drill(agent: AgentFacts | None) -> Drill:
    result = inventory.drill_result(agent)
    if agent is None:
        return Drill(result)
    return Drill(
        result, agent.drilled_at, agent.drilled_by, tuple(agent.drill_failures or ()),
        tuple(agent.drill_unreached or ()),
    )  # fmt: skip
