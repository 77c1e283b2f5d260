"""Recipients' records: the suppression list, consents, and the erasure of a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from core.durations import read_stamp
from core.errors import Invalid
from core.filter_fields import Listing
from core.json_body import AddressText, Name, ReasonRequest, Sentence, Shape
from core.model import EVERY_CLASS
from core.operations.answers import Answer
from core.operations.bodies import FilterText, Limit, Number, OptionalReason, Required, wanted
from core.operations.mailboxes import moment
from core.operations.operation import Call, Json, act, read
from core.rules.roles import Verb
from core.serializers import recipients
from core.services.control.read_log import Shown, What
from core.services.feedback import consents, csv_io, erasure, suppressions
from core.services.feedback.csv_io import Imported

# --- suppressions -------------------------------------------------------------------------------------------------


class SuppressionsRequest(Shape):
    """A page of one address or of all, in the order of insertion; `after` is the last one's id.

    `filter` is a filter of the suppressions, such as `domain=gmail.com cause:complaint`.
    """

    address: AddressText | None = None
    filter: FilterText = ""
    after: Number = 0
    limit: Limit = suppressions.PAGE


class SuppressRequest(OptionalReason):
    """The address. `stream` is a domain, null for every stream; `expires` a duration (`30d`) or a time."""

    address: AddressText
    stream: Name | None = None
    classes: Required = EVERY_CLASS
    cause: Required = suppressions.MANUAL
    expires: Name | None = None


class UnsuppressRequest(ReasonRequest):
    """The address, on one stream or everywhere, and the reason for the log."""

    address: AddressText
    stream: Name | None = None


def list_suppressions(call: Call, request: SuppressionsRequest) -> Json:
    found = suppressions.listed(
        call.tx.conn, now=call.tx.now, address=request.address, after=request.after, limit=request.limit,
        wants=wanted(request.filter, Listing.SUPPRESSIONS),
    )  # fmt: skip
    return {"suppressions": [recipients.suppression(one) for one in found]}


def suppress(call: Call, request: SuppressRequest) -> Json:
    until = moment(request.expires, now=call.tx.now, field="expires") if request.expires else None
    entry = suppressions.Entry(
        address=request.address, stream=request.stream, classes=request.classes, cause=request.cause,
        reason=request.reason, expires_at=until,
    )  # fmt: skip
    record = suppressions.add(call.tx, entry, actor=call.actor)
    return {"address": request.address, "id": record, "added": record is not None}


def unsuppress(call: Call, request: UnsuppressRequest) -> Json:
    ended = suppressions.remove(
        call.tx, request.address, reason=request.reason, actor=call.actor, stream=request.stream
    )  # fmt: skip
    return {"address": request.address, "removed": ended}


# --- consents -----------------------------------------------------------------------------------------------------


class ConsentsRequest(Shape):
    """A page of one address or domain, or of all; `after` is the last one's id."""

    subject: AddressText | None = None
    after: Number = 0
    limit: Limit = consents.PAGE


class ConsentRequest(Shape):
    """A basis for mail to a recipient or a domain, and where it came from."""

    subject: AddressText
    basis: Required
    source: Sentence
    scope: Required = EVERY_CLASS
    region: Name | None = None
    stream: Name | None = None
    given: Name | None = None
    expires: Name | None = None


class WithdrawRequest(OptionalReason):
    """The address or domain, on one stream or everywhere."""

    subject: AddressText
    stream: Name | None = None


def list_consents(call: Call, request: ConsentsRequest) -> Json:
    found = consents.listed(call.tx.conn, subject=request.subject, after=request.after, limit=request.limit)
    return {"consents": [recipients.consent(one) for one in found]}


def add_consent(call: Call, request: ConsentRequest) -> Json:
    entry = consents.Entry(
        subject=request.subject, basis=request.basis, source=request.source, scope=request.scope,
        region=request.region, stream=request.stream,
        given_at=_given(request.given) if request.given else None,
        expires_at=moment(request.expires, now=call.tx.now, field="expires") if request.expires else None,
    )  # fmt: skip
    return {"id": consents.add(call.tx, entry, actor=call.actor), "subject": request.subject}


def _given(text: str) -> int:
    try:
        return read_stamp(text)
    except Invalid as error:
        raise Invalid(error.reason, fix=error.fix, problems=(("given", error.reason),)) from error


def withdraw_consent(call: Call, request: WithdrawRequest) -> Json:
    ended = consents.withdraw(
        call.tx, request.subject, actor=call.actor, reason=request.reason, stream=request.stream
    )  # fmt: skip
    return {"subject": request.subject, "withdrawn": ended}


# --- lists --------------------------------------------------------------------------------------------------------


