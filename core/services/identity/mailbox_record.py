"""The identity record, as shared by the verbs on identities: reading, judging and validating it.

It is a separate module so that requesting, signing, widening and ending cannot each decide differently who may widen an
identity, what a limit is, or when an identity is alive.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from core.db import directory, signoff_queries
from core.db.directory import MailboxRecord
from core.db.signoff_queries import SignoffFacts
from core.db.tables import INBOUND_MESSAGE, MESSAGE
from core.db.transaction import Transaction
from core.durations import DAY, HOUR, spell
from core.errors import Conflict, Invalid, NotFound
from core.model import Actor, ContentClass, Mode
from core.rules import addresses, issuance, roles
from core.rules.issuance import Kind
from core.rules.policy import Policy
from core.rules.roles import Verb
from core.services import access
from core.services.notify.targets import WEBHOOK_EVENTS

LIMITS: Final = ("run", "hour", "day", "new_recipients_day", "site_minute", "site_hour")
"""Limits for which a mailbox may have its own value; NULL takes the policy's."""
MOST: Final = 10_000_000
SHORTEST_EXPIRY: Final = HOUR
LONGEST_EXPIRY: Final = 30 * DAY
"""How long pending mail may wait (CONTRACT.md: 1h-30d)."""
_ODD_NAME: Final = "is too long or contains invisible characters"


# --- reading ------------------------------------------------------------------------------------------------------


def found(tx: Transaction, address: str) -> MailboxRecord:
    """Return the record of an address. Raises `NotFound`."""
    record = directory.mailbox(tx.conn, address)
    if record is None:
        raise NotFound(f"there is no mailbox {address}", fix="postroom mailbox list shows them all")
    return record


def kept_mail(tx: Transaction, mailbox_id: int) -> int:
    """Return how many messages a mailbox holds, sent and received: whoever gets its address inherits them."""
    counts = (select(func.count()).where(c.mailbox_id == mailbox_id) for c in (MESSAGE.c, INBOUND_MESSAGE.c))
    return sum(row[0] for count in counts if (row := tx.one(count)) is not None)


def waits(record: MailboxRecord, policy: Policy) -> int:
    """Return how long its pending mail waits for a person, in microseconds: its own value, or the policy's."""
    return record.pending_expiry or policy.oversight.pending_expiry


def as_request(record: MailboxRecord, *, mode: Mode | None = None) -> issuance.Request:
    """Return the record as the issuance rules judge it, optionally under another mode."""
    return issuance.Request(
        address=record.address,
        agent=record.agent or "",
        requester=record.requested_by,
        owner=record.owner,
        purpose=record.purpose,
        systems=record.systems,
        system_owner=record.system_owner,
        revoke_when=record.revoke_when,
        expires_at=record.expires_at,
        standing_reason=record.standing_reason,
        mode=mode or Mode(record.mode),
        allow=record.allow,
        classes=tuple(ContentClass(one) for one in record.classes),
        stores_or_forwards=record.stores_or_forwards,
    )


def signatures(tx: Transaction, record: MailboxRecord) -> Sequence[issuance.Signoff]:
    """Return the signatures and vetoes so far that still count.

    Until the identity exists, an approval counts for the record it was given to: one of another record must not
    activate this one. Changes to an existing identity have their own rules about who may make them
    (`mailbox_settings`).
    """
    return [
        issuance.Signoff(Kind(one.kind), one.operator, approved=one.approved)
        for one in signoff_queries.signoffs(tx.conn, record.id)
        if not (one.approved and outdated(record, one))
    ]


def outdated(record: MailboxRecord, signed: SignoffFacts) -> bool:
    """Return whether the record of a request has changed since this signature."""
    return record.status == "requested" and signed.record_digest not in (None, record.digest)


def subjects(record: MailboxRecord, actor: Actor) -> dict[str, Any]:
    """Return the ids by which an event about this identity is found."""
    return {
        "actor": str(actor),
        "mailbox": record.id,
        "agent": record.agent_id,
        "stream": record.stream_id,
    }


