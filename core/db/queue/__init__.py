"""The queue: lanes, ready recipients, in-flight recipients.

A lane is one mailbox towards one recipient domain. A claim reads the mailboxes that are due, then their due lanes, then
takes a few rows of each from an index clustered in leaving order: its cost does not grow with what is stuck behind one
site, and suspending an agent or pausing a stream writes one row at any queue depth. Bodies are never read.

    ready      waiting recipients in leaving order; order within a conversation
    schedule   which mailbox and lane is next, and what a claim takes
    in_flight  claimed recipients: leases, attempts, the return to a lane
"""

from core.db.queue.in_flight import Claimed, describe, held_leases, land, lapsed, mark_attempted, put_back
from core.db.queue.ready import LaneFacts, Slot, enqueue, followers, lane_for, predecessor, prefetch, withdraw
from core.db.queue.schedule import (
    CLAIMABLE,
    LANE_WINDOW,
    Breadth,
    Head,
    LaneTurn,
    Taken,
    acquire,
    heads,
    lanes_due,
    lease,
    mailboxes_due,
    sleep,
    take,
    wake,
)

__all__ = [
    "CLAIMABLE",
    "LANE_WINDOW",
    "Breadth",
    "Claimed",
    "Head",
    "LaneFacts",
    "LaneTurn",
    "Slot",
    "Taken",
    "acquire",
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
