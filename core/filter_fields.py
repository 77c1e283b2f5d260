"""The fields of every filter: one name means the same on every list, whatever screen, command or route asks.

A list offers those of these fields that its rows have; `core.filters` reads the terms, and the queries of a list
(`core.db.queries`) say what each means in SQL.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from core.events import CATALOGUE
from core.filters import Field, Fields, Kind
from core.model import RECEIVE, Action, ContentClass, Mode

SEVERITIES: Final = ("info", "warn", "error")


class Listing(enum.StrEnum):
    """The lists that can be filtered."""

    QUEUE = "queue"
    EVENTS = "events"
    AGENTS = "agents"
    LANES = "lanes"
    SUPPRESSIONS = "suppressions"
    IDENTITIES = "identities"
    INBOX = "inbox"


def _text(about: str) -> Field:
    return Field(about=about)


def _choice(about: str, *choices: str) -> Field:
    return Field(Kind.CHOICE, choices=choices, about=about)


_TYPE: Final = Field(Kind.CHOICE, choices=tuple(CATALOGUE), about="the event's type, such as email.bounced")
_SEVERITY: Final = Field(
    Kind.CHOICE, choices=SEVERITIES, ordered=True, about="how bad it is",
    aliases={"crit": "error", "critical": "error", "err": "error", "warning": "warn"},
)  # fmt: skip
_FIELDS: Final[Fields] = {
    "agent": _text("the agent's name"),
    "to": _text("an address it goes to"),
    "from": _text("the author of received mail"),
    "domain": _text("the domain of the other side"),
    "address": _text("the address"),
    "site": _text("where mail for a domain goes: the domain, or its provider"),
    "subject": _text("the subject"),
    "user": _text("the person who started the run"),
    "owner": _text("the person who answers for the mailbox"),
    "actor": _text("who did it"),
    "by": _text("who added it"),
    "class": _choice("the content class", *(one.value for one in ContentClass)),
    "check": Field(Kind.NUMBER, bang=True, about="failed content checks"),
    "sev": _SEVERITY,
    "type": _TYPE,
    "event": _TYPE,  # its column says EVENT
    "reason": _text("the code of a reason why it is held"),
    "cause": _text("why the address is suppressed"),
    "waits": _text("what holds it back"),
    "age": Field(Kind.DURATION, about="since it was submitted, received, added or happened"),
    "expires": Field(Kind.DURATION, about="until it expires"),
    "size": Field(Kind.SIZE, about="octets of the message"),
    "rcpt": Field(Kind.NUMBER, about="recipients"),
    "run": _text("the run, as its agent names it"),
    "mailbox": _text("the mailbox's address"),
    "stream": _text("the sending subdomain"),
    "mine": Field(Kind.CHOICE, choices=("yes", "no"), usual="yes", about="claimed by you; mine: is enough"),
    "kind": _choice("what is asked for", *(one.value for one in Action), RECEIVE),
    "mode": Field(Kind.CHOICE, choices=tuple(one.value for one in Mode), ordered=True, about="the oversight mode"),
    "depth": Field(Kind.NUMBER, about="recipients that wait"),
    "fail": Field(Kind.NUMBER, about="deferrals in a row"),
    "held": Field(Kind.NUMBER, about="messages that wait for a person"),
    "sent": Field(Kind.NUMBER, about="recipients sent to in the last hour"),
    "dmarc": _choice("the result of DMARC", "pass", "fail", "none", "temperror", "permerror"),
    "score": Field(Kind.NUMBER, about="the score of screening, in percent"),
    "found": _text("the code of something that screening found"),
    "unread": _choice("whether no agent has read it", "yes", "no"),
    "files": Field(Kind.NUMBER, bang=True, about="attachments"),
    "source": _text("how it was received"),
    "level": Field(
        Kind.CHOICE, choices=("bad", "fault", "warn", "info", "fine"), aliases={"crit": "fault"},
        about="how bad it is, as the screen colours it",
    ),
    "id": Field(Kind.ID, about="a whole id"),
}  # fmt: skip
_STATES: Final[Mapping[Listing, tuple[str, ...]]] = {
    Listing.QUEUE: ("unopened", "opened", "partly"),
    Listing.AGENTS: ("active", "suspended"),
    Listing.LANES: ("waiting", "sending", "paused", "empty"),
    Listing.IDENTITIES: ("requested", "active", "retired", "vetoed"),
    Listing.INBOX: ("delivered", "held", "rejected", "expired"),
}
"""The values of `state`. In the queue `partly` has one of several approvals; `unopened` was not read by anyone."""
_NAMES: Final[Mapping[Listing, str]] = {
    Listing.QUEUE: "agent to from domain subject user class check sev reason age expires run mailbox stream rcpt size "
    "kind state mine id",
    Listing.EVENTS: "type event sev actor agent mailbox to domain subject user class age size rcpt run stream id",
    Listing.AGENTS: "agent mailbox domain stream mode state held sent",
    Listing.LANES: "site domain mailbox agent stream waits sev state depth fail",
    Listing.SUPPRESSIONS: "address to domain cause by stream class age",
    Listing.IDENTITIES: "address domain agent owner stream mode state expires",
    Listing.INBOX: "from domain to subject mailbox agent stream dmarc state score found unread files age size source "
    "id",
}


GATEWAY_LOG: Final[Fields] = {
    "sev": _SEVERITY,
    "process": _choice("which of the gateway's processes", "gateway", "egress", "content"),
    "logger": _text("the part of the gateway that wrote it"),
    "text": _text("what it says, its data included"),
    "gateway": _text("the host and the address of the gateway"),
    "pid": Field(Kind.NUMBER, about="the number of the process"),
    "age": Field(Kind.DURATION, about="since it was written"),
}
"""What a filter of a gateway's own log lines may name. They are no rows of the desk, so they are no `Listing`."""


def fields(listing: Listing) -> Fields:
    """The fields that a filter of this list may name."""
    states = _STATES.get(listing)
    own = {} if states is None else {"state": _choice("its state", *states)}
    known = {**_FIELDS, **own}
    return {name: known[name] for name in _NAMES[listing].split()}


def known(name: str) -> Field:
    """The field of this name, on whatever list; `state` has the values of all lists."""
    if name == "state":
        return _choice("its state", *dict.fromkeys(state for states in _STATES.values() for state in states))
    return _FIELDS[name]


def screen_fields(listing: Listing, *more: str) -> Fields:
    """The fields of a list and further ones, which only its screen can evaluate."""
    return {**fields(listing), **{name: _FIELDS[name] for name in more}}
