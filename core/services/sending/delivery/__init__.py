"""Delivery of a message: claimed under its budgets, attempted after a gate check, settled with the receiver's reply.

    claim        one turn of the queue: fair over mailboxes and lanes; every budget is charged here
    attempt      the last gate check, and the commit that starts a delivery
    scheduled    messages whose send time has come enter their lanes
    alteration   messages whose bytes no longer match their digest are held
    settle       the receiver's reply: recipient, message, lane, route, counters and events, each once
    finish       how a recipient and its message end, whatever ends them
    leases       live workers and what they hold; recovery of what dead ones held

Three transactions, each of which can be the last before a crash: a claim without an attempt goes back to its lane, an
attempt without a settlement is `uncertain`, and nothing else can happen.
"""

from core.services.sending.delivery.alteration import Stored, hold_altered, stored
from core.services.sending.delivery.claim import CLAIMABLE, SPENT, Claim, claim
from core.services.sending.delivery.departure_check import Attempt, attempt
from core.services.sending.delivery.leases import (
    LEASE,
    LEASES_LAPSED,
    heartbeat,
    reclaim,
    register_worker,
    release_claims,
    release_forgotten,
    unregister_worker,
)
from core.services.sending.delivery.scheduled import SCHEDULED_DUE, release_scheduled
from core.services.sending.delivery.settle import (
    BACKS_OFF,
    LONGEST_BACKOFF,
    LONGEST_RETRY,
    RouteStateChange,
    Settle,
    Settlement,
    settle,
)

__all__ = [
    "BACKS_OFF",
    "CLAIMABLE",
    "LEASE",
    "LEASES_LAPSED",
    "LONGEST_BACKOFF",
    "LONGEST_RETRY",
    "SCHEDULED_DUE",
    "SPENT",
    "Attempt",
    "Claim",
    "RouteStateChange",
    "Settle",
    "Settlement",
    "Stored",
    "attempt",
    "claim",
    "heartbeat",
    "hold_altered",
    "reclaim",
    "register_worker",
    "release_claims",
    "release_forgotten",
    "release_scheduled",
    "settle",
    "stored",
    "unregister_worker",
]