def may_widen(tx: Transaction, record: MailboxRecord, verb: Verb, *, actor: Actor) -> None:
    """Require that the actor may widen the identity: the role, but neither its requester nor its owner.

    To widen is to issue a little more. Raises `Forbidden`.
    """
    actor = access.require(tx, actor, verb)
    roles.check_other(actor, verb, first=record.requested_by)
    for signed in signatures(tx, record):
        if signed.kind is Kind.OWNER:
            roles.check_other(actor, verb, first=signed.by)


def alive(tx: Transaction, record: MailboxRecord) -> bool:
    return record.status == "active" and (record.expires_at is None or record.expires_at > tx.now)


def need_alive(tx: Transaction, record: MailboxRecord) -> None:
    """Require that the identity is active. Raises `Conflict` for one that does not exist yet or has ended."""
    if alive(tx, record):
        return
    if record.status == "requested":
        raise Conflict(f"{record.address} is not active yet", fix="have it signed, or file the request again")
    state = "has expired" if record.status == "active" else f"is {record.status}"
    raise Conflict(f"{record.address} {state}", fix="file a new request")


# --- validation ---------------------------------------------------------------------------------------------------


def check_limits(limits: Mapping[str, int | None]) -> None:
    """Raises `Invalid` for an unknown limit or a value out of range."""
    wrong = [(f"limits.{name}", "is not a limit") for name in limits if name not in LIMITS]
    wrong += [
        (f"limits.{name}", f"is 0 to {MOST}") for name, n in limits.items() if n is not None and not 0 <= n <= MOST
    ]
    if wrong:
        raise Invalid("a limit is not one", fix=f"the limits are {', '.join(LIMITS)}", problems=tuple(wrong))


def check_expiry(pending_expiry: int | None) -> None:
    """Raises `Invalid` outside 1h to 30d."""
    if pending_expiry is not None and not SHORTEST_EXPIRY <= pending_expiry <= LONGEST_EXPIRY:
        raise Invalid(
            f"pending mail waits from {spell(SHORTEST_EXPIRY)} to {spell(LONGEST_EXPIRY)}, not {spell(pending_expiry)}",
            problems=(("pending_expiry", "is 1h to 30d"),),
        )


def check_name(display_name: str | None) -> None:
    """Raises `Invalid` for a name that could inject a header, or that is longer than any client shows."""
    if display_name is not None and (
        len(display_name) > addresses.MAX_DISPLAY
        or any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in display_name)
    ):
        raise Invalid(f"the display name {_ODD_NAME}", problems=(("display_name", _ODD_NAME),))


def patterns(allow: Iterable[str]) -> list[str]:
    """Normalise an allow-list, each pattern once. Raises `Invalid`."""
    found: list[str] = []
    for place, pattern in enumerate(allow):
        try:
            found.append(addresses.check_pattern(pattern))
        except Invalid as error:
            raise Invalid(error.reason, fix=error.fix, problems=((f"allow[{place}]", error.reason),)) from error
    return list(dict.fromkeys(found))


def check_events(names: Iterable[str] | None) -> list[str] | None:
    """Validate the events that a webhook subscribes to, deduplicated and sorted; None for all. Raises `Invalid`."""
    if names is None:
        return None
    chosen = {name.strip() for name in names if name.strip()}
    if unknown := sorted(chosen - WEBHOOK_EVENTS):
        raise Invalid(
            f"webhooks do not receive {', '.join(unknown)}",
            fix=f"the events are {', '.join(sorted(WEBHOOK_EVENTS))}",
            problems=(("webhook_events", f"{unknown[0]} is not an event"),),
        )
    if not chosen:
        raise Invalid(
            "a webhook without events would receive nothing", fix="remove the webhook, or name events",
            problems=(("webhook_events", "is empty"),),
        )  # fmt: skip
    return sorted(chosen)


def common_figures(policy: Policy) -> dict[str, int]:
    """Return the policy's value of each of `LIMITS`, as for a mailbox without its own at an ordinary site."""
    budgets = policy.budgets
    return {
        "run": budgets.run.cap,
        "hour": budgets.agent.hour,
        "day": budgets.agent.day,
        "new_recipients_day": budgets.agent.new_recipients_day,
        "site_minute": budgets.site.minute,
        "site_hour": budgets.site.hour,
    }
