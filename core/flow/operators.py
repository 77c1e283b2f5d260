"""Humans come and go: who is at the desk, with which roles, and how they get a token that nobody else has seen.

An admin adds people and can be nothing else; the roles that answer for identities count only once governance has
confirmed them. A new operator trades a one-time code for their own token, so that who hands out roles never holds one.
Secrets are minted by the caller (`core.minting`) and come in as digests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, select, update

from core.errors import Conflict, Invalid, NotFound, Unauthenticated
from core.events import OperatorAdded, OperatorConfirmed, OperatorDisabled, OperatorSignedIn, PolicyChanged
from core.flow import access
from core.ledger import people
from core.ledger.people import OperatorFacts
from core.ledger.tables import Desk, Operator, PolicyVersion, table
from core.ledger.transaction import Transaction
from core.rules import policy as policies
from core.rules import roles as rules
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.words import DAY, PARTS, Actor, Role

OPERATOR: Final = table(Operator)
DESK: Final = table(Desk)
POLICY: Final = table(PolicyVersion)

INIT: Final = Actor("system", "init")
CLAIM_WITHIN: Final = 3 * DAY
"""How long a one-time code is good for: a weekend."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Founder:
    """An operator of a first desk; `token_hash` is the digest of the token `init` prints once."""

    name: str
    roles: frozenset[Role]
    token_hash: bytes


def first_desk(tx: Transaction, founders: Sequence[Founder], *, policy: Policy) -> None:
    """Make the desk's row, policy version 1 and the first operators. Raises `Conflict` where there is a desk."""
    if tx.one(select(DESK.c.id)) is not None:
        raise Conflict("there is a desk here already", fix="choose another --dir, or add operators to this one")
    names = {_valid_name(founder.name).casefold() for founder in founders}
    if len(names) < len(founders):
        raise Invalid("an operator is named twice", fix="give each person one --operator with all their roles")
    held = {founder.name: rules.valid_roles(founder.roles) for founder in founders}
    rules.check_first_desk(held)
    content = policies.to_json(policy)
    digest = hashlib.sha256(content.encode()).hexdigest()
    version = tx.create(
        POLICY,
        {"content": content, "digest": digest, "applied_at": tx.now, "applied_by": "init", "reason": "first policy"},
    )
    tx.write(insert(DESK).values(id=1, created_at=tx.now, policy_version=version, start_votes=[]))
    tx.emit(
        PolicyChanged(
            actor=str(INIT), version=version, digest=digest, changes=[], waiting=[], reason="first policy"
        )
    )  # fmt: skip
    for founder in founders:
        # The founding governance confirms itself: there is nobody before it who could.
        values = {"roles": _spelled(held[founder.name]), "unconfirmed": [], "token_hash": founder.token_hash}
        _create(tx, founder.name, values, actor=INIT)


def add(tx: Transaction, *, name: str, roles: Iterable[str], claim_hash: bytes, actor: Actor) -> OperatorFacts:
    """An admin adds a person, who claims their token with the code behind `claim_hash`.

    A person who never claimed within the time may be added again: the new code and roles replace the old. Raises
    `Forbidden`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_ADD)
    _valid_name(name)
    asked = rules.valid_roles(roles)
    values = {
        "roles": _spelled(asked - rules.CONFIRMED),
        "unconfirmed": _spelled(asked & rules.CONFIRMED),
        "claim_hash": claim_hash,
        "claim_expires_at": tx.now + CLAIM_WITHIN,
    }
    known = people.operator(tx.conn, name)
    if known is None:
        _create(tx, name, values, actor=actor)
    elif known.claimed or known.disabled_at is not None or (known.claim_expires_at or 0) > tx.now:
        raise Conflict(
            f"there is an operator {known.name} already", fix="choose another name: a name in the log is one person"
        )
    else:
        again = {"added_by": actor.name, "confirmed_by": None}
        tx.write(update(OPERATOR).where(OPERATOR.c.id == known.id).values(**values, **again))
        _tell_added(tx, known.id, values, actor=actor)
    return _found(tx, name)


def confirm(tx: Transaction, *, name: str, actor: Actor) -> OperatorFacts:
    """Governance lets the roles count that an admin alone may not grant. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.OPERATOR_CONFIRM)
    person = _enabled(tx, name)
    rules.check_other(actor, Verb.OPERATOR_CONFIRM, first=person.name)
    if not person.unconfirmed:
        raise Conflict(f"{person.name} has no role that waits for confirmation")
    values = {"roles": _spelled({*person.roles, *person.unconfirmed}), "unconfirmed": []}
    tx.write(update(OPERATOR).where(OPERATOR.c.id == person.id).values(**values, confirmed_by=actor.name))
    tx.emit(
        OperatorConfirmed(
            actor=str(actor), operator=person.id, roles=values["roles"], confirmed=_spelled(person.unconfirmed)
        )
    )  # fmt: skip
    return _found(tx, name)


