"""The command line of everything that needs no screen.

output.py          what a command prints and how it ends: JSON or text, errors in one line, exit codes
context.py         what a command works on: --dir, --json, the database, who acts
commands.py        all of them, in the order of help, each imported when it is asked for
init.py            init; founding.py has its files and people
next_steps.py      what to type next; handoff.py looks up who, prompts.py asks for what a request lacks
serve.py           serve
stop.py            stop, start
doctor.py          what is missing before real mail can leave; diagnostics/ has its checks
streams.py         stream: sending subdomains, their keys and DNS records
mailboxes.py       mailbox: request, renew, end identities
signoffs.py        mailbox approve, veto: the checklist with what the desk found
mailbox_limits.py  mailbox: mode, limits, allow-list, webhook
agents.py          agent, token
operators.py       operator
queue.py           queue, lane: the desk without a screen
review.py          queue review: held mail, one message after the other
runs.py            run
recipients.py      suppress, consent
webhooks.py        webhook: dead letters and replay
notify.py          notify: test the channels
report.py          report, trace
audit.py           audit
policy.py          policy
egress_process.py          the process that `serve --egress` starts
"""
