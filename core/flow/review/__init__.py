"""Held actions, from the question to its answer: listed, opened, approved, rejected, taken back, released, or run out.

`items` are the rows of the queue, `reading` who has what before their eyes, `deciding` what a human does, `release` and
`ending` the two ways out. The rest of the desk imports from here.
"""

from core.flow.review.deciding import Decided, Decision, decide, undo
from core.flow.review.ending import cancel, end_of, end_unsent, expire_due, reject_due, warn_expiring
from core.flow.review.items import USUAL_REVIEW, count_pending, estimate, moot, new_item, send_back, spelled
from core.flow.review.reading import closed, opened
from core.flow.review.release import READ_GRANT, free_followers, into_lanes, release_due

__all__ = [
    "READ_GRANT",
    "USUAL_REVIEW",
    "Decided",
    "Decision",
    "cancel",
    "closed",
    "count_pending",
    "decide",
    "end_of",
    "end_unsent",
    "estimate",
    "expire_due",
    "free_followers",
    "into_lanes",
    "moot",
    "new_item",
    "opened",
    "reject_due",
    "release_due",
    "send_back",
    "spelled",
    "undo",
    "warn_expiring",
]
