"""Signed identifiers: they prove that a bounce, a complaint or an unsubscription is about a message of ours.

Only authenticated feedback changes a rate, so each identifier sent with a message carries a keyed HMAC: the return path
and the one-click token one of (message, recipient), `Message-ID` and `X-Postroom-Message-ID` one of the message. Only
identifiers that no agent sees count as proof: an agent learns the Message-ID from the response to its submission, so
that one leads to a message and proves nothing. Each kind has its own MAC label, so that an identifier anyone can read
in a header is never valid as another kind. Each names its key, so that keys can rotate while old mail still bounces.
All characters survive a change of case, because some mail servers lower-case or upper-case addresses.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from core.ids import read_id, spell_id
from core.text import prechecks

MAC_BYTES: Final = 15
"""120 bits: 24 letters of base 32 without padding, well above the 80 bits required against forgery by guessing."""
_MIN_KEY_BYTES: Final = 16
_KID: Final = re.compile(r"[0-9a-z]{2}")
_PAYLOAD_BYTES: Final = 10  # 8 of message id, 2 of recipient number: 16 letters, no slack bits
_LETTERS: Final = re.compile(r"[a-z2-7]*")

LINK_TOKEN: Final = 8
_LINK: Final = struct.Struct(f">QHQQ{LINK_TOKEN}s")

_QUOTED: Final = re.compile(
    r"\bb-[0-9a-z]{2}[a-z2-7]{40}(?=@)"
    r"|\bm[0-9a-z]{13}[.:][0-9a-z]{2}[.:][a-z2-7]{24}(?![a-z2-7@])"
    r"|(?<=/u/)[0-9a-z]{2}[a-z2-7]{40}\b",
    re.IGNORECASE,
)
"""One of our return paths, X-Postroom-Message-IDs, CFBL-Feedback-IDs or unsubscribe links, quoted in free text."""
_LONG: Final = prechecks.Run(prechecks.ALNUM, 14)
"""Letters and digits in a row that each of them has."""
_MARK: Final = (_PAYLOAD_BYTES + MAC_BYTES) // 5 * 8 + 2  # key id, payload, MAC


@dataclass(frozen=True, slots=True)
class HmacKeys:
    """Keys by key ID (two of `0-9a-z`), and the ID of the signing key. Retired keys are kept to verify old mail."""

    keys: Mapping[str, bytes] = field(repr=False)
    active: str

    def __post_init__(self) -> None:
        for kid, key in self.keys.items():
            if not _KID.fullmatch(kid):
                raise ValueError(f"key id {kid!r} is not two of 0-9a-z")
            if len(key) < _MIN_KEY_BYTES:
                raise ValueError(f"key {kid} is shorter than {_MIN_KEY_BYTES} bytes")
        if self.active not in self.keys:
            raise ValueError(f"the active key {self.active!r} is not in the ring")


@dataclass(frozen=True, slots=True)
class AttachmentLink:
    """What a link opens, until `expires_at` (microseconds), and whose token asked for it.

    `holder` is the id of an agent's token, or of an operator; then `operator_token` is the beginning of the SHA-256 of
    the operator's token (`LINK_TOKEN` bytes, otherwise zeros). The link ends with that token.
    """

    inbound_id: int
    index: int
    expires_at: int
    holder: int
    operator_token: bytes = bytes(LINK_TOKEN)


def return_path(message_id: int, n: int, *, domain: str, keyring: HmacKeys) -> str:
    """`b-<key id><payload><mac>@bounces.<domain>` for recipient number `n` (0-65535) of a message."""
    host = f"bounces.{domain.lower()}"
    return f"b-{_mark('return-path', message_id, n, place=host, keyring=keyring)}@{host}"


def read_return_path(address: str, keyring: HmacKeys) -> tuple[int, int] | None:
    """(message ID, recipient number) of one of our return paths, in any case; None for anything else."""
    local, _, host = _lowered(address).strip("<>").rpartition("@")
    if not local.startswith("b-"):
        return None
    return _read_mark("return-path", local[2:], place=host, keyring=keyring)


def unsubscribe_token(message_id: int, n: int, *, keyring: HmacKeys) -> str:
    """The `{token}` of `/u/{token}` (RFC 8058): letters and digits only, 42 of them."""
    return _mark("unsubscribe", message_id, n, place="", keyring=keyring)


def read_unsubscribe_token(token: str, keyring: HmacKeys) -> tuple[int, int] | None:
    """(message ID, recipient number) of a one-click token; None for anything else."""
    return _read_mark("unsubscribe", _lowered(token), place="", keyring=keyring)


def message_id(message_id: int, *, domain: str, keyring: HmacKeys) -> str:
    """`<m....<key id>.<mac>@domain>` (RFC 5322 3.6.4); the same at every retry, because nothing in it is random."""
    domain = domain.lower()
    return f"<{_seal('message-id', message_id, place=domain, keyring=keyring)}@{domain}>"


def read_message_id(text: str, keyring: HmacKeys) -> int | None:
    """The message ID of one of our Message-IDs, with or without angle brackets; None for anything else."""
    local, _, domain = _lowered(text).strip().removeprefix("<").removesuffix(">").rpartition("@")
    return _read_seal("message-id", local, place=domain, keyring=keyring)


def attachment_link(link: AttachmentLink, *, keyring: HmacKeys) -> str:
    """The `{link}` of `/attachments/{link}`."""
    payload = _LINK.pack(link.inbound_id, link.index, link.expires_at, link.holder, link.operator_token)
    mac = _mac("attachment", payload, place="", kid=keyring.active, keyring=keyring)
    return keyring.active + base64.b32encode(payload + mac).decode().lower().rstrip("=")


def read_attachment_link(link: str, keyring: HmacKeys) -> AttachmentLink | None:
    """What an attachment's link opens, expired or not; None for anything else."""
    kid, letters = link[:2], _lowered(link[2:])
    if kid not in keyring.keys or not _LETTERS.fullmatch(letters) or len(letters) > 100:
        return None
    try:
        raw = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except binascii.Error:
        return None
    payload, given = raw[: _LINK.size], raw[_LINK.size :]
    if not hmac.compare_digest(given, _mac("attachment", payload, place="", kid=kid, keyring=keyring)):
        return None
    return AttachmentLink(*_LINK.unpack(payload))


