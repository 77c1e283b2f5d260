"""What auditors ask for: traces, differences, evidence, checkpoints, the integrity of the log."""
