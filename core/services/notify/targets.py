"""Notification targets of a monitored mailbox: its webhook, or the channels the policy names. It must have one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, select

from core.db.tables import MAILBOX
from core.db.transaction import Transaction
from core.errors import Conflict
from core.events import CATALOGUE, EmailApprovalUndone, EmailRead, EmailSent
from core.model import Mode
from core.rules import modes
from core.rules.policy import Policy
from core.services import context

WEBHOOK_EVENTS: Final = frozenset(name for name in CATALOGUE if name.startswith("email.")) - {
    EmailApprovalUndone.type,
    EmailRead.type,
}
"""The events a webhook can subscribe to.

Not an undone approval: an approval is announced once it can no longer be undone. Not reads: who looks at an agent's
mail does not concern the program that its webhook feeds.
"""


def require_notification_target(
    tx: Transaction, mode: Mode, webhook_url: str | None, events: Collection[str] | None
) -> None:
    """Require a notification target for a mode that reports every send. Raises `Invalid`."""
    _, policy = context.current_policy(tx)
    modes.check_notification_target(mode, has_target=has_notification_target(policy, webhook_url, events))


def require_notification_targets(tx: Transaction, *, old: Policy, new: Policy) -> None:
    """Require that every monitored mailbox keeps a notification target under the new policy. Raises `Conflict`."""
    c = MAILBOX.c
    watched = select(c.address, c.webhook_url, c.webhook_events).where(
        c.status == "active", c.mode == Mode.MONITORED.value
    )
    mailboxes = tx.all(watched.order_by(c.address))
    without_target = [
        mailbox.address
        for mailbox in mailboxes
        if _mailbox_has_target(old, mailbox) and not _mailbox_has_target(new, mailbox)
    ]
    if without_target:
        more = f" and {len(without_target) - 3} more" if len(without_target) > 3 else ""
        raise Conflict(
            f"nobody would be notified of what {', '.join(without_target[:3])}{more} sends, "
            "and monitored mode requires it",
            fix="give each a webhook first, or lower its mode",
        )


def _mailbox_has_target(policy: Policy, mailbox: Row[Any]) -> bool:
    return has_notification_target(policy, mailbox.webhook_url, mailbox.webhook_events)


def has_notification_target(policy: Policy, webhook_url: str | None, events: Collection[str] | None = None) -> bool:
    """Whether every send is reported: by the mailbox's webhook, or by the policy's notifications.

    `events` are those the webhook subscribes to (None: all): one without departures reports none.
    """
    by_webhook = bool(webhook_url) and (events is None or EmailSent.type in events)
    return by_webhook or (bool(policy.notify.urls) and EmailSent.type in policy.notify.events)
