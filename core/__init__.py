"""Postroom: the operations desk for email that AI agents send.

The way of a message, each step naming its file:

    an agent calls POST /emails/send            doors/intake.py      parse (doors/contract.py), find the caller
    the bytes are composed, once                flow/prepare.py      rules/compose, classes.py, provenance.py
    the gate decides                            flow/submit.py       flow/gate.py asks rules/modes, budgets, consent
      held: it waits for a human                flow/review.py       approve, reject, undo, expire; digest and dwell
      free: it is ready in its lane             ledger/lanes.py      order, fairness, one row to hold a lane back
    a worker claims it under its budgets        flow/depart.py       flow/allowances.py, rules/budgets.py
    it is dated and signed                      loops/departures.py  rules/compose with_date, rules/signing.py
    the attempt is committed, then delivered    flow/depart.py       smtp/ speaks to the relay or the MX
    what the receiver said is settled           flow/depart.py       sent, deferred, failed, uncertain
    feedback comes back and moves rates         flow/absorb.py       doors/feedback.py, rules/reports, rules/providers
    a guard suspends before receivers act       flow/controls.py     rules/guards.py

Who may send at all is decided before: flow/identities.py (three signatures), flow/tokens.py, flow/streams.py. What
people change while it runs: flow/controls.py (suspend, pause, stop), flow/bounds.py (modes, limits), flow/policies.py.
Every fact is in the log (events.py is the catalogue, ledger/log.py the chain); flow/trace.py tells a message's story.

The floors, from the top; each imports only what is below it (`lint-imports` holds them):

    cli                      the command line          demo       the simulated ends of `postroom demo`
    gateway                  wiring: settings -> ledger, doors, loops
    doors | loops            where the outside comes in | what runs by itself
    flow                     the story: one verb for each thing that can happen
    rules | ledger | smtp | hooks | notices            decisions | the only SQL | mail out | webhooks out | people told
    minting keys networks settings clock               secrets, sealed keys, addresses, configuration, time
    events > words > errors
"""
