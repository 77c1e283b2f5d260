"""What people at the desk do together: claim held mail, return it, note, acknowledge what needs attention."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from core.durations import DAY, HOUR, MINUTE, SECOND, stamp
from core.errors import Conflict
from core.json_body import Name, Sentence, Sha256, Shape
from core.model import Status
from core.operations.answers import Answer
from core.operations.bodies import ItemRequest, Key, Limit, Nothing, Required, item_number
from core.operations.messages import Ids
from core.operations.operation import Call, Json, act, act_each, read
from core.rules.roles import Verb
from core.services.audit import handover
from core.services.context import ServiceContext, context_of
from core.services.control import acknowledgements, notes
from core.services.control.notes import Subject
from core.services.control.read_log import Shown, What
from core.services.sending import editing, review
from core.services.sending.editing import Edited, Wording
from core.views.live import Level

MAX_TEXT: Final = 5_000_000
Comment = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
"""Text of several lines that a person writes."""


# --- claims -------------------------------------------------------------------------------------------------------


class ClaimRequest(Shape):
    """Held items to take for ten minutes, or to give back."""

    ids: Ids


def claim(call: Call, request: ClaimRequest) -> Json:
    (item,) = request.ids
    until = review.claim(call.tx, item_number(item), actor=call.actor)
    return _claimed(call, item, until)


def unclaim(call: Call, request: ClaimRequest) -> Json:
    (item,) = request.ids
    review.unclaim(call.tx, item_number(item), actor=call.actor)
    return _claimed(call, item, None)


def _claimed(call: Call, item: str, until: int | None) -> Json:
    return {"id": item, "by": call.actor.name, "claimed_until": None if until is None else stamp(until)}


# --- return -------------------------------------------------------------------------------------------------------


class ReturnRequest(ItemRequest):
    """A held message, and the comment that its agent reads. `digest` is what the reviewer saw."""

    comment: Comment
    digest: Sha256 | None = None


def return_to_agent(call: Call, request: ReturnRequest) -> Json:
    number = item_number(request.id)
    review.return_to_agent(call.tx, number, comment=request.comment, digest=request.digest, actor=call.actor)
    return {"id": request.id, "status": Status.RETURNED.value, "by": call.actor.name, "comment": request.comment}


# --- edit ---------------------------------------------------------------------------------------------------------


class EditRequest(ItemRequest):
    """A held message, the digest of what was edited, and the new wording; what is left out stays as it is.

    Of a message with text and HTML, both are given, or an empty `html` leaves the HTML part out.
    """

    LARGEST: ClassVar[int] = 4 * MAX_TEXT + 2**16  # two bodies, of which each character may be two bytes

    digest: Sha256
    subject: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    html: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None


def show_wording(call: Call, request: ItemRequest) -> Json:
    found = editing.editable(call.tx, item_number(request.id), ctx=_context(call))
    return {"id": request.id, "subject": found.subject, "text": found.text, "html": found.html, "digest": found.digest}


def compose_edit(call: Call, request: EditRequest) -> Callable[[], object]:
    """Compose it before the desk's write transaction: the checks of a long text take a while."""
    wording = Wording(request.subject, request.text, request.html)
    edited = editing.compose_edit(call.tx, item_number(request.id), wording, ctx=_context(call))
    return lambda: edited


def edit(call: Call, request: EditRequest) -> Json:
    edited = call.prepared
    if not isinstance(edited, Edited):
        edited = compose_edit(call, request)()
    assert isinstance(edited, Edited)
    if request.digest != edited.before.digest:
        raise Conflict("somebody edited it in the meantime", fix="look at it again: it is not what you edited")
    done = editing.edit(call.tx, edited, actor=call.actor)
    return {
        "id": request.id, "edit": done.edit, "digest": done.digest, "by": call.actor.name,
        "checks": [{"code": one.code, "text": one.text} for one in done.checks],
        "approvals_missing": done.approvals_missing,
    }  # fmt: skip


