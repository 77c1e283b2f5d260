"""How routes describe themselves in /openapi.json, and the one way to answer with JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response

from core.doors.answers import Problem
from core.doors.problems import MEDIA_TYPE


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of a route, for its description."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        code: {"description": "problem", "model": Problem, "content": {MEDIA_TYPE: {"schema": schema}}}
        for code in codes
    }


def body_of(shape: type[Any]) -> dict[str, Any]:
    """The description of a body that we parse ourselves (a third faster than letting the framework)."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answer_json(http: int, members: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(members), status_code=http, media_type="application/json")
