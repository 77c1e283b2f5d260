"""Settings of an identity: its mode, limits, allow-list, content classes, display name and webhook.

Every change either tightens or widens. Tightening is open to everybody who watches, in steps of any size. Widening is
issuing a little more, so it takes one role, never the requester or the owner, and a mode rises one step at a time.
Pending mail stays as it is: a change applies to the next action.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import select, update

from core.db.directory import MailboxRecord
from core.db.tables import LANE, MAILBOX
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import Conflict
from core.events import Data, MailboxLimitsChanged, MailboxModeChanged
from core.model import SYSTEM, Actor, ContentClass, Mode
from core.rules import issuance, modes, roles
from core.rules.budgets import SITE_WAITS
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.services import access, context
from core.services.identity import mailbox_record
from core.services.notify import dead_letters, targets

SECRETS_OVERLAP: Final = DAY
"""How long a webhook's old secret also signs after a rotation: time to deploy."""


# --- the mode -----------------------------------------------------------------------------------------------------


def change_mode(tx: Transaction, address: str, mode: Mode, *, reason: str, actor: Actor) -> MailboxRecord:
    """Lower a mode by any number of rungs, or raise it by one, with the evidence in the reason.

    The reason goes into the log; the record that people signed stays as they signed it. Setting the mode already in
    force changes nothing. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`.
    """
    record = mailbox_record.found(tx, address)
    old = Mode(record.mode)
    rising = modes.is_raise(old, mode)
    if rising:
        mailbox_record.may_widen(tx, record, Verb.MODE_RAISE, actor=actor)
    else:
        actor = access.require(tx, actor, Verb.MODE_LOWER)
    mailbox_record.need_alive(tx, record)
    if mode is old:
        return record
    why = context.require_reason(reason, name="change_reason")
    modes.check_step(old, mode)
    _, policy = context.current_policy(tx)
    pause = policy.oversight.minimum_time_on_rung
    modes.check_pause(old, mode, raised_at=record.raised_at, pause=pause, now=tx.now)
    targets.require_notification_target(tx, mode, record.webhook_url, record.webhook_events)
    values: dict[str, Any] = {"mode": mode.value, "mode_since": tx.now, "updated_at": tx.now}
    if rising:
        _check_owed(tx, record, mode)
        values["raised_at"] = tx.now
    tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(**values))
    tx.emit(MailboxModeChanged(**mailbox_record.subjects(record, actor), old=old.value, new=mode.value, reason=why))
    return mailbox_record.found(tx, address)


def _check_owed(tx: Transaction, record: MailboxRecord, mode: Mode) -> None:
    """Refuse if signatures are missing: a read-only mailbox took two; before it sends, deliverability must sign too."""
    outstanding = issuance.waiting_for(
        mailbox_record.as_request(record, mode=mode), mailbox_record.signatures(tx, record)
    )
    if outstanding:
        raise Conflict(
            f"{record.address} was signed for {record.mode} only; {mode} also takes {', '.join(outstanding)}",
            fix=f"postroom mailbox approve {record.address} --as {outstanding[0]}",
        )


