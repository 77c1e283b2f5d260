"""Build a desk with a large queue of held mail in seconds: one real message per agent, the rest copies.

Rows, counters and events are those that submitting each message would have left; only composing is skipped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from core.db.counters import EVER, bucket
from core.db.store import Store
from core.db.tables import BODY, MAILBOX, MESSAGE, RECIPIENT, REVIEW
from core.db.transaction import Transaction
from core.durations import MINUTE
from core.events import EmailApproved, EmailPending
from core.ids import read_id
from core.model import Mode
from core.services.sending import delivery
from tests.factories.desk import DOMAIN, WIDE, Bench, add_mailbox, issue, leave, make_desk

BATCH_SIZE = 2_000
NAMES = ("support", "quote", "invoice", "digest", "pipeline", "renewal", "survey", "welcome")


@dataclass(frozen=True, slots=True)
class Heap:
    """The desk and the ids of its held items, oldest first."""

    bench: Bench
    items: list[int]


@dataclass(frozen=True, slots=True)
class Template:
    """The rows of one held message."""

    message: dict[str, Any]
    body: dict[str, Any]
    recipient: dict[str, Any]
    review: dict[str, Any]


def pile(store: Store, *, held: int, agents: int = 41, seed: int = 7) -> Heap:
    """A desk with a live worker, `agents` agents and `held` messages waiting, one in ten with a failed check."""
    bench = make_desk(store, **WIDE)
    store.transact(lambda tx: delivery.register_worker(tx, worker=1, pid=1))
    chance = random.Random(seed)
    templates = [_template(each) for each in _agents(bench, agents)]
    items = [one.review["id"] for one in templates]
    while len(items) < held:
        chosen = chance.choices(templates, k=min(BATCH_SIZE, held - len(items)))
        checks = [chance.randrange(1, 4) if chance.random() < 0.1 else 0 for _ in chosen]
        items += store.transact(lambda tx, chosen=chosen, checks=checks: _copy(tx, bench, chosen, checks))  # type: ignore[misc]  # bound now
    return Heap(bench, items)


def trickle(heap: Heap, chosen: Sequence[int]) -> None:
    """Change these items visibly in the queue, each with an event, in one transaction: they need two, then three."""

    def verb(tx: Transaction) -> None:
        known = tx.all(select(REVIEW).where(REVIEW.c.id.in_(chosen)))
        tx.write(update(REVIEW).where(REVIEW.c.id.in_(chosen)).values(
            needs=2 + REVIEW.c.expires_at % 2, expires_at=REVIEW.c.expires_at + 1,
        ))  # fmt: skip
        for row in known:
            leave(tx, EmailApproved(
                actor="operator:bob", message=row.id, mailbox=row.mailbox_id, agent=row.agent_id,
                stream=heap.bench.stream_id, kind=row.kind, item=row.id, digest=None, policy=1, release_at=tx.now,
                complete=False,
            ))  # fmt: skip

    heap.bench.store.transact(verb)


def _agents(bench: Bench, agents: int) -> Iterator[Bench]:
    yield bench
    for n in range(1, agents):
        name = f"{NAMES[n % len(NAMES)]}-{n}"

        def build(tx: Transaction, name: str = name) -> tuple[int, int]:
            return add_mailbox(
                tx, agent=f"{name}-bot", address=f"{name}@{DOMAIN}", stream=bench.stream_id, mode=Mode.GATED_SEND,
                **WIDE,
            )  # fmt: skip

        agent, box = bench.store.transact(build)
        yield Bench(bench.store, bench.ctx, agent, bench.stream_id, box, issue(bench.store, agent))


def _template(agent: Bench) -> Template:
    with agent.store.read() as conn:
        sender = conn.execute(select(MAILBOX.c.address).where(MAILBOX.c.id == agent.mailbox_id))
        answer = agent.submit("jane@example.com", sender=str(sender.scalar_one()), subject="Your quote Q")
    item = read_id("m", answer.message_id or "")
    with agent.store.read() as conn:
        rows = [
            conn.execute(select(one).where(column == item)).one()._asdict()
            for one, column in (
                (MESSAGE, MESSAGE.c.id), (BODY, BODY.c.message_id), (RECIPIENT, RECIPIENT.c.message_id),
                (REVIEW, REVIEW.c.id),
            )
        ]  # fmt: skip
    return Template(*rows)


def _copy(tx: Transaction, bench: Bench, chosen: Sequence[Template], checks: Sequence[int]) -> list[int]:
    items: list[int] = []
    for one, failed in zip(chosen, checks, strict=True):
        item = bench.ctx.ids.mint(tx.now)
        number = f"{item:x}"[-6:]
        items.append(item)
        tx.add(MESSAGE, one.message | {
            "id": item, "subject": f"Your quote Q-{number}", "rfc_message_id": f"<{number}@{DOMAIN}>",
        })  # fmt: skip
        tx.add(BODY, one.body | {"message_id": item})
        address = f"j.doe{number}@gmail.com"
        tx.add(RECIPIENT, one.recipient | {"message_id": item, "address": address, "given": address})
        review = one.review | {"id": item, "message_id": item, "failed_checks": failed}
        tx.add(REVIEW, review)
        for scope, key in (("desk", ""), ("agent", str(review["agent_id"])), ("mailbox", str(review["mailbox_id"]))):
            tx.bump(scope, key, "pending", minute=EVER)
        tx.bump("desk", "", "held", minute=bucket(tx.now - MINUTE))
        leave(tx, _pending(bench, review | {"digest": one.message["digest"]}))
    return items


def _pending(bench: Bench, review: dict[str, Any]) -> EmailPending:
    return EmailPending(
        actor="agent:heap", message=review["id"], mailbox=review["mailbox_id"], agent=review["agent_id"],
        stream=bench.stream_id, kind=review["kind"], item=review["id"], reasons=["gated_send"],
        expires_at=review["expires_at"], digest=review.get("digest"),
    )  # fmt: skip
