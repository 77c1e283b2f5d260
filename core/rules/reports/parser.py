"""The order in which a mail is examined: complaint, delivery status, free text, nothing."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from core.rules.reports import addresses, complaints, dsn, freetext, notice_detection
from core.rules.reports.freetext import Notice
from core.rules.reports.mail import Mail, parse
from core.rules.reports.types import Report, ReportedRecipient

_STATUS_TYPES: Final = (
    "message/delivery-status",
    "message/global-delivery-status",
    "message/delivery-report",
    "text/delivery-status",
    "message/x-delivery-status",
)
_ENOUGH: Final = 2
_ADDRESSED: Final = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "to")


def read(raw: bytes) -> Report:
    """Parse a mail into a report. Accepts any bytes, never raises, reads the first MiB.

    A person's mail about a bounce, an auto-reply, a receipt or a challenge is `other`.
    """
    mail = parse(raw)
    notice = freetext.cut(mail)
    verdict = notice_detection.judge(mail, notice.words)
    complaint = complaints.read_complaint(mail, human=verdict.human)
    if complaint:
        return Report(
            complaint.kind,
            complaint.recipients,
            message_id=_message_id(mail, notice, {}),
            feedback_type=complaint.feedback_type,
            postroom_message_id=notice.original.get("x-postroom-message-id") or None,
            cfbl_feedback_id=notice.original.get("cfbl-feedback-id") or None,
            return_paths=_return_paths(mail, notice, complaint.sender or ""),
            reporting_source=complaint.source or mail.headers.get("from") or None,
        )
    status, original = mail.wrapped
    status_parts = mail.of_type(*_STATUS_TYPES)
    if status and not status_parts and verdict.system and not verdict.human and not freetext.named(mail, notice):
        # Some gateways wrap a report into a notice of their own without recipients.
        mail = dataclasses.replace(mail, parts=mail.parts + status, returned=original)
        notice = dataclasses.replace(notice, original=original)
    recipients, fields = _delivery(mail, notice, verdict)
    if recipients is None:
        return Report("other", return_paths=_return_paths(mail, notice, ""))
    return Report(
        "bounce",
        tuple(recipients),
        message_id=_message_id(mail, notice, fields),
        postroom_message_id=notice.original.get("x-postroom-message-id") or None,
        return_paths=_return_paths(mail, notice, fields.get("x-postfix-sender", "")),
        reporting_source=dsn.diagnostic(fields.get("reporting-mta", "")) or mail.headers.get("from") or None,
    )


def _delivery(
    mail: Mail, notice: Notice, verdict: notice_detection.Verdict
) -> tuple[list[ReportedRecipient] | None, dict[str, str]]:
    """The recipients of a delivery report and its per-message fields; None if it is not one."""
    late = notice.late_by(mail.headers.get("subject"))
    texts = mail.of_type(*_STATUS_TYPES)
    wrapped = bool(texts) and mail.type == "multipart/report"
    if not texts and not verdict.human and (verdict.system or verdict.notice):
        # Fields without their type, or without any MIME at all: accepted only from an author who may write them.
        texts = [part.text for part in mail.parts if dsn.states_cause(part.text)]
    # Challenge systems write formal reports too: if the fields have their type, only a person's mail is excluded.
    typed = any(map(dsn.states_cause, mail.of_type(*_STATUS_TYPES)))
    informal = (verdict.person if typed else verdict.human) or verdict.weight < _ENOUGH
    if texts and (_passed_on(mail, verdict) if wrapped else informal):
        return None, {}
    fields: dict[str, str] = {}
    read: list[list[ReportedRecipient]] = []
    for text in texts:
        fields = dsn.grouped(text)[0] | fields
        read.append(dsn.read_status(text, mentioned=[], late=late, words=notice.words))
    recipients = dsn.merged(read)
    if not recipients and texts:
        mentioned = freetext.people(mail, notice)
        recipients = dsn.read_status(texts[0], mentioned=mentioned, late=late, words=notice.words)
    if recipients:
        return recipients, fields
    if not texts and not verdict.notice:
        return None, {}
    recipients = freetext.read_notice(mail, notice, late=late)
    # A notice that names no recipient and returns nothing may be anything: a quota warning, a fraud.
    known = recipients or texts or notice.original or (verdict.daemon and verdict.weight > notice_detection.ENOUGH)
    return (recipients, fields) if known else (None, {})


def _passed_on(mail: Mail, verdict: notice_detection.Verdict) -> bool:
    """A proper report forwarded by a list: it went to the list's subscribers and is about their mail."""
    return verdict.human and not verdict.daemon and "list-post" in mail.headers and not notice_detection.to_errors(mail)


def _message_id(mail: Mail, notice: Notice, fields: dict[str, str]) -> str | None:
    candidate = freetext.message_id(notice) or fields.get("x-original-message-id") or fields.get("original-message-id")
    if candidate:
        return candidate
    for name in ("in-reply-to", "references"):
        ids = re.findall(r"<[^<>\s]{1,250}>", mail.headers.get(name))
        if ids:
            return str(ids[-1])
    return None


def _return_paths(mail: Mail, notice: Notice, named: str) -> tuple[str, ...]:
    values = [value for name in _ADDRESSED for value in mail.headers.all(name)]
    values += [named, *notice.original.all("return-path")]
    return tuple(addresses.unique([each for value in values for each in addresses.found_in(value)])[:20])
