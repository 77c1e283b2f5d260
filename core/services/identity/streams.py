"""Streams, the sending subdomains: their routes, warm-up, DKIM keys and sender details.

A stream has two slots with a key of each algorithm. One slot signs; the other is published and waits, so that a
rotation changes one row and needs no DNS change at that moment: the waiting slot signs from then on, the one that
signed is retired but stays published while its mail is in transit, and fresh keys take its place, to be published for
the next rotation. The caller generates and seals the keys: generating an RSA key takes half a second, too long for the
desk's single writer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, func, insert, select, update

from core.db.development import is_development
from core.db.queue import wake
from core.db.tables import COUNTER, MAILBOX, STREAM, STREAM_KEY
from core.db.transaction import Transaction
from core.durations import MINUTE
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import Data, StreamAdded, StreamChanged, StreamKeyRotated, StreamWarmupChanged
from core.model import Actor
from core.rules import addresses, stream_records
from core.rules.providers import registry
from core.rules.roles import Verb
from core.rules.stream_records import Algorithm, Slot
from core.services import access
from core.services.context import require_reason, stream_named
from core.smtp.route import Route, is_loopback

HIGHEST_CAP: Final = 10_000_000
"""Messages a day: more than any stream sends, and within every database's integer range."""

SLOTS: Final[tuple[Slot, Slot]] = ("a", "b")
ALGORITHMS: Final[tuple[Algorithm, Algorithm]] = ("rsa", "ed25519")
PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A generated key: `private` sealed with the master key, `public` the `p=` of its record."""

    slot: Slot
    algorithm: Algorithm
    selector: str
    private: bytes
    public: str


@dataclass(frozen=True, slots=True)
class NewStream:
    """A new stream. `route` contains no password; `route_secret` is the password, sealed."""

    domain: str
    route: str
    keys: tuple[SealedKey, ...]
    route_secret: bytes | None = None
    provider: str = "none"
    protected: bool = False
    owners: tuple[str, ...] = ()
    warm: bool = False
    organisation: str | None = None
    postal_address: str | None = None
    unsubscribe_url: str | None = None
    connection_messages: int | None = None
    minute_messages: int | None = None
    spf: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange:
    """Settings to change; None leaves one as it is.

    A route comes without its password, which `route_secret` holds sealed. An empty text removes a sender
    detail of commercial mail; 0 removes a limit of the route.
    """

    route: str | None = None
    route_secret: bytes | None = None
    provider: str | None = None
    protected: bool | None = None
    owners: tuple[str, ...] | None = None
    organisation: str | None = None
    postal_address: str | None = None
    unsubscribe_url: str | None = None
    connection_messages: int | None = None
    minute_messages: int | None = None
    spf: str | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A stream as shown to operators."""

    id: int
    domain: str
    route: str
    provider: str
    protected: bool
    owners: tuple[str, ...]
    organisation: str | None
    postal_address: str | None
    unsubscribe_url: str | None
    warm: bool
    warm_cap: int | None
    active_slot: str
    created_at: int
    first_sent_at: int | None
    paused_at: int | None
    paused_by: str | None
    pause_reason: str | None
    backoff_until: int
    last_reply: str | None
    connection_messages: int | None
    minute_messages: int | None
    spf: str | None


# --- verbs --------------------------------------------------------------------------------------------------------


def add(tx: Transaction, new: NewStream, *, actor: Actor) -> int:
    """Add a stream whose slot `a` signs; return its id. Raises `Forbidden`, `Invalid`, `Conflict`."""
    return _add(tx, new, actor=access.require(tx, actor, Verb.STREAM_ADD))


def add_first(tx: Transaction, new: NewStream, *, actor: Actor) -> int:
    """Add the first stream of a new desk, by `init` and not on behalf of an operator.

    A stream alone lets nobody send: an identity on it still needs its signatures. Raises `Conflict` if there is a
    stream.
    """
    if tx.one(select(STREAM.c.id).limit(1)) is not None:
        raise Conflict("this desk already has streams", fix="add another: postroom stream add DOMAIN --relay URL")
    return _add(tx, new, actor=actor)


