"""The policy in force: applied by people, tightened by an edit of the file, replayed on what was decided before.

Every version is kept whole. An edit is taken apart: what tightens is in force with the commit, on every gateway, what
loosens waits until governance applies it. All gateways watch the file, so the desk remembers the last edit it looked
at: one of them acts on it, and a file that did not change is no edit, whatever was applied meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, update

from core.events import Data, PolicyChanged, PolicyRefused
from core.flow import access, house, records
from core.flow.controls import given, wake
from core.ledger import facts
from core.ledger.tables import Desk, Lane, Mailbox, Message, PolicyVersion, table
from core.ledger.transaction import Transaction
from core.rules import budgets, modes
from core.rules import policy as policies
from core.rules.gate import moderate
from core.rules.policy import Change, Policy
from core.rules.roles import Verb
from core.words import SYSTEM, Action, Actor, Block, ContentClass, Execute, Hold, Mode, Reason, Verdict, spell_id

DESK: Final = table(Desk)
LANE: Final = table(Lane)
MAILBOX: Final = table(Mailbox)
MESSAGE: Final = table(Message)
VERSION: Final = table(PolicyVersion)

EDITED: Final = "policy.toml was edited"
EXAMPLES: Final = 5
"""Messages named for each pair of verdicts that differ."""
PAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Applied:
    """The version in force now, what changed with it, and what still waits for governance."""

    version: int
    changes: tuple[Change, ...] = ()
    waiting: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a policy would have decided. `verdicts` counts (then, now); `examples` names messages where they differ."""

    messages: int
    then: dict[str, int]
    now: dict[str, int]
    verdicts: dict[tuple[str, str], int]
    examples: dict[tuple[str, str], tuple[str, ...]]


# --- verbs --------------------------------------------------------------------------------------------------------


def apply_policy(tx: Transaction, new: Policy, *, reason: str, actor: Actor) -> Applied:
    """Put a policy in force whole. One that loosens in any key is for governance.

    Raises `Forbidden`, `Invalid`, `Conflict` (nobody would hear of a monitored mailbox any more).
    """
    version, old = house.policy(tx)
    changes = policies.changes(old, new)
    loosens = any(change.direction == "loosens" for change in changes)
    actor = access.require(tx, actor, Verb.POLICY_LOOSEN if loosens else Verb.POLICY_TIGHTEN)
    why = given(reason)
    _remember_edit(tx, _digest(policies.to_json(new)))
    if not changes:
        return Applied(version)
    records.need_ears(tx, old=old, new=new)
    return _put_in_force(tx, new, changes=changes, waiting=(), reason=why, actor=actor)


def watch_edit(tx: Transaction, new: Policy) -> Applied:
    """A valid edit of the file: its tightening takes effect, its loosening waits. The same edit again does nothing."""
    version, old = house.policy(tx)
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
                waiting=_told(waiting), reason=EDITED,
            )
        )  # fmt: skip
    return Applied(version, waiting=waiting)


def refuse_edit(tx: Transaction, problems: Sequence[tuple[str, str]]) -> bool:
    """An edit that is not valid: nothing changes, and it is a fact. Returns False for one that was told before."""
    listed: list[Data] = [{"key": key, "problem": problem} for key, problem in problems]
    if not _remember_edit(tx, _digest(json.dumps(listed))):
        return False
    tx.emit(PolicyRefused(actor=str(SYSTEM), problems=listed))
    return True


# --- replay -------------------------------------------------------------------------------------------------------


def replay(conn: Connection, policy: Policy, *, since: int) -> Replayed:
    """What `policy` would have done with the messages accepted from `since` on, beside what was done then.

    Both verdicts come from the facts stored with each decision, by the same rules. What only delays (hour, day, pace)
    and what was refused at the door, of which nothing is kept, is not in it.
    """
    in_force = {row.version: house.parsed(row.content) for row in conn.execute(select(VERSION))}
    pairs: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for row in _decided(conn, since):
        before = in_force[row.policy_version]
        asked = row.content_class in before.consent.require
        pair = (_verdict(row, before, consent_asked=asked), _verdict(row, policy, consent_asked=asked))
        pairs[pair] += 1
        named = examples.setdefault(pair, [])
        if pair[0] != pair[1] and len(named) < EXAMPLES:
            named.append(spell_id("m", row.id))
    then, now = Counter[str](), Counter[str]()
    for (first, second), n in pairs.items():
        then[first] += n
        now[second] += n
    return Replayed(
        messages=pairs.total(),
        then=dict(then),
        now=dict(now),
        verdicts=dict(pairs),
        examples={pair: tuple(named) for pair, named in examples.items() if named},
    )


