"""A policy as text, every key as written in its file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from core.durations import spell
from core.rules.policy.sections import Policy, Span


def listing(policy: Policy) -> list[str]:
    """Every key with its value: durations with their unit, notification URLs without their secrets."""
    return [f"{path} = {value}" for path, value in _lines(policy, ())]


def _lines(section: BaseModel, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        value, here = getattr(section, name), (*path, name)
        if isinstance(value, BaseModel):
            yield from _lines(value, here)
        elif isinstance(value, dict) and value and all(isinstance(one, BaseModel) for one in value.values()):
            for key, one in value.items():
                yield from _lines(one, (*here, json.dumps(key)))
        elif value is not None:
            yield ".".join(here), _toml(value, span=any(isinstance(one, Span) for one in field.metadata))


def _toml(value: Any, *, span: bool) -> str:
    if span and isinstance(value, int):
        return json.dumps(spell(value))
    if isinstance(value, list | tuple):
        return json.dumps([_veiled(str(one)) for one in value])
    return json.dumps(value, ensure_ascii=False, default=str)


def _veiled(text: str) -> str:
    """A notification URL without the part after its scheme, which is secret."""
    return f"{text.partition('://')[0]}://..." if "://" in text else text
