"""Each resource as JSON, defined once: HTTP and `--json` show the same members (CONTRACT.md). Times are RFC 3339.

`identities` are mailboxes, their checklists and signatures; `people` operators, agents and tokens; `mail` messages,
their reviews, runs and lanes; `streams` and their records; `controls` suspension and the all-stop; `recipients`
suppressions and consents. Modules import the types they serialise only for type checking, so that commands start
without loading the services.
"""
