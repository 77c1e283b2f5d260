"""Feedback on sent mail (bounces, complaints, unsubscribes) and its effects: rates, suppressions, consent."""
