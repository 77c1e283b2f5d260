"""The policy in force: operators apply it, and an edit of the file tightens it.

Every version is stored whole. An edit is split: what tightens is in force with the commit, on every gateway; what
loosens waits until governance applies it. All gateways watch the file, so the desk stores the digest of the last edit
it examined: one gateway acts on an edit, and an unchanged file is no edit, whatever was applied meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import update

from core.db import gate_queries
from core.db.queue import wake
from core.db.tables import DESK, LANE, POLICY_VERSION
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid
from core.events import Data, PolicyChanged, PolicyRefused
from core.model import SYSTEM, Actor
from core.rules import policy as policies
from core.rules.budgets import SITE_WAITS
from core.rules.policy import Change, Policy
from core.rules.roles import Verb
from core.services import access, context
from core.services.context import require_reason
from core.services.notify import targets

EDITED: Final = "policy.toml was edited"


@dataclass(frozen=True, slots=True)
class Applied:
    """The version in force now, what changed with it, and what still waits for governance."""

    version: int
    changes: tuple[Change, ...] = ()
    waiting: tuple[Change, ...] = ()


# --- verbs --------------------------------------------------------------------------------------------------------


def apply_policy(tx: Transaction, new: Policy, *, reason: str, actor: Actor) -> Applied:
    """Put a whole policy in force. One that loosens any key requires governance.

    Raises `Forbidden`, `Invalid`, `Conflict` (a monitored mailbox would be left without anyone to notify).
    """
    version, old = context.current_policy(tx)
    changes = policies.changes(old, new)
    loosens = any(change.direction == "loosens" for change in changes)
    actor = access.require(tx, actor, Verb.POLICY_LOOSEN if loosens else Verb.POLICY_TIGHTEN)
    why = require_reason(reason)
    _remember_edit(tx, _digest(policies.to_json(new)))
    _wait_for_governance(tx, None)
    if not changes:
        return Applied(version)
    targets.require_notification_targets(tx, old=old, new=new)
    return _put_in_force(tx, new, changes=changes, waiting=(), reason=why, actor=actor)


def confirm_waiting(tx: Transaction, digest: str, *, reason: str, actor: Actor) -> Applied:
    """Put in force what an edit of the file loosened, as governance. `digest` is that of `waiting`, as it was read.

    Raises `Forbidden`, `Invalid`, `Conflict` (nothing waits, or something else by now).
    """
    access.require(tx, actor, Verb.POLICY_LOOSEN)
    return apply_policy(tx, _expected(tx, digest), reason=reason, actor=actor)


def withdraw_waiting(tx: Transaction, digest: str, *, reason: str, actor: Actor) -> int:
    """Forget what an edit of the file loosened; return the version that stays in force.

    The file stays as it is; it counts again once it is edited. Raises `Forbidden`, `Invalid`, `Conflict`.
    """
    actor = access.require(tx, actor, Verb.POLICY_TIGHTEN)
    _expected(tx, digest)
    why = require_reason(reason)
    version, old = context.current_policy(tx)
    _wait_for_governance(tx, None)
    tx.emit(
        PolicyChanged(
            actor=str(actor), version=version, digest=_digest(policies.to_json(old)), changes=[], waiting=[],
            reason=why,
        )
    )  # fmt: skip
    return version


def watch_edit(tx: Transaction, new: Policy) -> Applied:
    """Process a valid edit of the file: tightening takes effect, loosening waits. The same edit again does nothing."""
    version, old = context.current_policy(tx)
    if not _remember_edit(tx, _digest(policies.to_json(new))):
        return Applied(version)
    tighter = policies.tightened(old, new)
    changes, waiting = policies.changes(old, tighter), policies.changes(tighter, new)
    _wait_for_governance(tx, new if waiting else None)
    if changes:
        return _put_in_force(tx, tighter, changes=changes, waiting=waiting, reason=EDITED, actor=SYSTEM)
    if waiting:
        tx.emit(
            PolicyChanged(
                actor=str(SYSTEM), version=version, digest=_digest(policies.to_json(old)), changes=[],
                waiting=_as_data(waiting), reason=EDITED,
            )
        )  # fmt: skip
    return Applied(version, waiting=waiting)


def refuse_edit(tx: Transaction, problems: Sequence[tuple[str, str]]) -> bool:
    """Record an invalid edit; the policy does not change. Returns False if this one was recorded before."""
    listed: list[Data] = [{"key": key, "problem": problem} for key, problem in problems]
    if not _remember_edit(tx, _digest(json.dumps(listed))):
        return False
    tx.emit(PolicyRefused(actor=str(SYSTEM), problems=listed))
    return True


# --- reads --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit whose loosening waits for governance. `digest` is that of the whole edited policy."""

    digest: str
    changes: tuple[Change, ...]


