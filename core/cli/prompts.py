"""Ask the person at the terminal for what a mailbox request still lacks."""

from __future__ import annotations

import typer

from core.cli import next_steps
from core.cli.context import CommandContext
from core.db import directory
from core.db.directory import OperatorFacts
from core.model import Role

UNATTENDED = frozenset({"monitored", "autonomous"})


def completed(
    desk: CommandContext, address: str, given: dict[str, str | None], *, mode: str | None
) -> dict[str, str | None]:
    """The record completed with answers; unchanged if nobody can be asked. Names as in `request`."""
    if not desk.interactive:
        return given
    with desk.read() as conn:
        operators = directory.operators(conn)
    with desk.asking():
        return {name: value or _asked(name, address, operators, desk=desk, mode=mode) for name, value in given.items()}


def _asked(
    name: str, address: str, operators: list[OperatorFacts], *, desk: CommandContext, mode: str | None
) -> str | None:
    if name == "standing_reason" and mode not in UNATTENDED:
        return None
    question, usual = {
        "agent": ("Which agent is it for", address.partition("@")[2].partition(".")[0]),
        "purpose": ("What is it for", None),
        "owner": ("Which operator answers for it", next_steps.holder(operators, Role.OWNER, but=(desk.actor.name,))),
        "system_owner": ("Who owns the systems it touches", None),
        "systems": ("Which systems does it touch", "none but mail"),
        "users": ("Whom does it write to or act for", None),
        "revoke_when": ("What ends it early", "its workflow ends or its owner leaves"),
        "expires": ("When does it end", "90d"),
        "standing_reason": ("Why must it act unattended", None),
        "allow": ("Whom may it write to (addresses, domains, *)", next_steps.home_domain(address)),
    }[name]
    return str(typer.prompt(question, default=usual, err=True))