def _add(tx: Transaction, new: NewStream, *, actor: Actor) -> int:
    domain = subdomain(new.domain)
    _check_way(new.route, new.provider)
    _check_home(tx, new.route)
    _check_unsubscribe(new.unsubscribe_url)
    _check_limits(new)
    stream_records.sender_terms(new.spf or "")
    _check_keys(new.keys, slots=SLOTS)
    if tx.one(select(STREAM.c.id).where(STREAM.c.domain == domain)) is not None:
        raise Conflict(f"stream {domain} already exists", fix=f"change it: postroom stream set {domain}")
    stream_id = tx.create(
        STREAM,
        {
            "domain": domain,
            "route": new.route,
            "route_secret": new.route_secret,
            "provider": new.provider,
            "protected": new.protected,
            "owners": list(new.owners),
            "organisation": new.organisation,
            "postal_address": new.postal_address,
            "unsubscribe_url": new.unsubscribe_url,
            "connection_messages": new.connection_messages or None,
            "minute_messages": new.minute_messages or None,
            "spf": new.spf or None,
            "warm": new.warm,
            "active_slot": "a",
            "created_at": tx.now,
        },
    )
    _store(tx, stream_id, new.keys)
    tx.emit(
        StreamAdded(
            actor=str(actor), stream=stream_id, domain=domain, provider=new.provider,
            selectors=[key.selector for key in new.keys], protected=new.protected,
            connection_messages=new.connection_messages or None, minute_messages=new.minute_messages or None,
        )
    )  # fmt: skip
    return stream_id


def change(tx: Transaction, domain: str, requested_change: StreamChange, *, reason: str, actor: Actor) -> None:
    """Change a stream's route or the sender details in its commercial mail; composed mail stays as it is.

    Raises `Forbidden`, `NotFound`, `Invalid`.
    """
    actor = access.require(tx, actor, Verb.STREAM_CHANGE)
    stream = stream_named(tx, domain)
    why = require_reason(reason)
    _check_way(requested_change.route or stream.route, requested_change.provider or stream.provider)
    _check_home(tx, requested_change.route or stream.route)
    _check_unsubscribe(requested_change.unsubscribe_url)
    _check_limits(requested_change)
    stream_records.sender_terms(requested_change.spf or "")
    values: dict[str, Any] = {}
    changes: dict[str, Data] = {}
    for name in _CHANGEABLE:
        requested, old = getattr(requested_change, name), getattr(stream, name)
        new = (requested or None) if name in _CLEARABLE else requested
        if requested is not None and new != (tuple(old or ()) if name == "owners" else old):
            values[name] = list(new or ()) if name == "owners" else new
            changes[name] = _change_value(name, old, new)
    if requested_change.route is not None and (requested_change.route_secret is not None or "route" in values):
        # A new route starts without the old one's failures, and never with its password.
        values |= {
            "route_secret": requested_change.route_secret,
            "backoff_until": 0,
            "route_failures": 0,
            "last_reply": None,
        }
        changes.setdefault("route", "password")
    if not values:
        return
    tx.write(update(STREAM).where(STREAM.c.id == stream.id).values(**values))
    wake(tx, MAILBOX.c.stream_id == stream.id)
    tx.emit(StreamChanged(actor=str(actor), stream=stream.id, changes=changes, reason=why))


_CLEARABLE: Final = frozenset(
    {"organisation", "postal_address", "unsubscribe_url", "connection_messages", "minute_messages", "spf"}
)
_CHANGEABLE: Final = (
    "route", "provider", "protected", "owners", "organisation", "postal_address", "unsubscribe_url",
    "connection_messages", "minute_messages", "spf",
)  # fmt: skip


def _change_value(name: str, old: Any, new: Any) -> Data:
    """Return what the log says of a change: a route without its user, a postal address not at all."""
    match name:
        case "route":
            return [str(Route.parse(old)), str(Route.parse(new))]
        case "postal_address":
            return "changed" if new else "taken away"
        case "owners":
            return [list(old or ()), list(new or ())]
        case _:
            return [old, new]


