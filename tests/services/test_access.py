"""Whoever is out acts no more, whatever they left open; on both databases."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select, update

from console import operations
from core.db import audit_log
from core.db.store import Store
from core.db.tables import MAILBOX, OPERATOR
from core.demo.clock import FakeClock
from core.durations import HOUR
from core.errors import AccessEnded, Forbidden, Refused, Unauthenticated
from core.events import RunClosed
from core.ids import read_id, spell_id
from core.model import Actor, Mode, Role
from core.operations.local_desk import LocalDesk
from core.operations.operation import Resources
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.services import access
from core.services.control import emergency
from core.services.identity import operators
from core.services.sending import review
from core.services.sending.review import Decision
from core.settings import Settings
from tests.factories.desk import ADDRESS, DOMAIN, KEYRING, ROOT, hire, make_desk, person

EVE = person("eve", *(set(Role) - {Role.ADMIN, Role.AUDITOR}))
Change = Callable[[Store], None]


def disabled(store: Store) -> None:
    store.transact(lambda tx: operators.disable(tx, name="eve", actor=ROOT))


def _set(store: Store, **values: Any) -> None:
    store.transact(lambda tx: tx.write(update(OPERATOR).where(OPERATOR.c.name == "eve").values(**values)))


def narrowed(store: Store) -> None:
    _set(store, roles=[])


def replaced(store: Store) -> None:
    _set(store, token_hash=b"another")


def expired(store: Store) -> None:
    _set(store, token_expires_at=store.clock.now())


OUT: Final = [disabled, narrowed, replaced, expired]

SHEET: Final = operations.Sheet(ADDRESS, Kind.OWNER, "0" * 64, "0" * 64, ())
GIVEN: Final[dict[str, Any]] = {
    "agent": "support-bot", "reason": "a reason", "address": ADDRESS, "mode": Mode.READ_ONLY, "lane": 1,
    "domain": DOMAIN, "kind": Kind.OWNER, "affirmed": (), "overrides": {}, "sheet": SHEET, "text": "a note",
    "comment": "a comment", "digest": "0" * 64, "changed": {"subject": "another"},
}  # fmt: skip
OPERATIONS: Final = {
    name: made
    for name, made in inspect.getmembers(operations, inspect.isfunction)
    if not name.startswith("_") and str(inspect.signature(made).return_annotation).startswith("Operation")
}


def operation(name: str, item: int) -> Any:
    """A console act with arguments that would do."""
    parameters = inspect.signature(OPERATIONS[name]).parameters
    given = GIVEN | {
        "item": item,
        "item_id": spell_id("m", item),
        "items": [item],
        "choices": [operations.Choice(item)],
        "address": "jane@example.com" if name in ("suppress", "unsuppress") else ADDRESS,
    }  # fmt: skip
    return OPERATIONS[name](**{one: given[one] for one in parameters if one in given})


@pytest.mark.parametrize("out", OUT)
def test_no_console_act_is_open_to_an_operator_who_is_out(store: Store, out: Change, tmp_path: Path) -> None:
    bench = make_desk(store)
    hire(store, EVE)
    item = read_id("m", bench.submit().message_id or "")
    assert item is not None
    desk = LocalDesk(store, Resources(lambda: KEYRING, Settings(dir=tmp_path)), "pro_eve")
    desk.call("desk.status")
    out(store)
    with store.read() as conn:
        before = audit_log.head(conn)
    for name in OPERATIONS:
        if out is narrowed and name in ("approve", "reject", "undo"):  # a batch says of each what was refused
            assert not operation(name, item)(desk).done
            continue
        with pytest.raises(Forbidden if out is narrowed else AccessEnded, match="eve"):
            operation(name, item)(desk)
    with store.read() as conn:
        assert audit_log.head(conn) == before


def test_the_acts_of_the_console_are_all_tried() -> None:
    assert {"approve", "reject", "undo", "stop", "start", "sign", "veto", "resume", "opened"} <= set(OPERATIONS)


@pytest.mark.parametrize("out", OUT)
def test_no_read_is_open_to_an_operator_who_is_out(store: Store, out: Change) -> None:
    make_desk(store)
    hire(store, EVE)
    with store.read() as conn:
        assert access.require_reader(conn, EVE, Verb.MESSAGE_READ, now=store.clock.now()).roles == EVE.roles
    out(store)
    with pytest.raises((AccessEnded, Forbidden)), store.read() as conn:
        access.require_reader(conn, EVE, Verb.MESSAGE_READ, now=store.clock.now())
    with pytest.raises((AccessEnded, Forbidden)):
        store.look(lambda tx: access.require(tx, EVE, Verb.DESK_READ))


@pytest.mark.parametrize("out", [disabled, replaced, expired])
def test_whoever_is_out_does_not_sign_in_again(store: Store, out: Change) -> None:
    make_desk(store)
    hire(store, EVE)
    assert EVE.token is not None
    with store.read() as conn:
        assert access.sign_in(conn, EVE.token, now=store.clock.now()) == EVE
    out(store)
    with pytest.raises(Unauthenticated), store.read() as conn:
        access.sign_in(conn, EVE.token, now=store.clock.now())


def test_an_approval_between_two_looks_at_the_door_is_refused(store: Store) -> None:
    """The case that was found: bob's console is open, bob is disabled, bob approves."""
    desk = make_desk(store)
    hire(store, EVE)
    item = read_id("m", desk.submit().message_id or "")
    assert item is not None
    disabled(store)
    with pytest.raises(AccessEnded, match="eve was disabled at"):
        store.transact(lambda tx: review.decide(tx, Decision(item, approve=True), actor=EVE))
    row = store.row(select(MAILBOX.c.mode))
    assert row is not None


def test_a_role_that_an_actor_only_says_to_have_is_worth_nothing(store: Store) -> None:
    make_desk(store)
    hire(store, person("audrey", Role.AUDITOR))
    pretender = Actor("operator", "audrey", frozenset(Role), person("audrey").token)
    with pytest.raises(Forbidden, match=r"audrey \(auditor\)"):
        store.transact(lambda tx: emergency.stop(tx, reason="no", actor=pretender))


def test_an_actor_without_a_token_is_nobody(store: Store) -> None:
    make_desk(store)
    with pytest.raises(AccessEnded):
        store.transact(lambda tx: emergency.stop(tx, reason="no", actor=Actor("operator", "alice", frozenset(Role))))


def test_a_verb_that_never_asks_cannot_leave_a_fact_in_an_operators_name(store: Store) -> None:
    make_desk(store)
    with pytest.raises(RuntimeError, match="never asked whether they may"):
        store.transact(lambda tx: tx.emit(RunClosed(actor="alice", accepted=1)))


def test_what_one_verb_of_a_batch_asked_does_not_count_for_the_next(store: Store) -> None:
    make_desk(store)
    hire(store, EVE)
    with store.begin() as tx:
        tx.run(lambda tx: emergency.stop(tx, reason="odd", actor=EVE))
        with pytest.raises(RuntimeError):
            tx.run(lambda tx: tx.emit(RunClosed(actor="eve", accepted=1)))


def test_a_token_is_good_until_its_end_and_not_a_moment_longer(store: Store, clock: FakeClock) -> None:
    make_desk(store)
    hire(store, EVE)
    _set(store, token_expires_at=clock.now() + HOUR)
    clock.advance(seconds=3_599)
    store.transact(lambda tx: access.require(tx, EVE, Verb.DESK_READ))
    clock.advance(seconds=1)
    with pytest.raises(Refused, match="expired at"):
        store.transact(lambda tx: access.require(tx, EVE, Verb.DESK_READ))
