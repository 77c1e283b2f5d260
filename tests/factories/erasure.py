"""Erasure of a person by governance, as the command runs it."""

from __future__ import annotations

from core.db.store import Store
from core.model import Actor
from core.services.feedback import erasure
from core.services.feedback.erasure import Erased, Step
from tests.factories.desk import GAIL


def steps(store: Store, address: str, *, reason: str = "request 17", actor: Actor = GAIL) -> list[Erased]:
    """Erase the address; returns the result of each transaction."""

    def act(step: Step) -> Erased:
        return store.transact(lambda tx: step(tx, actor))

    return list(erasure.erase(store.read, act, address, reason=reason))


def erase(store: Store, address: str, *, reason: str = "request 17", actor: Actor = GAIL) -> Erased:
    """Erase the address; returns the sum over all transactions."""
    done = steps(store, address, reason=reason, actor=actor)
    return Erased(sum(one.messages for one in done), sum(one.records for one in done), done[-1].left)
