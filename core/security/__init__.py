"""Keys, credentials, and the addresses that an outgoing request must never reach (SSRF)."""
