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
    if not changes:
        return Applied(version)
    targets.require_notification_targets(tx, old=old, new=new)
    return _put_in_force(tx, new, changes=changes, waiting=(), reason=why, actor=actor)


def watch_edit(tx: Transaction, new: Policy) -> Applied:
    """Process a valid edit of the file: tightening takes effect, loosening waits. The same edit again does nothing."""
    version, old = context.current_policy(tx)
    if not _remember_edit(tx, _digest(policies.to_json(new))):
        return Applied(version)
    tighter = policies.tightened(old, new)
    changes, waiting = policies.changes(old, tighter), policies.changes(tighter, new)
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


# --- helpers ------------------------------------------------------------------------------------------------------


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
