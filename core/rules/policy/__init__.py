"""The desk's policy: read `policy.toml`, and tell an edit that tightens from one that loosens.

`sections` is the schema of the file, each key with its range, its default and the direction in which it tightens;
`file` reads it; `changes` compares two versions; `listing` prints one. Import from this package.
"""

from core.rules.policy.changes import Change, Direction, changes, shown, tightened, veiled
from core.rules.policy.file import DEFAULT_TOML, from_json, parse, to_json
from core.rules.policy.listing import listing
from core.rules.policy.sections import Budgets, Guard, Notify, Policy, SiteBudget

__all__ = [
    "DEFAULT_TOML",
    "Budgets",
    "Change",
    "Direction",
    "Guard",
    "Notify",
    "Policy",
    "SiteBudget",
    "changes",
    "from_json",
    "listing",
    "parse",
    "shown",
    "tightened",
    "to_json",
    "veiled",
]
