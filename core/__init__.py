"""Postroom: the operations desk for email that AI agents send.

The way of a message, each step naming its file:

    an agent calls POST /emails/send            doors/intake.py      find the caller; contract.py, submissions.py parse
    the bytes are composed, once                flow/prepare.py      rules/compose, classes, provenance.py
    the gate decides                            flow/submit.py       flow/gate.py reads facts, rules/gate.py decides
      held: it waits for a human                flow/review/         rules/content (what it hides), pace; digest, dwell
      free: it is ready in its lane             ledger/lanes/        order, fairness, one row to hold a lane back
    a worker claims it under its budgets        flow/depart/         flow/allowances.py, rules/budgets.py
    it is dated and signed                      loops/departures.py  rules/compose with_date, rules/signing.py
    the gate decides again, with today's facts  flow/depart/         flow/gate.py; altering.py computes the digest again
    the attempt is committed, then delivered    flow/depart/         smtp/ speaks to the relay or the MX
    what the receiver said is settled           flow/depart/         sent, deferred, failed, uncertain
    feedback comes back and moves rates         flow/absorb.py       doors/feedback.py, rules/reports, rules/providers
    a guard suspends before receivers act       flow/controls.py     rules/guards.py

Where to look for a question:

    who may send at all        flow/identities.py (three signatures), tokens.py, operators.py, streams.py, retirement.py
    who may act or read        flow/access.py (operators, in each transaction), reach.py (tokens); rules/roles.py
    how far they may go        flow/bounds.py (modes, limits), policies.py, replaying.py, runs.py; rules/policy,
                               rules/roles.py
    who may be written to      flow/suppressions.py, consents.py, consentfacts.py, contacts.py; rules/consent.py
    which mail is not answered flow/answering.py, rules/answering.py
    what an emergency needs    flow/controls.py (suspend, pause, stop)
    what was refused           flow/refusals.py (counted, one entry for many)
    what came back             flow/absorb.py, matching.py (proof), cohorts.py (rates), guarding.py, anomalies.py
    who is told                flow/tell.py, deadletters.py + loops/webhooks.py (programs),
                               flow/alert.py + loops/notify.py (people)
    what happened              flow/trace.py, difference.py, evidence.py, checkpoints.py, bundle.py
    whether the log is whole   flow/integrity.py, loops/logcheck.py (hold the desk), checkpoints.py (proof kept outside)
    what screens show          ledger/views/ (one file a screen); console/reads/ (what needs a gauge or a verdict)
    what the clock does        loops/housekeeping.py (its list of chores), checkpoints.py, flow/upkeep.py, lookout.py,
                               clocksteps.py (a clock that is set back)
    who comes in               doors/operators.py, people.py, tokens.py, told.py, identities.py, unsubscribe.py,
                               maildir.py, health.py
    whether the desk can work  flow/readiness.py (accept, claim, deliver), gateways.py (who runs), loops/heartbeat.py
    who waits for an outcome   doors/outcomes.py (`Prefer: wait`: one reader for all who wait)
    large messages             doors/composers.py, cli/composer.py (processes of their own)
    what clients may cost      doors/listener.py, connection.py (connections, time), limits.py (bodies)
    under which names          doors/hosts.py (`Host`), docs.py (the page at /docs)

Every fact is in the log: events/ is the catalogue, ledger/log.py the chain. What else is remembered: ledger/tables/.

The floors, from the top; each imports only what is below it (`lint-imports` holds them):

    cli                      the command line          demo       the simulated ends of `postroom demo`
    gateway > delivery       wiring: settings -> ledger, doors, loops; delivery alone is an egress process
    doors | loops            where the outside comes in | what runs by itself
    flow                     the story: one verb for each thing that can happen
    rules | ledger | smtp | hooks | notices            decisions | the only SQL | mail out | webhooks out | people told
    minting keyfile keys networks settings clock       secrets, sealed keys, addresses, configuration, time
    workhours                                          deadlines that stop over nights and weekends
    filters                                            the one grammar of `field:value`; ledger/views/matching.py in SQL
    events > words, unseen (characters), hypertext (HTML) > errors
"""