def rotate(tx: Transaction, domain: str, *, fresh: Sequence[SealedKey], actor: Actor) -> Slot:
    """Make the waiting slot sign; return it.

    `fresh` holds the keys for the slot that signed until now (`next_slot`). The caller must first check in DNS that the
    waiting slot's records are published. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` (the waiting slot has no
    keys, or a selector was used before).
    """
    actor = access.require(tx, actor, Verb.STREAM_ROTATE)
    stream = stream_named(tx, domain)
    left: Slot = "a" if stream.active_slot == "a" else "b"
    signing: Slot = "b" if left == "a" else "a"
    _check_keys(fresh, slots=(left,))
    rows = tx.all(select(STREAM_KEY).where(STREAM_KEY.c.stream_id == stream.id))
    waiting = [row for row in rows if row.slot == signing and row.retired_at is None]
    if {row.algorithm for row in waiting} != set(ALGORITHMS):
        raise Conflict(f"slot {signing} of {stream.domain} has no keys to sign with")
    used = {row.selector for row in rows} & {key.selector for key in fresh}
    if used:
        raise Conflict(
            f"the selector {min(used)} was used before, and a resolver may still hold its old key",
            fix="selectors are dated: rotate a slot at most once a day",
        )
    tx.write(
        update(STREAM_KEY)
        .where(STREAM_KEY.c.stream_id == stream.id, STREAM_KEY.c.slot == left, STREAM_KEY.c.retired_at.is_(None))
        .values(retired_at=tx.now)
    )
    _store(tx, stream.id, fresh)
    tx.write(update(STREAM).where(STREAM.c.id == stream.id).values(active_slot=signing))
    tx.emit(
        StreamKeyRotated(
            actor=str(actor), stream=stream.id, slot=signing, selectors=[row.selector for row in waiting],
            fresh=[key.selector for key in fresh],
        )
    )  # fmt: skip
    return signing


def set_warmup(tx: Transaction, domain: str, *, cap: int | None, reason: str, actor: Actor) -> None:
    """Fix the stream's daily cap at `cap`, overriding the curve; None ends its warm-up. Raises `Forbidden`, ..."""
    actor = access.require(tx, actor, Verb.STREAM_WARMUP)
    stream = stream_named(tx, domain)
    if cap is not None and not 0 <= cap <= HIGHEST_CAP:
        raise Invalid(f"a cap must be 0 to {HIGHEST_CAP:,}", fix="give a number per day, or off")
    why = require_reason(reason)
    warm = cap is None
    tx.write(update(STREAM).where(STREAM.c.id == stream.id).values(warm=warm, warm_cap=cap))
    wake(tx, MAILBOX.c.stream_id == stream.id)
    tx.emit(
        StreamWarmupChanged(
            actor=str(actor), stream=stream.id, old=stream.warm_cap, new=cap, widened=_widens(stream, cap), reason=why
        )
    )  # fmt: skip


# --- reads --------------------------------------------------------------------------------------------------------


def subdomain(text: str) -> str:
    """Normalise a stream's domain. Raises `Invalid`."""
    return addresses.parse_address(f"postmaster@{text.strip().rstrip('.')}").domain_ascii


def next_slot(conn: Connection, domain: str) -> Slot:
    """Return the slot that a rotation's fresh keys are for: the one that signs now. Raises `NotFound`."""
    return "a" if _stream(conn, domain).active_slot == "a" else "b"


def show(conn: Connection, domain: str) -> StreamFacts:
    """Return one stream. Raises `NotFound`."""
    row = _stream(conn, domain)
    return _facts(row, _first_mail(conn, [row.id]))


def listed(conn: Connection, *, after: str = "", limit: int = PAGE) -> list[StreamFacts]:
    """List streams by domain, starting after `after`."""
    rows = conn.execute(select(STREAM).where(STREAM.c.domain > after).order_by(STREAM.c.domain).limit(limit)).all()
    first = _first_mail(conn, [row.id for row in rows])
    return [_facts(row, first) for row in rows]


# --- helpers ------------------------------------------------------------------------------------------------------


