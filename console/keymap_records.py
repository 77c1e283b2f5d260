"""Actions on runs, tokens, limits, dead letters and the policy, and on the pages that show what happened."""

from __future__ import annotations

from typing import Final

from console.action import Action

RECORD_ACTIONS: Final[tuple[Action, ...]] = ()
