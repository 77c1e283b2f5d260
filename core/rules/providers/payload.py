"""Parse untrusted JSON: every size is bounded, a wrong shape is `Invalid` or None, nothing else is raised.

Required values raise (`table`, `rows`, `mailbox`); optional details are None if missing or malformed, because a
complaint must not be dropped for a strange timestamp.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from core.durations import MICROS, MINUTE
from core.errors import Invalid

MAX_BODY: Final = 4 * 1024 * 1024
"""SNS sends at most 256 KiB, SendGrid's batches stay under 1 MiB, Postmark may attach a bounce's text."""
MAX_MAIL: Final = 26 * 1024 * 1024
"""Bytes of a request that carries a message: the largest message, 25 MiB, and what is around it."""
MAX_ROWS: Final = 10_000
MAX_ID: Final = 998
"""A line of mail (RFC 5322 2.1.1): no Message-ID is longer."""
MAX_ADDRESS: Final = 320
MAX_DIAGNOSTIC: Final = 1_000
CLOCK_SKEW: Final = 5 * MINUTE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999; a later timestamp is garbage."""
_ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE: Final = re.compile(r"(?<!\d)([245])\d\d(?=[ -])")
_ADDRESS: Final = re.compile(r"[^\s@<>]+(?:@[^\s@<>]+)+")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_OURS: Final = "postroom-message-id"


def malformed(field: str, problem: str) -> Invalid:
    """The error for a payload that differs from the provider's documented format, with the offending field."""
    return Invalid(f"{field} of the payload {problem}", problems=((field, problem),))


def parse(body: bytes | str, *, most: int = MAX_BODY) -> object:
    """Parse a JSON body; orjson refuses deep nesting where the standard library would exhaust the stack."""
    if len(body) > most:
        raise malformed("body", "is too large")
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, UnicodeError) as error:
        raise malformed("body", "is not JSON") from error


def table(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise malformed(what, "is not an object")
    return value


def optional_table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def rows(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise malformed(what, "is not a list")
    if len(value) > MAX_ROWS:
        raise malformed(what, f"has more than {MAX_ROWS} entries")
    return value


def optional_rows(value: object) -> Sequence[object]:
    return value[:MAX_ROWS] if isinstance(value, list) else []


def text_or_empty(value: object) -> str:
    """A keyword from the provider's own list; empty if the value cannot be one."""
    return value if isinstance(value, str) and len(value) <= 64 and value.isprintable() else ""


def identity(value: object) -> str | None:
    """An ID, as text. None if absent, empty or invalid."""
    if isinstance(value, int) and not isinstance(value, bool):
        # SQLite's integers end at 64 bits, and so do those in providers' JSON.
        return str(value) if abs(value) < 2**64 else None
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable():
        return value.strip() or None
    return None


def message_id(value: object) -> str | None:
    """A Message-ID in angle brackets, whether or not the provider kept them."""
    found = identity(value)
    if found is None:
        return None
    bare = found.removeprefix("<").removesuffix(">")
    return f"<{bare}>" if bare else None


def mailbox(value: object) -> str:
    """Parse one address. Raises `Invalid`: an event without a recipient is useless."""
    if isinstance(value, str) and len(value) <= 2 * MAX_ADDRESS:
        # SES copies the header's form, with a display name before the address if the sender wrote one.
        found = value.strip()
        if found.endswith(">") and "<" in found:
            found = found[found.rindex("<") + 1 : -1].strip()
        if len(found) <= MAX_ADDRESS and found.isprintable() and _ADDRESS.fullmatch(found):
            return found
    raise malformed("recipient", "is not an address")


def diagnostic(*values: object) -> str | None:
    """The first text among `values`, on one line and bounded."""
    for value in values:
        if isinstance(value, str):
            line = _CONTROLS.sub(" ", value[: 4 * MAX_DIAGNOSTIC]).strip()
            if line:
                return line[:MAX_DIAGNOSTIC]
    return None


def enhanced(*values: object) -> str | None:
    """The first enhanced status code (RFC 3463) among texts, best source first."""
    for value in values:
        if isinstance(value, str) and (found := _ENHANCED.search(value[: 4 * MAX_DIAGNOSTIC])):
            return found[1]
    return None


def transient(status: str | None, *replies: str | None) -> bool:
    """Whether the receiver's reply is of class 4: by enhanced status code, else by reply code (RFC 5321 4.2.1)."""
    if status is not None:
        return status.startswith("4")
    for reply in replies:
        if reply is not None and (found := _REPLY_CODE.search(reply)):
            return found[1] == "4"
    return False


def instant(value: object) -> int | None:
    """Convert ISO 8601 text or seconds since 1970 to microseconds; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value) or not 0 <= value <= _LATEST:
            return None
        # Convert seconds and fraction separately: a float of 1.7e9 times a million loses the last digits.
        whole = int(value)
        return whole * MICROS + round((value - whole) * MICROS)
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * MICROS + span.microseconds


def seconds(value: object) -> int | None:
    """Convert decimal digits, whole seconds since 1970 as signatures contain them, to microseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value <= _LATEST else ""
    if not isinstance(value, str) or not (0 < len(value) <= 12 and value.isascii() and value.isdigit()):
        return None
    return int(value) * MICROS if int(value) <= _LATEST else None


def stale(at: int, *, now: int, window: int) -> bool:
    """Whether a signed time is outside the replay window, or ahead of our clock by more than the allowed skew."""
    return at < now - window or at > now + CLOCK_SKEW


def ours(*sources: Mapping[str, object]) -> str | None:
    """Our message ID in custom metadata, in any spelling of `X-Postroom-Message-ID` that a provider returns."""
    for source in sources:
        for name, value in source.items():
            if len(name) <= 64 and name.lower().replace("_", "-").removeprefix("x-") == _OURS:
                # SES gives every tag as a list, because a message may have a tag twice.
                found = identity(value[0] if isinstance(value, list) and value else value)
                if found is not None:
                    return found
    return None


def key(provider: str, *parts: object) -> str:
    """An idempotency key for an event: the same however often and in whatever form the provider delivers it."""
    digest = hashlib.sha256()
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        # Length-prefix the parts: ("ab", "c") and ("a", "bc") are two events.
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"{provider}:{digest.hexdigest()[:40]}"


def same(given: str, expected: str) -> bool:
    """Compare secrets in time independent of their content and length."""
    one, other = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected))
    return hmac.compare_digest(one, other)
