"""URLs of desks: a token travels in clear text only within this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from core.errors import Invalid, Unauthenticated


def checked_url(url: str) -> str:
    """The URL of a desk, without a trailing slash. Raises `Invalid`, as for one that needs TLS and has none."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise Invalid(f"{url[:100]!r} is not a URL: {error}", fix="such as https://desk.acme.com") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid(f"{url[:100]!r} is not the URL of a desk", fix="such as https://desk.acme.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise Invalid("a desk's URL has no user, query or fragment", fix="the token comes from POSTROOM_TOKEN")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Invalid(
            f"http://{host} would send your token in clear text: beyond this machine a desk needs TLS",
            fix=f"use https://{host}; postroom docs deployment shows how to set it up",
        )
    return parts.geturl().rstrip("/")


def bearer(token: str) -> str:
    """The Authorization header of a token. Raises `Unauthenticated`: a header could not hold it."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise Unauthenticated(
            "this is no token of a desk: tokens have letters, digits, - and _ alone", fix="copy it again, whole"
        )
    return f"Bearer {token}"


def crosses_network(url: str) -> bool:
    """Whether requests to this checked URL leave this machine, encrypted: only these may use the environment's proxy.

    A client passes it as `trust_env`: HTTP_PROXY would receive the token of a desk on this machine in clear text.
    """
    return url.startswith("https:")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
