"""Delivery status fields -> recipients (RFC 3464, RFC 6533), well-formed or garbled.

Real reports put blank lines inside groups and none between them, omit Action or Status, fold without indenting, or are
in a plain text part. So groups are split by their fields: a repeated field begins the next group.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Final

from core.rules.reports import addresses, bounce_causes, codes
from core.rules.reports.bounce_causes import DEAD, Cause
from core.rules.reports.types import Event, ReportedRecipient

MAX_GROUPS: Final = 500

_FIELD: Final = re.compile(r"\s{0,8}([A-Za-z][A-Za-z0-9-]{2,40})\s?:\s*(.*)")
_OF_RECIPIENT: Final = frozenset(
    {"final-recipient", "original-recipient", "action", "status", "remote-mta", "diagnostic-code", "x-actual-recipient"}
)
_WHO: Final = ("original-recipient", "final-recipient", "x-actual-recipient")
_DIAGNOSTIC_TYPE: Final = re.compile(r"^(?:x-)?[\w.-]{2,24}\s?;\s*", re.IGNORECASE)
_ACTIONS: Final = (
    (re.compile(r"fail|error|reject|expire|denied|undeliver|bounce|unknown|drop|discard"), Event.BOUNCED),
    (re.compile(r"delay|defer|retr|queued|warn"), Event.DEFERRED),
    (re.compile(r"deliver|relay|expand|sent|success"), Event.DELIVERED),
)
_PLAIN: Final = frozenset({"5.1.1", "5.1.2", "5.1.10"})
_OTHERWISE: Final = DEAD | {Cause.MAILBOX_FULL, Cause.RATE, Cause.GREYLISTING}
# The fields used from a group, by name; only Diagnostic-Code may have several values.
Group = dict[str, str]


def states_cause(text: str) -> bool:
    """Whether this text contains delivery status fields."""
    return re.search(r"^\s{0,8}(?:final|original)-recipient\s?:", text, re.IGNORECASE | re.MULTILINE) is not None


def read_status(text: str, *, mentioned: list[str], late: bool, words: str) -> list[ReportedRecipient]:
    """The recipients of a delivery status.

    `mentioned` are fallback addresses for a group that names none; `late` is whether the rest of the mail is a delay
    warning, which decides a group without Action; `words` give the reason where a group does not.
    """
    _, groups = grouped(text)
    found: dict[str, ReportedRecipient] = {}
    expanded = _expanded(groups)
    for group in groups:
        address = _who(group, expanded) or (mentioned[0] if len(groups) == 1 and len(mentioned) == 1 else None)
        if address is None:
            continue
        each = _outcome(address, group, late=late, words=words)
        origin = addresses.of_field(group.get(_WHO[0], ""))
        if origin and origin.lower() in expanded:
            each = dataclasses.replace(each, original=origin)
        earlier = found.get(address.lower())
        # Some systems list a recipient once per attempt, or first delayed and then failed: the worst result counts.
        if earlier is None or _rank(each) > _rank(earlier):
            found[address.lower()] = each
    return list(found.values())


def grouped(text: str) -> tuple[Group, list[Group]]:
    """The per-message fields, and those of each recipient; names in lower case."""
    message: Group = {}
    groups: list[Group] = []
    current: Group = {}
    last, blank = "", False
    for line in text.splitlines():
        if not line.strip():
            blank = True
            continue
        hit = _FIELD.match(line)
        name = hit[1].lower() if hit else ""
        if hit and (not line[0].isspace() or name in _OF_RECIPIENT):
            home = current if name in _OF_RECIPIENT or current else message
            if name in _OF_RECIPIENT and _begins(name, current, blank=blank):
                groups.append(current)
                home = current = {}
            if name == "diagnostic-code" and home.get(name):
                home[name] += " " + hit[2].strip()
            else:
                home.setdefault(name, hit[2].strip())
            last = name
        elif last and not blank:
            # Folded, with or without the leading blank that RFC 5322 2.2.3 requires.
            home = current if last in current else message
            home[last] = f"{home.get(last, '')} {line.strip()}"[:2_000]
        blank = False
        if len(groups) >= MAX_GROUPS:
            break
    groups.append(current)
    return message, [group for group in groups if group]


def _begins(name: str, current: Group, *, blank: bool) -> bool:
    """Whether this field belongs to the next recipient."""
    if name == "diagnostic-code" or not current:
        return blank and name in current
    return name in current or (blank and name in _WHO and "action" in current and any(who in current for who in _WHO))


def _expanded(groups: list[Group]) -> frozenset[str]:
    """Original recipients expanded to several final ones: an alias, of which each group reports one target."""
    ends: dict[str, set[str]] = {}
    for group in groups:
        origin, end = (addresses.of_field(group.get(name, "")) for name in _WHO[:2])
        if origin and end:
            ends.setdefault(origin.lower(), set()).add(end.lower())
    return frozenset(origin for origin, each in ends.items() if len(each) > 1)


def _who(group: Group, expanded: frozenset[str] = frozenset()) -> str | None:
    """The address the sender wrote (RFC 3464 2.3.1), else the rewritten one, else the one in the diagnostic."""
    origin = addresses.of_field(group.get(_WHO[0], ""))
    for name in _WHO[1:] if origin and origin.lower() in expanded else _WHO:
        address = addresses.of_field(group.get(name, ""))
        if address:
            return address
    mentioned = [each for each in addresses.found_in(group.get("diagnostic-code", "")) if not addresses.desk(each)]
    return mentioned[0] if mentioned else None


def _outcome(address: str, group: Group, *, late: bool, words: str) -> ReportedRecipient:
    reply = diagnostic(group.get("diagnostic-code", ""))
    status = codes.spelled_status(group.get("status", "")) or codes.enhanced_code(reply or "")
    action = group.get("action", "").lower()
    event = next((event for pattern, event in _ACTIONS if pattern.search(action)), None)
    if event is None:
        if status and status.startswith("2"):
            event = Event.DELIVERED
        else:
            hard = status is not None and status.startswith("5")
            event = Event.DEFERRED if late and not hard else Event.BOUNCED
    if event is Event.BOUNCED and status and status.startswith("2"):
        # `failed` with a 2.x.x: the action is what happened, the code an earlier command's.
        status = codes.enhanced_code(reply or "")
    if event is not Event.BOUNCED:
        return ReportedRecipient(address, event, status, diagnostic=reply)
    return causes_of(address, status=status, reply=reply, words=reply or words)


def causes_of(address: str, *, status: str | None, reply: str | None, words: str) -> ReportedRecipient:
    """A bounced recipient; the class of the Status field decides permanence, whatever the original reply was."""
    cause = bounce_causes.judge(code=None, status=status, text=words)
    if reply is None and status in _PLAIN and cause.cause not in _OTHERWISE:
        # A code without a diagnostic comes with boilerplate, which mentions much that did not happen.
        cause = bounce_causes.judge(code=None, status=status, text="")
    cached = status.startswith("5") if status else cause.permanent
    return ReportedRecipient(
        address, Event.BOUNCED, status, cached, reply, cause=cause.cause, suppress=cause.suppress and cached
    )


def diagnostic(value: str) -> str | None:
    """The server's text, without its type (`smtp;`), on one line of at most 500 characters."""
    return " ".join(_DIAGNOSTIC_TYPE.sub("", value.strip(), count=1).split())[:500] or None


def _rank(each: ReportedRecipient) -> int:
    return (Event.DELIVERED, Event.DEFERRED, Event.BOUNCED).index(each.event) * 2 + each.permanent


def merged(lists: Iterable[list[ReportedRecipient]]) -> list[ReportedRecipient]:
    """Merge the recipients of several parts: each address once, with its worst result."""
    found: dict[str, ReportedRecipient] = {}
    for each in (each for one in lists for each in one):
        earlier = found.get(each.address.lower())
        if earlier is None or _rank(each) > _rank(earlier):
            found[each.address.lower()] = each
    return list(found.values())