# --- limits, allow-list, classes ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Settings to change; those left out stay.

    `limits` uses the names of `mailbox_record.LIMITS`; a None there takes the policy's value. `pending_expiry` is in
    microseconds; 0 takes the policy's. An empty `display_name` removes it.
    """

    limits: Mapping[str, int | None] = field(default_factory=dict)
    allow: Sequence[str] | None = None
    classes: Sequence[ContentClass] | None = None
    pending_expiry: int | None = None
    display_name: str | None = None


@dataclass(slots=True)
class _Edit:
    """The effect of a change: columns, what the log says of it, and whether it widens."""

    values: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Data] = field(default_factory=dict)
    widened: bool = False


def change_limits(tx: Transaction, address: str, change: Change, *, reason: str, actor: Actor) -> MailboxRecord:
    """Change an identity's settings, each part under its own role; all of it or nothing.

    A widened budget takes effect at once, a tightened one at the next claim. Raises `Forbidden`, `NotFound`, `Invalid`,
    `Conflict`.
    """
    record = mailbox_record.found(tx, address)
    edit = _Edit()
    _edit_limits(tx, record, change.limits, edit, actor)
    if change.allow is not None:
        _edit_allow(tx, record, change.allow, edit, actor)
    if change.classes is not None:
        _edit_classes(tx, record, change.classes, edit, actor)
    if change.pending_expiry is not None:
        _edit_expiry(tx, record, change.pending_expiry, edit, actor)
    if change.display_name is not None:
        _edit_name(tx, record, change.display_name, edit, actor)
    actor = access.require(tx, actor, Verb.DESK_READ)
    mailbox_record.need_alive(tx, record)
    if not edit.values:
        return record
    why = context.require_reason(reason, name="change_reason")
    tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(**edit.values, updated_at=tx.now))
    if change.limits:
        _wake(tx, record)
    tx.emit(
        MailboxLimitsChanged(
            **mailbox_record.subjects(record, actor), changes=edit.said, widened=edit.widened, reason=why
        )
    )  # fmt: skip
    return mailbox_record.found(tx, address)


def apply_signed(tx: Transaction, record: MailboxRecord, change: Change, *, reason: str) -> None:
    """Widen an identity as its signatures say: for `widenings`, which has checked them."""
    edit = _Edit(widened=True)
    for name, figure in change.limits.items():
        edit.values[f"limit_{name}"] = figure
        edit.said[name] = [getattr(record, f"limit_{name}"), figure]
    if change.allow is not None:
        edit.values["allow"] = list(change.allow)
        edit.said["allow"] = _counted(record.allow, change.allow)
    if change.classes is not None:
        edit.values["classes"] = [one.value for one in change.classes]
        edit.said["classes"] = [[*record.classes], [one.value for one in change.classes]]
    tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(**edit.values, updated_at=tx.now))
    if change.limits:
        _wake(tx, record)
    # The actor is the desk and not the last signer: all the signatures together widened it.
    tx.emit(
        MailboxLimitsChanged(
            **mailbox_record.subjects(record, SYSTEM), changes=edit.said, widened=True, reason=reason
        )
    )  # fmt: skip


def _edit_limits(
    tx: Transaction, record: MailboxRecord, limits: Mapping[str, int | None], edit: _Edit, actor: Actor
) -> None:
    if not limits:
        return
    mailbox_record.check_limits(limits)
    current = {name: getattr(record, f"limit_{name}") for name in limits}
    _, policy = context.current_policy(tx)
    wider = issuance.is_wider(_in_force(current, policy, least=True), _in_force(limits, policy, least=False))
    changed = {name: n for name, n in limits.items() if n != current[name]}
    if changed and wider:
        mailbox_record.may_widen(tx, record, Verb.LIMITS_WIDEN, actor=actor)
    else:
        actor = access.require(tx, actor, Verb.LIMITS_LOWER)
    edit.widened |= bool(changed) and wider
    edit.values |= {f"limit_{name}": n for name, n in changed.items()}
    edit.said |= {name: [current[name], n] for name, n in changed.items()}


def _in_force(limits: Mapping[str, int | None], policy: Policy, *, least: bool) -> dict[str, int]:
    """Return the limits in force, the policy's filled in; where sites differ, the lowest or highest of them.

    A mailbox's own limit replaces every site's, so it must be compared with the tightest of those it replaces.
    """
    pick = min if least else max
    sites = [policy.budgets.site, *(policy.budgets.of_site(site) for site in policy.budgets.sites)]
    usual = mailbox_record.common_figures(policy) | {
        "site_minute": pick(site.minute for site in sites),
        "site_hour": pick(site.hour for site in sites),
    }
    return {name: usual[name] if n is None else n for name, n in limits.items()}


def _edit_allow(tx: Transaction, record: MailboxRecord, allow: Sequence[str], edit: _Edit, actor: Actor) -> None:
    new = mailbox_record.patterns(allow)
    added = issuance.widened_allow(record.allow, new)
    if added:
        mailbox_record.may_widen(tx, record, Verb.ALLOW_WIDEN, actor=actor)
    else:
        actor = access.require(tx, actor, Verb.ALLOW_NARROW)
    if tuple(new) == record.allow:
        return
    edit.widened |= bool(added)
    edit.values["allow"] = new
    edit.said["allow"] = _counted(record.allow, new)


def _counted(old: Sequence[str], new: Sequence[str]) -> Data:
    """Return how an allow-list changes. A pattern may be a person's address, and the log holds none: counts only."""
    return {
        "old": len(old), "new": len(new), "added": len(set(new) - set(old)), "removed": len(set(old) - set(new)),
    }  # fmt: skip


