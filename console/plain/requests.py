"""Request an identity, and complete its record until it is signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from console import record_operations
from console.plain import mail
from console.screens.identity_requests import FIELDS, members, spelled

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from core.desk_client.interface import Json


def request(talk: Talk, rest: str = "") -> None:
    """Ask for the record line by line. What the desk refuses is offered again at the next try."""
    address = rest or talk.io.ask("Address, as help@support-bot.acme.com (empty cancels):")
    if not address:
        talk.say("Cancelled.")
        return
    talk.say(f"Request {address}. It takes the signatures of others; what is still missing is said when it is filed.")
    talk.draft = _asked(talk, talk.draft)
    record = talk.act(record_operations.request_identity(address, members(_given(talk.draft))))
    if record is None:
        talk.say("Your answers are kept: request offers them again.")
        return
    talk.draft = {}
    _report(talk, record)


def complete(talk: Talk, rest: str = "") -> None:
    """Change the record of a request before it is signed."""
    address = mail.listed(talk, rest)
    if not address:
        talk.say("Complete which request? Give its address: the word identities lists them.")
        return
    record = talk.ask(record_operations.mailbox(address))
    if record["status"] != "requested":
        talk.say("Only a request can be changed before it is signed.")
        return
    known = spelled(record)
    typed = _asked(talk, known)
    changed = {name: value for name, value in _given(typed).items() if value != known.get(name, "")}
    if not changed:
        talk.say("Nothing was changed.")
    elif (answer := talk.act(record_operations.complete_identity(record["address"], members(changed)))) is not None:
        _report(talk, answer)


def _asked(talk: Talk, known: Mapping[str, str]) -> dict[str, str]:
    """What is typed for each member; an empty line keeps what is known."""
    typed: dict[str, str] = {}
    for field in FIELDS:
        now = known.get(field.name, "")
        keeps = f"now {now}; empty keeps it" if now else "empty leaves it out"
        typed[field.name] = talk.io.ask(f"{field.label}, {field.hint} ({keeps}):") or now
    return typed


def _given(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _report(talk: Talk, record: Json) -> None:
    address = record["address"]
    talk.say(f"{address} is requested; it waits for {', '.join(record['waiting_for'])}.")
    if record["missing"]:
        talk.say(f"Its record lacks {', '.join(record['missing'])}: complete {address} adds it.")
    if record["stuck"]:
        talk.say(f"It cannot be signed as it is: {record['stuck']}")
    talk.say(f"Undo: veto {address}, by one who signs.")
