"""Bodies of requests (CONTRACT.md), one module a resource: parse here, trust inside."""
