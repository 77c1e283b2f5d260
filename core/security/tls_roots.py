"""The root certificates that TLS connections to public servers trust: certifi's, read once in a process.

Reading them takes up to 50 ms of CPU, and every client of httpx does it, also one that only speaks plain HTTP.
"""

from __future__ import annotations

import functools
import ssl


@functools.cache
def public_roots() -> ssl.SSLContext:
    """Trusts certifi's roots, whatever the environment names. Shared by all who ask: do not change it."""
    import certifi  # noqa: PLC0415 - whoever stays on this machine needs no TLS

    return ssl.create_default_context(cafile=certifi.where())
