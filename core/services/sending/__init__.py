"""Outgoing mail: prepare, gate, limits, runs, review, delivery."""
