"""A desk through its gateway, for the life of one command: calls only, one after the other.

With the standard library: httpx takes as long to import as all the rest of a command. Where a proxy has to be passed,
`DeskClient` does it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from core.desk_client import refusals
from core.desk_client.interface import Json
from core.desk_client.names import READS, OperationName
from core.desk_client.refusals import ANSWER_WITHIN, CLIENT, JSON, TRIES
from core.desk_client.urls import bearer, checked_url, crosses_network
from core.security.tls_roots import public_roots

if TYPE_CHECKING:
    from core.desk_client.http_desk import DeskClient


THIS: Final = "cli"
"""How the log names what commands do and read, as it does on the desk's own host."""


def opened(url: str, token: str | None, *, name: str | None = None, guarded: bool = False) -> CommandDesk | DeskClient:
    """The desk at this URL, for the holder of the token. Raises `Invalid`: the URL. `Unauthenticated`: the token."""
    if not _passes_a_proxy(checked_url(url)):
        return CommandDesk(url, token, name=name, guarded=guarded)
    from core.desk_client.http_desk import DeskClient  # noqa: PLC0415 - see above

    return DeskClient(url, token, name=name, client=THIS, guarded=guarded)


class CommandDesk:
    """A desk at a URL, for the operator who holds the token. Not for several threads at once."""

    def __init__(self, url: str, token: str | None, *, name: str | None = None, guarded: bool = False) -> None:
        """Raises `Invalid`: the URL. `Unauthenticated`: the token is none."""
        self.url = checked_url(url)
        parts = urlsplit(self.url)
        self.name = name or parts.netloc
        self.guarded = guarded
        self._path = parts.path
        self._headers = {"Content-Type": JSON, CLIENT: THIS} | ({"Authorization": bearer(token)} if token else {})
        self._admitted = False
        host = parts.hostname or ""
        self._connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=ANSWER_WITHIN, context=_trust())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=ANSWER_WITHIN)
        )

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation and return its answer. Raises what the services raise."""
        body = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        headers = self._headers | {"Idempotency-Key": uuid.uuid4().hex}  # a read ignores it
        sent, act = False, operation not in READS
        headers |= {refusals.TIGHTENS_ONLY: "1"} if self.guarded else {}
        for left in reversed(range(TRIES)):
            try:
                if self._connection.sock is None:
                    self._connection.connect()
                sent = True  # told here: http.client forgets its socket when the other side closes it
                self._connection.request("POST", f"{self._path}/v1/{operation}", body=body, headers=headers)
                self._connection.sock.settimeout(refusals.answer_within(operation))
                answer = self._connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if not left:
                    raise refusals.lost(self.name, self.url, error, done=act and sent) from error
            else:
                return self._accepted(answer, content, act=act)
        raise AssertionError

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()

    def _accepted(self, answer: http.client.HTTPResponse, content: bytes, *, act: bool) -> Json:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        refusals.check(self.url, answer.status, headers, content, admitted=self._admitted, act=act)
        self._admitted = True
        return refusals.members(self.url, content)


def _passes_a_proxy(url: str) -> bool:
    """Whether requests to this URL go through a proxy of the environment, as `DeskClient` sends them."""
    if not crosses_network(url):
        return False
    import urllib.request  # noqa: PLC0415 - only a desk beyond this machine needs it

    proxies = urllib.request.getproxies()
    host = urlsplit(url).hostname or ""
    return bool(proxies.get("https") or proxies.get("all")) and not urllib.request.proxy_bypass(host)


def _trust() -> ssl.SSLContext:
    """The roots that httpx trusts: those that the environment names, or else certifi's."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if directory := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=directory)
    return public_roots()
