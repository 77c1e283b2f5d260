"""The queue: lanes, what is ready in them, what is in flight.

A lane is one mailbox towards one recipient domain. Claiming looks at mailboxes whose turn it is, then at their due
lanes, then takes a few rows of each from an index clustered in leaving order: its cost does not grow with what is
stuck behind one site, and suspending an agent or pausing a stream is one row whatever is queued. Bodies stay away.

    ready      what waits in leaving order; which recipient waits for which
    schedule   whose turn it is, and what a claim takes
    in_flight  what is claimed: leases, attempts, the way back
"""

from core.db.queue.in_flight import Claimed, describe, held_leases, land, lapsed, mark_attempted, put_back
from core.db.queue.ready import LaneFacts, Slot, enqueue, followers, lane_for, predecessor, prefetch, withdraw
from core.db.queue.schedule import (
    LANE_WINDOW,
    MAILBOXES_DUE,
    Head,
    LaneTurn,
    Taken,
    heads,
    lanes_due,
    lease,
    mailboxes_due,
    sleep,
    take,
    wake,
)

__all__ = [
    "LANE_WINDOW",
    "MAILBOXES_DUE",
    "Claimed",
    "Head",
    "LaneFacts",
    "LaneTurn",
    "Slot",
    "Taken",
    "describe",
    "enqueue",
    "followers",
    "heads",
    "held_leases",
    "land",
    "lane_for",
    "lanes_due",
    "lapsed",
    "lease",
    "mailboxes_due",
    "mark_attempted",
    "predecessor",
    "prefetch",
    "put_back",
    "sleep",
    "take",
    "wake",
    "withdraw",
]