def _edit_classes(
    tx: Transaction, record: MailboxRecord, classes: Iterable[ContentClass], edit: _Edit, actor: Actor
) -> None:
    old = [ContentClass(one) for one in record.classes]
    new = list(dict.fromkeys(classes))
    added = issuance.widened_classes(old, new)
    actor = access.require(tx, actor, Verb.CLASSES_WIDEN if added else Verb.CLASSES_NARROW)
    if added:
        roles.check_other(actor, Verb.CLASSES_WIDEN, first=record.requested_by)
    if new == old:
        return
    edit.widened |= bool(added)
    edit.values["classes"] = [one.value for one in new]
    edit.said["classes"] = [[one.value for one in old], [one.value for one in new]]


def _edit_expiry(tx: Transaction, record: MailboxRecord, pending_expiry: int, edit: _Edit, actor: Actor) -> None:
    actor = access.require(tx, actor, Verb.EXPIRY_CHANGE)
    new = pending_expiry or None
    mailbox_record.check_expiry(new)
    if new != record.pending_expiry:
        edit.values["pending_expiry"] = new
        edit.said["pending_expiry"] = [record.pending_expiry, new]


def _edit_name(tx: Transaction, record: MailboxRecord, display_name: str, edit: _Edit, actor: Actor) -> None:
    """Change the display name. Governance signed for the name that recipients see, so only governance may."""
    mailbox_record.may_widen(tx, record, Verb.NAME_CHANGE, actor=actor)
    mailbox_record.check_name(display_name)
    new = display_name or None
    if new != record.display_name:
        edit.values["display_name"] = new
        edit.said["display_name"] = "changed"


def _wake(tx: Transaction, record: MailboxRecord) -> None:
    """Make mailboxes and lanes that waited for a budget check again.

    The largest cap among an agent's mailboxes binds, and among a stream's at a site, so others are affected too. A lane
    that backs off from its receiver continues to back off.
    """
    stream = select(MAILBOX.c.stream_id).where(MAILBOX.c.id == record.id).scalar_subquery()
    affected = select(MAILBOX.c.id).where((MAILBOX.c.agent_id == record.agent_id) | (MAILBOX.c.stream_id == stream))
    tx.write(update(MAILBOX).where(MAILBOX.c.id.in_(affected), MAILBOX.c.status == "active").values(wake_at=0))
    c = LANE.c
    tx.write(
        update(LANE)
        .where(c.mailbox_id.in_(affected), c.paused_at.is_(None), c.waits_for.in_(SITE_WAITS), c.depth > 0)
        .values(not_before=0, next_at=tx.now, waits_for=None)
    )
    tx.write(
        update(LANE)
        .where(c.mailbox_id.in_(affected), c.paused_at.is_(None), c.waits_for.in_(SITE_WAITS), c.depth <= 0)
        .values(not_before=0, waits_for=None)
    )


# --- webhook ------------------------------------------------------------------------------------------------------


