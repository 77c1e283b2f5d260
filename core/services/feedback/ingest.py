"""Ingest feedback: bounces, complaints, unsubscribes and deliveries, each accepted only with its own proof.

One transaction matches a report to its recipient, records it on that recipient, emits an event, counts it once in the
cohort of sending, adds suppressions and evaluates the agent's guards. There is no gap between a complaint and the
suspension it causes. A report that proves nothing gets an event of its own and has no other effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, assert_never

from core.db import feedback, gate_queries
from core.db.counters import SITE_OF_DESK, bucket
from core.db.feedback import Subject, site_of
from core.db.queue import Claimed
from core.db.transaction import Transaction
from core.durations import DAY
from core.errors import Invalid
from core.events import EmailBounced, EmailComplained, EmailDelivered, EmailUnsubscribed, FeedbackUnverified
from core.model import EVERY_CLASS, OPTIONAL_CLASSES, SYSTEM, UNSUBSCRIBE_CLASSES, Actor, ContentClass, Feedback, Reply
from core.rules import addresses
from core.rules.guards import Measure
from core.rules.policy import Policy
from core.rules.providers import ProviderEvent
from core.rules.reports import Event, Report, bounce_causes, codes
from core.rules.signed_ids import HmacKeys
from core.services import context
from core.services.control import guard_rates
from core.services.feedback import matching, rates, suppressions
from core.services.feedback.suppressions import Subjects
from core.smtp.replies import implied_status

RECIPIENT: Final = Actor("recipient", "")

LOUD: Final = 60
"""Unverified reports of one source that emit an event each minute. More are only counted: anybody can send them."""
SILENCE: Final = 5 * DAY
"""Mail without feedback for this long counts as delivered: relays give up sooner (RFC 5321 4.5.4.1)."""

_FORWARDED: Final = "forwarded"
_RANK: Final = (Feedback.DELIVERED, Feedback.BOUNCED, Feedback.UNSUBSCRIBED, Feedback.COMPLAINED)


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """Result of one report. `matched` False: it proved nothing, for `reason`. `fresh`: it was not known before."""

    matched: bool
    fresh: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackSignal:
    """Feedback on one recipient.

    `counted`: a receiver caused it, so it counts towards a rate. `listed`: a provider did not send because the address
    is on its bounce list.
    """

    feedback: Feedback
    source: str
    permanent: bool = False
    counted: bool = True
    status: str | None = None
    refused: bool = False
    forwarded: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Leaving:
    """What an unsubscribe stops: `reach` is `commercial` or `stream` (mail of `domain`), or `desk`."""

    domain: str
    organisation: str | None
    reach: str


# --- verbs --------------------------------------------------------------------------------------------------------


def absorb_report(
    tx: Transaction, report: Report, *, source: str, keyring: HmacKeys, digest: str | None = None
) -> FeedbackResult:
    """Ingest a raw bounce or complaint.

    `digest` (hex, of its bytes) identifies the report in the log if it proves nothing.
    """
    if report.kind == "other" and not report.recipients:
        return FeedbackResult(matched=False, reason="it is not a report")
    one = matching.of_report(tx, report, keyring)
    if isinstance(one, str):
        return unverified(tx, source=source, kind=report.kind, reason=one, digest=digest)
    reported = matching.reported_recipient(report, one)
    if reported is None:
        return unverified(
            tx, source=source, kind=report.kind, reason="it does not say which recipient it is about", digest=digest
        )
    feedback_ = _OF_REPORTS[reported.event]
    if feedback_ is None:
        return FeedbackResult(matched=True)
    # Most permanent failures concern an address that exists: content, size, reputation, a full mailbox.
    dead = reported.suppress
    elsewhere = feedback_ is Feedback.BOUNCED and matching.forwarded(reported, one)
    if dead and elsewhere:
        # The address that mail was forwarded to is dead. Its owner may still read mail at the address we sent to, and
        # may repair the forwarding: the address is suppressed only when the same report comes again on another day.
        dead = _told_on_another_day(tx, one)
    return _apply(
        tx, one, FeedbackSignal(feedback_, source, permanent=dead, status=reported.status, forwarded=elsewhere)
    )


def absorb_provider(tx: Transaction, event: ProviderEvent, *, source: str) -> FeedbackResult:
    """Ingest one event of a webhook whose signature was verified."""
    if event.lifts and feedback.first_time(tx, event.key):
        suppressions.lift(tx, _address(event.recipient), source=source, reason=f"{source}: {event.name}")
    if event.event is None or event.event == "deferred":
        return FeedbackResult(matched=True)
    one = matching.of_provider(tx, event)
    if isinstance(one, str):
        if not feedback.first_time(tx, event.key):
            return FeedbackResult(matched=False, reason=one)
        return unverified(tx, source=source, kind=event.event.value, reason=one)
    signal = FeedbackSignal(
        event.event, source, permanent=condemned(event), counted=event.counted, status=event.status, listed=event.listed
    )
    new = event.event is not Feedback.UNSUBSCRIBED or feedback.first_time(tx, event.key)
    taken = _apply(tx, one, signal)
    if new and not taken.fresh and not one.test and event.event is Feedback.UNSUBSCRIBED:
        _suppress(tx, one, signal)  # the recipient had subscribed again since the last unsubscribe from this message
    return taken


def _address(text: str) -> str:
    try:
        return addresses.parse_address(text).normalised
    except Invalid:
        return ""


def absorb_refusal(tx: Transaction, claimed: Claimed, reply: Reply) -> None:
    """Record a receiver's 5xx at delivery as a bounce if it condemns the address; ignore other refusals."""
    if not condemns_address(reply):
        return
    one = Subject(
        message_id=claimed.message_id, n=claimed.n, address=claimed.address, mailbox_id=claimed.mailbox_id,
        agent_id=claimed.agent_id, stream_id=claimed.stream_id, run_id=claimed.run_id,
        content_class=claimed.content_class, test=claimed.test, recipients=claimed.recipients,
        attempts=claimed.attempts + 1, sent_at=None, feedback=None,
    )  # fmt: skip
    _apply(tx, one, FeedbackSignal(Feedback.BOUNCED, "smtp", permanent=True, status=reply.enhanced, refused=True))


