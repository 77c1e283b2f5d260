"""The gateways of a drill: find the URL of each, identify the gateway behind it, send it a token."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from core.desk_client.urls import crosses_network
from core.errors import Conflict, Invalid
from core.security.tls_roots import public_roots
from core.settings import split_listen
from core.smtp.route import is_loopback

PATIENCE: Final = 10.0
"""Seconds for one request; a gateway that is busy composing a large message answers within that."""


@dataclass(slots=True)
class Gateways:
    """URLs of gateways that answer, and one line for each that does not or cannot be reached from here."""

    urls: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway runs, as the desk knows it; `key` is what its `GET /healthz` shows."""

    key: str
    host: str
    listen: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's response: the status, and the `error` of its problem if it has one."""

    status: int
    error: str = ""

    @property
    def opened(self) -> bool:
        """Whether the gateway recognised the token. 421 and 429 come before authentication, and 5xx proves nothing."""
        return self.status == httpx.codes.OK or (
            self.status == httpx.codes.FORBIDDEN and self.error == "insufficient_scope"
        )

    @property
    def refused(self) -> bool:
        return self.status == httpx.codes.UNAUTHORIZED

    def __str__(self) -> str:
        return f"{self.status} {self.error}".rstrip()


def find(running: Sequence[Mapping[str, str]], named: Sequence[str]) -> Gateways:
    """Every given URL that answers, and one for each gateway of `drill.plan` that is behind none of these.

    Raises `Invalid` for a malformed URL, `Conflict` if no gateway answers: nothing has happened yet.
    """
    found, seen = Gateways(), set[str | None]()
    for url in dict.fromkeys(_checked(one) for one in named):
        try:
            seen.add(_who(url))
        except httpx.HTTPError:
            found.unreached.append(url)
        else:
            found.urls.append(url)
    for place in (Place(one["key"], one["host"], one["listen"]) for one in running):
        if place.key in seen:
            continue
        guess = _url(place)
        # Any other server there has a different key: a drill must not take its answer for this gateway's.
        if guess is not None and _is(guess, place):
            found.urls.append(guess)
        else:
            found.unreached.append(f"{place.listen} on {place.host}")
    if not found.urls:
        tried = f" ({', '.join(found.unreached)})" if found.unreached else ""
        raise Conflict(
            f"no gateway of this desk answers{tried}, so nobody could try the tokens; nothing was revoked",
            fix="start one: postroom serve, or name one: --url http://HOST:PORT",
        )
    return found


def ask(url: str, secret: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
    """Raises `httpx.HTTPError`."""
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx.request(method, f"{url}{path}", headers=headers, json=body, timeout=PATIENCE, **_trust(url))
    return Answer(answer.status_code, str(_members(answer).get("error", "")))


def is_private(url: str) -> bool:
    """Whether a URL is safe from eavesdroppers: TLS, or traffic that does not leave this machine."""
    parts = httpx.URL(url)
    return parts.scheme == "https" or is_loopback(parts.host)


# --- helpers ------------------------------------------------------------------------------------------------------


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
        fits = parts.scheme in ("http", "https") and bool(parts.host)
    except httpx.InvalidURL:
        fits = False
    if not fits:
        raise Invalid(f"{url} is not the URL of a gateway", fix="write it as http://HOST:PORT")
    return url.rstrip("/")


def _url(place: Place) -> str | None:
    """The URL of a gateway as seen from here; None if it listens on another machine's loopback."""
    name, port = split_listen(place.listen)
    everywhere = name in {"", "0.0.0.0", "::"}  # noqa: S104 - what a gateway listens on, not what we do
    if place.host == socket.gethostname():
        name = "127.0.0.1" if everywhere else name
    elif everywhere:
        name = place.host
    elif is_loopback(name):
        return None
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _is(url: str, place: Place) -> bool:
    try:
        return _who(url) == place.key
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _who(url: str) -> str | None:
    """The key of the gateway behind a URL; None if the response has none. Raises `httpx.HTTPError`."""
    key = _members(httpx.get(f"{url}/healthz", timeout=PATIENCE, **_trust(url))).get("gateway")
    return key if isinstance(key, str) else None


def _trust(url: str) -> dict[str, Any]:
    """What a request to this URL trusts: what the environment names, unless it stays on this machine."""
    return {"trust_env": True} if crosses_network(url) else {"trust_env": False, "verify": public_roots()}


def _members(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
