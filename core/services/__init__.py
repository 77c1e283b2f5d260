"""One verb a function. Each reads facts (db), decides (rules), and records state and event in one transaction.

The rooms form layers, from the top: audit, identity, sending, feedback, control, notify; context and access serve all.
"""
