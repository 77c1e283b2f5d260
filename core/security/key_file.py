"""The desk's master key file: what encrypts secrets, and the keys derived from it.

Separate from the gateway, because the console and single commands need a key too, and should not wait for the HTTP
server and the mail client to be imported.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import Invalid
from core.rules.signed_ids import HmacKeys
from core.security.encryption import MasterKeys, master_secrets
from core.settings import Settings


def load_master_keys(settings: Settings) -> MasterKeys:
    """The desk's master keys. Raises `Invalid` if the file is missing or readable by others."""
    file = settings.master_key
    if not file.is_file():
        raise Invalid(f"{file} is missing", fix="restore it from your backup: without it no key can be opened")
    if file.stat().st_mode & 0o077:
        raise Invalid(f"{file} is readable by others", fix=f"chmod 600 {file}")
    return MasterKeys.parse(file.read_text())


def provenance_keys(text: str) -> HmacKeys:
    """Keys for return paths, Message-IDs and unsubscribe tokens, one derived from each master key."""
    secrets = master_secrets(text)
    keys = {
        name: HKDF(algorithm=SHA256(), length=32, salt=None, info=b"postroom provenance").derive(secret)
        for name, secret in secrets.items()
    }
    return HmacKeys(keys=keys, active=next(iter(keys)))
