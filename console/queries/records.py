"""Lanes, events, suppressions, identities and traces, as their screens show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.db import directory, gate_queries, signoff_queries
from core.db.directory import AgentFacts, MailboxRecord
from core.db.queries import agents, events, lanes, scheduled
from core.db.signoff_queries import SignoffFacts
from core.db.store import Connection
from core.db.transaction import Transaction
from core.filters import Want
from core.model import Limit
from core.rules import issuance
from core.rules.issuance import Kind
from core.services.identity import mailbox_record, widenings
from core.services.sending import site_limits
from core.views.agents import KeyRow, SuppressionRow
from core.views.events import EventPage
from core.views.lanes import LaneRow, Scheduled, SiteRow

EVENT_PAGE: Final = 500
LANE_PAGE: Final = 500
SUPPRESSION_PAGE: Final = 500
IDENTITIES: Final = 500


# --- lanes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paced:
    """A lane and what may go to its site: messages a minute, and the hour's gauge (the stream's if less is left)."""

    lane: LaneRow
    pace: int
    hour: Limit


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to leave: in lanes, and outside them until its own time."""

    lanes: list[Paced]
    scheduled: Scheduled


def all_waiting(tx: Transaction) -> Waiting:
    """The deepest lane first."""
    return Waiting(all_lanes(tx), scheduled.summary(tx.conn))


def all_lanes(tx: Transaction) -> list[Paced]:
    """The deepest first."""
    found = lanes.lanes(tx.conn, now=tx.now, limit=LANE_PAGE)
    site_limits.prefetch_sites(tx, [(lane.mailbox_id, lane.site) for lane in found])
    streams = {(gate_queries.gate(tx, lane.mailbox_id).stream_id, lane.site) for lane in found}
    site_limits.prefetch_stream_sites(tx, sorted(streams))
    return [_paced(tx, lane) for lane in found]


def _paced(tx: Transaction, lane: LaneRow) -> Paced:
    mailbox = gate_queries.gate(tx, lane.mailbox_id)
    bounds = site_limits.site_bounds(tx, mailbox, lane.site)
    hours = [bound.cap.room(tx).limit(bound.cap.name) for bound in bounds]
    return Paced(lane, min(bound.per_minute for bound in bounds), min(hours, key=lambda hour: hour.left))


def shape(conn: Connection, *, now: int) -> list[SiteRow]:
    return lanes.shape(conn, now=now)


# --- events -------------------------------------------------------------------------------------------------------

EVENT_FIELDS: Final = events.FIELDS


def tail(conn: Connection, wants: Sequence[Want]) -> EventPage:
    """The newest page."""
    return events.page(conn, events.filtered(conn, wants), limit=EVENT_PAGE)


def onwards(conn: Connection, wants: Sequence[Want], *, after: int) -> EventPage:
    """What came since."""
    return events.page(conn, events.filtered(conn, wants), after=after, limit=EVENT_PAGE)


def earlier(conn: Connection, wants: Sequence[Want], *, before: int) -> EventPage:
    """The page before."""
    return events.page(conn, events.filtered(conn, wants), before=before, limit=EVENT_PAGE)


# --- suppressions -------------------------------------------------------------------------------------------------


SUPPRESSION_FIELDS: Final = agents.SUPPRESSION_FIELDS


def suppressions(conn: Connection, wants: Sequence[Want], *, now: int, past: bool) -> list[SuppressionRow]:
    return agents.suppressions(conn, wants=wants, now=now, past=past, limit=SUPPRESSION_PAGE)


# --- identities ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """A mailbox's record, with what was signed and who must still sign."""

    record: MailboxRecord
    signed: tuple[SignoffFacts, ...]
    waiting: tuple[Kind, ...]
    missing: tuple[str, ...]
    agent: AgentFacts | None = None
    asks: str | None = None
    """What its agent asks for beside what it may do, and why; None: nothing waits. Signatures are then those under it.
    """

    @property
    def open(self) -> bool:
        """Whether signatures are asked for: for the identity, or for more."""
        return self.record.status == "requested" or self.asks is not None


@dataclass(frozen=True, slots=True)
class Identities:
    identities: tuple[Identity, ...]
    keys: tuple[KeyRow, ...]


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
    if asked is not None:
        kinds = tuple(one.kind for one in widenings.owed(tx, record, asked))
        asks = f"{widenings.changes(record, asked)}: {asked.reason}"
        return Identity(record, widenings.signatures(tx, record, asked), kinds, (), agent, asks)
    request = mailbox_record.as_request(record)
    signed = signoff_queries.signoffs(tx.conn, record.id)
    waiting = issuance.waiting_for(request, mailbox_record.signatures(tx, record))
    counted = tuple(one for one in signed if not mailbox_record.outdated(record, one))
    return Identity(record, counted, waiting, issuance.missing(request), agent)
