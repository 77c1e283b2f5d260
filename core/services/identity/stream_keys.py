"""New DKIM keys of a stream, and what must be in DNS before the waiting ones sign.

Generating an RSA key takes half a second and DNS takes seconds: both run between two transactions, never in one.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from core.db import directory
from core.db.development import is_development
from core.db.queries import agents as views
from core.durations import MICROS
from core.errors import Conflict
from core.rules import stream_records
from core.rules.dkim import SigningKey
from core.rules.key_removal import Algorithm, Signer
from core.rules.stream_records import DnsRecord, Found, Slot
from core.security import encryption
from core.security.encryption import MasterKeys
from core.services.identity import stream_dns, streams
from core.services.identity.streams import SealedKey
from core.settings import Settings

if TYPE_CHECKING:
    from core.dns_check import Zone


def fresh_keys(
    domain: str, slots: Iterable[Slot], *, ring: MasterKeys, now: int, used: Collection[str] = ()
) -> tuple[SealedKey, ...]:
    """New keys, sealed for the database, under dated selectors that were never used before."""
    today = dt.datetime.fromtimestamp(now / MICROS, tz=dt.UTC).date()
    made = []
    for slot in slots:
        for algorithm in streams.ALGORITHMS:
            pair = encryption.new_key_pair(algorithm)
            dated = stream_records.selector(today, slot=slot, algorithm=algorithm)
            further = (dated.replace(f"{slot}-", f"{slot}{n}-") for n in itertools.count(2))
            selector = next(one for one in itertools.chain((dated,), further) if one not in used)
            sealed = ring.seal(pair.private, about=f"dkim:{domain}:{selector}")
            made.append(SealedKey(slot, algorithm, selector, sealed, pair.public))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys of a stream that sign now, sealed."""

    domain: str
    keys: tuple[tuple[str, Algorithm, bytes], ...]
    """Selector, algorithm and private key."""


def signing(conn: Connection, stream_id: int) -> Signing:
    """Read the keys with which a stream signs."""
    stream, rows = directory.stream_with_keys(conn, stream_id)
    return Signing(stream.domain, tuple((row.selector, row.algorithm, bytes(row.private)) for row in rows))


def signers(found: Signing, ring: MasterKeys) -> list[Signer]:
    """Open the keys. Raises `Unavailable`: the master key is not theirs."""
    opened = []
    for selector, algorithm, sealed in found.keys:
        private = ring.open(sealed, about=f"dkim:{found.domain}:{selector}")
        key = SigningKey.load(found.domain, selector=selector, algorithm=algorithm, private=private)
        opened.append(Signer(selector, algorithm, key.sign))
    return opened


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation needs: the slot whose keys are replaced, selectors that are taken, records that must be there."""

    domain: str
    slot: Slot
    used: frozenset[str]
    required: tuple[DnsRecord, ...]
    now: int


def rotation(conn: Connection, domain: str, settings: Settings, *, now: int, force: bool) -> Rotation:
    """Read what a rotation needs. `force`, or a development desk: DNS is not asked. Raises `NotFound`."""
    stream = streams.show(conn, domain)
    slot = streams.next_slot(conn, domain)
    keys = [key for key in views.keys(conn) if key.stream == stream.domain]
    required: tuple[DnsRecord, ...] = ()
    if not force and not is_development(conn):
        waiting = {key.selector for key in keys if key.slot != slot and key.retired_at is None}
        found = stream_dns.published_by(conn, stream.domain, settings, now=now)
        required = tuple(one for one in found.records if one.name.partition("._domainkey")[0] in waiting)
    return Rotation(stream.domain, slot, frozenset(key.selector for key in keys), required, now)


def keys_to_rotate(
    expected: Rotation, ring: Callable[[], MasterKeys], zone: Zone | None = None
) -> tuple[SealedKey, ...]:  # fmt: skip
    """Look up the waiting keys, then make fresh ones: signing with an unpublished key fails every mail.

    Raises `Conflict` if DNS does not have them.
    """
    if expected.required:
        if zone is None:
            from core.dns_check import Zone  # noqa: PLC0415 - its resolver is slow to import, and few commands ask DNS

            zone = Zone()
        answers = zip(expected.required, zone.look_up(expected.required), strict=True)
        wrong = [one.name for one, found in answers if found in {Found.MISSING, Found.OTHER}]
        if wrong:
            raise Conflict(
                f"DNS does not have the keys that would sign: {', '.join(wrong)}",
                fix=f"publish them (postroom stream dns {expected.domain}), or rotate with --force",
            )
    return fresh_keys(expected.domain, (expected.slot,), ring=ring(), now=expected.now, used=expected.used)
