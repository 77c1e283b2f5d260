"""Operators: the people of the desk, their roles, and how they get a token that nobody else has seen.

An admin adds people and can hold no other role. A new operator makes the token locally and submits only its digest.
Governance compares its fingerprint with the person; from then on token and roles count. So it takes an admin, the
person and a governance operator to create somebody who can act: none of them alone can pass for two people.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, select, update

from core.db import directory
from core.db.directory import OperatorFacts
from core.db.tables import DESK, OPERATOR, POLICY_VERSION
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, MINUTE, spell
from core.errors import Conflict, Invalid, NotFound, Unauthenticated
from core.events import (
    OperatorAdded,
    OperatorClaimed,
    OperatorConfirmed,
    OperatorDisabled,
    OperatorRevoked,
    OperatorRotated,
    OperatorSignedIn,
    PolicyChanged,
)
from core.model import PARTS, Actor, Role
from core.rules import policy as policies
from core.rules import roles as rules
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.security import credentials
from core.services import access
from core.services.context import require_reason

INIT: Final = Actor("system", "init")
CLAIM: Final = Actor("system", "claim")
"""A claim proves nothing yet: the log does not say that it was the person."""
CLAIM_WITHIN: Final = 3 * DAY
"""How long a claim waits for its confirmation: a weekend."""
CLAIM_EVERY: Final = MINUTE
"""Least time between two claims for one person: a claim needs no token, and each adds an entry to the log."""
SHORTEST_LIFE: Final = HOUR
LONGEST_LIFE: Final = 366 * DAY
_NO_CLAIM: Final[dict[str, Any]] = {"claim_hash": None, "claim_started_at": None, "claim_expires_at": None}

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Founder:
    """An operator of a new desk; `token_hash` is the digest of the token that `init` prints once."""

    name: str
    roles: frozenset[Role]
    token_hash: bytes


def first_desk(tx: Transaction, founders: Sequence[Founder], *, policy: Policy, development: bool = False) -> None:
    """Create the desk's row, policy version 1 and the first operators. Raises `Conflict` if a desk exists.

    A desk for `development` belongs to one person and has no admin, so nobody else can ever be added to it.
    """
    if tx.one(select(DESK.c.id)) is not None:
        raise Conflict("a desk already exists here", fix="choose another --dir, or add operators to this one")
    names = {_valid_name(founder.name).casefold() for founder in founders}
    if len(names) < len(founders):
        raise Invalid("an operator is named twice", fix="give each person one --operator with all their roles")
    held = {founder.name: rules.valid_roles(founder.roles) for founder in founders}
    if not development:
        rules.check_first_desk(held)
    content = policies.to_json(policy)
    digest = hashlib.sha256(content.encode()).hexdigest()
    version = tx.create(
        POLICY_VERSION,
        {"content": content, "digest": digest, "applied_at": tx.now, "applied_by": "init", "reason": "first policy"},
    )
    tx.write(
        insert(DESK).values(
            id=1, created_at=tx.now, policy_version=version, start_votes=[], development=development
        )
    )  # fmt: skip
    tx.emit(
        PolicyChanged(
            actor=str(INIT), version=version, digest=digest, changes=[], waiting=[], reason="first policy"
        )
    )  # fmt: skip
    for founder in founders:
        # The founding governance operators confirm themselves: nobody before them could.
        values = {
            "roles": _spelled(held[founder.name]), "unconfirmed": [], "token_hash": founder.token_hash,
            "token_issued_at": tx.now,
        }  # fmt: skip
        _create(tx, founder.name, values, actor=INIT)


def add(tx: Transaction, *, name: str, roles: Iterable[str], actor: Actor) -> OperatorFacts:
    """Add a person, as an admin. They can do nothing until they claim a token and governance confirms it.

    Every role waits for that, not only those that answer for identities: an admin who could claim the operator they had
    just added would have a second pair of eyes for their own mail. A person who was never confirmed may be added again,
    with other roles. Raises `Forbidden`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_ADD)
    _valid_name(name)
    checked_roles = rules.valid_roles(roles)
    values = {"roles": [], "unconfirmed": _spelled(checked_roles), **_NO_CLAIM}
    existing = directory.operator(tx.conn, name)
    if existing is None:
        _create(tx, name, values, actor=actor)
    elif existing.claimed or existing.roles or existing.disabled_at is not None or _claim_lives(existing, tx.now):
        raise Conflict(
            f"operator {existing.name} already exists",
            fix="choose another name: a name in the log stands for one person",
        )
    else:
        again = {"added_by": actor.name, "confirmed_by": None}
        tx.write(update(OPERATOR).where(OPERATOR.c.id == existing.id).values(**values, **again))
        _tell_added(tx, existing.id, values, actor=actor)
    return _found(tx, name)