def _context(call: Call) -> ServiceContext:
    return context_of(call.resources.settings, call.resources.keys(), secrets.randbits)


# --- notes --------------------------------------------------------------------------------------------------------


class SubjectRequest(Shape):
    """One message, one agent, or one incident (a name of your own, as INC-431)."""

    message: Required | None = None
    agent: Name | None = None
    incident: Name | None = None

    @property
    def subject(self) -> Subject:
        return Subject(None if self.message is None else item_number(self.message), self.agent, self.incident)


class NoteRequest(SubjectRequest):
    """A note on one of them."""

    text: Comment


class NotesRequest(SubjectRequest):
    """Notes on one of them; without any, the newest of all."""

    limit: Limit = 100


def add_note(call: Call, request: NoteRequest) -> Json:
    note = notes.add(call.tx, request.subject, request.text, actor=call.actor)
    return {"note": note, "by": call.actor.name}


def list_notes(call: Call, request: NotesRequest) -> Json:
    about = request.subject
    found = notes.listed(call.tx.conn, about=None if about == Subject() else about, limit=request.limit)
    return {"notes": [one.as_json() for one in found]}


def _notes_shown(request: NotesRequest, answer: Mapping[str, Any]) -> Shown | None:
    """Notes on a message are read with it; others are read as the log is, which says that they were written."""
    if not answer["notes"]:
        return None
    return Shown(What.LOG) if request.message is None else Shown(What.MESSAGE, item=item_number(request.message))


# --- attention ----------------------------------------------------------------------------------------------------


LevelWord = Literal["fault", "warn", "info"]