def _decided(conn: Connection, since: int) -> Iterator[Any]:
    """Messages with the facts of their decision, the newest first; ids sort by birth."""
    m = MESSAGE.c
    columns = (m.id, m.kind, m.content_class, m.policy_version, m.facts, m.submitted_at, MAILBOX.c.limit_run)
    page = select(*columns).join(MAILBOX, MAILBOX.c.id == m.mailbox_id).order_by(m.id.desc()).limit(PAGE)
    rows = conn.execute(page).all()
    while rows:
        for row in rows:
            if row.submitted_at < since:
                return
            if row.facts:
                yield row
        rows = conn.execute(page.where(m.id < rows[-1].id)).all()


def _verdict(row: Any, policy: Policy, *, consent_asked: bool) -> str:
    """The gate's questions again, to facts instead of tables (`gate.judge`).

    Without `consent_asked` nobody looked for records when it was decided: it counts as having none.
    """
    said: dict[str, Any] = row.facts
    content_class = ContentClass(said["class"])
    further: list[Verdict] = []
    if content_class.value not in said["mailbox_classes"]:
        further.append(Hold((Reason("class_not_signed_off", "the mailbox is not signed off for it"),)))
    if content_class in policy.classes.hold:
        further.append(Hold((Reason("class", "policy holds the class"),)))
    if said["outside"]:
        further.append(_one_of(policy.allow_list.outside, "allow_list", "not_allow_listed"))
    if content_class in policy.consent.require and (said["consent"] or not consent_asked):
        further.append(_one_of(policy.consent.missing, "consent", "consent_required"))
    cap = policy.budgets.run.cap if row.limit_run is None else row.limit_run
    room = budgets.run_hold(
        said["run_before"], asking=said["recipients"], cap=cap, confirmed_up_to=said["run_confirmed"]
    )
    if room.hold:
        further.append(Hold((room.hold,)))
    return _word(moderate(modes.decide(Action(row.kind), Mode(said["mode"])), further))


def _one_of(choice: str, code: str, error: str) -> Verdict:
    return Hold((Reason(code, code),)) if choice == "hold" else Block(error, code)


def _word(verdict: Verdict) -> str:
    match verdict:
        case Execute():
            return "execute"
        case Hold():
            return "hold"
        case Block():
            return "block"


# --- how ----------------------------------------------------------------------------------------------------------


def _put_in_force(
    tx: Transaction, new: Policy, *, changes: Sequence[Change], waiting: Sequence[Change], reason: str, actor: Actor
) -> Applied:
    content = policies.to_json(new)
    digest = _digest(content)
    version = tx.create(
        VERSION,
        {"content": content, "digest": digest, "applied_at": tx.now, "applied_by": str(actor), "reason": reason},
    )
    tx.write(update(DESK).where(DESK.c.id == 1).values(policy_version=version))
    wake(tx)
    if any(change.path.startswith("budgets.site") for change in changes):
        throttled = LANE.c.waits_for.in_(["site_minute", "site_hour"]) & LANE.c.paused_at.is_(None)
        tx.write(update(LANE).where(throttled).values(next_at=tx.now, not_before=0, waits_for=None))
    tx.emit(
        PolicyChanged(
            actor=str(actor), version=version, digest=digest, changes=_told(changes), waiting=_told(waiting),
            reason=reason,
        )
    )  # fmt: skip
    return Applied(version, tuple(changes), tuple(waiting))


def _remember_edit(tx: Transaction, digest: str) -> bool:
    """Whether this is another edit than the last one looked at; it is the last from now on."""
    if facts.desk(tx).policy_edit == digest:
        return False
    tx.write(update(DESK).where(DESK.c.id == 1).values(policy_edit=digest))
    return True


def _told(changes: Sequence[Change]) -> list[Data]:
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
