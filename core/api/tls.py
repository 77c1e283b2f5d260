"""TLS of the gateway's own listeners, for a desk without a reverse proxy in front.

A certificate is renewed every few weeks by another program. A gateway that went on with the old one would one day be
refused by every client, so the files are read again when they change.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from core.durations import MICROS
from core.errors import Invalid
from core.settings import Settings

LOOK: Final = 60.0
"""Seconds between two looks at the files."""

log = structlog.get_logger("tls")

State = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate with its chain, and its key. Raises `Invalid` if they cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self.context = _context()
        try:
            self._read = self._state()
            self.context.load_cert_chain(certificate, key)
        except OSError as error:  # ssl.SSLError is one
            raise Invalid(
                f"the certificate {certificate} with the key {key} cannot be used: {_why(error)}",
                fix="name two PEM files that belong together: tls_certificate with its chain, tls_key without password",
            ) from error

    @property
    def ends_at(self) -> int:
        """When the certificate expires, in microseconds."""
        first = x509.load_pem_x509_certificates(self._files[0].read_bytes())[0]
        return int(first.not_valid_after_utc.timestamp() * MICROS)

    async def watch(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            await asyncio.to_thread(self.look)

    def look(self) -> bool:
        """Take changed files for new connections, and say so; keep what is loaded if they cannot be used."""
        try:
            found = self._state()
            if found == self._read:
                return False
            self._read = found
            _context().load_cert_chain(*self._files)  # apart first: half of a pair would end every handshake
            self.context.load_cert_chain(*self._files)
        except OSError as error:
            log.warning("the renewed certificate cannot be used; the old one stays", reason=_why(error))
            return False
        log.info("certificate renewed", file=str(self._files[0]))
        return True

    def _state(self) -> State:
        seen = (file.stat() for file in self._files)
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in seen)


def certificate(settings: Settings) -> Certificate | None:
    """The certificate that postroom.toml or the command line names. Raises `Invalid`."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return Certificate(settings.dir / settings.tls_certificate, settings.dir / settings.tls_key)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    return context


def _why(error: OSError) -> str:
    named = f"{error.filename}: " if error.filename else ""
    return f"{named}{error.strerror or error}"