def change_webhook(
    tx: Transaction,
    address: str,
    *,
    url: str | None,
    secret: bytes | None,
    reason: str,
    actor: Actor,
    events: Collection[str] | None = None,
) -> MailboxRecord:
    """Change or remove the webhook; the caller has checked `url` and sealed `secret`.

    `events` are those it subscribes to; None means all. Failures of an earlier receiver are forgotten. Raises
    `Forbidden`, `NotFound`, `Invalid` (a monitored mailbox would notify nobody), `Conflict`.
    """
    actor = access.require(tx, actor, Verb.WEBHOOK_CHANGE)
    record = mailbox_record.found(tx, address)
    subscribed = mailbox_record.check_events(events) if url else None
    targets.require_notification_target(tx, Mode(record.mode), url, subscribed)
    values = {
        "webhook_url": url,
        "webhook_secret": secret if url else None,
        "webhook_previous": None,
        "webhook_previous_until": None,
        "webhook_events": subscribed,
    }
    changes: dict[str, Data] = {"approval_webhook": [_host(record.webhook_url), _host(url)]}
    if _listed(subscribed) != _listed(record.webhook_events):
        changes["webhook_events"] = [_listed(record.webhook_events), _listed(subscribed)]
    changed = _tell_webhook(tx, record, values, changes, reason=reason, actor=actor)
    dead_letters.reset_backoff(tx, record.id)
    return changed


def change_webhook_events(
    tx: Transaction, address: str, events: Collection[str] | None, *, reason: str, actor: Actor
) -> MailboxRecord:
    """Change the events that the webhook subscribes to; None means all. Raises as `change_webhook`."""
    actor = access.require(tx, actor, Verb.WEBHOOK_CHANGE)
    record = _with_webhook(tx, address)
    subscribed = mailbox_record.check_events(events)
    targets.require_notification_target(tx, Mode(record.mode), record.webhook_url, subscribed)
    if _listed(subscribed) == _listed(record.webhook_events):
        return record
    changes: dict[str, Data] = {"webhook_events": [_listed(record.webhook_events), _listed(subscribed)]}
    return _tell_webhook(tx, record, {"webhook_events": subscribed}, changes, reason=reason, actor=actor)


def rotate_secret(tx: Transaction, address: str, *, secret: bytes, reason: str, actor: Actor) -> MailboxRecord:
    """Set a new secret; the old one also signs for a day. Raises `Forbidden`, `NotFound`, `Conflict`."""
    actor = access.require(tx, actor, Verb.WEBHOOK_CHANGE)
    record = _with_webhook(tx, address)
    values = {
        "webhook_secret": secret,
        "webhook_previous": record.webhook_secret,
        "webhook_previous_until": tx.now + SECRETS_OVERLAP,
    }
    return _tell_webhook(tx, record, values, {"webhook_secret": "rotated"}, reason=reason, actor=actor)


def _tell_webhook(
    tx: Transaction,
    record: MailboxRecord,
    values: Mapping[str, Any],
    changes: dict[str, Data],
    *,
    reason: str,
    actor: Actor,
) -> MailboxRecord:
    mailbox_record.need_alive(tx, record)
    tx.write(update(MAILBOX).where(MAILBOX.c.id == record.id).values(**values, updated_at=tx.now))
    tx.emit(
        MailboxLimitsChanged(**mailbox_record.subjects(record, actor), changes=changes, widened=False, reason=reason)
    )  # fmt: skip
    return mailbox_record.found(tx, record.address)


def _with_webhook(tx: Transaction, address: str) -> MailboxRecord:
    record = mailbox_record.found(tx, address)
    if record.webhook_url is None:
        raise Conflict(f"{record.address} has no webhook", fix=f"postroom mailbox webhook {record.address} URL")
    return record


def _listed(events: Collection[str] | None) -> Data:
    return "all" if events is None else list(events)


def _host(url: str | None) -> str | None:
    """Return the host alone: the rest of the URL may be a secret, and the log is exported."""
    return urlsplit(url).hostname if url else None