def unsubscribe(tx: Transaction, message_id: int, n: int) -> Leaving | None:
    """Process a one-click unsubscribe (RFC 8058) whose token the API has verified. None: no such recipient.

    A repeated request still takes effect.
    """
    one = feedback.subject(tx, message_id, n)
    if one is None:
        return None
    signal = FeedbackSignal(Feedback.UNSUBSCRIBED, "one-click")
    taken = _apply(tx, one, signal)
    if not taken.fresh and not one.test:
        _suppress(tx, one, signal)  # the suppression may have been removed since: the recipient decides last
    return _leaving(tx, one)


def leaving(tx: Transaction, message_id: int, n: int) -> Leaving | None:
    """Return what an unsubscribe would stop, for the confirmation page. Read-only. None: no such recipient."""
    one = feedback.subject(tx, message_id, n)
    return None if one is None else _leaving(tx, one)


def unverified(tx: Transaction, *, source: str, kind: str, reason: str, digest: str | None = None) -> FeedbackResult:
    """Record a report that proves nothing or a wrongly signed webhook: an event, a separate count, no other effect."""
    minute = bucket(tx.now)
    if tx.counters.total("desk", "", f"unverified:{source}", since=minute) < LOUD:
        tx.emit(FeedbackUnverified(actor=str(SYSTEM), source=source, kind=kind, reason=reason, digest=digest))
    tx.bump("desk", "", f"unverified:{source}", minute=minute)
    tx.bump("desk", "", "unverified_1h", minute=bucket(tx.now, guard_rates.HOUR_WIDE))
    return FeedbackResult(matched=False, reason=reason)


def condemns_address(reply: Reply) -> bool:
    """Return whether a refusal means that the address does not exist, not that the message is unwanted or too large."""
    if reply.code is None or reply.code < 500 or reply.stage not in {"rcpt", "data", "dot"}:
        return False  # no receiver was asked, or not about this recipient yet, or the failure is temporary
    # A status implied by the bare code adds nothing to the code: only the reply text tells.
    status = None if implied_status(reply.code, stage=reply.stage) == reply.enhanced else reply.enhanced
    late = reply.stage in {"data", "dot"}
    return bounce_causes.judge(code=reply.code, status=status, text=reply.text, late=late).suppress


