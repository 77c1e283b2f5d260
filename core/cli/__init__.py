"""The command line: every command except the console and the demo.

registration.py    how a function becomes a command: --dir, --desk, --json, output, exit code
known_desks.py     the desks of this person, and which one a command is for; desks.py has `postroom desk`
remote/            commands that work on any desk, also through a gateway: they import no database
terminal.py        the terminal of a command: remarks, questions; relay.py: a relay as people name it
output.py          output and exit of commands: JSON or text, errors in one line, exit codes
context.py         what every command on the host shares: settings, the database, the operator
commands.py        all commands, in the order of help, each imported on use
init.py            init; founding.py has its files and people
next_steps.py      what to type next
plain_values.py    values of options, read without pydantic
serve.py           serve
doctor.py          what is missing before real mail can leave; diagnostics/ has its checks
inbound.py         inbound: the configuration of the mail server in front
report.py          report
audit.py           audit bundle: evidence of a period
backup.py          backup, restore, migrate
docs.py            docs
egress_process.py  the process that `serve --egress` starts
compose_process.py the process that composes large messages
"""