def trace_header(message_id: int, *, keyring: HmacKeys) -> str:
    """The value of `X-Postroom-Message-ID`: the public ID, then its proof: `m....<key id>.<mac>`.

    Never put this into a response, a webhook or a page that an agent can read: anyone who has it can have the message's
    recipient suppressed.
    """
    return _seal("trace", message_id, place="", keyring=keyring)


def read_trace_header(value: str, keyring: HmacKeys) -> int | None:
    """The message ID of one of our `X-Postroom-Message-ID` values; None for anything else."""
    return _read_seal("trace", _lowered(value).strip(), place="", keyring=keyring)


def complaint_id(message_id: int, *, keyring: HmacKeys) -> str:
    """The value of `CFBL-Feedback-ID`, by which a complaint proves itself.

    It is that of `X-Postroom-Message-ID` with colons: RFC 9477 5.2 allows no dot.
    """
    return trace_header(message_id, keyring=keyring).replace(".", ":")


def read_complaint_id(value: str, keyring: HmacKeys) -> int | None:
    """The message ID of one of our `CFBL-Feedback-ID` values, in which space does not count; None for anything else."""
    plain = "".join(value.split())
    return None if "." in plain else read_trace_header(plain.replace(":", "."), keyring)


def conceal(text: str) -> str:
    """Remove the identifiers that prove feedback; returns the same string if it has none. Message-ID is kept."""
    if not _LONG.within(prechecks.folded(text)):
        return text
    return _QUOTED.sub("[mark]", text) if _QUOTED.search(text) else text


def _mark(label: str, message_id: int, n: int, *, place: str, keyring: HmacKeys) -> str:
    payload = message_id.to_bytes(8, "big") + n.to_bytes(2, "big")
    mac = _mac(label, payload, place=place, kid=keyring.active, keyring=keyring)
    return keyring.active + base64.b32encode(payload + mac).decode().lower()


def _read_mark(label: str, text: str, *, place: str, keyring: HmacKeys) -> tuple[int, int] | None:
    kid, encoded = text[:2], text[2:]
    if len(text) != _MARK or kid not in keyring.keys or not _LETTERS.fullmatch(encoded):
        return None
    raw = base64.b32decode(encoded.upper())
    payload, mac = raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]
    if not hmac.compare_digest(mac, _mac(label, payload, place=place, kid=kid, keyring=keyring)):
        return None
    return int.from_bytes(payload[:8], "big"), int.from_bytes(payload[8:], "big")


def _seal(label: str, message_id: int, *, place: str, keyring: HmacKeys) -> str:
    mac = _mac(label, message_id.to_bytes(8, "big"), place=place, kid=keyring.active, keyring=keyring)
    return f"{spell_id('m', message_id)}.{keyring.active}.{base64.b32encode(mac).decode().lower()}"


def _read_seal(label: str, text: str, *, place: str, keyring: HmacKeys) -> int | None:
    public, _, rest = text.partition(".")
    kid, _, encoded = rest.partition(".")
    number = read_id("m", public)
    if number is None or kid not in keyring.keys or not _LETTERS.fullmatch(encoded):
        return None
    try:
        decoded = base64.b32decode(encoded.upper())
    except binascii.Error:
        return None
    mac = _mac(label, number.to_bytes(8, "big"), place=place, kid=kid, keyring=keyring)
    return number if hmac.compare_digest(decoded, mac) else None


def _mac(label: str, payload: bytes, *, place: str, kid: str, keyring: HmacKeys) -> bytes:
    """`place`, the last, is the only part of variable length, so no two statements share an encoding."""
    message = b"postroom/1/%b/%b/%d/%b%b" % (label.encode(), kid.encode(), len(payload), payload, place.encode())
    # Not hmac.digest: it releases the GIL for 2 us of work, and a busy gateway waits 100 us to reacquire it.
    mac = _keyed(keyring.keys[kid]).copy()
    mac.update(message)
    return mac.digest()[:MAC_BYTES]


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    """The state after the key, of which each MAC is a copy."""
    return hmac.new(key, digestmod="sha256")


def _lowered(text: str) -> str:
    """Lower-case ASCII only: nothing else is ours, and some of it lower-cases into ASCII (U+212A to k)."""
    return text.lower() if text.isascii() else ""
