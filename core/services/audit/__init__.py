"""Audit: traces, differences, evidence, checkpoints and the integrity of the log."""
