"""What the console does at the desk, as functions of a store and an operator: calls to `core.services`, nothing more.

Nothing is decided here: the services check role, scope and state, the same for every way in. A batch is many decisions,
each with its own event; one that is refused does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from core.db import directory
from core.db.directory import MailboxRecord
from core.db.store import DATABASE_ERRORS, Store, unavailable
from core.db.transaction import Transaction
from core.errors import AccessEnded, Refused
from core.model import Actor, Mode
from core.rules.issuance import Kind
from core.rules.roles import Verb
from core.services import access
from core.services.control import emergency, read_log
from core.services.control.emergency import Frozen, Started
from core.services.control.read_log import EntryPoint, Shown
from core.services.feedback import suppressions
from core.services.feedback.suppressions import Entry
from core.services.identity import mailbox_settings, operators, sender_checks, signoffs
from core.services.identity.sender_checks import Lookups
from core.services.identity.signoff_checklists import Sheet
from core.services.sending import review
from core.services.sending.review import Decision, DecisionResult
from core.settings import Settings

T = TypeVar("T")
A = TypeVar("A")
Operation = Callable[[Store, Actor], T]

BATCH_SIZE: Final = 100
"""Decisions in one transaction, so that nobody else at the desk waits for more than these."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of several decisions: those made, and (item, why) for those refused."""

    done: tuple[DecisionResult, ...]
    refused: tuple[tuple[int, str], ...]


def decide(decisions: Sequence[Decision]) -> Operation[Settled]:
    """Approve or reject each item; one that was decided elsewhere, or has changed, is refused by itself."""
    return lambda store, actor: _each(
        store, decisions, item=lambda one: one.item, verb=lambda tx, one: review.decide(tx, one, actor=actor)
    )


def undo(items: Sequence[int]) -> Operation[Settled]:
    """Take approvals back, as far as they are not released."""
    return lambda store, actor: _each(
        store, items, item=lambda one: one, verb=lambda tx, one: review.undo(tx, one, actor=actor)
    )


def _each(
    store: Store, requests: Sequence[A], *, item: Callable[[A], int], verb: Callable[[Transaction, A], DecisionResult]
) -> Settled:
    done: list[DecisionResult] = []
    refused: list[tuple[int, str]] = []
    try:
        for at in range(0, len(requests), BATCH_SIZE):
            made: list[DecisionResult] = []
            with store.begin() as tx:
                for one in requests[at : at + BATCH_SIZE]:
                    try:
                        made.append(tx.run(lambda tx, one=one: verb(tx, one)))  # type: ignore[misc]  # a loop's lambda
                    except AccessEnded:
                        raise  # the person is refused, not this one item
                    except Refused as error:
                        refused.append((item(one), error.reason))
            done += made
    except DATABASE_ERRORS as error:
        raise unavailable(error) from error
    return Settled(tuple(done), tuple(refused))


def opened(item: int) -> Operation[None]:
    """Record that this operator is looking at it now."""
    return lambda store, actor: store.transact(lambda tx: review.opened(tx, item, actor=actor))


def closed() -> Operation[None]:
    """Record that this operator is no longer looking at anything."""
    return lambda store, actor: store.transact(lambda tx: review.closed(tx, actor=actor))


def shown(items: Sequence[Shown]) -> Operation[None]:
    """Record in the log what was on this operator's screen."""

    def enter(tx: Transaction, actor: Actor) -> None:
        for item in items:
            read_log.by_operator(tx, item, entry_point=EntryPoint.CONSOLE, actor=actor)

    return lambda store, actor: store.transact(lambda tx: enter(tx, actor))


def suspend(agent: str, reason: str) -> Operation[Frozen]:
    return lambda store, actor: store.transact(
        lambda tx: emergency.suspend_agent(tx, agent, reason=reason, actor=actor)
    )


def resume(agent: str, reason: str) -> Operation[None]:
    return lambda store, actor: store.transact(lambda tx: emergency.resume_agent(tx, agent, reason=reason, actor=actor))


def change_mode(address: str, mode: Mode, reason: str) -> Operation[MailboxRecord]:
    return lambda store, actor: store.transact(
        lambda tx: mailbox_settings.change_mode(tx, address, mode, reason=reason, actor=actor)
    )


def pause_lane(lane: int, reason: str) -> Operation[None]:
    return lambda store, actor: store.transact(lambda tx: emergency.pause_lane(tx, lane, reason=reason, actor=actor))


def resume_lane(lane: int, reason: str) -> Operation[None]:
    return lambda store, actor: store.transact(lambda tx: emergency.resume_lane(tx, lane, reason=reason, actor=actor))


def pause_stream(domain: str, reason: str) -> Operation[int]:
    return lambda store, actor: store.transact(
        lambda tx: emergency.pause_stream(tx, domain, reason=reason, actor=actor)
    )


def resume_stream(domain: str, reason: str) -> Operation[None]:
    return lambda store, actor: store.transact(
        lambda tx: emergency.resume_stream(tx, domain, reason=reason, actor=actor)
    )


def stop(reason: str) -> Operation[int]:
    return lambda store, actor: store.transact(lambda tx: emergency.stop(tx, reason=reason, actor=actor))


def start(reason: str) -> Operation[Started]:
    return lambda store, actor: store.transact(lambda tx: emergency.start(tx, reason=reason, actor=actor))


def suppress(address: str, reason: str) -> Operation[int | None]:
    return lambda store, actor: store.transact(
        lambda tx: suppressions.add(tx, Entry(address, source="console", reason=reason), actor=actor)
    )


def unsuppress(address: str, reason: str) -> Operation[int]:
    return lambda store, actor: store.transact(lambda tx: suppressions.remove(tx, address, reason=reason, actor=actor))


@dataclass(frozen=True, slots=True)
class ToSign:
    """A checklist with what the desk found, and what it consulted outside the database."""

    sheet: Sheet
    lookups: Lookups | None


def to_sign(address: str, kind: Kind, settings: Settings | None) -> Operation[ToSign]:
    """Read what this operator would sign. The deliverability checklist queries DNS, which may take seconds."""

    def run(store: Store, actor: Actor) -> ToSign:
        lookups = None
        if kind is Kind.DELIVERABILITY and settings is not None:
            with store.read() as conn:
                access.require_reader(conn, actor, Verb.DESK_READ, now=store.clock.now())
                record = directory.mailbox(conn, address)
                now = store.clock.now()
                checks = None if record is None else sender_checks.wanted(conn, record, settings, now=now)
            lookups = None if checks is None else sender_checks.look(checks)
        sheet = store.look(lambda tx: signoffs.to_sign(tx, address, kind, actor=actor, lookups=lookups))
        return ToSign(sheet, lookups)

    return run


def sign(shown: ToSign, *, affirmed: Collection[str], overrides: Mapping[str, str]) -> Operation[MailboxRecord]:
    """Sign exactly what was shown: if the record or the findings have changed since, nothing is signed."""
    sheet = shown.sheet
    return lambda store, actor: store.transact(
        lambda tx: signoffs.sign(
            tx, sheet.record.address, sheet.kind, actor=actor, affirmed=affirmed, overrides=overrides,
            lookups=shown.lookups, digest=sheet.digest,
        )
    )  # fmt: skip


def veto(address: str, kind: Kind, reason: str) -> Operation[MailboxRecord]:
    return lambda store, actor: store.transact(lambda tx: signoffs.veto(tx, address, kind, actor=actor, reason=reason))


def signed_in() -> Operation[None]:
    return lambda store, actor: store.transact(lambda tx: operators.signed_in(tx, actor=actor, entry_point="console"))
