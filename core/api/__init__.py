"""Where the outside comes in: parse here, trust inside."""