def claim(tx: Transaction, *, name: str, token_hash: bytes) -> OperatorFacts:
    """Claim a token for an operator; the claimant submits only its digest.

    It opens nothing until governance has compared its fingerprint with the person (`confirm`). A later claim replaces
    an earlier one, so nobody can lock the person out by being first. Raises `Unauthenticated`, `Conflict`.
    """
    person = directory.operator(tx.conn, name)
    if person is None or person.disabled_at is not None or (person.claimed and not person.expired(tx.now)):
        raise Unauthenticated(
            "no operator by that name has a token to claim",
            fix="ask an admin: postroom operator add, or postroom operator revoke if the token was lost",
        )
    if person.claim_hash == token_hash and _claim_lives(person, tx.now):
        return person  # the answer to the first request was lost
    if person.claim_started_at is not None and tx.now - person.claim_started_at < CLAIM_EVERY:
        raise Conflict(
            f"a token was claimed for {person.name} less than a minute ago",
            fix="if it was not you, tell governance; claim again in a minute",
        )
    _check_fresh(tx, token_hash)
    earlier = credentials.fingerprint(person.claim_hash) if person.claim_hash else None
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(claim_hash=token_hash, claim_started_at=tx.now, claim_expires_at=tx.now + CLAIM_WITHIN)
    )
    tx.emit(
        OperatorClaimed(
            actor=str(CLAIM), operator=person.id, fingerprint=credentials.fingerprint(token_hash), replaces=earlier
        )
    )  # fmt: skip
    return _found(tx, person.name)


def confirm(tx: Transaction, *, name: str, fingerprint: str, actor: Actor) -> OperatorFacts:
    """Confirm a claim after hearing the fingerprint from the person: their token and roles count from now on.

    Raises `Forbidden`, `NotFound`, `Conflict` (no claim, or another's).
    """
    actor = access.require(tx, actor, Verb.OPERATOR_CONFIRM)
    person = _enabled(tx, name)
    rules.check_other(actor, Verb.OPERATOR_CONFIRM, first=person.name)
    # Roles that were unconfirmed before the upgrade to this version belong to somebody who already holds a token.
    claimed = person.claim_hash if _claim_lives(person, tx.now) else person.token_hash if person.unconfirmed else None
    if claimed is None:
        raise Conflict(
            f"{person.name} has no claimed token that awaits confirmation",
            fix=f"ask them to run: postroom operator claim {person.name}",
        )
    if not hmac.compare_digest(_letters(credentials.fingerprint(claimed)), _letters(fingerprint)):
        raise Conflict(
            f"this is not the fingerprint of the token claimed for {person.name}",
            fix="have it read out again; if it still differs, somebody else claimed it: have them claim again",
        )
    roles = _spelled({*person.roles, *person.unconfirmed})
    issued = {"token_hash": claimed, "token_issued_at": tx.now, "token_expires_at": None}
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(roles=roles, unconfirmed=[], confirmed_by=actor.name, **issued, **_NO_CLAIM)
    )
    tx.emit(
        OperatorConfirmed(
            actor=str(actor), operator=person.id, roles=roles, confirmed=_spelled(person.unconfirmed),
            fingerprint=credentials.fingerprint(claimed),
        )
    )  # fmt: skip
    return _found(tx, name)


