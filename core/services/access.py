"""Check an operator's permission in the same transaction that acts or reads.

An entry point (HTTP, command line, console) knows who holds a token only at the moment it looks. Before the action
runs, the operator may be disabled, the token rotated or expired, a role removed; a console stays open for a whole
shift. So `require` reads the operator again, and `Transaction.emit` refuses an event attributed to an operator for whom
the verb has not called `require`. A verb takes roles from the actor that `require` returns, never from the one it was
given.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from core.db import directory
from core.db.directory import OperatorFacts
from core.db.transaction import Transaction
from core.durations import stamp
from core.errors import AccessEnded, Unauthenticated, Unconfirmed
from core.model import Actor
from core.rules import roles
from core.rules.roles import Verb


def sign_in(conn: Connection, digest: bytes, *, now: int) -> Actor:
    """Return the operator who holds the token with this SHA-256. Raises `Unauthenticated` with the reason."""
    operator = directory.operator_by_token(conn, digest)
    if operator is not None:
        return _standing(operator, digest, now=now)
    claiming = directory.operator_by_claim(conn, digest)
    if claiming is not None and claiming.disabled_at is None:
        raise Unauthenticated(
            f"the token that {claiming.name} has claimed is not confirmed yet",
            fix=f"ask governance to run: postroom operator confirm {claiming.name} --fingerprint ...",
        )
    raise Unauthenticated(
        "no operator has this token: it is unknown, or was revoked or replaced by another",
        fix="claim one: postroom operator claim NAME",
    )


def require(tx: Transaction, actor: Actor, verb: Verb) -> Actor:
    """Return the operator with the roles they have in this transaction.

    Raises `AccessEnded`, `Forbidden`, and `Unconfirmed` for a loosening by somebody who asked for tightening only.
    """
    if actor.kind != "operator":
        roles.check(actor, verb)
    operator = tx.desk_cache.get(("operator", actor.name, actor.token), lambda: _known(tx.conn, actor))
    current = _standing(operator, actor.token, now=tx.now, name=actor.name)
    roles.check(current, verb)
    if actor.tightens_only:
        if verb in roles.LOOSENS:
            raise Unconfirmed(f"this loosens the desk ({verb}), and its name was not typed")
        current = replace(current, tightens_only=True)
    tx.vouch(str(current))
    return current


def require_reader(conn: Connection, actor: Actor, verb: Verb, *, now: int) -> Actor:
    """Do the same for a read outside a verb, on the connection that reads. Raises `AccessEnded`, `Forbidden`."""
    if actor.kind == "operator":
        actor = _standing(_known(conn, actor), actor.token, now=now, name=actor.name)
    roles.check(actor, verb)
    return actor


def _known(conn: Connection, actor: Actor) -> OperatorFacts | None:
    """Find the operator by token, or by name if the token is no longer valid, so that the error can say why."""
    found = directory.operator_by_token(conn, actor.token) if actor.token is not None else None
    return found if found is not None and found.name == actor.name else directory.operator(conn, actor.name)


def _standing(operator: OperatorFacts | None, token: bytes | None, *, now: int, name: str = "") -> Actor:
    """Return the operator with their current roles. Raises `AccessEnded`."""
    if operator is None:
        raise AccessEnded(f"there is no operator {name}", fix="ask an admin to add you")
    if operator.disabled_at is not None:
        raise AccessEnded(
            f"{operator.name} was disabled at {stamp(operator.disabled_at)}", fix="ask an admin if this is a mistake"
        )
    if token is None or operator.token_hash != token:
        raise AccessEnded(
            f"this token of {operator.name} was revoked or replaced by another",
            fix="sign in with the new one, or claim one: postroom operator claim NAME",
        )
    if operator.expired(now):
        raise AccessEnded(
            f"the token of {operator.name} expired at {stamp(operator.token_expires_at or 0)}",
            fix=f"claim another: postroom operator claim {operator.name}",
        )
    return operator.actor
