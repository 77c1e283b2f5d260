"""Complaints: feedback reports (RFC 5965), and providers that only forward the message with a sentence.

The recipient is often redacted (RFC 6590): then the report has none, and is matched by the original's identifiers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from core.rules.reports import addresses
from core.rules.reports.mail import Headers, Mail
from core.rules.reports.types import Event, Kind, ReportedRecipient

_NOT_A_COMPLAINT: Final = frozenset(
    {"not-spam", "dismissal", "auth-failure", "dmarc", "opt-out", "opt-out-list", "unsubscribe"}
)
_SUBJECT: Final = re.compile(
    r"^\W{0,3}(?:complaint about (?:message|e-?mail)|(?:e-?mail )?feedback (?:report|loop)|"
    r"(?:e-?mail |spam )?abuse report|spam (?:complaint|report|feedback)|\[?(?:fbl|jmrp|arf)\]?\b|"
    r"client tos notification)",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(
    r"this is an? (?:automated )?(?:e-?mail |spam )?(?:abuse|feedback|spam|complaint) (?:report|"
    r"complaint|notification)|"
    r"(?:reported|marked|flagged|identified) (?:this |the |it |your )?(?:following )?(?:message |"
    r"e-?mail |mail )?(?:below )?as (?:junk|spam|unwanted|unsolicited|abus)|junk mail reporting|"
    r"complaint feedback loop",
    re.IGNORECASE,
)
_SENDER: Final = re.compile(
    r"(?:^|[<\s\"])(?:staff@hotmail|scomp@|fbl|feedback|feedbackloop|complaints?|abuse|arf|jmrp|"
    r"spamreport|postmaster|no-?reply|report)[\w.+-]{0,30}@|staff@(?:hotmail|outlook)",
    re.IGNORECASE,
)
_FIELDS: Final = re.compile(r"^feedback-type\s?:", re.IGNORECASE | re.MULTILINE)
_VERSION: Final = re.compile(r"^(?:version|user-agent)\s?:", re.IGNORECASE | re.MULTILINE)
# X-ARF, the network operators' format: YAML-like fields, later JSON. Most are about hosts, few about mail.
_XARF_SPAM: Final = re.compile(r"^\W{0,3}(?:report-?)?type\W{1,5}(?:spam|abuse)\b", re.IGNORECASE | re.MULTILINE)
_XARF_TO: Final = re.compile(
    r"\b(?:smtp_?(?:rcpt)?_?to_?(?:address)?|original-rcpt-to)\W{1,6}([^\s\",]{3,254})", re.IGNORECASE
)
_HOTMAIL: Final = "x-hmxmroriginalrecipient"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A parsed feedback report; `sender` is the original's return path, `source` the reporter."""

    kind: Kind
    feedback_type: str | None
    recipients: tuple[ReportedRecipient, ...]
    sender: str | None = None
    source: str | None = None


def read_complaint(mail: Mail, *, human: bool) -> Complaint | None:
    """The complaint in this mail, or None. `human` is whether a person seems to have written it."""
    reports = mail.of_type("message/feedback-report", "message/x-feedback-report")
    if not reports and mail.report_type == "feedback-report":
        # The part lost its type, but not its fields.
        reports = [part.text for part in mail.parts if _FIELDS.search(part.text)]
    if reports and (not human or mail.report_type == "feedback-report" or _sent_by_machine(reports, mail)):
        return _reported("\n".join(reports), mail)
    if "x-xarf" in mail.headers or "x-arf" in mail.headers:
        return _xarf(mail)
    if human or not mail.returned:
        return None
    hotmail = _HOTMAIL in mail.returned or _HOTMAIL in mail.headers
    loop = _SUBJECT.search(mail.headers.get("subject")) and _SENDER.search(mail.headers.get("from"))
    if hotmail or loop or (_SENTENCE.search(mail.words[:2_000]) and _SENDER.search(mail.headers.get("from"))):
        people = _people(mail, ())
        return Complaint("complaint", None, _each(people, Event.COMPLAINED))
    return None


def _sent_by_machine(reports: list[str], mail: Mail) -> bool:
    """A whole feedback report under another type, whose subject only repeats the reported message's: `FW: ...`."""
    whole = any(_FIELDS.search(text) and _VERSION.search(text) for text in reports)
    by_hand = any(name in mail.headers for name in ("x-mailer", "user-agent", "in-reply-to"))
    return whole and bool(mail.returned) and not by_hand


def _reported(text: str, mail: Mail) -> Complaint:
    fields: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        hit = re.match(r"([A-Za-z][A-Za-z0-9-]{1,40})\s?:\s*(.*)", line)
        if hit:
            name = hit[1].lower()
            fields.setdefault(name, []).append(hit[2].strip())
        elif name and line[:1].isspace() and line.strip():
            fields[name][-1] += " " + line.strip()
    kind_of = fields.get("feedback-type", [""])[0].split(";")[0].split("(")[0].strip().lower() or None
    people = _people(mail, (*fields.get("original-rcpt-to", ()), *fields.get("removal-recipient", ())))
    sender = addresses.of_field(fields.get("original-mail-from", [""])[0])
    source = fields.get("user-agent", fields.get("reporting-mta", [""]))[0] or None
    if kind_of in _NOT_A_COMPLAINT:
        # RFC 5965 7.3's registry: these are not complaints about the message. An opt-out is a request to obey.
        unsubscribed = _each(people, Event.UNSUBSCRIBED) if kind_of.startswith(("opt-out", "unsub")) else ()
        return Complaint("other", kind_of, unsubscribed, sender, source)
    return Complaint("complaint", kind_of, _each(people, Event.COMPLAINED), sender, source)


def _xarf(mail: Mail) -> Complaint | None:
    fields = "\n".join(part.text.replace(",", "\n").replace("{", "\n") for part in mail.parts)
    if not _XARF_SPAM.search(fields):
        return None
    people = _people(mail, tuple(hit[1] for hit in _XARF_TO.finditer(fields)))
    return Complaint("complaint", "abuse", _each(people, Event.COMPLAINED))


def _people(mail: Mail, named: tuple[str, ...]) -> list[str]:
    """The complainant: as named in the report, as in Hotmail's header, else the original's only addressee."""
    found = [address for value in named if (address := addresses.of_field(value))]
    kept = [each for each in found if not addresses.redacted(each)]
    if kept or found:
        return addresses.unique(kept)
    hidden = mail.returned.all(_HOTMAIL) or mail.headers.all(_HOTMAIL)
    people = [each for value in hidden for each in addresses.found_in(value)] or only_addressee(mail.returned)
    return [each for each in addresses.unique(people) if not addresses.redacted(each)]


def only_addressee(original: Headers) -> list[str]:
    """The only recipient in a message's headers, or none: with several, it is unknown which one is meant."""
    people = addresses.unique(
        [each for name in ("to", "cc") for value in original.all(name) for each in addresses.found_in(value)]
    )
    return people if len(people) == 1 else []


def _each(people: list[str], event: Event) -> tuple[ReportedRecipient, ...]:
    return tuple(ReportedRecipient(each, event) for each in people)
