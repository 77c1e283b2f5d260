"""The URL of the desk's database, as a person or a provider writes it and as the driver needs it."""

from __future__ import annotations

import re
from typing import Final, overload
from urllib.parse import parse_qs

DRIVER: Final = "postgresql+psycopg"
_PARTS: Final = re.compile(r"(?P<scheme>[a-z+0-9]+)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>.*))?")
_HOST: Final = re.compile(r"(?:\[(?P<literal>[^\]]*)\]|(?P<name>[^:]*))(?::(?P<port>\d*))?")


@overload
def spelled(url: str) -> str: ...
@overload
def spelled(url: str | None) -> str | None: ...
def spelled(url: str | None) -> str | None:
    """Name our driver, psycopg 3, and spell several hosts as SQLAlchemy reads them.

    `postgresql://u@h1:5432,h2/desk` becomes `postgresql+psycopg://u@/desk?host=h1,h2&port=5432,&...`. Of several hosts
    a gateway needs the one that takes writes, so `target_session_attrs=read-write` is added unless the URL has one.
    """
    parts = None if url is None else _PARTS.fullmatch(url)
    if parts is None or parts["scheme"] not in {"postgresql", "postgres", DRIVER}:
        return url
    user, at, places = parts["authority"].rpartition("@")
    queries = [parts["query"]] if parts["query"] else []
    hosts = [_HOST.fullmatch(place) for place in places.split(",")]
    if len(hosts) > 1 and None not in hosts:
        found = [host for host in hosts if host is not None]
        queries.append("host=" + ",".join(host["literal"] or host["name"] for host in found))
        if any(host["port"] for host in found):
            queries.append("port=" + ",".join(host["port"] or "" for host in found))
        places = ""
    if _names_several("&".join(queries)) and "target_session_attrs=" not in (parts["query"] or ""):
        queries.append("target_session_attrs=read-write")
    query = f"?{'&'.join(queries)}" if queries else ""
    return f"{DRIVER}://{user}{at}{places}{parts['path']}{query}"


def _names_several(query: str) -> bool:
    """Whether it names several hosts, as libpq spells them or as SQLAlchemy does."""
    hosts = parse_qs(query).get("host", [])
    return len(hosts) > 1 or any("," in host for host in hosts)
