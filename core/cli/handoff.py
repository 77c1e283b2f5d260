"""The final lines of the setup commands: who does what next, looked up in the database."""

from __future__ import annotations

from typing import Any

from core.cli import next_steps
from core.cli.context import CommandContext
from core.db import directory
from core.model import Role


def stream(desk: CommandContext, domain: str) -> str:
    """After a stream: request its first identity."""
    with desk.read() as conn:
        who = next_steps.requester(directory.operators(conn))
    return f"\n\n{next_steps.ask(desk.directory, who, domain)}" if who else ""


def request(desk: CommandContext, shown: dict[str, Any]) -> list[str]:
    """After a request, or a signature without a token: who signs next, or who issues the agent's token."""
    with desk.read() as conn:
        known = directory.operators(conn)
    if shown["status"] == "active":
        step = next_steps.issue(desk.directory, shown["agent"], known)
    else:
        step = next_steps.sign(desk.directory, shown, known)
    return ["", step] if step else []


def signature(desk: CommandContext, shown: dict[str, Any], *, wanted: bool) -> list[str]:
    """After a signature: the next one, or the agent's token and its first message.

    `wanted`: the caller asked for a token.
    """
    if "token" not in shown:
        late = [f"No token yet: {shown['address']} still waits for a signature."] if wanted else []
        return late + request(desk, shown)
    with desk.read() as conn:
        reviewer = next_steps.holder(directory.operators(conn), Role.REVIEWER)
    told = f"The token of {shown['agent']}, shown only once: {shown['token']}\nIt ends {shown['token_expires_at']}."
    steps = next_steps.send(
        desk.directory, desk.settings, sender=shown["address"], allow=shown["allow"], token=shown["token"],
        reviewer=reviewer,
    )  # fmt: skip
    return [told, "", steps]


def token(desk: CommandContext, agent: str, *, token: str) -> str:
    """After an agent's first token: its first message."""
    with desk.read() as conn:
        boxes = directory.mailboxes(conn, agent=agent, status="active")
        reviewer = next_steps.holder(directory.operators(conn), Role.REVIEWER)
        earlier = directory.tokens(conn, agent=agent)
    if len(earlier) > 1 or not boxes:
        return ""
    steps = next_steps.send(
        desk.directory, desk.settings, sender=boxes[0].address, allow=boxes[0].allow, token=token, reviewer=reviewer
    )
    return f"\n\n{steps}"