class Row(Shape):
    """One line of a list: its number there, and its cells by column, without empty ones."""

    line: Number
    cells: Annotated[dict[Name, Annotated[str, StringConstraints(max_length=2_000)]], Field(max_length=20)]


class ImportRequest(Shape):
    """One batch of a list. A client sends a long list in several: the desk keeps sending meanwhile."""

    rows: Annotated[list[Row], Field(min_length=1, max_length=csv_io.BATCH_SIZE)]


def import_suppressions(call: Call, request: ImportRequest) -> Json:
    batch = suppressions.read_rows((one.line, one.cells) for one in request.rows)
    return _imported(suppressions.import_batch(call.tx, batch, actor=call.actor))


def import_consents(call: Call, request: ImportRequest) -> Json:
    batch = consents.read_rows((one.line, one.cells) for one in request.rows)
    return _imported(consents.import_batch(call.tx, batch, actor=call.actor))


def _imported(became: Imported) -> Json:
    bad = [{"line": one.line, "problem": one.problem} for one in became.bad]
    return {"added": became.added, "known": became.known, "bad": bad}


# --- erasure ------------------------------------------------------------------------------------------------------

PAGES: Final = 20
"""Pages of text that one request searches, if it finds nothing."""


class EraseRequest(ReasonRequest):
    """A person's address, and the reason for the log. `at` is the `next` of the answer before: each is one step."""

    address: AddressText
    at: Name = erasure.MAIL


def find(call: Call, request: EraseRequest) -> Callable[[], object]:
    """Search outside the transaction that erases: other writers never wait for a scan."""
    found = erasure.look(call.tx.conn, request.address, request.at, pages=PAGES)
    return lambda: found


def erase(call: Call, request: EraseRequest) -> Json:
    done = erasure.step(
        call.tx, call.actor, address=request.address, at=request.at, found=call.prepared, reason=request.reason
    )  # fmt: skip
    return {"messages": done.messages, "records": done.records, "left": done.left, "next": done.next}


# --- answers ----------------------------------------------------------------------------------------------------------


class Suppressions(Answer):
    """A page of suppressions in force."""

    suppressions: list[dict[str, Any]]


class Suppressed(Answer):
    """The record; `added` is false if one covered the address already."""

    address: str
    id: int | None
    added: bool


class Unsuppressed(Answer):
    """How many records ended."""

    address: str
    removed: int


class ListImported(Answer):
    """How many rows were added and known before; what was wrong with the others."""

    added: int
    known: int
    bad: list[dict[str, Any]]


class ErasedStep(Answer):
    """What one step erased. Continue with `next` as `at`; null: all is erased. `left`: messages still to erase."""

    messages: int
    records: int
    left: int
    next: str | None


class Consents(Answer):
    """A page of consent records."""

    consents: list[dict[str, Any]]


class ConsentAdded(Answer):
    """The record."""

    id: int
    subject: str


class ConsentWithdrawn(Answer):
    """How many records were withdrawn."""

    subject: str
    withdrawn: int


OPERATIONS = (
    read("suppression.list", list_suppressions, SuppressionsRequest, Suppressions, Verb.MESSAGE_READ,
         about="Suppressions in force, oldest first.",
         shown=lambda _request, _answer: Shown(What.SUPPRESSIONS)),
    act("suppression.add", suppress, SuppressRequest, Suppressed, Verb.SUPPRESS,
        about="Suppress an address: no agent can mail it."),
    act("suppression.remove", unsuppress, UnsuppressRequest, Unsuppressed, Verb.UNSUPPRESS,
        about="Remove an address from the suppression list."),
    act("suppression.import", import_suppressions, ImportRequest, ListImported, Verb.SUPPRESS,
        about="Suppress the addresses of a list: at most 500 rows."),
    read("consent.list", list_consents, ConsentsRequest, Consents, Verb.MESSAGE_READ,
         about="Consent records, oldest first, withdrawn ones included.",
         shown=lambda _request, _answer: Shown(What.CONSENTS)),
    act("consent.add", add_consent, ConsentRequest, ConsentAdded, Verb.CONSENT_ADD,
        about="Record consent of a recipient or a domain."),
    act("consent.withdraw", withdraw_consent, WithdrawRequest, ConsentWithdrawn, Verb.CONSENT_WITHDRAW,
        about="Withdraw consent. Mail that needs it is held or blocked from now on."),
    act("consent.import", import_consents, ImportRequest, ListImported, Verb.CONSENT_ADD,
        about="Record the consents of a list: at most 500 rows."),
    act("recipient.erase", erase, EraseRequest, ErasedStep, Verb.RECIPIENT_ERASE, prepare=find,
        about="Erase what the desk keeps of a person, step by step. A suppression and the log stay."),
)  # fmt: skip
