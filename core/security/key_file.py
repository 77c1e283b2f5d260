"""The desk's master key file: what encrypts secrets, and the keys derived from it.

Separate from the gateway, because the console and single commands need a key too, and should not wait for the HTTP
server and the mail client to be imported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import Invalid, Unavailable
from core.rules.signed_ids import HmacKeys
from core.security.encryption import MasterKeys, master_secrets
from core.settings import Settings

T = TypeVar("T")
KEY_RETRY: Final = 60
"""Seconds after which a client asks again: somebody has to repair the file first."""


def load_master_keys(settings: Settings) -> MasterKeys:
    """The desk's master keys. Raises `Invalid` if the file is missing or readable by others."""
    file = _existing(settings)
    if file.stat().st_mode & 0o077:
        raise Invalid(f"{file} is readable by others", fix=f"chmod 600 {file}")
    return MasterKeys.parse(file.read_text())


def serving_master_keys(settings: Settings) -> MasterKeys:
    """The same for a request, which is not to blame for the file. Raises `Unavailable`, saying what to do."""
    return _for_a_request(load_master_keys, settings)


def serving_provenance_keys(settings: Settings) -> HmacKeys:
    """The keys derived from the file, for a request. Raises `Unavailable`, saying what to do."""
    return _for_a_request(lambda found: provenance_keys(_existing(found).read_text()), settings)


def _for_a_request(read: Callable[[Settings], T], settings: Settings) -> T:
    file = settings.master_key
    try:
        return read(settings)
    except Invalid as error:
        raise Unavailable(f"{error.reason}; on the desk's host: {error.fix}", retry_after=KEY_RETRY) from error
    except OSError as error:
        why = f"{file} cannot be read ({error.strerror}); on the desk's host: postroom doctor"
        raise Unavailable(why, retry_after=KEY_RETRY) from error
    except UnicodeDecodeError as error:
        why = f"{file} is no master key; on the desk's host: restore it from your backup"
        raise Unavailable(why, retry_after=KEY_RETRY) from error


def _existing(settings: Settings) -> Path:
    file = settings.master_key
    if not file.is_file():
        raise Invalid(f"{file} is missing", fix="restore it from your backup: without it no key can be opened")
    return file


def provenance_keys(text: str) -> HmacKeys:
    """Keys for return paths, Message-IDs and unsubscribe tokens, one derived from each master key."""
    secrets = master_secrets(text)
    keys = {
        name: HKDF(algorithm=SHA256(), length=32, salt=None, info=b"postroom provenance").derive(secret)
        for name, secret in secrets.items()
    }
    return HmacKeys(keys=keys, active=next(iter(keys)))
