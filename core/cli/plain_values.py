"""Read plain values of options without pydantic, with which typer 0.26 and later reads every one.

Importing pydantic takes longer than all the rest of a command. A text, a number, a flag or a choice that is well formed
is read here; everything else, and every error, is typer's own.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin

import typer.core

_UNSURE: Final = object()
_DIGITS: Final = 9
_DEMANDS: Final = ("exists", "writable", "executable", "resolve_path", "allow_dash", "path_type")
"""What an option may demand of a path beside being readable."""


def install() -> None:
    """Have typer read plain values here. Other versions of typer, which have no such function, stay as they are."""
    builder = getattr(typer.core, "build_runtime_param", None)
    if builder is not None and not isinstance(builder, _Builder):
        setattr(typer.core, "build_runtime_param", _Builder(builder))  # noqa: B010 - typer does not export it


@dataclass(frozen=True, slots=True)
class _Builder:
    """Stands for typer's `build_runtime_param`."""

    original: Callable[[Any], Any]

    def __call__(self, descriptor: Any) -> _Plain:
        return _Plain(descriptor, self.original)


@dataclass(frozen=True, slots=True)
class _Plain:
    """Reads the values of one option or argument, as typer's `RuntimeParam` does."""

    descriptor: Any
    original: Callable[[Any], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        read = _read(value, self.descriptor.annotation, self.descriptor.parameter_info)
        return self.original(self.descriptor).coerce(value, param=param, ctx=ctx) if read is _UNSURE else read


def _read(value: object, annotation: Any, info: Any) -> object:
    """The value, or `_UNSURE` if typer has to look at it."""
    if get_origin(annotation) is list and isinstance(value, list | tuple):
        (kind,) = get_args(annotation)
        each = [_read(one, kind, info) for one in value]
        return _UNSURE if _UNSURE in each else each
    if not isinstance(annotation, type) or getattr(info, "parser", None) or getattr(info, "click_type", None):
        return _UNSURE
    if annotation is str or annotation is bool:
        return value if isinstance(value, annotation) else _UNSURE
    if annotation is int:
        return _number(value, info)
    if annotation is Path:
        return _path(value, info)
    if issubclass(annotation, enum.Enum):
        members: dict[object, object] = {one.value: one for one in annotation}
        return value if isinstance(value, annotation) else members.get(value, _UNSURE)
    return _UNSURE


def _path(value: object, info: Any) -> object:
    """A path that typer need not look at: one that need not exist, and can be read if it does."""
    if (
        not isinstance(value, str)
        or any(getattr(info, name, None) for name in _DEMANDS)
        or not (info.file_okay and info.dir_okay)
    ):
        return _UNSURE
    return Path(value) if os.access(value, os.R_OK) or not os.path.lexists(value) else _UNSURE


def _number(value: object, info: Any) -> object:
    number: object = _UNSURE
    if isinstance(value, str):
        digits = value.removeprefix("-")
        number = int(value) if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS else _UNSURE
    elif type(value) is int:
        number = value
    if not isinstance(number, int):
        return _UNSURE
    return number if (info.min is None or info.min <= number) and (info.max is None or number <= info.max) else _UNSURE
