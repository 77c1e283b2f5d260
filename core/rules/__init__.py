"""Decision rules as pure functions: no clock, no randomness, no I/O, and no rule imports another."""
