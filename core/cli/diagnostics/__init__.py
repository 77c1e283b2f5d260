"""The checks of `postroom doctor`, one file for each thing that is looked at; `doctor.py` has their order.

finding.py  what a check came to
machine.py  keys, policy, the database's file, disk, settings
desk.py     the log, the clock, gateways
identities.py  owners, use and revocation drills of agents
streams.py  DNS records, warm-up, commercial mail, feedback
routes.py   the way to the relay, or port 25
"""
