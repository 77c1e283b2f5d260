"""Postroom: the operations desk for email that AI agents send.

The way of a message, each step naming its file:

    an agent calls POST /emails/send            api/routes/emails.py      find the caller; contract.py, submissions.py parse
    the bytes are composed, once                services/sending/prepare.py      rules/compose, classes, provenance.py
    the gate decides                            services/sending/submit.py       services/sending/gate.py reads facts, rules/gate.py decides
      held: it waits for a human                services/sending/review/         rules/content (what it hides), pace; digest, dwell
      free: it is ready in its lane             db/queue/        order, fairness, one row to hold a lane back
    a worker claims it under its budgets        services/sending/delivery/         services/sending/limits.py, rules/budgets.py
    it is dated and signed                      workers/delivery.py  rules/compose with_date, rules/signing.py
    the gate decides again, with today's facts  services/sending/delivery/         services/sending/gate.py; altering.py computes the digest again
    the attempt is committed, then delivered    services/sending/delivery/         smtp/ speaks to the relay or the MX
    what the receiver said is settled           services/sending/delivery/         sent, deferred, failed, uncertain
    feedback comes back and moves rates         services/feedback/ingest.py       api/routes/feedback.py, rules/reports, rules/providers
    a guard suspends before receivers act       services/control/emergency.py     rules/guards.py

Where to look for a question:

    who may send at all        services/identity/mailboxes.py (three signatures), tokens.py, operators.py, streams.py, retirement.py
    who may act or read        services/access.py (operators, in each transaction), reach.py (tokens); rules/roles.py
    how far they may go        services/identity/mailbox_settings.py (modes, limits), policies.py, replaying.py, runs.py; rules/policy,
                               rules/roles.py
    who may be written to      services/feedback/suppressions.py, consents.py, consentfacts.py, contacts.py; rules/consent.py
    which mail is not answered services/sending/loop_prevention.py, rules/answering.py
    what an emergency needs    services/control/emergency.py (suspend, pause, stop)
    what was refused           services/sending/refusals.py (counted, one entry for many)
    what came back             services/feedback/ingest.py, matching.py (proof), cohorts.py (rates), guarding.py, anomalies.py
    who is told                services/notify/webhook_outbox.py, deadletters.py + workers/webhooks.py (programs),
                               services/notify/notification_outbox.py + workers/notifications.py (people)
    what happened              services/audit/trace.py, difference.py, evidence.py, checkpoints.py, bundle.py
    whether the log is whole   services/control/log_integrity.py, workers/log_check.py (hold the desk), checkpoints.py (proof kept outside)
    what screens show          db/queries/ (one file a screen); console/queries/ (what needs a gauge or a verdict)
    what the clock does        workers/scheduler.py (its list of chores), checkpoints.py, services/control/retention.py, lookout.py,
                               clocksteps.py (a clock that is set back)
    who comes in               api/routes/oversight.py, people.py, tokens.py, told.py, identities.py, unsubscribe.py,
                               maildir.py, health.py
    whether the desk can work  services/control/readiness.py (accept, claim, deliver), gateways.py (who runs), workers/heartbeat.py
    who waits for an outcome   api/outcome_waiter.py (`Prefer: wait`: one reader for all who wait)
    large messages             api/compose_pool.py, cli/composer.py (processes of their own)
    what clients may cost      api/listener.py, connection.py (connections, time), limits.py (bodies)
    under which names          api/middleware/allowed_hosts.py (`Host`), docs.py (the page at /docs)

Every fact is in the log: events/ is the catalogue, db/audit_log.py the chain. What else is remembered: db/tables/.

The floors, from the top; each imports only what is below it (`lint-imports` holds them):

    cli                      the command line          demo       the simulated ends of `postroom demo`
    gateway > delivery       wiring: settings -> ledger, doors, loops; delivery alone is an egress process
    doors | loops            where the outside comes in | what runs by itself
    flow                     the story: one verb for each thing that can happen
    rules | ledger | smtp | hooks | notices            decisions | the only SQL | mail out | webhooks out | people told
    minting keyfile keys networks settings clock       secrets, sealed keys, addresses, configuration, time
    workhours                                          deadlines that stop over nights and weekends
    filters                                            the one grammar of `field:value`; db/queries/filter_conditions.py in SQL
    events > words, unseen (characters), hypertext (HTML) > errors
"""
