"""A complete mailbox request, and the three people who sign it."""

from __future__ import annotations

from typing import Any

from core.db import audit_log
from core.db.directory import MailboxRecord
from core.db.store import Store
from core.db.tables import STREAM, STREAM_KEY
from core.db.transaction import Transaction
from core.durations import DAY
from core.model import Actor
from core.rules.addresses import parse_address
from core.rules.issuance import CHECKLISTS, Kind
from core.services.identity import mailboxes
from core.services.identity.mailboxes import Filed, Filing
from tests.factories.desk import ALICE, DOMAIN, DORA, GAIL, OLIVE, Bench, make_desk

SALES = f"sales@{DOMAIN}"
SIGNERS = {Kind.OWNER: OLIVE, Kind.GOVERNANCE: GAIL, Kind.DELIVERABILITY: DORA}


def make_keyed_desk(store: Store, **more: Any) -> Bench:
    """A desk whose stream has signing keys."""
    desk = make_desk(store, **more)
    store.transact(lambda tx: add_keys(tx, desk.stream_id))
    return desk


def add_keys(tx: Transaction, stream_id: int) -> None:
    for slot in "ab":
        for algorithm in ("rsa", "ed25519"):
            values = {"slot": slot, "algorithm": algorithm, "selector": f"{slot}-{algorithm}-{stream_id}"}
            tx.add(
                STREAM_KEY,
                values | {"stream_id": stream_id, "private": b"", "public": "", "created_at": tx.now},
            )


def add_stream(store: Store, domain: str, **more: Any) -> int:
    values = {"domain": domain, "route": "smtp://127.0.0.1:2525", "created_at": store.clock.now(), "owners": []}
    return store.transact(lambda tx: tx.create(STREAM, values | more))


def filing(store: Store, address: str = SALES, **more: Any) -> Filing:
    """A mailbox request with nothing missing."""
    fields: dict[str, Any] = {
        "agent": "sales-bot",
        "purpose": "answers questions about orders",
        "owner": "olive",
        "system_owner": "platform team",
        "systems": "order database, read only",
        "revoke_when": "the order desk closes",
        "expires_at": store.clock.now() + 90 * DAY,
        "allow": ("*",),
    }
    return Filing(address=parse_address(address), **(fields | more))


def request(store: Store, *, actor: Actor = ALICE, **more: Any) -> Filed:
    wanted = filing(store, **more)
    return store.transact(lambda tx: mailboxes.request(tx, wanted, actor=actor))


SHARED = {"subdomain_own": "sales-bot and support-bot are one team's"}
"""Reason why sales may use the same stream as support-bot, which the desk refuses by default."""


def sign(store: Store, kind: Kind, *, address: str = SALES, actor: Actor | None = None, **more: Any) -> MailboxRecord:
    """Sign once, affirming every point of the checklist and explaining the shared stream."""
    affirmed = more.pop("affirmed", [item.code for item in CHECKLISTS[kind]])
    signer = actor or SIGNERS[kind]
    if kind is Kind.DELIVERABILITY:
        more.setdefault("overrides", SHARED)
    return store.transact(lambda tx: mailboxes.sign(tx, address, kind, actor=signer, affirmed=affirmed, **more))


def issued(store: Store, **more: Any) -> MailboxRecord:
    """Request a mailbox and give all required signatures."""
    record = request(store, **more).record
    for kind in Kind:
        record = sign(store, kind, address=record.address)
    return record


def told(store: Store, *, after: int = 0) -> list[str]:
    """The types of the events in the log."""
    with store.read() as conn:
        return [entry.event.type for entry in audit_log.read(conn, after=after)]


def last(store: Store, kind: str) -> Any:
    """The latest event of a type."""
    with store.read() as conn:
        return [entry.event for entry in audit_log.read(conn, after=0) if entry.event.type == kind][-1]
