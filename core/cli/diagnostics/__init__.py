"""The checks of `postroom doctor`, one module per subject; `doctor.py` has their order.

finding.py     the result of a check
machine.py     keys, policy, the database file, disk, settings
database.py    the log, the clock, gateways
identities.py  owners, use and revocation drills of agents
streams.py     DNS records, warm-up, commercial mail, feedback
routes.py      the route to the relay, or port 25
"""
