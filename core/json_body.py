"""Parse a JSON body: the base class of all requests, and field types that several resources share.

`read` turns bytes into a model or into a list of all problems with their fields; no code behind a route handles JSON
again. JSON that has a duplicate key or a NUL character is refused here, because pydantic accepts both. Empty lists come
from factories: pydantic deep-copies a mutable default for every request, nine times a message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from core.errors import Invalid, TooLarge

Line = Annotated[str, StringConstraints(max_length=998)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[str, StringConstraints(max_length=256)]
AddressText = Annotated[str, StringConstraints(max_length=1_000)]
Purpose = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Sentence = Annotated[str, StringConstraints(max_length=2_000)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

S = TypeVar("S", bound="Shape")


def where(path: tuple[str | int, ...]) -> str:
    """Format a pydantic error location, such as `attachments[0].filename`."""
    dotted = ""
    for step in path:
        dotted += f"[{step}]" if isinstance(step, int) else f".{step}" if dotted else str(step)
    return dotted


class Shape(BaseModel):
    """Base of all bodies. Unknown members are refused: a misspelled `bcc` must not be ignored silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    LARGEST: ClassVar[int] = 512 * 1024
    """Maximum size, in bytes, of JSON parsed in the event loop: the longest allow-list takes half of it."""


class ReasonRequest(Shape):
    """A body with a reason, for whatever stops something or resumes it."""

    reason: Sentence


def as_list(value: object) -> object:
    """A single string stands for a list of one."""
    return [value] if isinstance(value, str) else null_as_list(value)


def null_as_list(value: object) -> object:
    """Drop null members: some clients send null instead of omitting a member."""
    return [] if value is None else value


def read(shape: type[S], body: bytes) -> S:
    """The parsed model. Raises `Invalid` with every problem and its field, `TooLarge` beyond the model's size limit."""
    if len(body) > shape.LARGEST:
        most = f"{shape.LARGEST // 1024} KiB"
        raise TooLarge(f"the body has {len(body):,} bytes; this request takes at most {most}", fix="send less")
    try:
        parsed = shape.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error
    if (twice := _duplicate_key(body)) is not None:
        # Parsers differ in which of the two they take: a reviewer could see the one, a recipient get the other.
        raise Invalid(
            f"the JSON names {twice!r} twice in one object",
            fix=f"give {twice!r} once",
            problems=((twice, "is given twice in one object"),),
        )
    if b"\\u0000" in body and (field := _nul(parsed.model_dump(by_alias=True), "")) is not None:
        # PostgreSQL refuses NUL in text; the error would look as if the whole desk were down.
        raise Invalid(f"{field}: has a NUL character", problems=((field, "has a NUL character"),))
    return parsed


def made(shape: type[S], members: Mapping[str, Any]) -> S:
    """A model made of members that were parsed before, as of another body. Raises `Invalid`, as `read` does."""
    try:
        return shape.model_validate(members)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> Invalid:
    problems = tuple(
        (where(one["loc"]) or "body", one["msg"]) for one in error.errors(include_input=False, include_url=False)
    )
    first = problems[0]
    return Invalid(f"{first[0]}: {first[1]}", problems=problems[:50])


class _DuplicateKey(Exception):
    """Carries the key out of the parser."""


def _duplicate_key(body: bytes) -> str | None:
    """The first duplicate key in an object of a valid JSON text, or None. pydantic's parser takes the last value."""
    try:
        json.loads(body, object_pairs_hook=_count_keys, parse_int=str, parse_float=str)
    except _DuplicateKey as found:
        return str(found)[:100]
    except (ValueError, RecursionError):
        return None  # pydantic's parser has accepted it, so this check does not decide
    return None


def _count_keys(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1:
        keys = {key for key, _ in pairs}
        if len(keys) < len(pairs):
            seen: set[str] = set()
            raise _DuplicateKey(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]


def _nul(value: object, place: str) -> str | None:
    """The location of a NUL character in a parsed body, or None."""
    if isinstance(value, str):
        return (place or "body") if "\x00" in value else None
    if isinstance(value, dict):
        named = ((f"{place}.{key}" if place else str(key), key, one) for key, one in value.items())
        return next((spot for name, key, one in named if (spot := _nul(key, place) or _nul(one, name))), None)
    if isinstance(value, list):
        return next((spot for n, one in enumerate(value) if (spot := _nul(one, f"{place}[{n}]"))), None)
    return None
