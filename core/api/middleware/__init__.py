"""ASGI middleware: request ids, size limits, allowed hosts, HEAD, the fast path for submissions."""
