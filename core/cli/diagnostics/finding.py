"""What one check of `postroom doctor` came to."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

REACH_WITHIN: Final = 5.0
"""Seconds that a check waits for an answer from the network."""


class Grade(enum.StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to. `fix` is what to do, where something is to be done."""

    grade: Grade
    check: str
    about: str
    text: str
    fix: str = ""
