"""Postroom: the operations desk for email that AI agents send and receive.

What happens to a message, and the files of each step:

    an agent calls POST /emails/send     api/routes/emails.py authenticates, api/parsing.py reads the request
    it is composed, once                 services/sending/prepare.py (submission.py: before, after); rules/compose
      its class may be raised            services/sending/: content_class, readable_text; rules/classification
      headers, links, footer are added   services/sending/: desk_additions, conversation; rules/signed_ids
    the gate decides                     services/sending/: submit, gate, gate_facts; rules/gate.py
      held: it waits for a person        services/sending/review/; rules/content finds what it hides
      scheduled: it waits for its time   services/sending/delivery/scheduled.py, rules/send_time.py
      free: it is ready in its lane      db/queue/: order, fairness, one row to hold a lane back
    a worker claims it under its budgets services/sending/: delivery/, limits, site_limits; rules/: budgets, warm_up
    it is dated and signed               workers/delivery.py; rules/compose with_date, rules/dkim.py
    the gate decides again, as of now    services/sending/delivery/: departure_check, alteration (the digest)
    the attempt is committed, then made  services/sending/delivery/; smtp/ speaks to the relay or the MX
    the reply is settled                 services/sending/delivery/: sent, deferred, failed, uncertain
    feedback comes back, moves rates     services/feedback/ingest.py; rules/reports, rules/providers
    a guard suspends the agent           services/: feedback/rates, control/guard_rates, emergency; rules/guards

What happens to mail for a mailbox:

    it is handed over, and answered      workers/lmtp.py, api/routes/inbound.py; services/receiving/provider_mail.py
    it is read, within bounds            services/receiving/read_mail.py; rules/inbound
    it is screened, and held or not      services/receiving/: screening, outside_scorer; rules/inbound/screening
    it is stored once, in its thread     services/receiving/: receive, threads; db/tables/inbound.py
    what a run has read holds its mail   services/sending/taint.py; rules/gate.py
    people see it, decide on it          db/queries/received.py; services/sending/review/received.py
    it is emptied when it must           services/control/received_retention.py, services/feedback/erasure_received.py

Where to look:

    who may send at all          services/identity/: mailboxes (three signatures), signers, tokens, operators, streams
    an agent asks for a mailbox  services/identity/: enrolment, enrolment_claims; api/routes/: enrolment, agent_guide
    what a signer is shown       services/identity/: signoff_checklists, sender_checks (DNS, feedback)
    a desk for one person        services/identity/development.py (`init --dev`), demo/catcher.py (its receiver)
    drills, the IAM record       services/identity/: drills (revocation), inventory; desk_client/drill.py
    what operators can do        operations/: one registry, for HTTP (/v1/NAME), docs, desk clients; event_stream.py
    a desk on another machine    desk_client/ (httpx, no database); cli/: known_desks, remote/
    who may act or read          services/access.py (operators), services/sending/token_access.py (agents); roles
    how far an agent may go      services/identity/mailbox_settings.py, services/sending/: runs, run_context
    the policy                   services/control/policy.py, rules/policy/; services/sending/policy_replay.py
    contacts that agents keep    services/receiving/contacts.py; they permit nothing
    who may be written to        feedback/: suppressions, consents; sending/: consent_facts, first_time_recipients
    mail that is never answered  services/sending/loop_prevention.py, rules/loop_prevention.py
    suspend, pause, stop         services/control/emergency.py
    what was refused             services/sending/refusals.py: counted, one entry for many
    what is refused with 429     services/sending/acceptance_limits.py; limit_gauges.py shows what is left
    a repeated Idempotency-Key   services/sending/idempotency.py
    a person is erased           services/feedback/: erasure, mentions (wherever an address may stand)
    what came back               services/feedback/: ingest, matching (proof), rates, anomalies
    providers of relays          rules/providers/: one module each (webhook, relay, settings, SPF); sns.py proves SES
    unproved webhooks            services/feedback/provider_webhooks.py, kept_webhooks.py; workers/kept_feedback.py
    DNS records                  services/identity/: stream_dns, stream_keys; rules/stream_records.py
    webhooks                     services/notify/: webhook_outbox, _retries, _client, dead_letters; workers/webhooks.py
    notifications of people      services/notify/: notification_outbox, apprise_client; workers/notifications.py
    a gateway's own log lines    process_log.py writes them harmless, log_file.py keeps them; operations/gateway_logs.py
    what happened                services/audit/: trace, difference, mode_evidence, checkpoints, evidence_bundle
    whether the log is intact    services/audit/log_integrity.py, workers/log_check.py; db/audit_log.py is the chain
    what screens show            views/: values; operations/screens/ answers them, from db/queries/ and services
    what runs on a schedule      workers/scheduler.py; services/control/: retention, site_discovery
    a clock that is set back     services/sending/clock_skew.py
    several gateways             db/locks.py: who waits for whom (agents, streams, the desk); db/writer.py
    a primary that changes       db/postgresql.py: lost connections, poolers; text/database_url.py: several hosts
    a resource as JSON           serializers/: one function each, for HTTP and `--json`
    an operator's repeated key   services/control/operation_answers.py
    HTTP routes                  api/routes/: emails, operations, operator_actions, mailboxes, operators, tokens ...
    tools for agents (MCP)       mcp/: catalogue (the tools), endpoint (before a body is read), results, bridge
    bodies of HTTP requests      api/schemas/requests/: emails, runs, mailboxes, credentials; json_body.py reads them
    whether the desk can work    services/control/: readiness, gateway_registry (who runs); workers/heartbeat.py
    Prefer: wait                 api/: outcome_waiter, shared_reader (one for all who wait)
    search of received mail      services/receiving/: search, search_index (FTS5, GIN); rules/inbound/search_words
    waiting for received mail    api/inbox_waiter.py, services/receiving/wait.py; rules/inbound/one_time.py: its code
    large messages               api/compose_pool.py, cli/compose_process.py: processes of their own
    limits on HTTP clients       api/listener.py, api/http_connection.py, api/middleware/

Every fact is in the log: events/ is the catalogue, db/audit_log.py the hash chain. All other state: db/tables/.

Layers, from the top; each imports only what is below it (`lint-imports` checks them):

    cli, demo                    the command line; the simulated world of `postroom demo`
    gateway > process            wiring: settings -> database, API, workers; process: delivery alone (`--egress`)
    mcp                          /mcp: tools that are HTTP requests within the process; the stdio bridge
    api | workers                HTTP; everything that runs without being asked
    operations                   what operators can do, by name: request, answer, permission, service function
    desk_client                  a desk through its gateway: DirectDesk; its interface, which a local desk has too
    serializers                  each resource as JSON, for HTTP and the command line
    services                     one verb for each thing that can happen; its rooms, from the top:
                                 audit > identity > receiving > sending > feedback > control > notify
    settings                     configuration; each provider says what its table holds
    db | smtp                    tables and SQL; mail transport
    views > rules                what screens show, as values; decisions without I/O
    security, clock              keys, credentials, addresses never to be reached; time
    filter_fields                what a filter may name, on every list
    domains, filters, work_hours the public suffix list; the filter grammar; deadlines that stop over nights, weekends
    events > model > ids > durations > text > errors
"""
