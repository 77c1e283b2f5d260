"""Erasure of a person by governance, as the operation runs it step by step."""

from __future__ import annotations

from core.db.store import Store
from core.model import Actor
from core.services.feedback import erasure
from core.services.feedback.erasure import Erased
from tests.factories.desk import GAIL


def steps(store: Store, address: str, *, reason: str = "request 17", actor: Actor = GAIL) -> list[Erased]:
    """Erase the address; returns the result of each transaction that erased something, and of the first one."""
    done: list[Erased] = []
    at: str | None = erasure.MAIL
    while at is not None:
        became = _step(store, address, at, reason=reason, actor=actor)
        if became.messages or became.records or became.left or at == erasure.MAIL:
            done.append(became)
        at = became.next
    return done


def erase(store: Store, address: str, *, reason: str = "request 17", actor: Actor = GAIL) -> Erased:
    """Erase the address; returns the sum over all transactions."""
    done = steps(store, address, reason=reason, actor=actor)
    return Erased(sum(one.messages for one in done), sum(one.records for one in done), done[-1].left)


def _step(store: Store, address: str, at: str, *, reason: str, actor: Actor) -> Erased:
    found = store.look(lambda tx: erasure.look(tx.conn, address, at))
    return store.transact(
        lambda tx: erasure.step(tx, actor, address=address, at=at, found=found, reason=reason)
    )  # fmt: skip
