"""The queue: held mail and actions, decisions about them, and the lanes in which mail waits to leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from core.db.queries import lanes, message
from core.db.queries import pending as held
from core.db.queries import received as received_queries
from core.db.queries import scheduled as times
from core.errors import NotFound
from core.filter_fields import Listing
from core.ids import read_id
from core.json_body import AddressText, Name, ReasonRequest, Sentence, Sha256, Shape, Short
from core.model import Reason as Finding
from core.operations.answers import Answer, WideAnswer
from core.operations.bodies import (
    FilterText,
    ItemRequest,
    Limit,
    Number,
    OptionalReason,
    Required,
    item_number,
    mailbox_address,
    wanted,
)
from core.operations.operation import Call, Json, act, act_each, read
from core.operations.replies import lane_for
from core.rules import signed_ids
from core.rules.content import examined, read_mail, said_by
from core.rules.roles import Verb
from core.serializers import mail, received
from core.services import context
from core.services.audit import difference, status
from core.services.control import emergency, read_log
from core.services.control.read_log import EntryPoint, Shown, What
from core.services.sending import review
from core.services.sending.review import Decision
from core.views.message import MessageView

BATCH_SIZE: Final = 100
"""Items of one request; a client splits longer lists."""


# --- lists --------------------------------------------------------------------------------------------------------


class QueueRequest(Shape):
    """A page of one mailbox, or of the whole desk; `cursor` is the `next_cursor` of the page before.

    `filter` is a filter of the queue, such as `agent:quote-bot check:!`.
    """

    mailbox: AddressText | None = None
    filter: FilterText = ""
    cursor: Name | None = None
    limit: Limit = 1_000


class ScheduledRequest(Shape):
    """A page of one mailbox, or of the whole desk; `cursor` is the `next_cursor` of the page before."""

    mailbox: AddressText | None = None
    cursor: Name | None = None
    limit: Limit = 1_000


def list_held(call: Call, request: QueueRequest) -> Json:
    page = held.page(
        call.tx.conn, _mailbox(request), now=call.tx.now, wants=wanted(request.filter, Listing.QUEUE),
        cursor=request.cursor, limit=request.limit, viewer=call.actor.name,
    )  # fmt: skip
    return page.as_json()


def list_scheduled(call: Call, request: ScheduledRequest) -> Json:
    return times.page(call.tx.conn, _mailbox(request), cursor=request.cursor, limit=request.limit).as_json()


def _mailbox(request: QueueRequest | ScheduledRequest) -> str | None:
    return mailbox_address(request.mailbox) if request.mailbox else None


# --- one item -----------------------------------------------------------------------------------------------------


class ShowRequest(ItemRequest):
    """One message or held action; with `source`, the message source as well."""

    source: bool = False


def show(call: Call, request: ShowRequest) -> Json:
    conn, now, number = call.tx.conn, call.tx.now, item_number(request.id)
    found = message.message(conn, number, now=now) if request.id.startswith("m") else None
    if found is not None:
        state = status.message(conn, number, caller=call.actor, now=now)
        shown = mail.message(found, state) | {"checks": [{"code": one.code, "text": one.text} for one in checks(found)]}
        return shown | ({"source": (found.rendered or b"").decode(errors="replace")} if request.source else {})
    came = received_queries.view(conn, number, whole=request.source)
    if came is not None:
        source = signed_ids.conceal((came.raw or b"").decode(errors="replace")) if request.source else None
        return received.detail(came) | ({"source": source} if request.source else {})
    action = message.review(conn, number)
    if action is None:
        raise NotFound(f"there is no {request.id}", fix="postroom queue pending lists what is waiting")
    return {"id": request.id} | mail.review(action)


def checks(found: MessageView) -> tuple[Finding, ...]:
    """The failed content checks, computed from the bytes that would leave; none if the body is purged."""
    if found.rendered is None:
        return ()
    rendered = said_by(read_mail(found.rendered), subject=found.subject, people=(one.given for one in found.recipients))
    return examined(rendered, own=(found.mailbox.rpartition("@")[2],))


def show_difference(call: Call, request: ItemRequest) -> Json:
    number = read_id("m", request.id)
    if number is None:
        raise NotFound(f"there is no message {request.id[:40]!r}")
    return difference.difference(call.tx.conn, number, now=call.tx.now).as_json()


def _opened(call: Call, request: ItemRequest) -> None:
    """The time of opening is part of the decision."""
    review.opened(call.tx, item_number(request.id), actor=call.actor)


def _shown(what: What) -> Callable[[ItemRequest, Mapping[str, object]], Shown]:
    return lambda request, _answer: Shown(what, item=item_number(request.id))


# --- decisions ----------------------------------------------------------------------------------------------------


Ids = Annotated[list[Required], Field(min_length=1, max_length=BATCH_SIZE)]
"""Each item is a transaction of its own: one that was decided meanwhile does not fail the others."""


class _Batch(Shape):
    """Items to decide, each by itself. `digests` has by id what the reviewer saw: nothing else is decided.

    `batch` names a decision that takes several requests. `received`: decide on received mail only.
    """

    ids: Ids
    digests: Annotated[dict[Required, Sha256], Field(max_length=BATCH_SIZE)] = Field(default_factory=dict)
    batch: Short | None = None
    received: bool = False


class DecideRequest(_Batch, OptionalReason):
    """Items to approve. `digest` belongs to a single one."""

    digest: Sha256 | None = None

    @model_validator(mode="after")
    def _one_digest(self) -> DecideRequest:
        if self.digest is not None and len(self.ids) > 1:
            raise ValueError("a digest belongs to one message: approve one id, or leave out the digest")
        return self


class RejectRequest(_Batch):
    """Items to reject, and the reason for the log."""

    reason: Sentence


class UndoRequest(Shape):
    """Items whose approval is taken back."""

    ids: Ids


def approve(call: Call, request: DecideRequest) -> Json:
    return _decide(call, request, request.reason, approve=True, digest=request.digest)


def reject(call: Call, request: RejectRequest) -> Json:
    return _decide(call, request, request.reason, approve=False)


def undo(call: Call, request: UndoRequest) -> Json:
    item = request.ids[0]
    return mail.decision(item, review.undo(call.tx, item_number(item), actor=call.actor), call.actor)


def _decide(call: Call, request: _Batch, reason: str | None, *, approve: bool, digest: str | None = None) -> Json:
    item = request.ids[0]
    # `message.show` and `screen.open` record what an operator opens: an item that was never opened counts as unread.
    decision = Decision(
        item_number(item), approve=approve, reason=reason, digest=digest or request.digests.get(item),
        batch=call.batch, delay=_delay(call), watched=True, received=request.received,
    )  # fmt: skip
    return mail.decision(item, review.decide(call.tx, decision, actor=call.actor), call.actor)


def _delay(call: Call) -> int:
    """How long a decision can be undone: only the console shows the countdown and the key that undoes it."""
    if call.entry_point is not EntryPoint.CONSOLE:
        return 0
    _, policy = context.current_policy(call.tx)
    return policy.oversight.release_delay


class CancelRequest(ItemRequest, ReasonRequest):
    """One message, and the reason for the log."""


def cancel(call: Call, request: CancelRequest) -> Json:
    number = item_number(request.id)
    review.cancel(call.tx, number, actor=call.actor, reason=request.reason)
    # One transaction: a failure after the commit would report a message as not cancelled that is.
    shown = Shown(What.MESSAGE, item=number)
    read_log.by_operator(call.tx, shown, entry_point=call.entry_point, actor=call.actor)
    return {"id": request.id} | status.message(call.tx.conn, number, caller=call.actor, now=call.tx.now)


# --- lanes --------------------------------------------------------------------------------------------------------


class LanesRequest(Shape):
    """`everything` includes empty lanes; `filter` is a filter of the lanes, such as `site:google sev:error`."""

    everything: bool = False
    filter: FilterText = ""


class LaneReason(ReasonRequest):
    """A lane by its number, and the reason for the log."""

    lane: Number


def list_lanes(call: Call, request: LanesRequest) -> Json:
    wants = wanted(request.filter, Listing.LANES)
    found = lanes.lanes(call.tx.conn, now=call.tx.now, wants=wants, all_of_them=request.everything)
    return {"lanes": [mail.lane(lane_for(one, call.actor)) for one in found]}


def pause_lane(call: Call, request: LaneReason) -> Json:
    emergency.pause_lane(call.tx, request.lane, reason=request.reason, actor=call.actor)
    return {"lane": request.lane, "paused": True}


def resume_lane(call: Call, request: LaneReason) -> Json:
    emergency.resume_lane(call.tx, request.lane, reason=request.reason, actor=call.actor)
    return {"lane": request.lane, "paused": False}


# --- answers ----------------------------------------------------------------------------------------------------------


class Held(Answer):
    """A page of what waits for a person, the longest waiting first."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class Scheduled(Answer):
    """A page of mail with a send time, next first."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class Item(WideAnswer):
    """A message as a reviewer reads it, or a held action."""

    id: str
    status: str


class Difference(WideAnswer):
    """A message as issued and as sent."""

    message_id: str
    digest: str | None
    issued_digest: str | None
    purged: bool


class DecidedItem(Answer):
    """The result of one decision: `decided` unless another person must confirm, `hurried` if it came too fast."""

    id: str
    item: str
    status: str
    decided: bool
    by: str
    release_at: str | None
    approvals_missing: int
    hurried: str | None


class NotDecided(Answer):
    """An item that could not be decided, with the code to branch on."""

    id: str
    error: str
    reason: str
    fix: str | None


class Decided(Answer):
    """What became of each item. A single item that is refused is an error instead."""

    decided: list[DecidedItem]
    refused: list[NotDecided]
    hurried: str | None = None


class Cancelled(WideAnswer):
    """The message, which will not leave any more."""

    id: str
    status: str


class Lanes(Answer):
    """Lanes, deepest first, with what holds each back."""

    lanes: list[dict[str, Any]]


class LanePaused(Answer):
    """A lane, and whether it is paused."""

    lane: int
    paused: bool


OPERATIONS = (
    read("queue.list", list_held, QueueRequest, Held, Verb.MESSAGE_READ,
         about="Mail and actions that wait for a person, oldest first.",
         shown=lambda request, _answer: Shown(What.PENDING, mailbox=_mailbox(request))),
    read("queue.scheduled", list_scheduled, ScheduledRequest, Scheduled, Verb.MESSAGE_READ,
         about="Mail with a send time chosen by its agent, next first.",
         shown=lambda request, _answer: Shown(What.SCHEDULED, mailbox=_mailbox(request))),
    read("message.show", show, ShowRequest, Item, Verb.MESSAGE_READ, opens=_opened, shown=_shown(What.MESSAGE),
         about="One message or held action in full; records that the caller has it open."),
    read("message.difference", show_difference, ItemRequest, Difference, Verb.MESSAGE_READ,
         about="The message as issued and as sent: what the gateway changed, and by which rule.",
         shown=_shown(What.DIFFERENCE)),
    act_each("message.approve", approve, DecideRequest, Decided, Verb.MESSAGE_APPROVE,
        about="Approve held actions: they are released at once. Edited mail needs its digest. "
              "Held received mail goes to its agent."),
    act_each("message.reject", reject, RejectRequest, Decided, Verb.MESSAGE_REJECT,
        about="Reject held actions: they never leave. Held received mail never reaches its agent."),
    act_each("message.undo", undo, UndoRequest, Decided, Verb.MESSAGE_UNDO,
        about="Take approvals back, as far as they are not released."),
    act("message.cancel", cancel, CancelRequest, Cancelled, Verb.MESSAGE_CANCEL,
        about="Cancel a message that is pending, scheduled or waiting in a lane."),
    read("lane.list", list_lanes, LanesRequest, Lanes, Verb.DESK_READ,
         about="Lanes, deepest first, and what holds each back."),
    act("lane.pause", pause_lane, LaneReason, LanePaused, Verb.LANE_PAUSE,
        about="Pause a lane: no delivery of it starts from now on."),
    act("lane.resume", resume_lane, LaneReason, LanePaused, Verb.LANE_RESUME, about="Resume a paused lane."),
)  # fmt: skip
