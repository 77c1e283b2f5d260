"""Bodies of the routes for contacts: what an agent notes about a person."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from core.api.schemas.requests.body import AddressText, Shape

MAX_NAME: Final = 200
MAX_NOTES: Final = 2_000


def _one_line(text: str) -> str:
    """A name that moves a cursor, or turns the text around it, deceives whoever reads the list."""
    if not text.isprintable():
        raise ValueError("must contain printable characters only")
    return text


def _lines(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("must contain printable characters and line feeds only")
    return text


ContactName = Annotated[str, StringConstraints(max_length=MAX_NAME, strip_whitespace=True), AfterValidator(_one_line)]
Notes = Annotated[str, StringConstraints(max_length=MAX_NOTES, strip_whitespace=True), AfterValidator(_lines)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_one_line)]
Tags = Annotated[list[Tag], Field(max_length=20)]


class ContactRequest(Shape):
    """`POST /mailboxes/{address}/contacts`."""

    address: AddressText
    name: ContactName = ""
    tags: Tags = Field(default_factory=list)
    notes: Notes = ""


class ContactPatch(Shape):
    """`PATCH /mailboxes/{address}/contacts`: `address` names the contact; what is omitted stays."""

    address: AddressText
    name: ContactName | None = None
    tags: Tags | None = None
    notes: Notes | None = None
