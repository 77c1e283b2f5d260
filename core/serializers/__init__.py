"""Each resource as JSON, written once: HTTP and `--json` show the same members (CONTRACT.md). Times are RFC 3339.

`identities` are mailboxes, their checklists and signatures; `people` operators, agents and tokens; `mail` messages,
their reviews, runs and lanes; `streams` and their records; `controls` the emergency brakes; `recipients` suppressions
and consents. A module imports what it shows for the type checker alone: commands start faster than services load.
"""
