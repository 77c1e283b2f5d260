"""What the console shows and records: reads whose answers are views (`core.views`), for screens alone.

desk_figures.py  the figures of header and first screen, read once for all consoles of a process
overview.py      every agent as one line; needs.py: what needs attention
items.py         one message or held action; agent_page.py: one agent; records.py: lanes and identities
screen.py        how a read is declared; core/desk_client/reads.py says how one is added
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from core.db.development import BANNER, is_development
from core.db.queries import agents, events, figures, lanes, queue, received, templates
from core.desk_client import reads
from core.filter_fields import Listing
from core.json_body import Name, Shape
from core.operations.answers import Answer
from core.operations.bodies import AgentRequest, FilterText, Key, Nothing, Number, wanted
from core.operations.log import traced
from core.operations.operation import Call, read
from core.operations.screens import agent_page, items, records
from core.operations.screens.desk_figures import DeskFigures
from core.operations.screens.screen import screen
from core.rules.roles import Verb
from core.services.control.read_log import Shown, What
from core.services.sending import review
from core.views.agent_page import AgentPage
from core.views.agents import Suppressions
from core.views.events import EventPage
from core.views.identities import Identities
from core.views.item import Item
from core.views.lanes import Sites, Waiting
from core.views.live import Reading
from core.views.queue import HeldRows, Ids, Order, pack
from core.views.received import ReceivedRows
from core.views.templates import Templates
from core.views.trace import Story

EVENT_PAGE: Final = 500
SUPPRESSION_PAGE: Final = 500
INBOX_PAGE: Final = 10_000
"""Ids of one answer."""
GROUPS: Final = 200
"""Templates of one answer."""
ROWS: Final = 1_000
"""Lines of one answer."""

RowIds = Annotated[list[Number], Field(max_length=ROWS)]


class FilterRequest(Shape):
    """A filter as it is typed on the screen."""

    filter: FilterText = ""


class RowsRequest(Shape):
    """Lines by their ids; those that no longer exist are left out."""

    ids: RowIds


class NumberRequest(Shape):
    """One item, by its number."""

    id: Number


# --- a session ----------------------------------------------------------------------------------------------------


class Open(Answer):
    """What is open in front of the operator; null: nothing."""

    id: int | None


class OpenRequest(Shape):
    """The item that the operator looks at from now on; null: nothing."""

    id: Number | None


class LiveRequest(Shape):
    """The version that the caller has; `anew` reads everything again."""

    known: Name = ""
    anew: bool = False


def note_open(call: Call, request: OpenRequest) -> None:
    """The time of opening is part of a decision."""
    if request.id is None:
        review.closed(call.tx, actor=call.actor)
    else:
        review.opened(call.tx, request.id, actor=call.actor)


def live(call: Call, request: LiveRequest) -> Reading:
    found = call.resources.keep(DeskFigures).changes(call.tx, request.known, anew=request.anew)
    who = call.actor
    name = BANNER if is_development(call.tx.conn) else call.resources.settings.name
    return Reading(
        found.version, call.tx.now, found.seq, name, who.name, tuple(sorted(who.roles)), found.figures, found.order,
        found.lines,
    )  # fmt: skip


# --- held mail ----------------------------------------------------------------------------------------------------


class QueueRequest(FilterRequest):
    """All that matches, or its beginning."""

    order: Order = Order.WORST
    limit: Number | None = None


class ItemRequest(NumberRequest):
    """`whole` includes what was changed on its way, which a preview does not show."""

    whole: bool = False


def queue_ids(call: Call, request: QueueRequest) -> Ids:
    """With how much is held in all, read together, so that `7 of 9` describes one moment."""
    conn, wants = call.tx.conn, wanted(request.filter, Listing.QUEUE)
    ids = queue.pending_ids(conn, wants, request.order, now=call.tx.now, limit=request.limit, viewer=call.actor.name)
    return pack(ids, held=figures.head(conn).held)


def queue_rows(call: Call, request: RowsRequest) -> HeldRows:
    found = queue.pending_rows(call.tx.conn, request.ids).values()
    return HeldRows(tuple(one for one in found if one.status == "pending"))


def alike(call: Call, request: NumberRequest) -> Ids:
    return pack(queue.alike_ids(call.tx.conn, request.id))


def groups(call: Call, request: FilterRequest) -> Templates:
    wants = wanted(request.filter, Listing.QUEUE)
    return templates.templates(call.tx.conn, wants, now=call.tx.now, operator=call.actor.name, limit=GROUPS)


def item(call: Call, request: ItemRequest) -> Item:
    return items.item(call.tx, request.id, whole=request.whole)


def _of_item(_request: ItemRequest, one: Item) -> tuple[Shown, ...]:
    """An item that no longer exists has shown nothing."""
    found = (one.item,) if one.view or one.held or one.received else ()
    tainting = () if one.tainting is None else (one.tainting.row.id,)
    return tuple(Shown(What.MESSAGE, item=number) for number in (*found, *tainting))


# --- agents, lanes, identities, suppressions ----------------------------------------------------------------------


class SuppressionsRequest(FilterRequest):
    """`past` includes those no longer in force."""

    past: bool = False


def agent(call: Call, request: AgentRequest) -> AgentPage:
    return agent_page.agent_page(call.tx, request.agent, reader=call.actor)


def _of_agent(_request: AgentRequest, page: AgentPage) -> tuple[Shown, ...]:
    shown = {What.RUNS: page.runs, What.LOG: page.events}
    return tuple(Shown(what) for what, rows in shown.items() if rows)


def waiting(call: Call, _request: Nothing) -> Waiting:
    return records.waiting(call.tx, reader=call.actor)


def sites(call: Call, _request: Nothing) -> Sites:
    return Sites(tuple(lanes.shape(call.tx.conn, now=call.tx.now)))


def identities(call: Call, _request: Nothing) -> Identities:
    return records.identities(call.tx)


def suppressions(call: Call, request: SuppressionsRequest) -> Suppressions:
    wants = wanted(request.filter, Listing.SUPPRESSIONS)
    found = agents.suppressions(
        call.tx.conn, wants=wants, now=call.tx.now, past=request.past, limit=SUPPRESSION_PAGE
    )  # fmt: skip
    return Suppressions(tuple(found))


# --- the log ------------------------------------------------------------------------------------------------------


class EventsRequest(FilterRequest):
    """A page of the log: the newest, the one `before` a seq, or the one `after` it."""

    before: Number | None = None
    after: Number | None = None


class TraceRequest(Shape):
    """A message, Message-ID, return path, provider's id, recipient, run, agent or person."""

    key: Key


