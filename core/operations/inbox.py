"""Received mail, as operators list it, and the contacts that agents keep. `message.show` opens one message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from core.db import directory
from core.db.queries import received as queries
from core.errors import Invalid, NotFound
from core.filter_fields import Listing
from core.ids import read_id, spell_id
from core.json_body import AddressText, Name, Shape
from core.operations.answers import Answer
from core.operations.bodies import AddressRequest, FilterText, ItemRequest, Limit, item_number, mailbox_address, wanted
from core.operations.operation import Call, Json, read
from core.rules.addresses import parse_address
from core.rules.roles import Verb
from core.serializers import received
from core.services.control.read_log import Shown, What
from core.services.receiving import contacts

PAGE: Final = 50


class InboxRequest(Shape):
    """A page of received mail, the newest first; `filter` is one of the Inbox screen, such as `state:held dmarc:fail`.

    `cursor` is the `next_cursor` of the page before.
    """

    filter: FilterText = ""
    cursor: Name | None = None
    limit: Limit = PAGE


class ContactsRequest(AddressRequest):
    """The contacts of one mailbox, the newest first; of one `contact`, or of a `tag`."""

    contact: AddressText | None = None
    tag: Name | None = None
    cursor: Name | None = None
    limit: Annotated[int, Field(ge=1, le=contacts.PAGE)] = contacts.PAGE


def list_received(call: Call, request: InboxRequest) -> Json:
    wants = wanted(request.filter, Listing.INBOX)
    before = _cursor("m", request.cursor)
    ids = queries.page_ids(call.tx.conn, wants, now=call.tx.now, before=before, limit=request.limit + 1)
    shown = list(ids[: request.limit])
    found = queries.rows(call.tx.conn, shown)
    return {
        "messages": [received.line(found[one]) for one in shown if one in found],
        "next_cursor": spell_id("m", shown[-1]) if len(ids) > request.limit else None,
    }


def thread(call: Call, request: ItemRequest) -> Json:
    found = queries.view(call.tx.conn, item_number(request.id), whole=False)
    if found is None:
        raise NotFound(f"there is no received message {request.id}", fix="postroom inbox list lists them")
    return received.conversation(found)


def list_contacts(call: Call, request: ContactsRequest) -> Json:
    box = directory.mailbox(call.tx.conn, mailbox_address(request.address))
    if box is None:
        raise NotFound(f"there is no mailbox {request.address}", fix="postroom mailbox list lists them")
    found, following = contacts.page(
        call.tx.conn, box.id, address=parse_address(request.contact).normalised if request.contact else None,
        tag=request.tag, cursor=_cursor("c", request.cursor), limit=request.limit,
    )  # fmt: skip
    return {
        "contacts": [received.contact(one) for one in found],
        "next_cursor": None if following is None else spell_id("c", following),
    }


def _cursor(kind: str, text: str | None) -> int | None:
    number = read_id(kind, text) if text else None
    if text and number is None:
        fix = "leave it out for the first page"
        raise Invalid("invalid cursor", fix=fix, problems=(("cursor", "is invalid"),))
    return number


def _shown_thread(request: ItemRequest, _answer: Mapping[str, object]) -> Shown:
    return Shown(What.MESSAGE, item=item_number(request.id))


def _shown_contacts(request: ContactsRequest, _answer: Mapping[str, object]) -> Shown:
    return Shown(What.CONTACTS, mailbox=mailbox_address(request.address))


# --- answers ----------------------------------------------------------------------------------------------------------


class Received(Answer):
    """A page of received mail."""

    messages: list[dict[str, Any]]
    next_cursor: str | None


class Conversation(Answer):
    """What came in and what the agent sent, oldest first."""

    id: str
    mailbox: str
    messages: list[dict[str, Any]]


class Contacts(Answer):
    """A page of a mailbox's contacts, with how much mail was sent and received."""

    contacts: list[dict[str, Any]]
    next_cursor: str | None


OPERATIONS = (
    read("inbox.list", list_received, InboxRequest, Received, Verb.MESSAGE_READ, about="Received mail, newest first.",
         shown=lambda _request, _answer: Shown(What.MESSAGES)),
    read("inbox.thread", thread, ItemRequest, Conversation, Verb.MESSAGE_READ, shown=_shown_thread,
         about="The thread of a received message."),
    read("contact.list", list_contacts, ContactsRequest, Contacts, Verb.MESSAGE_READ, shown=_shown_contacts,
         about="The contacts that an agent keeps for its mailbox; they permit nothing."),
)  # fmt: skip