def condemned(event: ProviderEvent) -> bool:
    """Return whether to stop mailing an address: the receiver's reply decides first, the provider's verdict second.

    Providers call every 5xx refusal permanent: spam, a blocked network, a full mailbox. Their verdict alone would
    suppress people who can be reached; it counts only where they pass on nothing that a receiver said.
    """
    if event.listed:
        return False
    if event.event is not Feedback.BOUNCED or not event.counted:
        return event.permanent
    text = "" if event.own_words else event.diagnostic or ""
    # SendGrid and SES give a status even if their own resolver failed: only a code within text is the receiver's.
    coded = event.code is not None or codes.reply_code(text) is not None or codes.enhanced_code(text) is not None
    verdict = bounce_causes.judge(code=event.code, status=event.status, text=text)
    if verdict.cause is bounce_causes.Cause.OTHER and not (coded and text):
        return event.permanent
    return verdict.suppress and (coded or event.permanent)


# --- recording one event ------------------------------------------------------------------------------------------


def _apply(tx: Transaction, one: Subject, signal: FeedbackSignal) -> FeedbackResult:
    """Record, emit, count, suppress and evaluate the guards, once for each recipient and kind of feedback."""
    if signal.feedback is Feedback.DELIVERED:
        fresh = one.feedback is None
    else:
        hard = signal.permanent and signal.feedback is Feedback.BOUNCED
        kind = "hard" if hard else _FORWARDED if signal.forwarded else "soft"
        how = f"{kind}:{'counted' if signal.counted else 'told'}"
        fresh = feedback.first_time(tx, f"{one.message_id}:{one.n}:{signal.feedback.value}:{how}")
    if not fresh:
        return FeedbackResult(matched=True)
    if one.feedback is None or _RANK.index(signal.feedback) > _RANK.index(Feedback(one.feedback)):
        feedback.note(tx, one, signal.feedback)
    _publish_event(tx, one, signal)
    if not one.test:
        _suppress(tx, one, signal)
        _count(tx, one, signal)
    return FeedbackResult(matched=True, fresh=True)


def _publish_event(tx: Transaction, one: Subject, feedback: FeedbackSignal) -> None:
    ids: dict[str, Any] = {
        "message": one.message_id,
        "mailbox": one.mailbox_id,
        "agent": one.agent_id,
        "run": one.run_id,
        "stream": one.stream_id,
        "n": one.n,
        "source": feedback.source,
    }
    match feedback.feedback:
        case Feedback.DELIVERED:
            tx.emit(EmailDelivered(actor=str(SYSTEM), **ids))
        case Feedback.BOUNCED:
            tx.emit(
                EmailBounced(
                    actor=str(SYSTEM),
                    **ids,
                    permanent=feedback.permanent,
                    status=feedback.status,
                    forwarded=feedback.forwarded,
                )
            )
        case Feedback.COMPLAINED:
            tx.emit(EmailComplained(actor=str(RECIPIENT), **ids))
        case Feedback.UNSUBSCRIBED:
            tx.emit(EmailUnsubscribed(actor=str(RECIPIENT), **ids))
        case _:
            assert_never(feedback.feedback)


def _count(tx: Transaction, one: Subject, feedback: FeedbackSignal) -> None:
    """Count the event in its cohort of sending and evaluate the guard. The desk's own counts go by time of arrival."""
    tx.bump("desk", "", feedback.feedback.value, minute=bucket(tx.now))
    measure = _measure(feedback)
    if measure is None:
        return
    sent_at = tx.now if one.sent_at is None else one.sent_at
    kind = guard_rates.COMPLAINED if measure is Measure.COMPLAINTS else guard_rates.BOUNCED
    since = rates.guard_since(tx, one.agent_id)
    guard_rates.count_event(
        tx, measure, agent_id=one.agent_id, address=one.address, sent_at=sent_at, guard_since=since,
        guard=rates.guard_of(tx, measure),
    )  # fmt: skip
    if feedback.refused:
        guard_rates.count(tx, guard_rates.REFUSED, agent_id=one.agent_id, sent_at=sent_at, guard_since=since)
    hour = bucket(sent_at, guard_rates.HOUR_WIDE)
    tx.bump("mailbox", str(one.mailbox_id), kind, minute=hour)
    tx.bump(SITE_OF_DESK, site_of(tx, one), kind, minute=hour)
    rates.judge(tx, one.agent_id, measure)


