"""The provider registry: a module of this package that defines `PROVIDER` is one; nothing else lists them.

A new provider is one new module, with its page in core/docs/ and its tests, and there is no list to forget.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.rules import providers as package
from core.rules.providers.provider import PLAIN, Provider, Relay

NONE: Final = "none"
"""The provider name of a stream whose relay is not in the registry, or that delivers directly."""


def discover() -> dict[str, Provider[Any]]:
    """All providers, sorted by name."""
    modules = (importlib.import_module(f"{package.__name__}.{one.name}") for one in _modules())
    found = [module.PROVIDER for module in modules if isinstance(getattr(module, "PROVIDER", None), Provider)]
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def _modules() -> Iterator[pkgutil.ModuleInfo]:
    # This module is being imported; importing it again would find it half initialised. Names with _ are no providers.
    return (one for one in pkgutil.iter_modules(package.__path__) if one.name != "registry" and one.name[0] != "_")


PROVIDERS: Final[Mapping[str, Provider[Any]]] = discover()


def relay(name: str) -> Relay:
    """The relay of a stream's provider; `PLAIN` for `none`."""
    found = PROVIDERS.get(name)
    return found.relay if found else PLAIN


def of_host(host: str) -> str:
    """The provider that runs this SMTP host, or `none`."""
    for one in PROVIDERS.values():
        if one.relay.hosts is not None and one.relay.hosts.fullmatch(host.lower().rstrip(".")):
            return one.name
    return NONE


def orders() -> tuple[str, ...]:
    """All prefixes of header fields that some relay obeys."""
    return tuple(prefix for one in PROVIDERS.values() for prefix in one.relay.orders)
