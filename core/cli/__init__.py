"""The command line of everything that needs no screen.

frame.py     what a command says and how it ends: JSON or text, errors in one line, exit codes
seat.py      a place at the desk: --dir, --json, the database, who acts
commands.py  all of them, in the order of help, each imported when it is asked for
desk.py      init
serve.py     serve
brakes.py    stop, start
doctor.py    what is missing before real mail can leave; checkup/ has its checks
streams.py   stream: sending subdomains, their keys and DNS records
zone.py      what DNS answers, compared with what it should
mailboxes.py mailbox: identities, asked for, signed, ended
bounds.py    mailbox: how much one may do: mode, limits, allow-list, webhook
agents.py    agent, token
operators.py operator
queue.py     queue, lane: the desk without a screen
runs.py      run
records.py   suppress, consent
hooks.py     webhook: what receivers never took
notify.py    notify: people told
reports.py   report, trace
audit.py     audit
policy.py    policy
spelling.py  how records are spelled as JSON
egress.py    the process that `serve --egress` starts
"""
