"""Review of held actions: listed, opened, approved, rejected, undone, released or expired.

`items` are the rows of the queue, `dwell` tracks what each reviewer has open, `decide` is the reviewer's decision,
`release` and `close` are the two ways out, `returning` the way back to the agent; `claims` says who is on what, and
`received` is mail that came in. The rest of the desk imports from here.
"""

from core.services.sending.review.claims import CLAIMED, claim, unclaim
from core.services.sending.review.close import (
    EXPIRE_DUE,
    REJECT_DUE,
    cancel,
    end_of,
    end_unsent,
    expire_due,
    reject_due,
    warn_expiring,
)
from core.services.sending.review.decide import Decision, DecisionResult, decide, undo
from core.services.sending.review.dwell import closed, opened
from core.services.sending.review.items import (
    USUAL_REVIEW,
    approvals_needed,
    count_pending,
    end_claims,
    estimate,
    format_item_id,
    new_item,
    send_back,
    settle_review,
)
from core.services.sending.review.received import hold as hold_received
from core.services.sending.review.received import withhold
from core.services.sending.review.release import (
    READ_GRANT,
    RELEASE_DUE,
    count_scheduled,
    free_followers,
    into_lanes,
    release_due,
    schedule,
)
from core.services.sending.review.returning import return_to_agent

__all__ = [
    "CLAIMED",
    "EXPIRE_DUE",
    "READ_GRANT",
    "REJECT_DUE",
    "RELEASE_DUE",
    "USUAL_REVIEW",
    "Decision",
    "DecisionResult",
    "approvals_needed",
    "cancel",
    "claim",
    "closed",
    "count_pending",
    "count_scheduled",
    "decide",
    "end_claims",
    "end_of",
    "end_unsent",
    "estimate",
    "expire_due",
    "format_item_id",
    "free_followers",
    "hold_received",
    "into_lanes",
    "new_item",
    "opened",
    "reject_due",
    "release_due",
    "return_to_agent",
    "schedule",
    "send_back",
    "settle_review",
    "unclaim",
    "undo",
    "warn_expiring",
    "withhold",
]
