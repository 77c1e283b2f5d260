"""The final lines of the setup commands: who does what next, looked up in the database.

They are looked up after the commit. So a failure becomes one of the lines: what was done is still reported, and a
secret that is shown only once is still printed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.cli import next_steps
from core.cli.context import CommandContext
from core.db import directory
from core.model import Role


def found(steps: Callable[[], str | None]) -> str:
    """What `steps` returns, empty if nothing is next; or why it could not be looked up."""
    try:
        return steps() or ""
    except Exception as error:  # noqa: BLE001 - the command has done its work; a secret would be lost with it
        return f"The next step could not be looked up: {error}"


def stream(desk: CommandContext, domain: str) -> str:
    """After a stream: request its first identity."""

    def steps() -> str:
        with desk.read() as conn:
            who = next_steps.requester(directory.operators(conn))
        return next_steps.ask(desk.directory, who, domain) if who else ""

    return _apart(found(steps))


def request(desk: CommandContext, shown: dict[str, Any]) -> list[str]:
    """After a request, or a signature without a token: who signs next, or who issues the agent's token."""

    def steps() -> str | None:
        with desk.read() as conn:
            operators = directory.operators(conn)
        if shown["status"] == "active":
            return next_steps.issue(desk.directory, shown["agent"], operators)
        return next_steps.sign(desk.directory, shown, operators)

    step = found(steps)
    return ["", step] if step else []


def signature(desk: CommandContext, shown: dict[str, Any], *, wanted: bool) -> list[str]:
    """After a signature: the next one, or the agent's token and its first message.

    `wanted`: the caller asked for a token.
    """
    if "token" not in shown:
        late = [f"No token yet: {shown['address']} still waits for a signature."] if wanted else []
        return late + request(desk, shown)

    def steps() -> str:
        with desk.read() as conn:
            reviewer = next_steps.holder(directory.operators(conn), Role.REVIEWER)
        return next_steps.send(
            desk.directory, desk.settings, sender=shown["address"], allow=shown["allow"], token=shown["token"],
            reviewer=reviewer,
        )  # fmt: skip

    text = f"The token of {shown['agent']}, shown only once: {shown['token']}\nIt ends {shown['token_expires_at']}."
    return [text, "", found(steps)]


def token(desk: CommandContext, agent: str, *, token: str) -> str:
    """After an agent's first token: its first message."""

    def steps() -> str:
        with desk.read() as conn:
            mailboxes = directory.mailboxes(conn, agent=agent, status="active")
            reviewer = next_steps.holder(directory.operators(conn), Role.REVIEWER)
            earlier = directory.tokens(conn, agent=agent)
        if len(earlier) > 1 or not mailboxes:
            return ""
        return next_steps.send(
            desk.directory,
            desk.settings,
            sender=mailboxes[0].address,
            allow=mailboxes[0].allow,
            token=token,
            reviewer=reviewer,
        )

    return _apart(found(steps))


def _apart(step: str) -> str:
    return f"\n\n{step}" if step else ""