class AcknowledgeRequest(Shape):
    """What needs attention, by its id in `attention.now`, and its `level` there: a worse one shows it again.

    It is quiet for so many seconds, an hour if none are given, at most a week.
    """

    key: Key
    level: LevelWord | Annotated[int, Field(ge=0, le=9)]
    seconds: Annotated[int, Field(ge=MINUTE // SECOND, le=7 * DAY // SECOND)] = acknowledgements.USUAL // SECOND
    reason: Sentence | None = None


class KeyRequest(Shape):
    """What needs attention, by its key."""

    key: Key


def acknowledge(call: Call, request: AcknowledgeRequest) -> Json:
    level = request.level if isinstance(request.level, int) else Level[request.level.upper()]
    until = acknowledgements.acknowledge(
        call.tx, request.key, level=level, span=request.seconds * SECOND, reason=request.reason,
        actor=call.actor,
    )  # fmt: skip
    return {"key": request.key, "by": call.actor.name, "until": stamp(until)}


def wake(call: Call, request: KeyRequest) -> Json:
    acknowledgements.wake(call.tx, request.key, actor=call.actor)
    return {"key": request.key, "by": call.actor.name, "until": None}


def list_acknowledged(call: Call, _request: Nothing) -> Json:
    found = acknowledgements.known(call.tx.conn, now=call.tx.now).values()
    return {"acknowledged": [one.as_json() for one in sorted(found, key=lambda one: one.until)]}


# --- hand-over ----------------------------------------------------------------------------------------------------


class HandoverRequest(Shape):
    """The time since when, in seconds before now: eight hours if none are given, at most a week."""

    seconds: Annotated[int, Field(ge=MINUTE // SECOND, le=7 * DAY // SECOND)] = 8 * HOUR // SECOND


def show_handover(call: Call, request: HandoverRequest) -> Json:
    now = call.tx.now
    return handover.handover(call.tx.conn, since=now - request.seconds * SECOND, now=now).as_json()


# --- answers ------------------------------------------------------------------------------------------------------


class Claim(Answer):
    """Who has the item, and until when; null once it is given back."""

    id: str
    by: str
    claimed_until: str | None


class Claimed(Answer):
    """What became of each item."""

    decided: list[Claim]
    refused: list[dict[str, Any]]


class Returned(Answer):
    """The message, which never leaves, and the comment that its agent reads."""

    id: str
    status: str
    by: str
    comment: str


class WordingAnswer(Answer):
    """What can be edited: without what the desk adds below it. `text` is null if it is made from the HTML."""

    id: str
    subject: str
    text: str | None
    html: str | None
    digest: str


class EditedAnswer(Answer):
    """The new digest, to be approved by somebody else, and the checks that the new bytes fail."""

    id: str
    edit: int
    digest: str
    by: str
    checks: list[dict[str, str]]
    approvals_missing: int


class Note(Answer):
    """A note: `at` is its time, and one of `message`, `agent` and `incident` what it is about."""

    id: int
    by: str
    at: str
    text: str
    message: str | None
    agent: str | None
    incident: str | None


class Notes(Answer):
    """Notes, oldest first."""

    notes: list[Note]


class Noted(Answer):
    """The number of the new note, as in the log's `review.noted`."""

    note: int
    by: str


class HandoverAnswer(Answer):
    """What waits, events counted by type, who did what, what happened, and the notes.

    `since` is later than asked if the log had more entries than are read at once (`truncated`).
    """

    since: str
    at: str
    truncated: bool
    waits: dict[str, Any]
    counts: dict[str, int]
    people: list[dict[str, Any]]
    happened: list[dict[str, Any]]
    notes: list[Note]


class Acknowledged(Answer):
    """Until when it is quiet; null: it is shown again."""

    key: str
    by: str
    until: str | None


class AllAcknowledged(Answer):
    """Everything that is acknowledged now, the next to be shown again first."""

    acknowledged: list[dict[str, Any]]


OPERATIONS: Final = (
    act_each("message.claim", claim, ClaimRequest, Claimed, Verb.MESSAGE_CLAIM,
        about="Claim held items for ten minutes: the others see who is on them. It keeps nobody from deciding."),
    act_each("message.unclaim", unclaim, ClaimRequest, Claimed, Verb.MESSAGE_CLAIM,
        about="Give your own claims back before their time."),
    act("message.return", return_to_agent, ReturnRequest, Returned, Verb.MESSAGE_RETURN,
        about="Return a held message to its agent with a comment. It never leaves; the agent may submit it again."),
    read("message.wording", show_wording, ItemRequest, WordingAnswer, Verb.MESSAGE_EDIT,
         about="Subject and body of a held message, to be edited: without what the desk adds below.",
         opens=lambda call, request: review.opened(call.tx, item_number(request.id), actor=call.actor),
         shown=lambda request, _answer: Shown(What.MESSAGE, item=item_number(request.id))),
    act("message.edit", edit, EditRequest, EditedAnswer, Verb.MESSAGE_EDIT, prepare=compose_edit,
        about="Edit a held message: it is composed, checked and judged again, and somebody else must approve it."),
    act("note.add", add_note, NoteRequest, Noted, Verb.NOTE_ADD, about="Note something on a message, agent, incident."),
    read("note.list", list_notes, NotesRequest, Notes, Verb.AUDIT_READ,
         about="Notes on a message, an agent or an incident, oldest first.", shown=_notes_shown),
    act("attention.acknowledge", acknowledge, AcknowledgeRequest, Acknowledged, Verb.ATTENTION_ACKNOWLEDGE,
        about="Keep what needs attention quiet until a time; a worse state shows it again."),
    act("attention.wake", wake, KeyRequest, Acknowledged, Verb.ATTENTION_ACKNOWLEDGE,
        about="Show what was acknowledged again from now on."),
    read("attention.list", list_acknowledged, Nothing, AllAcknowledged, Verb.DESK_READ,
         about="What is acknowledged, by whom and until when."),
    read("handover.show", show_handover, HandoverRequest, HandoverAnswer, Verb.AUDIT_READ,
         about="The hand-over for the next shift: what happened since a time, what waits, who did what.",
         shown=lambda _request, _answer: Shown(What.LOG)),
)  # fmt: skip
