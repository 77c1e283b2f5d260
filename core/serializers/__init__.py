"""Each resource as JSON, defined once: HTTP and `--json` show the same members (CONTRACT.md). Times are RFC 3339.

`identities` are mailboxes, their checklists and signatures; `people` operators, agents and tokens; `mail` messages,
their reviews, runs and lanes; `streams` and their records; `controls` suspension and the all-stop; `recipients`
suppressions and consents. Modules import the types they serialise only for type checking; what they call, services
included, they import at run time. `identities` reads through the transaction what an identity's row does not hold: its
signatures and who can give the missing ones, and the policy in force. The others only convert.
"""
