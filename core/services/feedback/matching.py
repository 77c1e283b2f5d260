"""Match a report to the one recipient it concerns, by what it can prove.

A return path is made for one recipient. X-Postroom-Message-ID, which CFBL-Feedback-ID repeats, is made for the message
and seen by all its recipients, so it proves something only if there was one. Message-ID proves nothing, although it
carries an HMAC: the response to a submission shows it to the agent, and an agent that forged a complaint could get a
person suppressed on the whole desk. Feedback-ID is no mark of ours at all: it only says whose complaints a provider
counts. A provider's signed webhook proves all it says; it only has to name the message. Anything else matches no
recipient, and the reason says why.

A report to one recipient's return path may name another address: the mail was forwarded, and the forwarding target is
dead. The owner may still read mail at the address we wrote to, so one such report never condemns it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.db import feedback
from core.db.feedback import Subject
from core.db.transaction import Transaction
from core.errors import Invalid
from core.ids import read_id
from core.rules import addresses, signed_ids
from core.rules.providers import ProviderEvent
from core.rules.reports import Event, Report, ReportedRecipient
from core.rules.signed_ids import HmacKeys

SHARED: Final = 100
"""Most recipients that one relay id may stand for."""


def of_report(tx: Transaction, report: Report, keyring: HmacKeys) -> Subject | str:
    """Return the recipient of a raw report, or why there is none."""
    for path in report.return_paths:
        marked = signed_ids.read_return_path(path, keyring)
        if marked is not None:
            found = feedback.subject(tx, *marked)
            return _left(found) if found else "it refers to no message of this desk"
    message = None
    if report.postroom_message_id:
        message = signed_ids.read_trace_header(report.postroom_message_id, keyring)
    if message is None and report.cfbl_feedback_id:
        message = signed_ids.read_complaint_id(report.cfbl_feedback_id, keyring)
    if message is None:
        if report.message_id and signed_ids.read_message_id(report.message_id, keyring) is not None:
            return "its only identifier is the Message-ID, which the agent knows"
        return "it has no identifier of ours"
    subjects = feedback.of_message(tx, message)
    if not subjects:
        return "it refers to no message of this desk"
    if len(subjects) > 1:
        return "its identifier is shared by several recipients"
    return _left(subjects[0])


def reported_recipient(report: Report, one: Subject) -> ReportedRecipient | None:
    """Return what a matched report says of its recipient, who may be named by a forwarding target."""
    for reported in report.recipients:
        if _normalised(reported.address) == one.address:
            return reported
    ends = [
        reported
        for reported in report.recipients
        if reported.original and _normalised(reported.original) == one.address
    ]
    if ends:
        # An alias is dead only if all its targets are: the best result among them counts.
        return min(ends, key=lambda reported: (reported.event is Event.BOUNCED, reported.suppress))
    if not report.recipients:
        # Providers redact complainants; the mark identifies them anyway. A bounce without details is no hard bounce.
        return ReportedRecipient(one.address, Event.COMPLAINED if report.kind == "complaint" else Event.BOUNCED)
    # A report to one recipient's return path that names several others is about none of them in particular.
    return report.recipients[0] if len(report.recipients) == 1 else None


def forwarded(reported: ReportedRecipient, one: Subject) -> bool:
    """Return whether the report names only addresses we did not write to; a removed tag (`jane+news@`) is ignored."""
    named = {_untagged(_normalised(each)) for each in (reported.address, reported.original) if each}
    return _untagged(one.address) not in named


def _untagged(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def of_provider(tx: Transaction, event: ProviderEvent) -> Subject | str:
    """Return the recipient of a verified webhook event, or why there is none."""
    if event.provider_message_id:
        found = _named(feedback.of_provider_id(tx, event.provider_message_id, limit=SHARED), event.recipient)
        if found is not None:
            return _left(found)
    message = None
    if event.postroom_id:
        message = read_id("m", event.postroom_id.partition(".")[0])
    if message is None and event.rfc_message_id:
        message = feedback.message_by_rfc_id(tx, event.rfc_message_id)
    if message is None:
        return "it names no message of this desk"
    found = _named(feedback.of_message(tx, message), event.recipient)
    return _left(found) if found else "it names no recipient of this message"


def _named(subjects: Sequence[Subject], recipient: str) -> Subject | None:
    """Return the subject that the event names; a relay may spell a lone recipient in any way."""
    normalised = _normalised(recipient)
    named = [one for one in subjects if one.address == normalised]
    if len(named) == 1:
        return named[0]
    return subjects[0] if len(subjects) == 1 else None


def _left(one: Subject) -> Subject | str:
    return one if one.attempts > 0 else "the message never left"


def _normalised(address: str) -> str:
    try:
        return addresses.parse_address(address).normalised
    except Invalid:
        return ""  # reports contain spellings of addresses that no mail could carry