def _measure(feedback: FeedbackSignal) -> Measure | None:
    """Return the guard that the feedback counts for: complaints, and hard bounces that a receiver stands behind."""
    if not feedback.counted:
        return None
    if feedback.feedback is Feedback.COMPLAINED:
        return Measure.COMPLAINTS
    return (
        Measure.BOUNCES if feedback.feedback is Feedback.BOUNCED and (feedback.permanent or feedback.listed) else None
    )


def _leaving(tx: Transaction, one: Subject) -> Leaving:
    _, policy = context.current_policy(tx)
    mailbox = gate_queries.gate(tx, one.mailbox_id)
    return Leaving(mailbox.domain, mailbox.organisation, policy.suppression.unsubscribe)


def _left_classes(one: Subject) -> str:
    """Return the classes that an unsubscribe from this message stops: commercial mail, and its own class if optional.

    Receipts, replies and commitments continue: a recipient who clicked below an offer still wants the ticket they
    bought.
    """
    optional = {ContentClass(one.content_class)} & OPTIONAL_CLASSES
    return ",".join(sorted(UNSUBSCRIBE_CLASSES | optional))


def _suppress(tx: Transaction, one: Subject, feedback: FeedbackSignal) -> None:
    _, policy = context.current_policy(tx)
    expires_at: int | None = None
    cause = feedback.feedback.value
    scope, classes = policy.suppression.scope, EVERY_CLASS
    match feedback.feedback:
        case Feedback.DELIVERED:
            return
        case Feedback.COMPLAINED:
            pass
        case Feedback.UNSUBSCRIBED:
            scope = "desk" if policy.suppression.unsubscribe == "desk" else "stream"
            if policy.suppression.unsubscribe == "commercial":
                classes = _left_classes(one)
        case Feedback.BOUNCED:
            if feedback.listed:
                # Temporary: the provider does not say why the address is listed, nor when it is removed from the list.
                cause, expires_at = suppressions.LISTED, tx.now + policy.suppression.soft_expiry
            elif not feedback.permanent:
                if not _again_and_again(tx, one.address, policy):
                    return
                cause, expires_at = "soft_bounced", tx.now + policy.suppression.soft_expiry
        case _:
            assert_never(feedback.feedback)
    suppressions.suppress(
        tx,
        one.address,
        stream_id=one.stream_id if scope == "stream" else None,
        classes=classes,
        cause=cause,
        source=feedback.source,
        actor=RECIPIENT if feedback.feedback is Feedback.UNSUBSCRIBED else SYSTEM,
        expires_at=expires_at,
        about=Subjects(
            message=one.message_id, mailbox=one.mailbox_id, agent=one.agent_id, run=one.run_id, stream=one.stream_id
        ),
    )


def _told_on_another_day(tx: Transaction, one: Subject) -> bool:
    """Return whether a report of an earlier day already said that forwarding from this address fails."""
    _, policy = context.current_policy(tx)
    earlier = feedback.latest_words(tx, one.address, limit=4 * policy.suppression.soft_after)
    keys = [f"{row.message_id}:{row.n}:{Feedback.BOUNCED.value}:{_FORWARDED}:counted" for row in earlier]
    since = tx.now - policy.suppression.soft_expiry
    return any(since <= at and at // DAY != tx.now // DAY for at in feedback.seen(tx, keys))


def _again_and_again(tx: Transaction, address: str, policy: Policy) -> bool:
    """Return whether the last `soft_after` messages to an address bounced, with none delivered between them."""
    threshold = policy.suppression.soft_after
    bounced = 0
    for row in feedback.latest_words(tx, address, limit=4 * threshold):
        if row.feedback == Feedback.BOUNCED:
            if row.feedback_at < tx.now - policy.suppression.soft_expiry:
                return False
            bounced += 1
            if bounced >= threshold:
                return True
        elif row.feedback is not None or (row.sent_at is not None and row.sent_at < tx.now - SILENCE):
            return False
    return False


_OF_REPORTS: Final = {
    Event.BOUNCED: Feedback.BOUNCED,
    Event.DEFERRED: None,
    Event.DELIVERED: Feedback.DELIVERED,
    Event.COMPLAINED: Feedback.COMPLAINED,
    Event.UNSUBSCRIBED: Feedback.UNSUBSCRIBED,
}