def claim(tx: Transaction, *, claim_hash: bytes, token_hash: bytes) -> OperatorFacts:
    """Trade a one-time code for a token of one's own. Raises `Unauthenticated`."""
    person = people.operator_by_claim(tx.conn, claim_hash)
    if person is None or person.disabled_at is not None or (person.claim_expires_at or 0) <= tx.now:
        raise Unauthenticated(
            "the code is unknown, used or expired", fix="if you did not use it yourself, tell governance at once"
        )
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(token_hash=token_hash, claim_hash=None, claim_expires_at=None)
    )
    tx.vouch(person.name)
    tx.emit(OperatorSignedIn(actor=str(person.actor), operator=person.id, door="claim"))
    return _found(tx, person.name)


def signed_in(tx: Transaction, *, actor: Actor, door: str) -> None:
    """Keep that an operator opened the console or another door that lasts."""
    actor = access.require(tx, actor, Verb.DESK_READ)
    tx.emit(OperatorSignedIn(actor=str(actor), operator=_enabled(tx, actor.name).id, door=door))


def disable(tx: Transaction, *, name: str, actor: Actor) -> OperatorFacts:
    """The operator's token opens nothing any more; the name stays theirs. Raises `Forbidden`, `NotFound`, `Conflict`.

    The last admin and the last governance operator stay: without either the desk could never gain another.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_DISABLE)
    person = _enabled(tx, name)
    for role in (Role.ADMIN, Role.GOVERNANCE):
        if role in person.roles and not _others_hold(tx, role, person):
            raise Conflict(f"{person.name} is the last operator who is {role}", fix=f"add another {role} first")
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(disabled_at=tx.now, token_hash=None, claim_hash=None, claim_expires_at=None)
    )
    tx.emit(OperatorDisabled(actor=str(actor), operator=person.id))
    return _found(tx, name)


# --- how ------------------------------------------------------------------------------------------------------------


def _create(tx: Transaction, name: str, values: dict[str, Any], *, actor: Actor) -> None:
    row = {"name": name, "added_by": actor.name, "created_at": tx.now}
    _tell_added(tx, tx.create(OPERATOR, row | values), values, actor=actor)


def _tell_added(tx: Transaction, operator: int, values: dict[str, Any], *, actor: Actor) -> None:
    tx.emit(
        OperatorAdded(
            actor=str(actor), operator=operator, roles=values["roles"], unconfirmed=values["unconfirmed"]
        )
    )  # fmt: skip


def _enabled(tx: Transaction, name: str) -> OperatorFacts:
    person = people.operator(tx.conn, name)
    if person is None:
        raise NotFound(f"there is no operator {name}", fix="postroom operator list shows them all")
    if person.disabled_at is not None:
        raise Conflict(f"{person.name} is disabled")
    return person


def _found(tx: Transaction, name: str) -> OperatorFacts:
    person = people.operator(tx.conn, name)
    assert person is not None, f"operator {name} is gone"
    return person


def _others_hold(tx: Transaction, role: Role, person: OperatorFacts) -> bool:
    """Whether somebody else who can sign in has the role."""
    return any(
        role in other.roles and other.claimed and other.disabled_at is None and other.id != person.id
        for other in people.operators(tx.conn)
    )


def _valid_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.casefold() in PARTS:
        raise Invalid(
            f"{name!r} cannot be an operator's name",
            fix="use letters, digits and . _ @ + -, and not the name of a part of the desk",
        )
    return name


def _spelled(roles: Iterable[Role]) -> list[str]:
    """In the order of the table of roles, so that equal sets are spelled alike."""
    held = set(roles)
    return [role.value for role in Role if role in held]
