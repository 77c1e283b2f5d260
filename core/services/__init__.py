"""The story: one verb for each thing that can happen.

Each has three beats: read facts (ledger), decide (rules), record state and event in one transaction.
"""
