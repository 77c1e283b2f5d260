"""Requests that several operations share."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from core import filters
from core.errors import Invalid, NotFound
from core.filter_fields import Listing, fields
from core.filters import Want
from core.ids import read_item, spell_id
from core.json_body import AddressText, Name, ReasonRequest, Sentence, Shape
from core.rules.addresses import parse_address
from core.text.numbers import LARGEST

MOST: Final = 1_000
"""Rows of one page."""

LAST_ID: Final = 2**31 - 1
"""The highest number of a token or a run: a database cannot even compare larger ones."""

Limit = Annotated[int, Field(ge=1, le=1_000)]
Number = Annotated[int, Field(ge=0, le=LARGEST)]
Required = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


FilterText = Annotated[str, StringConstraints(max_length=500)]
"""A filter as typed on a screen, such as `agent:quote-bot check:!`; its fields are those of the list."""


def wanted(text: str, listing: Listing) -> tuple[Want, ...]:
    """The terms of a filter of this list. Raises `Invalid`, which says where it cannot be read."""
    return filters.parse(text, fields(listing))


class Nothing(Shape):
    """No members."""


class ItemRequest(Shape):
    """One message or held action, by its id."""

    id: Required


class AgentRequest(Shape):
    """One agent, by its name."""

    agent: Required


class AddressRequest(Shape):
    """One mailbox, by its address."""

    address: AddressText


class DomainRequest(Shape):
    """One stream, by its domain."""

    domain: Required


class AfterRequest(Shape):
    """A page that starts after a name; the first one without it."""

    after: Name = ""


class AgentReason(AgentRequest, ReasonRequest):
    """An agent, and the reason for the log."""


class AddressReason(AddressRequest, ReasonRequest):
    """A mailbox, and the reason for the log."""


class DomainReason(DomainRequest, ReasonRequest):
    """A stream, and the reason for the log."""


class OptionalReason(Shape):
    """The reason for the log, where none is required."""

    reason: Sentence | None = None


def item_number(text: str) -> int:
    """The number of a message or held action. Raises `Invalid`."""
    number = read_item(text)
    if number is None:
        raise Invalid(
            f"{text[:40]!r} is not an id", fix=f"ids look like {spell_id('m', 0)}: postroom queue pending lists them",
            problems=(("id", "is not an id"),),
        )  # fmt: skip
    return number


def mailbox_address(text: str) -> str:
    """A mailbox's address as the tables spell it. Raises `NotFound` for a malformed one: it is no mailbox either."""
    try:
        return parse_address(text).normalised
    except Invalid as error:
        raise NotFound(f"there is no mailbox {text[:100]!r}", fix="postroom mailbox list shows them all") from error
