"""The description in /openapi.json, helpers for routes to describe themselves, and the JSON response that all use."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from fastapi import FastAPI, Response
from pydantic import BaseModel

from core.api.errors import MEDIA_TYPE
from core.api.schemas.examples import EXAMPLES
from core.api.schemas.requests.body import ReasonRequest, Shape
from core.api.schemas.requests.emails import DecideRequest, ReplyRequest, SendRequest, TagsRequest
from core.api.schemas.requests.mailboxes import MailboxPatch, MailboxRequest
from core.api.schemas.requests.runs import CloseRequest, ConfirmRequest, OpenRun
from core.api.schemas.responses import Problem

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


def body_of(shape: type[BaseModel], *, required: bool = True, examples: bool = True) -> dict[str, Any]:
    """The description of a body that the route parses itself (a third faster than the framework's parsing)."""
    content = {"schema": _schema(shape)}
    if examples and shape.__name__ in EXAMPLES:
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


def describe(app: FastAPI, *, further: Callable[[dict[str, Any]], None]) -> None:
    """Add the schemas that routes reference, and bearer authentication, to the OpenAPI description.

    `further` adds the paths of operations, which have one route for all.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None and "security" in app.openapi_schema:
            return app.openapi_schema
        found = plain()
        further(found)
        components = found.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        shapes: tuple[type[BaseModel], ...] = (Problem, *BODIES)
        for shape in shapes:
            schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
            for name, part in (schema.pop("$defs", {}) | {shape.__name__: schema}).items():
                schemas.setdefault(name, part)
        for route in found["paths"].values():
            for operation in route.values():
                operation["responses"] = {code: _only_problem_json(one) for code, one in operation["responses"].items()}
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]  # these parameters cannot be malformed
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        return found

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description


def _only_problem_json(answer: dict[str, Any]) -> dict[str, Any]:
    """Drop the content type that the framework adds to error responses: they are sent only as problem+json."""
    content = answer.get("content", {})
    return answer | {"content": {MEDIA_TYPE: content[MEDIA_TYPE]}} if MEDIA_TYPE in content else answer
