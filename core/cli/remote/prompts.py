"""Ask the person at the terminal for what a mailbox request still lacks."""

from __future__ import annotations

import typer

from core.cli import next_steps
from core.cli.next_steps import People
from core.cli.remote.context import AnyDesk
from core.model import Role

UNATTENDED = frozenset({"monitored", "autonomous"})


def completed(desk: AnyDesk, address: str, given: dict[str, str | None], *, mode: str | None) -> dict[str, str | None]:
    """The record completed with answers; unchanged if nobody can be asked. Names as in `request`."""
    if not desk.interactive:
        return given
    me, people = desk.call("operator.me")["name"], desk.call("operator.list")["operators"]
    with desk.asking():
        return {name: value or _asked(name, address, people, me=me, mode=mode) for name, value in given.items()}


def _asked(name: str, address: str, people: People, *, me: str, mode: str | None) -> str | None:
    if name == "standing_reason" and mode not in UNATTENDED:
        return None
    question, usual = {
        "agent": ("Which agent is it for", address.partition("@")[2].partition(".")[0]),
        "purpose": ("What is it for", None),
        "owner": ("Which operator answers for it", next_steps.holder(people, Role.OWNER, but=(me,))),
        "system_owner": ("Who owns the systems it touches", None),
        "systems": ("Which systems does it touch", "none but mail"),
        "users": ("Whom does it write to or act for", None),
        "revoke_when": ("What ends it early", "its workflow ends or its owner leaves"),
        "expires": ("When does it end", "90d"),
        "standing_reason": ("Why must it act unattended", None),
        "allow": ("Whom may it write to (addresses, domains, *)", next_steps.home_domain(address)),
    }[name]
    return str(typer.prompt(question, default=usual, err=True))
