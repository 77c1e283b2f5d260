"""All operations by name, in the order of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.operations import MODULES, declared
from core.operations.operation import Operation

OPERATIONS: Final[Mapping[str, Operation]] = {one.name: one for module in MODULES for one in declared(module)}
