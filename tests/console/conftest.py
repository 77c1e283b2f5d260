"""Pilot tests run on asyncio, through the pytest plugin that anyio brings along, and ask no name server."""

from __future__ import annotations

import dns.resolver
import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signer of deliverability is shown what DNS says: on a machine without resolvers it says nothing."""

    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", none)