def _check_way(route: str, provider: str) -> None:
    if Route.parse(route).password:
        raise Invalid("the route carries its password", fix="seal it and hand it over as route_secret")
    if provider != registry.NONE and provider not in registry.PROVIDERS:
        choices = ", ".join([*registry.PROVIDERS, registry.NONE])
        raise Invalid(f"no such provider: {provider}", fix=f"the providers are {choices}")


def _check_home(tx: Transaction, route: str) -> None:
    """Keep mail of a development desk, which nobody signed for, on this machine. Raises `Forbidden`."""
    way = Route.parse(route)
    if (way.kind == "direct" or not is_loopback(way.host)) and is_development(tx.conn):
        raise Forbidden(
            f"this is a development desk: its mail goes to loopback only, not by {way}",
            fix="create a desk for real mail in another directory: postroom init --dir DIR",
        )


def _check_unsubscribe(url: str | None) -> None:
    """Require an https URI (RFC 8058 3.1); http is for tests on this machine. Raises `Invalid`."""
    if not url:
        return
    parts = urlsplit(url)
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    plain = not (parts.query or parts.fragment or parts.username) and url.isprintable()
    if not plain or not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise Invalid(
            "unsubscribe links must begin with https:// and a host that leads to this desk",
            fix="such as https://unsubscribe.acme.com; /u/ and a token follow it",
            problems=(("unsubscribe_url", "is not an https address"),),
        )


def _check_limits(settings: NewStream | StreamChange) -> None:
    for name, most in (("connection_messages", 10_000), ("minute_messages", 1_000_000)):
        figure = getattr(settings, name)
        if figure is not None and not 0 <= figure <= most:
            raise Invalid(
                f"{name} must be 1 to {most:,}", fix="0 removes the limit", problems=((name, "out of range"),)
            )


def _check_keys(keys: Sequence[SealedKey], *, slots: Collection[Slot]) -> None:
    required = {(slot, algorithm) for slot in slots for algorithm in ALGORITHMS}
    if len(keys) != len(required) or {(key.slot, key.algorithm) for key in keys} != required:
        raise Invalid(f"keys are one {' and one '.join(ALGORITHMS)} for slot {' and slot '.join(sorted(slots))}")
    if len({key.selector for key in keys}) < len(keys):
        raise Invalid("two keys share a selector name", fix="give every key a selector of its own")


def _store(tx: Transaction, stream_id: int, keys: Sequence[SealedKey]) -> None:
    rows = [
        {
            "stream_id": stream_id,
            "slot": key.slot,
            "algorithm": key.algorithm,
            "selector": key.selector,
            "private": key.private,
            "public": key.public,
            "created_at": tx.now,
        }
        for key in keys
    ]
    tx.write(insert(STREAM_KEY), rows)


def _widens(stream: Row[Any], cap: int | None) -> bool:
    """Return whether more may leave in a day.

    Any fixed cap counts as wider than a curve, whose value changes by itself.
    """
    if cap is None:
        return stream.warm_cap is not None or not stream.warm
    if stream.warm_cap is not None:
        return cap > int(stream.warm_cap)
    return not stream.warm


def _first_mail(conn: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the day on which each stream's first mail left, as far back as counters go; longer ago does not matter."""
    c = COUNTER.c
    of_streams = (c.scope == "stream") & (c.kind == "sent_1d") & c.key.in_([str(one) for one in ids]) & (c.minute > 0)
    rows = conn.execute(select(c.key, func.min(c.minute).label("first")).where(of_streams).group_by(c.key))
    return {int(row.key): int(row.first) * MINUTE for row in rows}


def _stream(conn: Connection, domain: str) -> Row[Any]:
    row = conn.execute(select(STREAM).where(STREAM.c.domain == domain.strip().lower())).first()
    if row is None:
        raise NotFound(f"there is no stream {domain}", fix="postroom stream list lists them")
    return row


def _facts(row: Row[Any], first: Mapping[int, int]) -> StreamFacts:
    values = {name: getattr(row, name) for name in StreamFacts.__dataclass_fields__}
    return StreamFacts(**(values | {"owners": tuple(row.owners or ()), "first_sent_at": first.get(row.id)}))
