"""What the console does at the desk, as functions of a store and the operator: the verbs of `core.flow`, no more.

Nothing is decided here: role, scope and state are the verbs' own questions, the same for every door. A batch is many
decisions, each with its own event; one that is refused takes none of the others with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import AccessEnded, Refused
from core.flow import bounds, controls, identities, operators, review, suppressions
from core.flow.controls import Frozen, Started
from core.flow.review import Decided, Decision
from core.flow.suppressions import Entry
from core.ledger.people import MailboxRecord
from core.ledger.store import Store, unavailable
from core.ledger.transaction import Transaction
from core.rules.issuance import Kind
from core.words import Actor, Mode

T = TypeVar("T")
A = TypeVar("A")
Deed = Callable[[Store, Actor], T]

HAND: Final = 100
"""Decisions in one transaction: nobody else at the desk waits for more than these."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of several decisions: those made, and (item, why) of those refused."""

    done: tuple[Decided, ...]
    refused: tuple[tuple[int, str], ...]


def decide(decisions: Sequence[Decision]) -> Deed[Settled]:
    """Approve or reject each; what was decided elsewhere, or has changed, is refused by itself."""
    return lambda store, actor: _each(
        store, decisions, item=lambda one: one.item, verb=lambda tx, one: review.decide(tx, one, actor=actor)
    )


def undo(items: Sequence[int]) -> Deed[Settled]:
    """Take approvals back, as far as they are not released."""
    return lambda store, actor: _each(
        store, items, item=lambda one: one, verb=lambda tx, one: review.undo(tx, one, actor=actor)
    )


def _each(
    store: Store, asked: Sequence[A], *, item: Callable[[A], int], verb: Callable[[Transaction, A], Decided]
) -> Settled:
    done: list[Decided] = []
    refused: list[tuple[int, str]] = []
    try:
        for at in range(0, len(asked), HAND):
            made: list[Decided] = []
            with store.begin() as tx:
                for one in asked[at : at + HAND]:
                    try:
                        made.append(tx.run(lambda tx, one=one: verb(tx, one)))  # type: ignore[misc]  # a loop's lambda
                    except AccessEnded:
                        raise  # not this item is refused but whoever decides
                    except Refused as error:
                        refused.append((item(one), error.reason))
            done += made
    except (DBAPIError, PoolTimeout) as error:
        raise unavailable(error) from error
    return Settled(tuple(done), tuple(refused))


def opened(item: int) -> Deed[None]:
    """Keep that it is before this operator's eyes now."""
    return lambda store, actor: store.transact(lambda tx: review.opened(tx, item, actor=actor))


def closed() -> Deed[None]:
    """Keep that nothing is before this operator's eyes any more."""
    return lambda store, actor: store.transact(lambda tx: review.closed(tx, actor=actor))


def suspend(agent: str, reason: str) -> Deed[Frozen]:
    return lambda store, actor: store.transact(lambda tx: controls.suspend_agent(tx, agent, reason=reason, actor=actor))


def resume(agent: str, reason: str) -> Deed[None]:
    return lambda store, actor: store.transact(lambda tx: controls.resume_agent(tx, agent, reason=reason, actor=actor))


def change_mode(address: str, mode: Mode, reason: str) -> Deed[MailboxRecord]:
    return lambda store, actor: store.transact(
        lambda tx: bounds.change_mode(tx, address, mode, reason=reason, actor=actor)
    )


def pause_lane(lane: int, reason: str) -> Deed[None]:
    return lambda store, actor: store.transact(lambda tx: controls.pause_lane(tx, lane, reason=reason, actor=actor))


def resume_lane(lane: int, reason: str) -> Deed[None]:
    return lambda store, actor: store.transact(lambda tx: controls.resume_lane(tx, lane, reason=reason, actor=actor))


def pause_stream(domain: str, reason: str) -> Deed[int]:
    return lambda store, actor: store.transact(lambda tx: controls.pause_stream(tx, domain, reason=reason, actor=actor))


def resume_stream(domain: str, reason: str) -> Deed[None]:
    return lambda store, actor: store.transact(
        lambda tx: controls.resume_stream(tx, domain, reason=reason, actor=actor)
    )


def stop(reason: str) -> Deed[int]:
    return lambda store, actor: store.transact(lambda tx: controls.stop(tx, reason=reason, actor=actor))


def start(reason: str) -> Deed[Started]:
    return lambda store, actor: store.transact(lambda tx: controls.start(tx, reason=reason, actor=actor))


def suppress(address: str, reason: str) -> Deed[int | None]:
    return lambda store, actor: store.transact(
        lambda tx: suppressions.add(tx, Entry(address, source="console", reason=reason), actor=actor)
    )


def unsuppress(address: str, reason: str) -> Deed[int]:
    return lambda store, actor: store.transact(lambda tx: suppressions.remove(tx, address, reason=reason, actor=actor))


def sign(
    address: str, kind: Kind, *, affirmed: Collection[str], reason: str | None, digest: str
) -> Deed[MailboxRecord]:
    """`digest` is that of the record on the screen: one that has changed since is not signed unseen."""
    return lambda store, actor: store.transact(
        lambda tx: identities.sign(tx, address, kind, actor=actor, affirmed=affirmed, reason=reason, digest=digest)
    )


def veto(address: str, kind: Kind, reason: str) -> Deed[MailboxRecord]:
    return lambda store, actor: store.transact(
        lambda tx: identities.veto(tx, address, kind, actor=actor, reason=reason)
    )


def signed_in() -> Deed[None]:
    return lambda store, actor: store.transact(lambda tx: operators.signed_in(tx, actor=actor, door="console"))
