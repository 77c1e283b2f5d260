"""What delivery needs of a stream: its route with the password, what its relay rewrites, the current signing keys.

Read from the database and decrypted with the master key at most once in `FRESH` seconds, so that a rotation or a
changed route takes effect within that time and no message pays for parsing a key (39 ms for RSA-2048).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from core.db import directory
from core.db.store import Store
from core.durations import SECOND
from core.rules.dkim import SigningKey
from core.rules.providers import Relay, registry
from core.security.encryption import MasterKeys
from core.smtp.route import Route

FRESH: Final = 2 * SECOND


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """One stream, ready to sign and send."""

    domain: str
    route: Route
    relay: Relay
    keys: tuple[SigningKey, ...]


class SenderConfigs:
    """Sender configurations by stream."""

    def __init__(self, store: Store, keyring: MasterKeys) -> None:
        self._store = store
        self._keyring = keyring
        self._known: dict[int, tuple[int, SenderConfig]] = {}
        self._parsed: dict[int, RSAPrivateKey | Ed25519PrivateKey] = {}

    def of(self, stream_id: int) -> SenderConfig:
        """The configuration, at most `FRESH` seconds old."""
        now = self._store.clock.now()
        cached = self._known.get(stream_id)
        if cached is None or not 0 <= now - cached[0] < FRESH:
            cached = self._known[stream_id] = (now, self._load(stream_id))
        return cached[1]

    def _load(self, stream_id: int) -> SenderConfig:
        with self._store.read() as conn:
            stream, rows = directory.stream_with_keys(conn, stream_id)
        route = dataclasses.replace(Route.parse(stream.route), messages=stream.connection_messages)
        if stream.route_secret is not None:
            secret = self._keyring.open(bytes(stream.route_secret), about=f"route:{stream.domain}").decode()
            route = dataclasses.replace(route, password=secret)
        keys = tuple(
            SigningKey(
                domain=stream.domain,
                selector=row.selector,
                algorithm=row.algorithm,
                key=self._key(row.id, bytes(row.private), about=f"dkim:{stream.domain}:{row.selector}"),
            )
            for row in rows
        )
        return SenderConfig(stream.domain, route, registry.relay(stream.provider), keys)

    def _key(self, key_id: int, sealed: bytes, *, about: str) -> RSAPrivateKey | Ed25519PrivateKey:
        parsed = self._parsed.get(key_id)
        if parsed is None:
            found = load_der_private_key(self._keyring.open(sealed, about=about), password=None)
            assert isinstance(found, RSAPrivateKey | Ed25519PrivateKey)
            parsed = self._parsed[key_id] = found
        return parsed
