"""The result of one check of `postroom doctor`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

REACH_WITHIN: Final = 5.0
"""Timeout of a check for one network answer, in seconds."""


class Grade(enum.StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `fix` says what to do, if anything."""

    grade: Grade
    check: str
    about: str
    text: str
    fix: str = ""
