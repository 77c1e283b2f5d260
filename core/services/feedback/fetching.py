"""Fetch what verifies a provider's webhook, only from URLs that a rule has already approved.

Certificates are fetched once. When a provider cannot be reached, no request is made for half a minute: a flood of
notifications must not become a flood of connections, nor a queue in which each waits for the one before it to time out.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from core.durations import SECOND
from core.errors import PostroomError, Unavailable
from core.model import Clock
from core.security.tls_roots import public_roots

LARGEST: Final = 64 * 1024
PATIENCE: Final = 5.0
REST: Final = 30 * SECOND
CERTIFICATES: Final = 16

Fetch = Callable[[str], Awaitable[bytes]]


class Absent(PostroomError):
    """The provider answered, but the URL does not serve the expected resource."""


async def fetch(url: str) -> bytes:
    """Fetch the body of an HTTPS URL that was approved before: no redirects, no proxy.

    At most 64 KiB, within five seconds. Raises `Unavailable` if the provider cannot be reached or cannot answer
    now, `Absent` if it says that there is no such resource.
    """
    try:
        async with (
            asyncio.timeout(PATIENCE),
            httpx.AsyncClient(
                verify=public_roots(), trust_env=False, follow_redirects=False, timeout=PATIENCE
            ) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                reason = f"the provider answered {answer.status_code}"
                if 400 <= answer.status_code < 500 and answer.status_code not in {407, 408, 425, 429}:
                    raise Absent(reason)
                raise Unavailable(reason, retry_after=30)
            found = b""
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > LARGEST:
                    raise Absent("the provider answered with more than a certificate holds")
            return found
    except (httpx.HTTPError, TimeoutError) as error:
        raise Unavailable("the provider does not answer", retry_after=30) from error


class Fetcher:
    """Fetch certificates and follow confirmation links, for one process."""

    def __init__(self, *, clock: Clock, fetch: Fetch = fetch) -> None:
        self._clock = clock
        self._fetch = fetch
        self._certificates: OrderedDict[str, bytes] = OrderedDict()
        self._asking = asyncio.Lock()
        self._rests_until = 0

    async def certificate(self, url: str) -> bytes:
        """Return the certificate at a URL, fetched once and cached. Raises `Unavailable`, `Absent`."""
        async with self._asking:
            found = self._certificates.get(url)
            if found is None:
                found = self._certificates[url] = await self.once(url)
                if len(self._certificates) > CERTIFICATES:
                    self._certificates.popitem(last=False)
            self._certificates.move_to_end(url)
            return found

    async def once(self, url: str) -> bytes:
        """Fetch a URL now, uncached. Raises `Unavailable`, `Absent`."""
        if self._clock.now() < self._rests_until:
            raise Unavailable("the provider did not answer a moment ago", retry_after=30)
        try:
            return await self._fetch(url)
        except Unavailable:
            self._rests_until = self._clock.now() + REST
            raise
