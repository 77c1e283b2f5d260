"""Decisions: values in, value out. No clock, no chance, no I/O, and no rule knows another."""