def rotate(tx: Transaction, *, token_hash: bytes, actor: Actor, ttl: int | None = None) -> OperatorFacts:
    """Replace the operator's own token; the old one ends at once. With `ttl` the new one expires.

    Raises `AccessEnded`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_ROTATE)
    person = _enabled(tx, actor.name)
    if ttl is not None and not SHORTEST_LIFE <= ttl <= LONGEST_LIFE:
        raise Invalid(f"an operator's token lives from {spell(SHORTEST_LIFE)} to {spell(LONGEST_LIFE)}")
    if ttl is not None:
        _check_not_last(tx, person)
    _check_fresh(tx, token_hash)
    expires_at = None if ttl is None else tx.now + ttl
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(token_hash=token_hash, token_issued_at=tx.now, token_expires_at=expires_at)
    )
    tx.emit(OperatorRotated(actor=str(actor), operator=person.id, expires_at=expires_at))
    return _found(tx, person.name)


def revoke(tx: Transaction, *, name: str, reason: str, actor: Actor) -> OperatorFacts:
    """End an operator's token, lost or not trusted. They claim another, confirmed as the first one was.

    Raises `Forbidden`, `NotFound`, `Conflict`, `Invalid`.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_REVOKE)
    person = _enabled(tx, name)
    why = require_reason(reason)
    _check_not_last(tx, person)
    tx.write(
        update(OPERATOR)
        .where(OPERATOR.c.id == person.id)
        .values(token_hash=None, token_issued_at=None, token_expires_at=None, **_NO_CLAIM)
    )
    tx.emit(OperatorRevoked(actor=str(actor), operator=person.id, reason=why))
    return _found(tx, name)


def signed_in(tx: Transaction, *, actor: Actor, entry_point: str) -> None:
    """Record that an operator opened the console or another long-lived session."""
    actor = access.require(tx, actor, Verb.DESK_READ)
    tx.emit(OperatorSignedIn(actor=str(actor), operator=_enabled(tx, actor.name).id, door=entry_point))


def disable(tx: Transaction, *, name: str, actor: Actor) -> OperatorFacts:
    """End the operator's access; the name stays reserved. Raises `Forbidden`, `NotFound`, `Conflict`.

    The last admin and the last governance operator cannot be disabled: without either the desk could never gain
    another.
    """
    actor = access.require(tx, actor, Verb.OPERATOR_DISABLE)
    person = _enabled(tx, name)
    _check_not_last(tx, person)
    tx.write(
        update(OPERATOR).where(OPERATOR.c.id == person.id).values(disabled_at=tx.now, token_hash=None, **_NO_CLAIM)
    )
    tx.emit(OperatorDisabled(actor=str(actor), operator=person.id))
    return _found(tx, name)


# --- helpers --------------------------------------------------------------------------------------------------------


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
    person = directory.operator(tx.conn, name)
    if person is None:
        raise NotFound(f"there is no operator {name}", fix="postroom operator list shows them all")
    if person.disabled_at is not None:
        raise Conflict(f"{person.name} is disabled")
    return person


def _found(tx: Transaction, name: str) -> OperatorFacts:
    person = directory.operator(tx.conn, name)
    assert person is not None, f"operator {name} is gone"
    return person


def _claim_lives(person: OperatorFacts, now: int) -> bool:
    return person.claim_hash is not None and (person.claim_expires_at or 0) > now


def _letters(fingerprint: str) -> bytes:
    """Normalise a fingerprint as read out: capitals, spaces and dashes do not matter."""
    return "".join(fingerprint.upper().replace("-", " ").split()).encode()


def _check_fresh(tx: Transaction, token_hash: bytes) -> None:
    """Raises `Conflict` for a token that any operator already holds or claims."""
    if directory.operator_by_token(tx.conn, token_hash) or directory.operator_by_claim(tx.conn, token_hash):
        raise Conflict("this token is already in use", fix="create a new one: a token is used for one person, once")


def _check_not_last(tx: Transaction, person: OperatorFacts) -> None:
    """Raises `Conflict` if the desk would be left without an admin, or without anybody who can confirm one."""
    for role in (Role.ADMIN, Role.GOVERNANCE):
        if role in person.roles and not _others_hold(tx, role, person):
            raise Conflict(f"{person.name} is the last operator with role {role}", fix=f"add another {role} first")


def _others_hold(tx: Transaction, role: Role, person: OperatorFacts) -> bool:
    """Return whether another operator has the role and a token that does not expire."""
    return any(
        role in other.roles
        and other.claimed
        and other.token_expires_at is None
        and other.disabled_at is None
        and other.id != person.id
        for other in directory.operators(tx.conn)
    )


def _valid_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.casefold() in PARTS:
        raise Invalid(
            f"{name!r} cannot be an operator's name",
            fix="use letters, digits and . _ @ + -, and not the name of a part of the desk",
        )
    return name


def _spelled(roles: Iterable[Role]) -> list[str]:
    """List roles in the order of the table of roles, so that equal sets are stored alike."""
    held = set(roles)
    return [role.value for role in Role if role in held]
