"""Commands that work on any desk: through its gateway from another machine, or over the database on its host.

Each command calls operations of the registry by name and prints their answers, so its output is the same wherever it
runs. Nothing here imports the database unless the chosen desk is a local one.

context.py           what a command gets: the chosen desk; desk.py is one at a URL
mailboxes.py         mailbox: request, renew, retire, list, show, evidence
signoffs.py          mailbox approve, veto: the checklist with the desk's findings
mailbox_settings.py  mailbox: mode, limits, allow-list, classes, webhook
agents.py            agent
tokens.py            token
operators.py         operator
runs.py              run
inventory.py         inventory
handoff.py           the last lines of setup commands: who does what next; prompts.py asks for missing fields
queue.py, opened_item.py, stop.py, trace.py   queue, stop, start, status, trace
"""
