"""Helpers to describe routes in /openapi.json, and the JSON response that all routes use."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import Response
from pydantic import BaseModel

from core.api.errors import MEDIA_TYPE
from core.api.schemas.examples import EXAMPLES
from core.api.schemas.requests.body import ReasonRequest, Shape
from core.api.schemas.requests.emails import DecideRequest, ReplyRequest, SendRequest, TagsRequest
from core.api.schemas.requests.mailboxes import MailboxPatch, MailboxRequest
from core.api.schemas.requests.runs import CloseRequest, ConfirmRequest, OpenRun

BODIES: Final[tuple[type[Shape], ...]] = (
    SendRequest, ReplyRequest, TagsRequest, DecideRequest, ReasonRequest, ConfirmRequest, OpenRun, CloseRequest,
    MailboxRequest, MailboxPatch,
)  # fmt: skip
"""Bodies that routes parse themselves: the framework does not see them, so the description must add them."""


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its description.

    The schema is a reference, not a model: the framework would build a validator for each code of each route, which is
    half of an application's startup time.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    return {code: {"description": "problem", "content": {MEDIA_TYPE: {"schema": schema}}} for code in codes}


def body_of(shape: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The description of a body that the route parses itself (a third faster than the framework's parsing)."""
    content = {"schema": _schema(shape)}
    if shape.__name__ in EXAMPLES:
        content["examples"] = {
            name: {"summary": name.replace("_", " "), "value": value}
            for name, value in EXAMPLES[shape.__name__].items()
        }
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


@functools.cache
def _schema(shape: type[BaseModel]) -> Any:
    schema = shape.model_json_schema()
    return _inlined(schema, schema.pop("$defs", {}))


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with every reference replaced by its definition: the framework does not know these schemas."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        named = definitions[schema["$ref"].rpartition("/")[2]]
        return _inlined(named, definitions) | {key: value for key, value in schema.items() if key != "$ref"}
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def answer_json(http: int, members: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(members), status_code=http, media_type="application/json")