def event_page(call: Call, request: EventsRequest) -> EventPage:
    conn = call.tx.conn
    found = events.filtered(conn, wanted(request.filter, Listing.EVENTS), now=call.tx.now)
    return events.page(conn, found, before=request.before, after=request.after, limit=EVENT_PAGE)


def trace(call: Call, request: TraceRequest) -> Story:
    return traced(call, request.key)


def _traced(_request: TraceRequest, story: Story) -> tuple[Shown, ...]:
    """A trace that found nothing has shown nothing."""
    return (Shown(What.TRACE, messages=story.messages),) if story.found else ()


# --- received mail ------------------------------------------------------------------------------------------------


class InboxRequest(FilterRequest):
    """The newest that match, or those `before` an id."""

    before: Number | None = None
    limit: Annotated[int, Field(ge=1, le=INBOX_PAGE)] = received.PAGE


def inbox_ids(call: Call, request: InboxRequest) -> Ids:
    wants = wanted(request.filter, Listing.INBOX)
    return pack(
        received.page_ids(call.tx.conn, wants, now=call.tx.now, before=request.before, limit=request.limit)
    )  # fmt: skip


def inbox_rows(call: Call, request: RowsRequest) -> ReceivedRows:
    return ReceivedRows(tuple(received.rows(call.tx.conn, request.ids).values()))


def _everybody(what: What) -> tuple[Shown, ...]:
    return (Shown(what),)


OPERATIONS = (
    read("screen.open", lambda _call, asked: {"id": asked.id}, OpenRequest, Open, Verb.MESSAGE_READ, opens=note_open,
         about="Record which item a reviewer has open: how long they read is part of a decision."),
    screen(reads.LIVE, live, LiveRequest, Verb.DESK_READ,
           about="The header, what needs attention, and each agent's line, as far as they differ from a version."),
    screen(reads.QUEUE, queue_ids, QueueRequest, Verb.MESSAGE_READ,
           about="The ids of held items that match a filter, in the order of the queue."),
    screen(reads.QUEUE_ROWS, queue_rows, RowsRequest, Verb.MESSAGE_READ, about="Lines of the queue, by id.",
           shown=lambda _request, _rows: _everybody(What.PENDING)),
    screen(reads.ALIKE, alike, NumberRequest, Verb.MESSAGE_READ,
           about="The ids of held items that differ from this one only in what belongs to their recipient."),
    screen(reads.GROUPS, groups, FilterRequest, Verb.MESSAGE_READ,
           about="Held mail by template, each with two samples.",
           shown=lambda _request, _groups: _everybody(What.PENDING)),
    screen(reads.ITEM, item, ItemRequest, Verb.MESSAGE_READ, about="One item with everything a reviewer decides from.",
           shown=_of_item),
    screen(reads.AGENT, agent, AgentRequest, Verb.DESK_READ, about="One agent's page.", shown=_of_agent),
    screen(reads.LANES, waiting, Nothing, Verb.DESK_READ, about="Lanes, deepest first, each with its pace."),
    screen(reads.SITES, sites, Nothing, Verb.DESK_READ, about="What waits, by site and age."),
    screen(reads.EVENTS, event_page, EventsRequest, Verb.AUDIT_READ, about="A page of the log, filtered.",
           shown=lambda _request, page: _everybody(What.LOG) if page.rows else ()),
    screen(reads.SUPPRESSIONS, suppressions, SuppressionsRequest, Verb.MESSAGE_READ,
           about="Suppressions, the newest first.", shown=lambda _request, _rows: _everybody(What.SUPPRESSIONS)),
    screen(reads.IDENTITIES, identities, Nothing, Verb.DESK_READ,
           about="Mailboxes as identities: who has signed, who must still sign."),
    screen(reads.INBOX, inbox_ids, InboxRequest, Verb.MESSAGE_READ, about="The ids of received mail, newest first."),
    screen(reads.INBOX_ROWS, inbox_rows, RowsRequest, Verb.MESSAGE_READ, about="Lines of received mail, by id.",
           shown=lambda _request, _rows: _everybody(What.MESSAGES)),
    screen(reads.TRACE, trace, TraceRequest, Verb.TRACE_READ, about="Everything known of a key, in time order.",
           shown=_traced),
)  # fmt: skip