def waiting(tx: Transaction) -> Waiting | None:
    """What the last edit of the file loosened and nobody has confirmed or withdrawn; None if nothing waits.

    One that another version of Postroom wrote and this one cannot read waits no longer: the next edit replaces it.
    """
    content = gate_queries.desk(tx).policy_waiting
    if content is None:
        return None
    try:
        new = context.parsed(content)
    except Invalid:
        return None
    _, old = context.current_policy(tx)
    found = policies.changes(old, new)
    return Waiting(_digest(content), found) if found else None


# --- helpers ------------------------------------------------------------------------------------------------------


def _expected(tx: Transaction, digest: str) -> Policy:
    """The policy that waits, if it is still the one that was read. Raises `Conflict`."""
    content = gate_queries.desk(tx).policy_waiting
    if content is None or waiting(tx) is None:
        raise Conflict("no loosening of the policy waits", fix="postroom policy show prints what is in force")
    if _digest(content) != digest:
        raise Conflict("policy.toml was edited again since you read it", fix="read it again: postroom policy waiting")
    return context.parsed(content)


def _wait_for_governance(tx: Transaction, new: Policy | None) -> None:
    content = None if new is None else policies.to_json(new)
    if gate_queries.desk(tx).policy_waiting != content:
        tx.write(update(DESK).where(DESK.c.id == 1).values(policy_waiting=content))


def _put_in_force(
    tx: Transaction, new: Policy, *, changes: Sequence[Change], waiting: Sequence[Change], reason: str, actor: Actor
) -> Applied:
    content = policies.to_json(new)
    digest = _digest(content)
    version = tx.create(
        POLICY_VERSION,
        {"content": content, "digest": digest, "applied_at": tx.now, "applied_by": str(actor), "reason": reason},
    )
    tx.write(update(DESK).where(DESK.c.id == 1).values(policy_version=version))
    wake(tx)
    if any(change.path.startswith("budgets.site") for change in changes):
        throttled = LANE.c.waits_for.in_(SITE_WAITS) & LANE.c.paused_at.is_(None)
        tx.write(update(LANE).where(throttled).values(next_at=tx.now, not_before=0, waits_for=None))
    tx.emit(
        PolicyChanged(
            actor=str(actor), version=version, digest=digest, changes=_as_data(changes), waiting=_as_data(waiting),
            reason=reason,
        )
    )  # fmt: skip
    return Applied(version, tuple(changes), tuple(waiting))


def _remember_edit(tx: Transaction, digest: str) -> bool:
    """Whether this edit differs from the last one examined; records it as the last."""
    if gate_queries.desk(tx).policy_edit == digest:
        return False
    tx.write(update(DESK).where(DESK.c.id == 1).values(policy_edit=digest))
    return True


def _as_data(changes: Sequence[Change]) -> list[Data]:
    return [
        {"path": one.path, "old": _plain(one.old), "new": _plain(one.new), "direction": one.direction}
        for one in changes
    ]


def _plain(value: object) -> Data:
    if isinstance(value, tuple):
        return [str(member) for member in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
