"""The arguments of a tool, checked against its schema, and the run that the client's trace names.

Unknown arguments are refused, as over HTTP: a model that misspells `bcc` must not believe that it took effect. The
values are checked by the route, which gets them unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from core.errors import Invalid

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context: version, trace ID, parent ID, flags."""
_NOBODY: Final = "0" * 32
_LONGEST: Final = 8_192
"""Characters of baggage that are read; W3C Baggage asks for no more."""
_RUN: Final = re.compile(r"[\x21-\x7e]{1,128}")
_USER_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Run:
    """The run and its user as the client's `_meta` names them; a token that is bound to a run overrides both."""

    id: str | None = None
    user: str | None = None

    def as_member(self) -> dict[str, str] | None:
        """The `run` member of a request."""
        named = {name: value for name, value in (("id", self.id), ("user", self.user)) if value}
        return named or None


def check(schema: Draft202012Validator, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments that were given; null counts as left out. Raises `Invalid`, naming each wrong one."""
    arguments = {name: value for name, value in (given or {}).items() if value is not None}
    problems = []
    for one in schema.iter_errors(arguments):
        where = ".".join(str(step) for step in one.absolute_path) or "arguments"
        problems.append((where, one.message[:200]))
        if len(problems) == 50:
            break
    if problems:
        raise Invalid(f"{problems[0][0]}: {problems[0][1]}", problems=tuple(problems))
    return arguments


def run_of(meta: Mapping[str, Any] | None) -> Run:
    """The run that a client's trace names: `postroom.run` and `postroom.user` of `baggage`, or else the trace ID.

    The client writes `_meta`, not the model (SEP-414). What is malformed is ignored, as W3C asks of a receiver.
    """
    if not meta:
        return Run()
    named = _baggage(meta.get("baggage"))
    run, user = named.get("postroom.run"), named.get("postroom.user")
    if run is None and isinstance(parent := meta.get("traceparent"), str):
        found = _TRACEPARENT.fullmatch(parent)
        run = found[1] if found and found[1] != _NOBODY else None
    return Run(
        run if run and _RUN.fullmatch(run) else None,
        user if user and len(user) <= _USER_LONGEST and user.isprintable() else None,
    )


def _baggage(text: object) -> dict[str, str]:
    """The members of W3C Baggage, without their properties."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    found = {}
    for member in text.split(","):
        name, is_member, value = member.partition(";")[0].partition("=")
        if is_member:
            found[name.strip()] = unquote(value.strip())
    return found
