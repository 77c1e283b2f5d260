"""A message leaves: claimed under its budgets, attempted under the gate, settled with what the receiver said.

    claiming     a turn of the queue: fair over mailboxes and lanes, every budget paid here
    attempting   the gate's last look, and the commit that starts a delivery
    altering     bytes that are not those of the digest stay here
    settling     what the receiver said: recipient, message, lane, route, counters and events, each once
    ending       how a recipient and its message end, whoever ends them
    leases       who lives and holds what; what the dead left behind

Three transactions, each of which can be the last before a crash: a claim without an attempt goes back to its lane, an
attempt without a settlement is `uncertain`, and nothing else can happen.
"""

from core.flow.depart.altering import Stored, hold_altered, stored
from core.flow.depart.attempting import attempt
from core.flow.depart.claiming import SPENT, claim
from core.flow.depart.leases import LEASE, beat, discharge, enlist, let_go, reclaim
from core.flow.depart.settling import BACKS_OFF, LONGEST_BACKOFF, LONGEST_RETRY, RouteTurn, Settlement, settle

__all__ = [
    "BACKS_OFF",
    "LEASE",
    "LONGEST_BACKOFF",
    "LONGEST_RETRY",
    "SPENT",
    "RouteTurn",
    "Settlement",
    "Stored",
    "attempt",
    "beat",
    "claim",
    "discharge",
    "enlist",
    "hold_altered",
    "let_go",
    "reclaim",
    "settle",
    "stored",
]
