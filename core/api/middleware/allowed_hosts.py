"""Check the `Host` header against the names of this desk.

A page in an operator's browser can make its own name resolve to this address (DNS rebinding) and then talk to the desk
as if it were its own server; only `Host` reveals it. Unsubscribe links, feedback and mail from providers carry their
own proof and arrive under the names of many streams, so they are accepted under any name.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from core.api.errors import problem
from core.api.middleware.request_limits import App, Receive, Scope, Send
from core.rules.providers import registry
from core.settings import Settings, split_listen

_PROVEN: Final = ("/u/", "/feedback/", *(f"/inbound/{name}" for name in registry.PROVIDERS))
ANY: Final = "*"


class Hosts:
    """Refuse requests for other hosts: 421, or 400 if `Host` is missing (RFC 9110 7.4, 15.5.20)."""

    def __init__(self, app: App, *, settings: Settings) -> None:
        self._app = app
        named = (split_listen(settings.listen)[0], urlsplit(settings.public_url).hostname or "", *settings.http.hosts)
        self._allowed = frozenset(plain(one) for one in named if one) | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_PROVEN):
            await self._app(scope, receive, send)
            return
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        ours = len(hosts) == 1 and self._is_ours(plain(hosts[0].decode("latin-1")), scope)
        if ours or (not hosts and scope["http_version"] == "1.0"):  # HTTP/1.0 has no Host, and no browser speaks it
            await self._app(scope, receive, send)
        else:
            await self._refuse(scope, receive, send, known=len(hosts) == 1)

    def _is_ours(self, host: str, scope: Scope) -> bool:
        return ANY in self._allowed or self.names(host, scope)

    def names(self, host: str, scope: Scope) -> bool:
        """Whether this host is named in the settings, or is the address that was called, or loopback."""
        if host in self._allowed - {ANY}:
            return True
        server = scope.get("server")
        return bool(server and host == plain(str(server[0]))) or _loopback(host)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, *, known: bool) -> None:
        answer = problem(
            421 if known else 400, error="misdirected", reason="this desk does not answer to that Host",
            request_id=str(scope.get("postroom.request_id", "-")),
            fix="use the address it listens on or public_url, or add the name to http.hosts in postroom.toml",
        )  # fmt: skip
        await answer(scope, receive, send)


@lru_cache(maxsize=128)  # clients send the same few; parsing one as an address costs a third of the way to the route
def plain(host: str) -> str:
    """Normalise a host: `desk.example` from `Desk.Example.:8025`, `::1` from `[::1]:8025`."""
    host = host.strip().lower()
    if host.startswith("["):
        return _address(host[1:].partition("]")[0])
    name = host.partition(":")[0] if host.count(":") == 1 else host
    return _address(name.rstrip("."))


def _address(text: str) -> str:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    return str(getattr(found, "ipv4_mapped", None) or found)


@lru_cache(maxsize=128)
def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
