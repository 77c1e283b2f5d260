"""ASGI middleware: request IDs, size limits, allowed hosts, HEAD, the fast path for submissions."""
